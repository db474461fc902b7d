"""JSONata as Step Functions evaluates it, with variables bound as values."""

import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonata import Jsonata
from jsonata.utils import Utils

_REFERENCE: Final = re.compile(r"\$([A-Za-z_]\w*)")
_HASHES: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


class JsonataError(Exception):
    """The expression could not be evaluated; the text says why, without the data."""


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression (without `{% %}`) as plain JSON types; JsonataError if it fails or is undefined."""
    compiled, references = _compile(expression)
    bindings = {name: _to_jsonata(variables[name]) for name in references if name in variables}
    try:
        result = compiled.evaluate(None, bindings)
    except Exception as error:  # jsonata-python also raises Python's own errors
        raise JsonataError(f"The JSONata expression '{expression}' failed: {type(error).__name__}") from error
    if result is None:
        raise JsonataError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _from_jsonata(result, expression)


def problem(expression: str) -> str | None:
    """Why Step Functions would refuse this expression, or None."""
    if re.search(r"\$eval\b", expression):
        return "$eval does not exist in Step Functions"
    try:
        _compile(expression)
    except Exception as error:
        return str(error)
    return None


@lru_cache(maxsize=4096)
def _compile(expression: str) -> tuple[Jsonata, frozenset[str]]:
    compiled = Jsonata(expression)
    compiled.output_convert_nulls = False  # so that null and undefined stay different
    for name, function in _FUNCTIONS.items():
        compiled.register_lambda(name, function)
    return compiled, frozenset(_REFERENCE.findall(expression))


def _to_jsonata(value: Any) -> Any:
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _to_jsonata(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_jsonata(item) for item in value]
    return value


def _from_jsonata(value: Any, expression: str = "") -> Any:
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, dict):
        return {key: _from_jsonata(item, expression) for key, item in value.items()}
    if isinstance(value, list | range):
        return [_from_jsonata(item, expression) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as JSON from JavaScript or Java: 3, not 3.0
    if isinstance(value, bool | int | float | str):
        return value
    raise JsonataError(f"The JSONata expression '{expression}' returned an unsupported result type.")


# --- the functions that Step Functions adds to JSONata ----------------------------------------------------------------


def _partition(array: Any, size: float) -> list[Any]:
    items = array if isinstance(array, list) else [array]
    return [items[start : start + int(size)] for start in range(0, len(items), int(size))]


def _range(first: float, last: float, step: float) -> list[float]:
    if not step:
        raise ValueError("$range needs a step")
    return [first + index * step for index in range(max(0, int((last - first) // step) + 1))]


def _hash(text: str, algorithm: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: float | None = None) -> float:
    return random.random() if seed is None else random.Random(seed).random()


def _uuid() -> str:
    return str(uuid.uuid4())


def _parse(text: str) -> Any:
    return _to_jsonata(json.loads(text))


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": _uuid,
    "parse": _parse,
}
