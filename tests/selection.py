"""Sorts the collected tests: which are fast, and which share a worker because they share an expensive fixture.

A test is fast if neither it nor a fixture of its starts a server or a process. `make test-fast` runs these alone;
whatever they are, a fast test that opens a socket or starts a process fails (`tests.conftest.nothing_started`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

# Modules whose functions and classes start something. Names of single members where the rest of the module does not.
STARTERS: Final = {
    "aws_cdk",
    "http.client",
    "http.server",
    "infra.byte_code",
    "infra.node",
    "infra.packaging",
    "local.aws",
    "local.rehearsal.run",
    "local.child",
    "local.lambda_service",
    "local.plan.Ports",  # asks which ports are free
    "local.postgres",
    "local.redis_server",
    "local.http_client",
    "local.stack_client",
    "local.stack",
    "local.world.http_server",
    "local.world.server",
    "psutil",
    "socket",
    "start_server",  # of asyncio
    "subprocess",
    "tests.adapters.scripted_server",
    "tests.adapters.silent_server",
}
# `plan` only chooses ports, once in a session; `nothing_started` holds fast tests to their word.
HARMLESS: Final = {"plan", "nothing_started"}
# Folders whose tests share fixtures too expensive to have twice: the running stack, the synthesized templates, an
# account in this process, of which there can be one. Each stays in one worker and begins first: it takes longest.
TOGETHER: Final = ("tests/e2e/", "tests/local/rehearsal/", "tests/infra/", "tests/local/aws/", "tests/browser/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reach = Reach()
    for item in items:
        if (
            isinstance(item, pytest.Function)
            and not item.get_closest_marker("enable_socket")
            and not reach.starts_something(item)
        ):
            item.add_marker("fast")
    items.sort(key=lambda item: _place(_group(item.nodeid)))  # stable: within a group the order stays


class GroupScheduling(LoadScopeScheduling):
    """Gives a worker one whole group at a time, which marks cannot do with pytest 9.2 (pytest-xdist issue 1386)."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    return GroupScheduling(config, log) if config.getoption("dist") == "loadscope" else None


def _group(nodeid: str) -> str:
    """A folder whose tests stay together, else the test's own file."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def _place(group: str) -> int:
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)


class Reach:
    """What functions of the tests call, directly and through helpers of the tests."""

    def __init__(self) -> None:
        self._known: dict[CodeType, bool] = {}

    def starts_something(self, item: pytest.Function) -> bool:
        definitions: Mapping[str, Any] = item._fixtureinfo.name2fixturedefs
        fixtures = (definition[-1].func for name, definition in definitions.items() if name not in HARMLESS)
        return any(self._starts(function) for function in (item.function, *fixtures))

    def _starts(self, function: Callable[..., Any]) -> bool:
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        if not isinstance(function, FunctionType):
            return False
        code = function.__code__
        if code not in self._known:
            self._known[code] = False  # while it is looked at: helpers may call each other
            self._known[code] = any(self._is_starter(name, function.__globals__) for name in _names(code))
        return self._known[code]

    def _is_starter(self, name: str, names: Mapping[str, Any]) -> bool:
        if name in STARTERS:  # imported inside the function
            return True
        value = names.get(name)
        if isinstance(value, ModuleType):
            return value.__name__ in STARTERS
        module = getattr(value, "__module__", None)
        if not callable(value) or not isinstance(module, str):
            return False
        if module in STARTERS or f"{module}.{name}" in STARTERS:
            return True
        return module.startswith("tests.") and any(map(self._starts, _functions(value)))


def _names(code: CodeType) -> Iterator[str]:
    """Every global name, attribute and imported module in a function, and in those that it defines."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _functions(value: Any) -> Iterable[Callable[..., Any]]:
    """A function itself; the methods of a class."""
    if not isinstance(value, type):
        return [value]
    members = (getattr(member, "fget", member) for member in vars(value).values())
    return [getattr(member, "__func__", member) for member in members if callable(member) or member is not None]
