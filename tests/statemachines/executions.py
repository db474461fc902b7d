"""What an execution did."""

from collections.abc import Collection

from local.step_functions.execution import Execution


def steps(execution: Execution, *, without: Collection[str] = ()) -> list[str]:
    """The states that did something, in order; those side by side by name."""
    names = [state.name for state in execution.timeline if state.type != "Choice" and state.name not in without]
    places = [place for place, name in enumerate(names) if name in ("Fetch fees", "Fetch payments")]
    for place, name in zip(places, sorted(names[place] for place in places), strict=True):
        names[place] = name
    return names
