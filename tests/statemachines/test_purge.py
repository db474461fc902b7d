"""The nightly purge's real definition: round after round until nothing is left, up to a bound."""

from typing import Any

from functions.domain.errors import DataUnavailable
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from local.step_functions.validation import check
from tests.statemachines.definitions import definition_of

DEFINITION = definition_of("purge")
PURGE = "Purge records"


def purge(*rounds: Any) -> Execution:
    """One execution; a round is what the function returns or raises, the last one again and again."""
    left = list(rounds)

    def invoke(name: str, payload: Any) -> Any:
        assert (name, payload) == ("PurgeRecords", {})
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, Exception):
            raise result
        return result

    return run(DEFINITION, {}, invoke, machine="purge", pace=0)


def rounds_of(execution: Execution) -> int:
    return sum(state.name == PURGE for state in execution.timeline)


def test_it_is_sound() -> None:
    check(DEFINITION)


def test_it_goes_on_until_nothing_is_left() -> None:
    execution = purge({"deleted": 9000, "more": True}, {"deleted": 9000, "more": True}, {"deleted": 5, "more": False})
    assert (execution.status, rounds_of(execution)) == ("SUCCEEDED", 3)
    assert execution.output == {"deleted": 18005}


def test_a_round_that_fails_is_tried_again() -> None:
    execution = purge(DataUnavailable("no database"), {"deleted": 1, "more": False})
    assert (execution.status, execution.output) == ("SUCCEEDED", {"deleted": 1})


def test_a_night_has_an_end_though_rows_are_left() -> None:
    execution = purge({"deleted": 1, "more": True})
    assert (execution.status, execution.output) == ("SUCCEEDED", {"deleted": 100})


def test_a_failure_that_stays_fails_the_night() -> None:
    assert purge(DataUnavailable("no database")).status == "FAILED"
