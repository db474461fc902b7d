"""Where the states of a machine are drawn, and how the lines between them run: placed by Graphviz."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from local.console.diagrams import Diagram, State, Transition, diagram

WIDTH: Final = 92.0  # of a state, in points
HEIGHT: Final = 30.0
POINTS_PER_INCH: Final = 72
WEIGHTS: Final = {"next": 4, "default": 12, "choice": 2, "catch": 1}  # of a line: the higher, the straighter
MANY_WAYS: Final = 4
STEPS_DOWN: Final = (1, 3, 4, 6)  # that are tried; the narrowest picture is taken
# Reserves room for the name of a Parallel or Map state without asking for fonts.
HEADING: Final = '<<table border="0"><tr><td fixedsize="true" width="10" height="11"></td></tr></table>>'

_graphviz: Final = threading.Lock()  # the library is not made for threads


@dataclass(frozen=True)
class Box:
    """A state's place: its centre and size."""

    x: float
    y: float
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Line:
    """A transition as the path of an SVG; `is_hidden` until it is taken."""

    transition: Transition
    path: str
    is_hidden: bool = False


@dataclass(frozen=True)
class Layout:
    """In points, from the top left corner."""

    diagram: Diagram
    width: float
    height: float
    boxes: dict[str, Box]
    lines: list[Line]

    def holds_others(self, state: State) -> bool:
        return bool(self.diagram.inside(state.name))


@cache
def layout(machine: str) -> Layout:
    found = diagram(machine)
    deciding = _deciding(found.transitions)
    with _graphviz:
        tries = [_placed(found, deciding, lowered, steps) for lowered in _lowered(deciding) for steps in STEPS_DOWN]
        graph = min(tries, key=lambda graph: _numbers(graph.graph_attr["bb"])[2])
        _, _, width, height = _numbers(graph.graph_attr["bb"])
        boxes = {state.name: _box(graph, found, state.name, height) for state in found.states}
        paths = {(edge.start, edge.end): _curve(_edge(graph, found, edge).attr["pos"], height) for edge in deciding}
    lines = []
    for item in found.transitions:
        path = paths.get((item.start, item.end))
        lines.append(Line(item, path or _arc(boxes[item.start], boxes[item.end]), path is None))
    return Layout(found, width, height, boxes, lines)


def label_lines(name: str) -> list[str]:
    """The name of a state in at most two lines, as even as possible."""
    words = name.split()
    if len(name) <= 14 or len(words) == 1:
        return [name]
    pairs = [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))]
    return list(min(pairs, key=lambda pair: max(map(len, pair))))


def _deciding(transitions: Iterable[Transition]) -> list[Transition]:
    """Those that decide the places: the way of an error counts only where no other way leads to a state."""
    transitions = list(transitions)
    reached = {item.end for item in transitions if item.kind != "catch"}
    return [item for item in transitions if item.kind != "catch" or item.end not in reached]


def _placed(found: Diagram, transitions: list[Transition], lowered: set[Transition], steps: int) -> Any:
    import pygraphviz  # loads Graphviz: 20 MB

    graph = pygraphviz.AGraph(strict=False, directed=True, compound=True, nodesep=0.14, ranksep=0.23)
    size = {"width": WIDTH / POINTS_PER_INCH, "height": HEIGHT / POINTS_PER_INCH}
    graph.node_attr.update(shape="box", fixedsize=True, label="", **size)
    _add_states(graph, found, None)
    depths = _depths(found.start, transitions)
    for item in transitions:
        goes_back = depths.get(item.end, 0) < depths.get(item.start, 0) and _leads(transitions, item.end, item.start)
        options: dict[str, Any] = {"constraint": False} if goes_back else {"weight": WEIGHTS[item.kind]}
        if not goes_back and item in lowered:
            options["minlen"] = steps
        if found.inside(item.start):
            options["ltail"] = f"cluster_{item.start}"
        if found.inside(item.end):
            options["lhead"] = f"cluster_{item.end}"
        graph.add_edge(*_ends(found, item), key=f"{item.start}>{item.end}", **options)
    graph.layout(prog="dot")
    return graph


def _lowered(transitions: list[Transition]) -> list[set[Transition]]:
    """Of a Choice with many ways every second one, in both ways: their states lie further down."""
    found: list[set[Transition]] = [set(), set()]
    for start in {item.start for item in transitions}:
        ways = [item for item in transitions if item.start == start and item.kind == "choice"]
        if len(ways) >= MANY_WAYS:
            found[0] |= set(ways[::2])
            found[1] |= set(ways[1::2])
    return found


def _add_states(graph: Any, found: Diagram, inside: str | None) -> None:
    for state in found.inside(inside):
        if found.inside(state.name):
            _add_states(graph.add_subgraph(name=f"cluster_{state.name}", margin=8, label=HEADING), found, state.name)
        else:
            graph.add_node(state.name)


def _frame(graph: Any, found: Diagram, name: str) -> Any:
    """The subgraph of a state that holds others, which may itself lie inside another."""
    state = found.state(name)
    outer = _frame(graph, found, state.inside) if state and state.inside else graph
    return outer.get_subgraph(f"cluster_{name}")


def _ends(found: Diagram, item: Transition) -> tuple[str, str]:
    """Graphviz joins nodes only: of a state that holds others the last one, or the first one."""
    start, end = item.start, item.end
    while inner := found.inside(start):
        start = inner[-1].name
    while inner := found.inside(end):
        end = inner[0].name
    return start, end


def _edge(graph: Any, found: Diagram, item: Transition) -> Any:
    return graph.get_edge(*_ends(found, item), key=f"{item.start}>{item.end}")


def _box(graph: Any, found: Diagram, name: str, height: float) -> Box:
    if found.inside(name):
        left, bottom, right, top = _numbers(_frame(graph, found, name).graph_attr["bb"])
        return Box((left + right) / 2, height - (bottom + top) / 2, right - left, top - bottom)
    x, y = _numbers(graph.get_node(name).attr["pos"])
    return Box(x, height - y)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _curve(position: str, height: float) -> str:
    """Graphviz's `e,x,y x,y x,y …` (the arrow's tip, then Bézier curves) as a path."""
    points = [(item[0] == "e", _numbers(item.removeprefix("e,"))) for item in position.split()]
    tip = "".join(f"L{x:.1f} {height - y:.1f}" for is_tip, (x, y) in points if is_tip)
    first, *rest = (f"{x:.1f} {height - y:.1f}" for is_tip, (x, y) in points if not is_tip)
    return f"M{first}C{' '.join(rest)}{tip}"


def _arc(start: Box, end: Box) -> str:
    """The way of an error to a state that other ways reach too."""
    side = 1 if end.x >= start.x else -1
    begin = f"M{start.x + side * start.width / 2:.1f} {start.y:.1f}"
    if abs(end.y - start.y) < 4:
        return f"{begin}L{end.x - side * end.width / 2:.1f} {end.y:.1f}"
    edge = end.y - end.height / 2 if end.y > start.y else end.y + end.height / 2
    return f"{begin}Q{end.x:.1f} {start.y:.1f} {end.x:.1f} {edge:.1f}"


def _depths(start: str, transitions: list[Transition]) -> dict[str, int]:
    """Steps from the start to each state by the shortest way; by that of an error only where there is no other."""
    found = {start: 0}
    for ways in ([item for item in transitions if item.kind != "catch"], transitions):
        queue = deque(found)
        while queue:
            name = queue.popleft()
            for item in ways:
                if item.start == name and item.end not in found:
                    found[item.end] = found[name] + 1
                    queue.append(item.end)
    return found


def _leads(transitions: list[Transition], start: str, end: str) -> bool:
    return end in _depths(start, transitions)
