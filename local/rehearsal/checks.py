"""What an emulator cannot enforce, looked at afterwards: permissions, variables, the sides of the network, memory."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from infra.catalog import FUNCTIONS, Side
from infra.names import kebab_case

S3: Final = ".s3."  # in the names of buckets
SELDOM: Final = 2  # warnings of one kind


class CheckFailed(Exception):
    """Something is not as it should be; the text lists it."""


def check(condition: bool, *problems: object) -> None:
    if not condition:
        raise CheckFailed("; ".join(map(str, problems)))


def permissions(seen: Mapping[str, Any]) -> str:
    """Every call that a role made is allowed by its policies."""
    decisions = seen["decisions"]
    denied = [f"{item['role']}: {item['action']} on {item['resource']}" for item in decisions if not item["allowed"]]
    check(not denied, "not allowed", *denied)
    check(not seen["refused"], "sign-in refused", *seen["refused"])
    check(bool(decisions), "no call was seen")
    roles = {item["role"] for item in decisions}
    return f"{len(decisions)} different calls of {len(roles)} roles, each allowed by its policies"


def variables(notes: Iterable[Mapping[str, Any]]) -> str:
    """Every environment variable that our code demands is set."""
    unset = {f"{item['function']}: {item['name']}" for item in notes if item["kind"] == "unset"}
    check(not unset, "not set", *sorted(unset))
    return "every variable that a function demanded was set"


def sides(notes: Iterable[Mapping[str, Any]], environment: str) -> str:
    """No function tried to reach what its side of the network does not."""
    strange = {f"{item['function']}: {item['host']}" for item in notes if item["kind"] == "unreachable"}
    check(not strange, "not to be reached from its side", *sorted(strange))
    inside = {f"school-{environment}-{kebab_case(item.name)}" for item in FUNCTIONS if item.side is Side.DATA}
    reached = [item for item in notes if item["kind"] == "connected"]
    data = {item["host"] for item in reached if item["function"] in inside}
    internet = {item["host"] for item in reached if item["function"] not in inside}
    check(bool(data) and bool(internet), "no connection was seen")
    both = {host for host in data & internet if S3 not in host}  # inside, S3 is reached through its gateway endpoint
    check(not both, "both sides reach", *sorted(both))
    return f"inside the network {len(data)} hosts were reached, outside {len(internet)}; nothing but S3 from both sides"


def logs(folder: Path) -> str:
    """No function warns in most of its invocations: without its cache, for instance, it would only be slower.

    A machine that is busy may be late for a timeout now and then.
    """
    troubled: Counter[str] = Counter()
    lasting = []
    for path in folder.glob("school-*.log"):
        records = [_json(line) for line in path.read_text("utf-8", "replace").splitlines()]
        invocations = sum(record.get("type") == "platform.report" for record in records)
        warned = Counter(_warning(record) for record in records if record.get("level") in ("WARNING", "ERROR"))
        for text, count in warned.items():
            troubled[f"{path.stem}: {text}"] += count
            if count > max(SELDOM, invocations / 2):
                lasting.append(f"{path.stem}: {text}, {count} times in {invocations} invocations")
    check(not lasting, "in the logs of the functions", *lasting)
    return f"{troubled.total()} warnings of functions"


def _warning(record: Mapping[str, Any]) -> str:
    text = record.get("message") or record.get("errorMessage")
    return f"{text} {record.get('error') or record.get('errorType') or ''}".strip()


def _json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def memory(seen: Mapping[str, Any]) -> str:
    """No process uses more than the template gives its function."""
    used: Mapping[str, tuple[float, int]] = seen["memory"]
    over = [f"{name}: {peak:.0f} of {limit} MB" for name, (peak, limit) in used.items() if peak > limit]
    check(not over, "more memory than it has", *over)
    most = max(used.items(), key=lambda item: item[1][0] / item[1][1], default=("", (0.0, 1)))
    return f"{len(used)} functions ran; the fullest, {most[0]}, used {most[1][0]:.0f} of {most[1][1]} MB"
