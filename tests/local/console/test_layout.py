"""Where the states of a machine are drawn."""

from itertools import combinations

import pytest

from infra.catalog import MACHINES
from local.console.diagrams import Diagram, State, diagram
from local.console.layout import HEIGHT, Box, label_lines, layout

NAMES = [machine.name for machine in MACHINES]


def overlap(one: Box, two: Box) -> bool:
    return abs(one.x - two.x) < (one.width + two.width) / 2 and abs(one.y - two.y) < (one.height + two.height) / 2


def inside(inner: Box, outer: Box) -> bool:
    return (
        abs(inner.x - outer.x) <= (outer.width - inner.width) / 2
        and abs(inner.y - outer.y) <= (outer.height - inner.height) / 2
    )


def frames_around(diagram: Diagram, state: State) -> list[str]:
    """The states in which a state lies, the inmost first."""
    outer = diagram.state(state.inside) if state.inside else None
    return [outer.name, *frames_around(diagram, outer)] if outer else []


@pytest.mark.parametrize("name", NAMES)
def test_no_state_covers_another_and_inner_states_lie_in_their_frame(name: str) -> None:
    found = layout(name)
    for one, two in combinations(found.diagram.states, 2):
        if one.name in frames_around(found.diagram, two):
            assert inside(found.boxes[two.name], found.boxes[one.name]), two.name
        else:
            assert not overlap(found.boxes[one.name], found.boxes[two.name]), (one.name, two.name)


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_in_the_picture_and_has_its_size(name: str) -> None:
    found = layout(name)
    whole = Box(found.width / 2, found.height / 2, found.width, found.height)
    assert set(found.boxes) == {state.name for state in diagram(name).states}
    for state in found.diagram.states:
        assert inside(found.boxes[state.name], whole), state.name
        assert found.boxes[state.name].height == HEIGHT or found.holds_others(state)


@pytest.mark.parametrize("name", NAMES)
def test_every_transition_has_a_line_and_only_ways_of_errors_are_hidden(name: str) -> None:
    found = layout(name)
    assert [line.transition for line in found.lines] == list(diagram(name).transitions)
    assert all(line.path.startswith("M") for line in found.lines)
    assert {line.transition.kind for line in found.lines if line.is_hidden} <= {"catch"}


def test_a_long_name_is_written_in_two_even_lines() -> None:
    assert label_lines("Send reply") == ["Send reply"]
    assert label_lines("Wait before next part") == ["Wait before", "next part"]
