"""What is wrong with a definition is found before it runs."""

import pytest

from local.step_functions.errors import InvalidDefinitionError
from local.step_functions.validation import check
from tests.local.step_functions.machines import branch, machine, passing, task


def test_a_good_definition_passes() -> None:
    check(machine({"Fetch": task("fetch", Next="End"), "End": {"Type": "Succeed"}}))


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ("{", "line 1"),
        (machine({"A": passing(1, Next="B")}), "A goes to 'B', which does not exist"),
        (machine({"A": passing(1), "B": passing(1)}), "'B' is never reached"),
        (machine({"A": passing("{% $states.input. %}")}), "/States/A/Output"),
        (machine({"A": passing("{% $eval('1') %}")}), "\\$eval does not exist"),
        (machine({"A": {"Type": "Nap", "End": True}}), "line 1"),
        (
            machine({"A": {"Type": "Parallel", "Branches": [branch({"B": passing(1, Next="C")})], "End": True}}),
            "/States/A/Branches/0: B goes to 'C'",
        ),
        (machine({"A": task("f", Catch=[{"ErrorEquals": ["X"], "Next": "Z"}])}), "A goes to 'Z'"),
    ],
)
def test_a_bad_definition_says_what_is_wrong(definition: str, problem: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=problem):
        check(definition)
