"""Every fault of every part outside and inside, as it is injected into the running stack."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bench.stage import NOTICED_SECONDS, Stage
from infra.catalog import FUNCTIONS, Grant, Trigger
from local.http_client import send
from local.lambda_service.execution_environment import DIES_AFTER, DIES_BEFORE, HANGS_AFTER

SECRETS: Final = {
    Grant.APP_SECRET,
    Grant.ACCESS_TOKEN,
    Grant.SCHOOL_API_KEY,
    Grant.OPENAI_API_KEY,
    Grant.PAYMENT_SECRET,
}
ON_THE_WAY: Final = (Trigger.CONVERSATION, Trigger.PAYMENT, Trigger.HTTP, Trigger.QUEUE)
# Not called by what is asked here: the guard, GraphQL, an expired receipt, staff.
NOT_ASKED: Final = (
    "verify_pass",
    "school_graph",
    "fetch_account",
    "prepare_expired_receipt",
    "staff_command",
    "write_to_parent",
)

Action = Callable[[Stage], object]


@dataclass(frozen=True)
class Fault:
    """One part fails in one way, from `begin` to `end`."""

    part: str
    kind: str
    begin: Action
    end: Action
    is_quick: bool = False  # part of `make test`

    def __str__(self) -> str:
        return f"{self.part}: {self.kind}"


def all_faults() -> list[Fault]:
    """Those of the services, of the servers, and of the functions' processes."""
    return [*_services(), *_servers(), *_processes()]


# --- simulated services -----------------------------------------------------------------------------------------------


def _injected(part: str, how: str, service: str, *, is_quick: bool = False, **values: Any) -> Fault:
    def begin(stage: Stage) -> None:
        stage.running.world("PUT", f"/faults/{service}", values)

    def end(stage: Stage) -> None:
        stage.running.world("DELETE", f"/faults/{service}")

    return Fault(part, how, begin, end, is_quick)


def _services() -> Iterator[Fault]:
    school, model, whatsapp = "school's API", "OpenAI", "WhatsApp"
    for part, service in ((school, "school"), (model, "openai")):
        yield _injected(part, "is down", service, kind="close")
        yield _injected(part, "hangs", service, kind="silent")
        yield _injected(part, "500", service, kind="status", status=500, is_quick=service == "school")
        yield _injected(part, "429", service, kind="status", status=429, retry_after=1)
        yield _injected(part, "HTML instead of JSON", service, kind="html")
        yield _injected(part, "JSON of another form", service, kind="json", body={"detail": "?"})
        yield _injected(part, "2 s slower", service, kind="slow", seconds=2)
        yield _injected(part, "connection ends before the answer", service, kind="lost")
        yield _injected(part, "401", service, kind="status", status=401)
    yield _injected(model, "half of a structured reply", "openai", kind="half_json", is_quick=True)
    yield _injected(whatsapp, "is down", "graph", kind="close", is_quick=True)
    yield _injected(whatsapp, "hangs", "graph", kind="silent")
    yield _injected(whatsapp, "500 with a code", "graph", kind="status", status=500, code=131000)
    yield _injected(whatsapp, "502 of a proxy", "graph", kind="html", status=502)
    yield _injected(whatsapp, "200 with HTML", "graph", kind="html")
    yield _injected(whatsapp, "200 without an id", "graph", kind="json", body={"messaging_product": "whatsapp"})
    yield _injected(whatsapp, "429", "graph", kind="status", status=429, code=130429)
    yield _injected(whatsapp, "too many to one person", "graph", kind="status", status=400, code=131056)
    yield _injected(whatsapp, "token is dead", "graph", kind="status", status=401, code=190)
    yield _injected(whatsapp, "2 s slower", "graph", kind="slow", seconds=2)
    yield _injected(whatsapp, "accepts, and the answer is lost", "graph", kind="lost", operation="send", is_quick=True)
    yield _injected(whatsapp, "refuses documents", "graph", kind="status", status=400, code=131053, operation="upload")
    yield _injected(whatsapp, "uploads fail", "graph", kind="status", status=500, operation="upload")
    files = "files (S3)"
    yield _injected(files, "503 on writing", "s3", kind="status", status=503, operation="put", is_quick=True)
    yield _injected(files, "writes, and the answer is lost", "s3", kind="lost", operation="put")
    yield _injected(files, "hang on writing", "s3", kind="silent", operation="put")
    yield _injected(files, "503 on reading", "s3", kind="status", status=503, operation="get")
    yield _of_secrets("503", kind="status", status=503)
    yield _of_secrets("hang", kind="silent")
    queue = "queue (SQS)"
    yield _of_queue(queue, "503", kind="status", status=503)
    yield _of_queue(queue, "takes, and the answer is lost", is_quick=True, kind="lost")
    yield _of_queue(queue, "hangs", kind="silent")


def _of_secrets(how: str, **values: Any) -> Fault:
    """Met by new processes only: the others know the secrets."""
    injected = _injected("secrets", how, "secrets", **values)

    def begin(stage: Stage) -> None:
        injected.begin(stage)
        for function in FUNCTIONS:
            if SECRETS & set(function.grants):
                send("POST", f"{stage.plan.lambdas_url}/functions/{function.name}/reset")

    return Fault(injected.part, how, begin, injected.end)


def _of_queue(part: str, how: str, *, is_quick: bool = False, **values: Any) -> Fault:
    injected = _injected(part, how, "sqs", **values)

    def begin(stage: Stage) -> None:
        injected.begin(stage)
        time.sleep(NOTICED_SECONDS)

    return Fault(part, how, begin, injected.end, is_quick)


# --- servers ----------------------------------------------------------------------------------------------------------


def _servers() -> Iterator[Fault]:
    yield Fault("Redis", "is killed, and comes back empty", lambda s: s.stack.redis.kill(), _start_redis, is_quick=True)
    yield Fault("Redis", "hangs", lambda s: s.stack.redis.freeze(), lambda s: s.stack.redis.thaw())
    yield Fault("Redis", "is emptied", _empty_redis, lambda s: None)
    yield Fault(
        "primary",
        "is killed, and comes back",
        lambda s: s.stack.postgres.kill_primary(),
        lambda s: s.stack.postgres.start_primary(),
        is_quick=True,
    )
    yield Fault(
        "primary", "hangs", lambda s: s.stack.postgres.freeze_primary(), lambda s: s.stack.postgres.thaw_primary()
    )
    yield _injected("primary", "2 s until it connects", "database", kind="slow", seconds=2, operation="writer")
    yield Fault(
        "replica",
        "is killed, and comes back",
        lambda s: s.stack.postgres.kill_replica(),
        lambda s: s.stack.postgres.start_replica(),
    )
    yield Fault(
        "replica", "hangs", lambda s: s.stack.postgres.freeze_replica(), lambda s: s.stack.postgres.thaw_replica()
    )
    yield Fault(
        "replica",
        "lags",
        lambda s: s.stack.postgres.pause_replication(),
        lambda s: s.stack.postgres.resume_replication(),
        is_quick=True,
    )
    yield Fault("Redis and primary", "are killed, and come back", _kill_both, _start_both)


def _start_redis(stage: Stage) -> None:
    stage.stack.redis.start()
    stage.stack.redis.wait()


def _empty_redis(stage: Stage) -> None:
    stage.stack.redis.kill()
    _start_redis(stage)


def _kill_both(stage: Stage) -> None:
    stage.stack.redis.kill()
    stage.stack.postgres.kill_primary()


def _start_both(stage: Stage) -> None:
    stage.stack.postgres.start_primary()
    _start_redis(stage)


# --- processes of functions -------------------------------------------------------------------------------------------


def _processes() -> Iterator[Fault]:
    names = [item.name for item in FUNCTIONS if item.trigger in ON_THE_WAY and item.name not in NOT_ASKED]
    for name in names:
        yield _process(name, "dies before its work", {DIES_BEFORE: 3})
        yield _process(name, "dies after its work", {DIES_AFTER: 3}, is_quick=name in ("send_reply", "understand"))
    for name in ("understand", "send_reply", "gate_pass", "record_conversation"):
        yield _process(name, "runs out of time after its work", {HANGS_AFTER: 1})


def _process(name: str, kind: str, faults: dict[str, int], *, is_quick: bool = False) -> Fault:
    """The next invocations fail, whatever they are for."""
    url = f"/functions/{name}/faults"
    return Fault(
        f"`{name}`",
        kind,
        lambda s: send("PUT", s.plan.lambdas_url + url, json=faults),
        lambda s: send("PUT", s.plan.lambdas_url + url, json={}),
        is_quick,
    )
