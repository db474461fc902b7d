"""`make trace` in the running local stack."""

from collections.abc import Callable

from infra.operations.local_logs import LocalLogs
from tests.e2e.conftest import Phone


def test_a_message_is_traced_from_its_id_to_its_states_and_log_lines(phone: Callable[..., Phone]) -> None:
    parent = phone("40")
    parent.says("balance")
    assert parent.last
    found = LocalLogs(parent.running.plan.folder).find(parent.last.message_id)
    assert [(run.machine, run.status) for run in found.executions] == [("conversation", "SUCCEEDED")]
    assert "Send reply" in [state.name for state in found.executions[0].states]
    assert {"understand", "send_reply"} <= {line.function for line in found.lines}
