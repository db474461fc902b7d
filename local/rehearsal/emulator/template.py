"""CloudFormation's templates: references, conditions and functions, resolved against what has been made."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

ZONES: Final = "abc"
SUBSTITUTED: Final = re.compile(r"\$\{(!?)([^}]+)\}")
NOTHING: Final = object()  # AWS::NoValue: the property is left out

Lookup = Callable[[str], Any]  # a reference to a resource or parameter -> its value
Attribute = Callable[[str, str], Any]


class TemplateError(Exception):
    """A template that CloudFormation would refuse; the text says why."""


class Values:
    """Resolves the functions of one template."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        exports: Mapping[str, str],
        region: str,
        ref: Lookup,
        attribute: Attribute,
    ) -> None:
        self._template, self._parameters, self._exports = template, parameters, exports
        self._region, self._ref, self._attribute = region, ref, attribute

    def resolve(self, node: Any) -> Any:
        """`node` with every function replaced by its value."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref" or name == "Condition" or name.startswith("Fn::"):
                return self._call(name, argument)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not NOTHING}

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self._template["Conditions"][condition]))

    def is_wanted(self, item: Mapping[str, Any]) -> bool:
        """Whether the condition of a resource or an output holds."""
        return "Condition" not in item or self.holds(item["Condition"])

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                if argument == "AWS::NoValue":
                    return NOTHING
                return self._parameters[argument] if argument in self._parameters else self._ref(argument)
            case "Condition":
                return self.holds(argument)
            case "Fn::GetAtt":
                resource, _, attribute = (
                    argument.partition(".") if isinstance(argument, str) else (*argument[:1], "", argument[1])
                )
                return self._attribute(resource, self.resolve(attribute))
            case "Fn::If":
                return self.resolve(argument[1] if self.holds(argument[0]) else argument[2])
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::ImportValue":
                exported = self.resolve(argument)
                if exported not in self._exports:
                    raise TemplateError(f"No export named {exported} found.")
                return self._exports[exported]
        given = self.resolve(argument)
        match name:
            case "Fn::Join":
                return given[0].join(map(str, given[1]))
            case "Fn::Split":
                return given[1].split(given[0])
            case "Fn::Select":
                return given[1][int(given[0])]
            case "Fn::GetAZs":
                return [f"{given or self._region}{zone}" for zone in ZONES]
            case "Fn::Base64":
                return base64.b64encode(given.encode()).decode()
            case "Fn::FindInMap":
                return self._template["Mappings"][given[0]][given[1]][given[2]]
            case "Fn::Equals":
                return given[0] == given[1]
            case "Fn::Not":
                return not given[0]
            case "Fn::And":
                return all(given)
            case "Fn::Or":
                return any(given)
            case "Fn::ToJsonString":
                return json.dumps(given)
        raise TemplateError(f"The emulator does not know {name}.")

    def _substitute(self, argument: Any) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in extra:
                return str(extra[name])
            return str(self._call("Fn::GetAtt" if "." in name and "::" not in name else "Ref", name))

        return SUBSTITUTED.sub(value, text)


def references(node: Any) -> Iterator[str]:
    """The names that a part of a template refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref" and isinstance(value, str):
                yield value
            elif key == "Fn::GetAtt":
                yield value.partition(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from (match[1].partition(".")[0] for match in SUBSTITUTED.findall(text))
                yield from references(value)
            elif key == "DependsOn":
                yield from [value] if isinstance(value, str) else value
            else:
                yield from references(value)


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """The resources, each after those that it refers to or depends on."""
    ordered: dict[str, None] = {}
    open_: set[str] = set()

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in open_:
            raise TemplateError(f"Circular dependency between resources: {name}")
        open_.add(name)
        for other in references(resources[name]):
            if other in resources and other != name:
                visit(other)
        open_.discard(name)
        ordered[name] = None

    for name in resources:
        visit(name)
    return list(ordered)
