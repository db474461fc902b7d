"""JSONata with bound variables, and the functions that Step Functions adds."""

import hashlib
import uuid
from typing import Any

import pytest

from local.jsonata import JsonataError, evaluate, problem

VARIABLES = {
    "states": {"input": {"none": None, "text": 'a "quoted" \\ $text', "numbers": [1, 2, 3, 4, 5], "money": "10.50"}},
    "child": {"name": "Tino", "owed": "120.00"},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.text & '!'", 'a "quoted" \\ $text!'),
        ("$states.input.none", None),
        ("{'a': $states.input.none, 'b': $child.name}", {"a": None, "b": "Tino"}),
        ("$exists($states.input.other)", False),
        ("$exists($nobody)", False),
        ("$states.input.numbers[$ > 3]", [4, 5]),
        ("$sum($states.input.numbers) / 5", 3),
        ("1 / 4", 0.25),
        ("$map($states.input.numbers, function($n) { $n * 2 })", [2, 4, 6, 8, 10]),
        ("$merge([$child, {'owed': '0.00'}])", {"name": "Tino", "owed": "0.00"}),
        ("$states.input.money", "10.50"),
        ("$not($boolean([]))", True),
        ("[]", []),
        ("$partition($states.input.numbers, 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(5, 1, 1)", []),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse($string($child)).name", "Tino"),
    ],
)
def test_expressions_have_the_values_of_the_reference_implementation(expression: str, value: Any) -> None:
    assert evaluate(expression, VARIABLES) == value


def test_whole_numbers_are_integers() -> None:
    assert isinstance(evaluate("$sum([1.5, 1.5])", {}), int)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"])
def test_hash_supports_the_algorithms_of_step_functions(algorithm: str) -> None:
    expected = hashlib.new(algorithm.replace("-", "").lower(), b"Tino").hexdigest()
    assert evaluate(f"$hash($child.name, '{algorithm}')", VARIABLES) == expected


def test_random_can_be_seeded_and_uuid_is_unique() -> None:
    assert 0 <= evaluate("$random()", {}) < 1
    assert evaluate("$random(7)", {}) == evaluate("$random(7)", {}) != evaluate("$random(8)", {})
    first, second = evaluate("[$uuid(), $uuid()]", {})
    assert uuid.UUID(first).version == 4
    assert first != second


@pytest.mark.parametrize(
    "expression", ["$states.input.other", "$nobody", "function($x) { $x }", "$parse('{')", "1 + 'a'", "$ * 2"]
)
def test_an_error_names_the_expression_and_not_the_data(expression: str) -> None:
    with pytest.raises(JsonataError) as raised:
        evaluate(expression, VARIABLES)
    assert expression in str(raised.value)
    assert "quoted" not in str(raised.value)


def test_invalid_expressions_are_explained() -> None:
    assert problem("$states.input.a[0] & 'x'") is None
    assert problem("$states.input.") is not None
    assert "$eval" in (problem("$eval('1')") or "")
