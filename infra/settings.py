"""The settings of an environment (`dev`, `prod`, …), read from `cdk.json` and checked.

An environment starts from a preset (`lean`, `standard`, `group`) and overrides some of its values. Both are in the
context of `cdk.json`, under `presets` and `environments`.
"""

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, Final, Self, get_args, get_origin, get_type_hints

from infra import database_memory
from infra.catalog import FUNCTIONS, SchoolApi, Side

# What CloudWatch accepts as days of retention.
RETENTION_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
SAMPLE_PHONE_NUMBER_ID: Final = "000000000000000"
SAMPLE_HOST: Final = "sms.example"


class SettingsError(Exception):
    """Settings that are unknown, missing or impossible; the message names each of them and says why."""


@dataclass(frozen=True)
class ExistingDatabase:
    """A PostgreSQL instance on RDS that is already there, with IAM authentication switched on; only a replica is made.

    The subnets are those of the data-side functions: they must reach the database and should have no way out.
    """

    identifier: str
    host: str
    resource_id: str  # db-…; `aws rds describe-db-instances` calls it DbiResourceId
    security_group_id: str
    master_secret_arn: str  # JSON with `username` and `password`
    vpc_id: str
    vpc_cidr: str
    availability_zones: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    route_table_ids: tuple[str, ...]
    port: int = 5432
    make_s3_endpoint: bool = True  # false if the VPC has a gateway endpoint for S3 already

    def problems(self) -> Iterator[str]:
        if len(self.subnet_ids) < 2:
            yield "subnet_ids: two subnets at least, in different zones"
        if not len(self.availability_zones) == len(self.subnet_ids) == len(self.route_table_ids):
            yield "availability_zones, subnet_ids, route_table_ids: one of each, in the same order"
        if not self.resource_id.startswith("db-"):
            yield f"resource_id: {self.resource_id!r} does not begin with db-"


@dataclass(frozen=True)
class Database:
    """The primary and its replica."""

    instance: str = "t4g.micro"
    storage: int = 20  # GB
    maximum_storage: int = 100  # GB; grows by itself up to here
    multi_az: bool = False
    replica: bool = True
    backup_days: int = 7
    existing: ExistingDatabase | None = None

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[a-z]+\d+[a-z]*\.\w+", self.instance):
            yield f"instance: {self.instance!r} is not an instance type such as t4g.micro"
        if database_memory.is_too_small(self.instance):
            yield f"instance: {self.instance} has too little memory for sign-ins with IAM; t4g.micro at least"
        if not 20 <= self.storage <= self.maximum_storage:
            yield f"storage: {self.storage} is not between 20 and maximum_storage ({self.maximum_storage}) GB"
        if not 0 <= self.backup_days <= 35:
            yield f"backup_days: {self.backup_days} is not between 0 and 35"
        if self.replica and not self.existing and not self.backup_days:
            yield "backup_days: a replica needs backups, at least of 1 day"


@dataclass(frozen=True)
class Cache:
    """Limits of the serverless cache, which cap its cost."""

    maximum_storage: int = 1  # GB
    maximum_requests: int = 5000  # ECPU per second

    def problems(self) -> Iterator[str]:
        if not 1 <= self.maximum_storage <= 5000:
            yield f"maximum_storage: {self.maximum_storage} is not between 1 and 5000 GB"
        if not 1000 <= self.maximum_requests <= 15_000_000:
            yield f"maximum_requests: {self.maximum_requests} is not between 1000 and 15000000"


@dataclass(frozen=True)
class FunctionSettings:
    """Overrides for one function; the names are those of the catalog."""

    memory: int | None = None  # MB
    provisioned_concurrency: int | None = None
    reserved_concurrency: int | None = None  # guards a database or the school's API; null: not limited

    def problems(self) -> Iterator[str]:
        if self.memory is not None and not 128 <= self.memory <= 10240:
            yield f"memory: {self.memory} is not between 128 and 10240 MB"
        for name in ("provisioned_concurrency", "reserved_concurrency"):
            value = getattr(self, name)
            if value is not None and value < 0:
                yield f"{name}: {value} is negative"


@dataclass(frozen=True)
class Settings:
    """One environment."""

    environment: str
    whatsapp_phone_number_id: str
    school_api_url: str
    preset: str = "standard"
    whatsapp_api_url: str = "https://graph.facebook.com/v26.0"
    school_api: SchoolApi = SchoolApi.REST
    school_api_calls_per_minute: int = 120
    students_per_page: int = 60  # of the nightly sync
    openai_api_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-6-luna"
    openai_transcription_model: str = "gpt-4o-mini-transcribe"
    public_url: str | None = None  # of the pass page, when a domain of one's own stands before the API
    alarm_email: str | None = None
    availability_zones: tuple[str, ...] = ()  # two of the region's; nothing: its first two
    protected: bool = True  # termination protection of the stacks, deletion protection of the database
    log_level: str = "INFO"
    log_days: int = 30  # of the functions and the API
    conversation_log_days: int = 7  # short: it holds what parents wrote
    pass_days: int = 150  # a pass is gone from the bucket when its term is over
    inspection_days: int = 14
    api_requests_per_second: int = 200
    api_burst: int = 400
    release_watch_minutes: int = 2  # an alarm that begins within them rolls a release back
    provisioned_concurrency: int = 0  # of each function that every message passes
    snap_start: bool = False  # shorter cold starts where nothing is provisioned
    database: Database = field(default_factory=Database)
    cache: Cache = field(default_factory=Cache)
    functions: Mapping[str, FunctionSettings] = field(default_factory=dict)

    @classmethod
    def load(cls, environment: str, environments: Mapping[str, Any], presets: Mapping[str, Any]) -> Self:
        """The settings of one environment of `cdk.json`; SettingsError names all that is wrong at once."""
        if environment not in environments:
            raise SettingsError(f"no environment {environment!r} in cdk.json; there are: {', '.join(environments)}")
        own = environments[environment]
        preset = own.get("preset", cls.preset)
        if preset not in presets:
            raise SettingsError(f"{environment}.preset: no preset {preset!r}; there are: {', '.join(presets)}")
        problems: list[str] = []
        values = {**_merged(presets[preset], own), "environment": environment}
        settings = _read(cls, values, environment, problems)
        if problems:
            raise SettingsError("cdk.json:\n" + "\n".join(f"  {problem}" for problem in problems))
        return settings  # type: ignore[no-any-return]

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", self.environment):
            yield f"environment: {self.environment!r} is not a short name of small letters, digits and hyphens"
        if not self.whatsapp_phone_number_id.isdecimal():
            yield f"whatsapp_phone_number_id: {self.whatsapp_phone_number_id!r} is not a number"
        for name in ("school_api_url", "whatsapp_api_url", "openai_api_url", "public_url"):
            url = getattr(self, name)
            if url is not None and not re.fullmatch(r"https://[^/\s]+(/[^\s]*[^/\s])?", url):
                yield f"{name}: {url!r} is not an https:// address without a slash at its end"
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email):
            yield f"alarm_email: {self.alarm_email!r} is not an e-mail address"
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            yield f"log_level: {self.log_level!r} is none of DEBUG, INFO, WARNING, ERROR"
        for name in ("log_days", "conversation_log_days"):
            if getattr(self, name) not in RETENTION_DAYS:
                yield f"{name}: {getattr(self, name)} is none of {', '.join(map(str, RETENTION_DAYS))}"
        for name in ("pass_days", "inspection_days", "school_api_calls_per_minute", "api_requests_per_second"):
            if getattr(self, name) < 1:
                yield f"{name}: {getattr(self, name)} is less than 1"
        if self.availability_zones and len(set(self.availability_zones)) != 2:
            yield f"availability_zones: {', '.join(self.availability_zones)}: two different ones are wanted, or none"
        if self.availability_zones and self.database.existing:
            yield "availability_zones: those of database.existing are used; leave them out here"
        if not 1 <= self.students_per_page <= 500:
            yield f"students_per_page: {self.students_per_page} is not between 1 and 500"
        if self.api_burst < self.api_requests_per_second:
            yield f"api_burst: {self.api_burst} is less than api_requests_per_second ({self.api_requests_per_second})"
        known = {function.name for function in FUNCTIONS}
        for name in self.functions.keys() - known:
            yield f"functions.{name}: no such function; there are: {', '.join(sorted(known))}"
        if not 2 <= self.release_watch_minutes <= 12:  # longer than an execution that began before
            yield f"release_watch_minutes: {self.release_watch_minutes} is not between 2 and 12"
        for function in FUNCTIONS:
            warm, reserved = self.provisioned(function.name), self.reserved(function.name)
            if reserved is not None and reserved < 2 * warm:  # both releases are kept warm during a deployment
                yield f"functions.{function.name}: reserved_concurrency {reserved} is not twice what is warm ({warm})"
        share = database_memory.share_of(self.database.instance)
        at_once = sum(self.reserved(item.name) or 0 for item in FUNCTIONS if item.side is Side.DATA)
        if share and not self.database.existing and at_once > share.connections:
            yield (
                f"functions: {at_once} calls at once are reserved for functions that connect to the database, but "
                f"{self.database.instance} has {share.connections} connections"
            )

    # --- of one function -------------------------------------------------------------------------------------------

    def of_function(self, name: str) -> FunctionSettings:
        return self.functions.get(name, FunctionSettings())

    def provisioned(self, name: str) -> int:
        """How many environments of a function are kept warm."""
        own = self.of_function(name).provisioned_concurrency
        if own is not None:
            return own
        passes = any(function.name == name and function.every_message for function in FUNCTIONS)
        return self.provisioned_concurrency if passes else 0

    def snap_starts(self, name: str) -> bool:
        """Whether a function starts from a snapshot: where a parent waits, and nothing is kept warm."""
        answers = any(function.name == name and function.answers(self.school_api) for function in FUNCTIONS)
        return self.snap_start and answers and not self.provisioned(name)

    def reserved(self, name: str) -> int | None:
        """Nothing for a function that fetches accounts in the way that is not used here."""
        is_used = all(item.name != name or item.school_api in (None, self.school_api) for item in FUNCTIONS)
        return self.of_function(name).reserved_concurrency if is_used else None

    def name(self, thing: str) -> str:
        """The name of a resource, the same in every environment but for the environment's own name."""
        return f"school-{self.environment}-{thing}"

    def secret_name(self, thing: str) -> str:
        return f"school/{self.environment}/{thing}"

    def samples(self) -> Iterator[str]:
        """Settings that still have their sample value: the product deploys, but answers no message."""
        if self.whatsapp_phone_number_id == SAMPLE_PHONE_NUMBER_ID:
            yield "whatsapp_phone_number_id"
        if f"//{SAMPLE_HOST}/" in self.school_api_url:
            yield "school_api_url"


# --- from JSON, all problems at once ---------------------------------------------------------------------------------


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `own` says differently, inside nested objects too."""
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _read(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    """`values` as an object of the dataclass `kind`, or None after adding to `problems` what is wrong."""
    if not isinstance(values, Mapping):
        problems.append(f"{where}: an object is wanted, not {values!r}")
        return None
    before = len(problems)
    hints = get_type_hints(kind)
    for unknown in values.keys() - hints.keys():
        problems.append(f"{where}.{unknown}: no such setting; there are: {', '.join(hints)}")
    for item in fields(kind):
        if item.name not in values and item.default is MISSING and item.default_factory is MISSING:
            problems.append(f"{where}.{item.name}: missing")
    read = {
        name: _value(hints[name], value, f"{where}.{name}", problems) for name, value in values.items() if name in hints
    }
    if len(problems) > before:
        return None
    result = kind(**read)
    problems.extend(f"{where}.{problem}" for problem in result.problems())
    return result


def _value(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    """One value in the type that its setting has."""
    if isinstance(hint, types.UnionType):  # X | None
        return None if value is None else _value(get_args(hint)[0], value, where, problems)
    if is_dataclass(hint):
        return _read(hint, value, where, problems)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(get_args(hint)[0], item, where, problems) for item in value)
    if get_origin(hint) is Mapping and isinstance(value, dict):
        return {key: _value(get_args(hint)[1], item, f"{where}.{key}", problems) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, StrEnum) and value in list(hint):
        return hint(value)
    if type(value) is not hint:  # exactly: true is no number
        wanted = "one of " + ", ".join(hint) if isinstance(hint, type) and issubclass(hint, StrEnum) else _named(hint)
        problems.append(f"{where}: {wanted} is wanted, not {value!r}")
    return value


def _named(hint: Any) -> str:
    names = {str: "text", int: "a whole number", bool: "true or false", tuple: "a list", Mapping: "an object"}
    return names.get(get_origin(hint) or hint, str(hint))
