"""The definitions of the product's state machines, with the ARNs and URLs of this run in place of `${Placeholders}`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from infra.catalog import FUNCTIONS, MACHINES, Machine
from local.plan import EVENTS_QUEUE, Plan, function_arn
from local.step_functions.errors import InvalidDefinitionError

FOLDER: Final = Path(__file__).parents[2] / "statemachines"
PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")


def load_definition(name: str) -> str:
    """The text of a machine's definition, with its placeholders."""
    return (FOLDER / f"{name}.asl.json").read_text("utf-8")


def load_definitions() -> dict[str, str]:
    """Every machine of the catalog by name, with placeholders."""
    return {machine.name: load_definition(machine.name) for machine in MACHINES}


def values(plan: Plan, machines: Iterable[Machine] = MACHINES) -> dict[str, str]:
    """Placeholder -> value: `FetchFees` (an ARN), `MessagesQueueUrl`, `SchoolApi` (the setting)."""
    queues = {machine.queue: f"{machine.queue}.fifo" for machine in machines if machine.queue}
    return {
        "SchoolApi": plan.school_api.value,
        **{camel_case(function.name): function_arn(function.name) for function in FUNCTIONS},
        **{f"{camel_case(name)}QueueUrl": plan.queue_url(queue) for name, queue in queues.items()},
        f"{camel_case(EVENTS_QUEUE)}QueueUrl": plan.queue_url(EVENTS_QUEUE),
    }


def substitute(definition: str, values: Mapping[str, str]) -> str:
    """The definition with each `${Name}` replaced; InvalidDefinitionError names those without a value."""
    missing = sorted(set(PLACEHOLDER.findall(definition)) - set(values))
    if missing:
        raise InvalidDefinitionError(f"no value for {', '.join(missing)}")
    return PLACEHOLDER.sub(lambda match: values[match[1]], definition)


def camel_case(name: str) -> str:
    """The placeholder of a name: fetch_fees -> FetchFees."""
    return "".join(part.capitalize() for part in name.split("_"))
