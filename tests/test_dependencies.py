"""Each function gets exactly the environment variables that it reads: by its code, without running it.

A handler reads what the getters of `functions/dependencies.py` that it uses read, and the getters that those use.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from functions import settings
from functions.settings import variables_of
from infra.catalog import FUNCTIONS, SETTINGS_OF_GRANT, Function, Grant, function

CODE = Path(__file__).parents[1] / "functions"
DEPENDENCIES = CODE / "dependencies.py"


@cache
def getters() -> dict[str, ast.FunctionDef]:
    """The functions of dependencies.py by name."""
    tree = ast.parse(DEPENDENCIES.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def nodes_of(getter: ast.FunctionDef) -> Iterator[ast.AST]:
    """What a getter does; not its annotations."""
    for statement in getter.body:
        yield from ast.walk(statement)


def attributes(nodes: Iterator[ast.AST], module: str) -> set[str]:
    """X of each `<module>.X`."""
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module
    }


def getters_used(handler: str) -> set[str]:
    """The getters that a handler uses, and the getters that these call or pass on."""
    found: set[str] = set()
    fresh = attributes(ast.walk(ast.parse(handler)), "dependencies")
    assert fresh <= set(getters()), f"no such getter: {fresh - set(getters())}"
    while fresh:
        found |= fresh
        names = {node.id for name in fresh for node in nodes_of(getters()[name]) if isinstance(node, ast.Name)}
        fresh = (names & set(getters())) - found
    return found


def groups_read(handler: str) -> set[str]:
    """The settings groups that a handler reads, itself or through getters."""
    found = {group for name in getters_used(handler) for group in attributes(nodes_of(getters()[name]), "settings")}
    for node in ast.walk(ast.parse(handler)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("from_environment"):
            found |= {ast.unparse(argument).rpartition(".")[2] for argument in node.args[:1]}
    return found


def variables_read(handler: str) -> set[str]:
    """The environment variables that the source of a handler leads to."""
    return {name for group in groups_read(handler) for name in variables_of(getattr(settings, group))}


def source(name: str) -> str:
    return (CODE / f"{name}.py").read_text("utf-8")


def differences(function: Function) -> dict[str, set[str]]:
    """What the catalog gives a function and what the function reads, where they differ."""
    given, read = set(function.environment), variables_read(source(function.name))
    return {"missing": read - given, "superfluous": given - read}


@pytest.mark.parametrize("item", FUNCTIONS, ids=lambda item: item.name)
def test_a_function_gets_exactly_the_variables_that_it_reads(item: Function) -> None:
    """Where this fails: change the grants or settings of that function in infra/catalog.py."""
    assert differences(item) == {"missing": set(), "superfluous": set()}


# --- that the test above sees what it should --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "read"),
    [
        ("dependencies.redis()", {"CACHE_URL", "CACHE_NAME", "CACHE_AUTH"}),
        ("initialize(lambda: dependencies.documents().put)", {"DOCUMENTS_BUCKET"}),
        # through getters that are called: claims, and the Redis client that these use
        ("dependencies.message_claims()", {"CACHE_URL", "CACHE_NAME", "CACHE_AUTH"}),
        # through a getter that is passed on, uncalled
        ("dependencies.message_history()", {"DATABASE_WRITER_URL", "DATABASE_READER_URL", "DATABASE_AUTH"}),
        # read by the handler itself
        ("from_environment(PrimarySettings)", {"DATABASE_WRITER_URL", "DATABASE_AUTH"}),
        ("settings.from_environment(settings.PublicUrlSettings)", {"PUBLIC_URL"}),
        ("def handler(event, context): return {}", set()),
    ],
)
def test_settings_are_found_through_getters_and_in_the_handler_itself(handler: str, read: set[str]) -> None:
    assert variables_read(handler) == read


def test_a_missing_and_a_superfluous_variable_are_seen() -> None:
    item = function("understand")
    without_limit = replace(item, settings=())
    assert differences(without_limit) == {"missing": {"SCHOOL_API_CALLS_PER_MINUTE"}, "superfluous": set()}
    with_secret = replace(item, grants=(*item.grants, Grant.ACCESS_TOKEN))
    assert differences(with_secret) == {"missing": set(), "superfluous": {"ACCESS_TOKEN_NAME"}}
    without_cache = replace(item, grants=tuple(grant for grant in item.grants if grant is not Grant.CACHE))
    assert differences(without_cache)["missing"] == {"CACHE_URL", "CACHE_NAME", "CACHE_AUTH"}


def test_every_group_is_read_by_some_function_and_every_getter_is_used() -> None:
    groups = {name for name in vars(settings) if name.endswith("Settings")}
    assert {group for item in FUNCTIONS for group in groups_read(source(item.name))} == groups
    assert {getter for item in FUNCTIONS for getter in getters_used(source(item.name))} == set(getters())


def test_settings_are_read_nowhere_else() -> None:
    """Services and adapters are given what they need."""
    folders = ("services", "adapters", "domain")
    readers = [
        path.name
        for folder in folders
        for path in (CODE / folder).rglob("*.py")
        if "from_environment" in path.read_text("utf-8")
    ]
    assert readers == []


def test_every_variable_of_a_grant_belongs_to_a_group() -> None:
    known = {
        name
        for group in vars(settings).values()
        if isinstance(group, type) and group.__name__.endswith("Settings")
        for name in variables_of(group)
    }
    assert {name for names in SETTINGS_OF_GRANT.values() for name in names} <= known
