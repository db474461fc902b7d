"""The definitions of the product's state machines, with the ARNs and URLs of this run in place of `${Placeholders}`."""

from collections.abc import Iterable, Mapping

from infra.catalog import FUNCTIONS, MACHINES, Machine
from infra.state_machine_definitions import PLACEHOLDER, function_placeholder, load_definition, queue_placeholder
from local.plan import EVENTS_QUEUE, Plan, function_arn
from local.step_functions.errors import InvalidDefinitionError


def load_definitions() -> dict[str, str]:
    """Every machine of the catalog by name, with placeholders."""
    return {machine.name: load_definition(machine.name) for machine in MACHINES}


def values(plan: Plan, machines: Iterable[Machine] = MACHINES) -> dict[str, str]:
    """Placeholder -> value: `FetchFees` (an ARN), `MessagesQueueUrl`, `SchoolApi` (the setting)."""
    queues = {machine.queue: f"{machine.queue}.fifo" for machine in machines if machine.queue}
    return {
        "SchoolApi": plan.school_api.value,
        **{function_placeholder(function.name): function_arn(function.name) for function in FUNCTIONS},
        **{queue_placeholder(name): plan.queue_url(queue) for name, queue in queues.items()},
        queue_placeholder(EVENTS_QUEUE): plan.queue_url(EVENTS_QUEUE),
    }


def substitute(definition: str, values: Mapping[str, str]) -> str:
    """The definition with each `${Name}` replaced; InvalidDefinitionError names those without a value."""
    missing = sorted(set(PLACEHOLDER.findall(definition)) - set(values))
    if missing:
        raise InvalidDefinitionError(f"no value for {', '.join(missing)}")
    return PLACEHOLDER.sub(lambda match: values[match[1]], definition)
