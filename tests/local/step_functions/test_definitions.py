"""The product's definitions with the names of this run."""

from pathlib import Path

import pytest

from infra.catalog import MACHINES, Machine, SchoolApi
from infra.state_machine_definition import PLACEHOLDER
from local.plan import Plan, Ports
from local.step_functions.definitions import load_definitions, substitute, values
from local.step_functions.errors import InvalidDefinitionError
from local.step_functions.validation import check

PAYMENT = Machine("payment", "receipts", seconds=60, queue="payments")


@pytest.fixture
def graph_plan(tmp_path: Path) -> Plan:
    return Plan.create(tmp_path, Ports.free(), school_api=SchoolApi.GRAPH)


def test_placeholders_become_values() -> None:
    assert substitute("${Fetch} ${Send}${Fetch}", {"Fetch": "f", "Send": "s"}) == "f sf"
    with pytest.raises(InvalidDefinitionError, match="no value for Fetch, Send"):
        substitute("${Send} ${Fetch} ${Other}", {"Other": "o"})


def test_placeholders_name_functions_queues_and_the_school_api(graph_plan: Plan) -> None:
    found = values(graph_plan, [*MACHINES, PAYMENT])
    assert found["SaveStudentPage"] == "arn:aws:lambda:eu-west-1:123456789012:function:save_student_page"
    assert found["ConversationQueueUrl"] == graph_plan.queue_url("messages.fifo")
    assert found["PaymentQueueUrl"] == graph_plan.queue_url("payments.fifo")
    assert found["SchoolApi"] == "graph"


def test_every_machine_of_the_catalog_has_a_definition_that_can_run(graph_plan: Plan) -> None:
    definitions = load_definitions()
    assert list(definitions) == [machine.name for machine in MACHINES]
    for text in definitions.values():
        complete = substitute(text, values(graph_plan))
        assert not PLACEHOLDER.search(complete)
        check(complete)
