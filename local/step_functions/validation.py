"""Whether AWS would accept a definition, and whether every state of it can be reached."""

from local import moto_patches  # before anything of moto.stepfunctions

# isort: split
import json
from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from local import jsonata
from local.step_functions.errors import InvalidDefinitionError


def check(definition: str) -> None:
    """Raise InvalidDefinitionError that lists every problem: syntax, targets, unreachable states, expressions."""
    parse(definition)
    problems = [*_flow_problems(json.loads(definition)), *_expression_problems(json.loads(definition))]
    if problems:
        raise InvalidDefinitionError("; ".join(problems))


def parse(definition: str) -> Any:
    """The program of moto's interpreter; InvalidDefinitionError lists every syntax error."""
    moto_patches.apply()
    try:
        return AmazonStateLanguageParser.parse(definition)[0]
    except ASLParserException as error:
        raise InvalidDefinitionError("; ".join(error.errors)) from error
    except Exception as error:
        raise InvalidDefinitionError(f"{type(error).__name__}: {error}") from error


def _scopes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The machine, its branches and its Map processors, each with its path in the definition."""
    if isinstance(node, dict):
        if "StartAt" in node and "States" in node:
            yield path or "machine", node
        for key, value in node.items():
            yield from _scopes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _scopes(value, f"{path}/{index}")


def _flow_problems(definition: dict[str, Any]) -> Iterator[str]:
    for place, scope in _scopes(definition):
        states = scope["States"]
        targets = {name: set(_targets(state)) for name, state in states.items()}
        for name, goes_to in [("StartAt", {scope["StartAt"]}), *targets.items()]:
            for target in sorted(goes_to - set(states)):
                yield f"{place}: {name} goes to {target!r}, which does not exist"
        reached, new = set(), {scope["StartAt"]}
        while new:
            reached |= new
            new = {target for name in new for target in targets.get(name, ())} - reached
        for name in sorted(set(states) - reached):
            yield f"{place}: {name!r} is never reached"


def _targets(state: dict[str, Any]) -> Iterator[str]:
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        yield from (rule[key] for key in ("Next", "Default") if key in rule)


def _expression_problems(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _expression_problems(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _expression_problems(value, f"{path}/{index}")
    elif isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        reason = jsonata.problem(node[2:-2].strip())
        if reason:
            yield f"{path}: {reason}"
