"""The lines that functions write: one JSON object each."""

import json
from datetime import datetime
from typing import Any, Final

from infra.operations.found import LogLine

# Of the logger and the runtime themselves; what remains is shown.
FRAME: Final = frozenset({"level", "location", "message", "timestamp", "service", "time", "type", "xray_trace_id"})


def parse(text: str, function: str, moment: float = 0.0) -> LogLine | None:
    """A line of a function's log; None for one that is not a log record, such as a metric.

    `moment` counts where the line itself has no time that can be read.
    """
    try:
        record = json.loads(text)
    except ValueError:
        return LogLine(moment, function, "", text.strip()) if text.strip() else None
    if not isinstance(record, dict) or ("message" not in record and "record" not in record):
        return None
    if record.get("type", "").startswith("platform."):
        return None
    rest = {key: value for key, value in record.items() if key not in FRAME}
    text = " ".join([str(record.get("message")), *(f"{key}={_short(value)}" for key, value in rest.items())])
    return LogLine(_time(record, moment), function, str(record.get("level", "")), text)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _time(record: dict[str, Any], otherwise: float) -> float:
    try:
        return datetime.fromisoformat(str(record["timestamp"])).timestamp()
    except (KeyError, ValueError):
        return otherwise
