"""The configuration of one run of the local stack: folder, ports, names, environment of each function.

Each part of the stack is a process that is started with the path of this plan, saved as JSON.
"""

import fcntl
import json
import os
import random
import secrets
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Self

from functions.adapters.school_config import FOLDER as CONFIG
from functions.adapters.school_config import load as load_school
from infra import kpis
from infra.catalog import MACHINES, Function, SchoolApi
from local.world.phones import Phones

ACCOUNT: Final = "123456789012"  # moto's only account
REGION: Final = "eu-west-1"
ACCESS_KEY: Final = "local"  # of every function's role
SECRET_KEY: Final = "local"
BUCKET: Final = "school-documents"
EVENTS_QUEUE: Final = "events"
PHONE_NUMBER_ID: Final = "106540352242922"
DISPLAY_PHONE_NUMBER: Final = "15550783881"  # of the assistant: one that Meta gives for tests
LOG_KEY: Final = "local"  # of the digests in the functions' logs; the same for each run, so that old logs can be read
OFFICE_NUMBER: Final = 2_000_900  # its last digits; the rest is of the school's country
WABA_ID: Final = "102290129340398"
# Below 32,768: Linux gives the ports above to outgoing connections, which could take one before its server does.
SERVER_PORTS: Final = range(23_000, 30_000)
REDIS_PORTS: Final = range(20_000, 22_768)
REDIS_BUS: Final = 10_000  # a cluster node listens that much higher as well
TRIED_PORTS: Final = 500


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


@dataclass(frozen=True)
class Ports:
    """Loopback ports, one for each part."""

    http_api: int  # webhook, payment notices, pass page, GraphQL gateway
    aws: int  # moto: SQS, S3, Secrets Manager, Step Functions; and pages of our own (/executions, /queues)
    lambdas: int  # the Lambda service
    world: int  # the simulated services /graph, /school, /openai; and the pages /outbox, /calls, /profile, /faults
    postgres: int  # the primary itself
    replica: int  # the replica itself
    database_writer: int  # functions connect here: a proxy before the primary, which delays and fails on demand
    database_reader: int  # the same before the replica
    redis: int
    console: int  # the web console; people use it through the port of the HTTP API

    @classmethod
    def free(cls, **fixed: int) -> Self:
        """Ports that are free now; those given by name are kept."""
        found = {
            field.name: _reserve(REDIS_PORTS, REDIS_BUS) if field.name == "redis" else _reserve(SERVER_PORTS)
            for field in fields(cls)
            if field.name not in fixed
        }
        return cls(**(found | fixed))


_reserved: Final[set[int]] = set()


def _reserve(ports: range, *offsets: int) -> int:
    """A port that nobody listens on, there and at the offsets; no other run gets it while this process lives."""
    for port in random.sample(ports, TRIED_PORTS):
        if port not in _reserved and _is_free(port, *(port + offset for offset in offsets)) and _lock(port):
            _reserved.add(port)
            return port
    raise RuntimeError(f"No free port found from {ports.start} to {ports.stop - 1}: end programs that listen there.")


def _is_free(*ports: int) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lock(port: int) -> bool:
    """Lock one byte of a file that all runs share: runs that start at the same moment get different ports."""
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _locks() -> int:
    """The file; open until the process ends, since closing it would release the locks."""
    path = Path(tempfile.gettempdir(), f"school-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


@dataclass(frozen=True)
class Plan:
    """One run of the local stack."""

    folder: Path  # data, logs and this plan; ignored by git
    ports: Ports
    profile: str = "realistic"  # a file of local/profiles/
    today: date | None = None  # the date that the school's rules take as today; None: the real one
    seed: int = 20261123  # of the sample school
    config: Path = CONFIG  # the school's folder
    office: str = ""  # the number of the sample school's office; `create` chooses one of the school's country
    retry_seconds: int = 10  # until a message is received again after a failure; on AWS: the visibility timeout
    keep_warm: bool = True  # one process of each answering function is started ahead, as in production
    school_api: SchoolApi = SchoolApi.REST  # how the conversation fetches accounts
    app_secret: str = ""
    verify_token: str = ""
    access_token: str = ""
    school_api_key: str = ""
    openai_api_key: str = ""
    payment_secret: str = ""
    whatsapp_api_url: str = ""
    whatsapp_phone_number_id: str = PHONE_NUMBER_ID
    school_api_url: str = ""
    openai_api_url: str = ""
    openai_model: str = "gpt-6-luna"
    openai_transcription_model: str = "gpt-4o-mini-transcribe"
    school_api_calls_per_minute: int = 120
    students_per_page: int = 60
    executions_at_once: int = 50  # of each pipe; AWS allows 1,000

    @classmethod
    def create(cls, folder: Path, ports: Ports, **options: object) -> Self:
        """A plan with new secrets and the addresses of the simulated services."""
        world = f"http://127.0.0.1:{ports.world}"
        config = Path(str(options.get("config", CONFIG)))
        defaults: dict[str, object] = {
            "app_secret": secrets.token_hex(16),
            "verify_token": secrets.token_hex(8),
            "access_token": "EAAG" + secrets.token_hex(20),
            "school_api_key": secrets.token_hex(16),
            "openai_api_key": "sk-local-" + secrets.token_hex(16),
            "payment_secret": secrets.token_hex(16),
            "whatsapp_api_url": f"{world}/graph/v26.0",
            "school_api_url": f"{world}/school",
            "openai_api_url": f"{world}/openai/v1",
            "office": Phones(load_school(config).country).number(OFFICE_NUMBER),
        }
        return cls(folder=folder, ports=ports, **(defaults | options))  # type: ignore[arg-type]

    # --- addresses and names ---------------------------------------------------------------------------------------

    @property
    def aws_url(self) -> str:
        return f"http://localhost:{self.ports.aws}"  # a name: with the IP address moto's S3 URLs break

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.http_api}"

    @property
    def world_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.world}"

    @property
    def lambdas_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.lambdas}"

    @property
    def secret_values(self) -> dict[str, str]:
        """Name in Secrets Manager -> value."""
        return {
            "school/local/whatsapp-app-secret": self.app_secret,
            "school/local/whatsapp-verify-token": self.verify_token,
            "school/local/whatsapp-access-token": self.access_token,
            "school/local/school-api-key": self.school_api_key,
            "school/local/openai-api-key": self.openai_api_key,
            "school/local/payment-secret": self.payment_secret,
        }

    @property
    def simulates_whatsapp(self) -> bool:
        """Whether messages go to the simulated WhatsApp; the real one must never get the sample's numbers."""
        return self.whatsapp_api_url.startswith(self.world_url)

    def queue_url(self, name: str) -> str:
        return f"{self.aws_url}/{ACCOUNT}/{name}"

    def log(self, part: str) -> Path:
        return self.folder / "logs" / f"{part}.log"

    # --- environment of the functions ------------------------------------------------------------------------------

    def environment(self, function: Function) -> dict[str, str]:
        """The environment variables of one function: those of the catalog, and AWS's own."""
        everything = {
            **{
                machine.queue_url_setting: self.queue_url(f"{machine.queue}.fifo")
                for machine in MACHINES
                if machine.queue
            },
            "EVENTS_QUEUE_URL": self.queue_url(EVENTS_QUEUE),
            "DOCUMENTS_BUCKET": BUCKET,
            "APP_SECRET_NAME": "school/local/whatsapp-app-secret",
            "VERIFY_TOKEN_NAME": "school/local/whatsapp-verify-token",
            "ACCESS_TOKEN_NAME": "school/local/whatsapp-access-token",
            "SCHOOL_API_KEY_NAME": "school/local/school-api-key",
            "OPENAI_API_KEY_NAME": "school/local/openai-api-key",
            "PAYMENT_SECRET_NAME": "school/local/payment-secret",
            "CACHE_URL": f"redis://127.0.0.1:{self.ports.redis}",
            "CACHE_NAME": "local",
            "CACHE_AUTH": "none",
            "DATABASE_WRITER_URL": f"postgresql+pg8000://assistant@127.0.0.1:{self.ports.database_writer}/school",
            "DATABASE_READER_URL": f"postgresql+pg8000://assistant@127.0.0.1:{self.ports.database_reader}/school",
            "DATABASE_AUTH": "none",
            "WHATSAPP_API_URL": self.whatsapp_api_url,
            "WHATSAPP_PHONE_NUMBER_ID": self.whatsapp_phone_number_id,
            "SCHOOL_API_URL": self.school_api_url,
            "SCHOOL_GRAPH_URL": f"{self.public_url}/graphql",
            "SCHOOL_API_CALLS_PER_MINUTE": str(self.school_api_calls_per_minute),
            "STUDENTS_PER_PAGE": str(self.students_per_page),
            "OPENAI_API_URL": self.openai_api_url,
            "OPENAI_MODEL": self.openai_model,
            "OPENAI_TRANSCRIPTION_MODEL": self.openai_transcription_model,
            "PUBLIC_URL": self.public_url,
        }
        chosen = {name: everything[name] for name in function.environment}
        if self.today:
            chosen["SCHOOL_TODAY"] = self.today.isoformat()
        if self.simulates_whatsapp:
            chosen["OFFICE_WHATSAPP"] = self.office
        if self.config != CONFIG:
            chosen["SCHOOL_CONFIG"] = str(self.config.absolute())
        return chosen | {
            "ENVIRONMENT": "local",
            "LOG_KEY": LOG_KEY,
            "LOG_LEVEL": "INFO",
            "POWERTOOLS_SERVICE_NAME": function.name,
            "POWERTOOLS_METRICS_NAMESPACE": kpis.namespace("local"),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL_SQS": self.aws_url,
            "AWS_ENDPOINT_URL_S3": self.aws_url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.aws_url,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        }

    # --- as JSON --------------------------------------------------------------------------------------------------

    def save(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "plan.json"
        path.write_text(json.dumps(asdict(self), default=str, indent=2))
        path.chmod(0o600)
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        values = json.loads(path.read_text())
        return cls(
            **values
            | {
                "folder": Path(values["folder"]),
                "config": Path(values["config"]),
                "ports": Ports(**values["ports"]),
                "today": date.fromisoformat(values["today"]) if values["today"] else None,
                "school_api": SchoolApi(values["school_api"]),
            }
        )
