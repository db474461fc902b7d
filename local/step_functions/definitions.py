"""The definitions of the product's state machines, with the ARNs and URLs of this run in place of `${Placeholders}`."""

from collections.abc import Iterable, Mapping

from infra.catalog import FUNCTIONS, MACHINES, Machine
from infra.state_machine_definition import PLACEHOLDER, load, substitutions
from local.plan import Plan, function_arn
from local.step_functions.errors import InvalidDefinitionError


def load_definitions() -> dict[str, str]:
    """Every machine of the catalog by name, with placeholders."""
    return {machine.name: load(machine) for machine in MACHINES}


def values(plan: Plan, machines: Iterable[Machine] = MACHINES) -> dict[str, str]:
    """Placeholder -> value: `FetchFees` (an ARN), `PaymentQueueUrl`, `SchoolApi` (the setting)."""
    arns = {function.name: function_arn(function.name) for function in FUNCTIONS}
    queues = {machine.name: plan.queue_url(f"{machine.queue}.fifo") for machine in machines if machine.queue}
    return substitutions(arns, queues, plan.school_api.value)


def substitute(definition: str, values: Mapping[str, str]) -> str:
    """The definition with each `${Name}` replaced; InvalidDefinitionError names those without a value."""
    missing = sorted(set(PLACEHOLDER.findall(definition)) - set(values))
    if missing:
        raise InvalidDefinitionError(f"no value for {', '.join(missing)}")
    return PLACEHOLDER.sub(lambda match: values[match[1]], definition)
