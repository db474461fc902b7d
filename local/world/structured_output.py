"""Structured output as OpenAI takes it: a JSON schema of the strict subset, refused with the API's words otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

MOST_PROPERTIES: Final = 5000
MOST_DEPTH: Final = 10
TYPES: Final = frozenset("string number integer boolean object array null".split())
# What the local model can fill: the contract's own names.
REPLY: Final = frozenset({"language", "reply", "also"})


def is_structured(text: Any) -> bool:
    """Whether the request's `text` asks for JSON of a schema."""
    return isinstance(text, Mapping) and _format(text).get("type") == "json_schema"


def problem(text: Any) -> tuple[str, str] | None:
    """(parameter, message) of the first thing in `text` that OpenAI would refuse."""
    if text is None or not is_structured(text):
        return None
    form = _format(text)
    name, schema = form.get("name"), form.get("schema")
    if not isinstance(name, str) or not name.replace("_", "a").replace("-", "a").isalnum() or len(name) > 64:
        return "text.format.name", "Missing required parameter: 'text.format.name'."
    if not isinstance(schema, Mapping):
        return "text.format.schema", "Missing required parameter: 'text.format.schema'."
    if form.get("strict") is not True:
        return "text.format.strict", "Only strict schemas are simulated here."
    if schema.get("type") != "object" or "anyOf" in schema:
        return _invalid(name, (), "schema must have type 'object' and not have 'anyOf' at the top level")
    for path, part in _parts(schema, ()):
        if found := _problem_of(part, len(path)):
            return _invalid(name, path, found)
    if set(schema["properties"]) != REPLY:
        return "text.format.schema", "The local model can only fill the reply contract of this product."
    return None


def _format(text: Mapping[str, Any]) -> Mapping[str, Any]:
    form = text.get("format")
    return form if isinstance(form, Mapping) else {}


def _invalid(name: str, path: tuple[str, ...], message: str) -> tuple[str, str]:
    return "text.format.schema", f"Invalid schema for response_format '{name}': In context={path!r}, {message}."


def _parts(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    yield path, schema
    for name, part in (schema.get("properties") or {}).items():
        yield from _parts(part, (*path, "properties", name))
    if isinstance(schema.get("items"), Mapping):
        yield from _parts(schema["items"], (*path, "items"))
    for place, part in enumerate(schema.get("anyOf") or ()):
        yield from _parts(part, (*path, "anyOf", str(place)))


def _problem_of(part: Mapping[str, Any], depth: int) -> str | None:
    kind = part.get("type")
    if "anyOf" not in part and kind not in TYPES:
        return "schema must have a 'type' key"
    if depth > 2 * MOST_DEPTH:
        return "the schema is nested too deeply"
    if kind == "object":
        if part.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        if sorted(part.get("required") or ()) != sorted(part.get("properties") or {}):
            return "'required' is required to be supplied and to be an array including every key in properties"
    if kind == "array" and "items" not in part:
        return "array schema missing items"
    return None
