"""Delays and limits of the simulated services: a file of local/profiles/, changeable at run time."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "profiles"
STATUSES: Final = ("sent", "delivered", "read")


class InvalidSetting(Exception):
    """An unknown setting, or an invalid value."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


@dataclass(frozen=True)
class Profile:
    """Delays in seconds, ceilings and switches; a ceiling of 0 is none."""

    name: str
    school_api_seconds: float = 0.0  # each call
    openai_seconds: float = 0.0  # each answer
    whatsapp_seconds: float = 0.0  # each Graph call, upload and typing indicator too
    s3_put_seconds: float = 0.0
    secrets_seconds: float = 0.0  # each secret fetched
    database_connect_seconds: float = 0.0  # each new connection
    school_calls_per_minute: int = 120  # for each kind of call; then 429
    whatsapp_messages_per_second: int = 80  # throughput; then 130429
    whatsapp_pair_burst: int = 45  # to one user at once, then one in six seconds; else 131056
    customer_window: bool = False  # enforce the 24 hours since the last POST /inbound of the user (131047)
    statuses: tuple[str, ...] = STATUSES  # delivery webhooks that are sent; `failed` always is
    sent_seconds: float = 0.0  # from acceptance to the webhook
    delivered_seconds: float = 0.0
    read_seconds: float = 0.0

    @classmethod
    def load(cls, name: str, **defaults: Any) -> "Profile":
        """The profile of that name; `defaults` hold for settings that its file does not name."""
        path = FOLDER / f"{name}.toml"
        if not name.isidentifier() or not path.is_file():
            raise InvalidSetting("name", "one of " + ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml"))))
        return cls(name, **defaults).changed(tomllib.loads(path.read_text("utf-8")))

    def changed(self, values: Mapping[str, Any]) -> "Profile":
        """With single values replaced; InvalidSetting names the first that is unknown or invalid."""
        checked = {field: _checked(field, value) for field, value in values.items()}
        return replace(self, **checked)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


_TYPES: Final = {field.name: field.type for field in fields(Profile) if field.name != "name"}


def _checked(field: str, value: Any) -> Any:
    kind = _TYPES.get(field)
    if kind is None:
        raise InvalidSetting(field, "a setting among " + ", ".join(_TYPES))
    if kind is bool:
        if not isinstance(value, bool):
            raise InvalidSetting(field, "true or false")
    elif kind is int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
            raise InvalidSetting(field, "a whole number from 0 (none) to 1000000")
    elif kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 600:
            raise InvalidSetting(field, "seconds from 0 to 600")
        return float(value)
    else:
        if not isinstance(value, list | tuple) or not set(value) <= set(STATUSES):
            raise InvalidSetting(field, "a list of " + ", ".join(STATUSES))
        return tuple(value)
    return value
