"""Injected faults: kind, operation, and how many times."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from local.world.profile import InvalidSetting

OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "graph": ("send", "typing", "read", "upload", "media", "download", "delete"),
    "school": ("billed-fees", "payments", "statement", "profile", "students", "health"),
    "openai": ("responses", "transcriptions"),
    "secrets": ("get",),
    "s3": ("put", "get"),
    "sqs": ("send",),
    "database": ("connect", "writer", "reader"),
}
KINDS: Final = {
    "status": "an error of that HTTP status, in the service's own body; `code` chooses WhatsApp's error code",
    "json": "answers `body` instead, with `status` 200 unless another is given",
    "html": "a proxy's HTML page instead of JSON, with `status` 200 unless another is given",
    "silent": "never answers",
    "close": "closes the connection before doing anything",
    "lost": "does what was asked, then closes the connection without an answer",
    "slow": "answers `seconds` later than usual",
}
OPENAI_KINDS: Final = {
    "invents_amount": "names an amount that it was not given",
    "obeys_injection": "follows an instruction in the question against its own instructions",
    "empty": "an answer without text",
    "very_long": "an answer of 6,000 characters",
    "refusal": "refuses in the way of the API (a refusal part)",
    "incomplete": "stops in the middle (status incomplete)",
    "content_filter": "is cut off by the provider's filter (status incomplete)",
    "failed": "status failed",
    "half_json": "half of a structured reply, with status completed",
    "unknown_wish": "a structured reply with a wish that is not in the schema",
    "other_child": "a structured reply about a child that is not in the list",
}


@dataclass(frozen=True)
class Fault:
    """One injected fault."""

    kind: str
    operation: str | None = None  # None: all operations
    times: int | None = None  # None: until cleared
    status: int = 0
    code: int | None = None
    seconds: float = 0.0
    retry_after: int | None = None
    body: Any = None

    @classmethod
    def read(cls, service: str, values: Any) -> "Fault":
        """From JSON; InvalidSetting names the first invalid field."""
        if not isinstance(values, Mapping):
            raise InvalidSetting("body", 'an object such as {"kind": "silent"}')
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise InvalidSetting(str(name), "one of " + ", ".join(names))
        kinds = KINDS | (OPENAI_KINDS if service == "openai" else {})
        fault = cls(**{"kind": "", **values})
        if fault.kind not in kinds:
            raise InvalidSetting("kind", "one of " + ", ".join(kinds))
        if fault.operation is not None and fault.operation not in OPERATIONS[service]:
            raise InvalidSetting("operation", "one of " + ", ".join(OPERATIONS[service]))
        _number("times", fault.times, 1, 1_000_000, optional=True)
        _number("code", fault.code, 0, 10_000_000, optional=True)
        _number("retry_after", fault.retry_after, 0, 86_400, optional=True)
        if fault.kind == "status":
            _number("status", fault.status, 400, 599)
        elif "status" in values:
            _number("status", fault.status, 200, 599)
        if fault.kind == "slow" and not _is_seconds(fault.seconds):
            raise InvalidSetting("seconds", "a number above 0, up to 600")
        return fault


def _number(field: str, value: Any, least: int, most: int, *, optional: bool = False) -> None:
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidSetting(field, f"a whole number from {least} to {most}")


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 600


class Faults:
    """The faults in force. Other processes of the stack take theirs through POST /faults/<service>/take."""

    def __init__(self) -> None:
        self._by_service: dict[str, dict[str | None, Fault]] = {}

    def put(self, service: str, fault: Fault) -> None:
        """Set the fault of a service and operation."""
        self._by_service.setdefault(service, {})[fault.operation] = fault

    def clear(self, service: str | None = None) -> None:
        if service is None:
            self._by_service.clear()
        else:
            self._by_service.pop(service, None)

    def take(self, service: str, operation: str) -> Fault | None:
        """The fault that applies to this call, if any; it is counted down."""
        faults = self._by_service.get(service, {})
        fault = faults.get(operation) or faults.get(None)
        if fault and fault.times is not None:
            if fault.times > 1:
                faults[fault.operation] = replace(fault, times=fault.times - 1)
            else:
                del faults[fault.operation]
        return fault

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        return {
            service: [asdict(fault) for fault in found.values()] for service, found in self._by_service.items() if found
        }
