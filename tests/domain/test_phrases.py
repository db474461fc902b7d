"""The phrases of each language: what a line stands for, what is misspelt, and mistakes named all at once."""

import copy
import tomllib
from typing import Any

import pytest

from functions.adapters.phrases_config import load, phrases
from functions.domain.errors import ConfigurationError
from functions.domain.intents import Intent, recognise
from functions.domain.phrases import LONGEST_PHRASE, MOST_VARIANTS, build, expand, is_typo
from tests.domain.a_school import CONFIG, SCHOOL, TODAY

SHIPPED = tomllib.loads((CONFIG / "phrases.toml").read_text("utf-8"))


def changed(path: str, value: object) -> dict[str, Any]:
    """The shipped phrases with one value replaced; `...` takes it away."""
    values = copy.deepcopy(SHIPPED)
    *steps, last = path.split(".")
    table: Any = values
    for step in steps:
        table = table.setdefault(step, {})
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return values


def problems(values: object) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        build(values)  # type: ignore[arg-type]
    return error.value.problems


@pytest.mark.parametrize(
    ("line", "variants"),
    [
        ("fee balance", ["fee balance"]),
        ("(a|b) c", ["a c", "b c"]),
        ("a [b] c", ["a b c", "a c"]),
        ("[a|b c] d", ["a d", "b c d", "d"]),
        ("((a|b) c|d) e", ["a c e", "b c e", "d e"]),
        ("(a|a) b", ["a b"]),
    ],
)
def test_a_line_stands_for_phrases(line: str, variants: list[str]) -> None:
    assert sorted({" ".join(phrase) for phrase in expand(line)}) == variants


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("(a|b", "brackets in pairs"),
        ("a)", "brackets in pairs"),
        ("(a]", "brackets in pairs"),
        ("a | b", "brackets in pairs"),
        ("[a]", "at least one word"),
        ("(a|)", "at least one word"),
        ("Balance", "small Latin letters"),
        ("what's", "small Latin letters"),
        ("余额", "small Latin letters"),
        ("a " * (LONGEST_PHRASE + 1), f"at most {LONGEST_PHRASE} words"),
        ("(a|b|c|d) " * 4, f"at most {MOST_VARIANTS} variants"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        expand(line)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("en", "text", "[en]: expected a table"),
        ("en.greeting", "hi", "en.greeting: expected one of"),
        ("en.greetings", ["hi"], "en.greetings: expected phrases"),
        ("en.greetings", " ", "en.greetings: expected phrases"),
        ("en.greetings", "hi\n(there", "en.greetings: '(there'"),
        ("en.commands", "balance", "en.commands: expected a table"),
        ("en.commands.payment", "pay", "en.commands.payment: expected one of"),
        ("en.info.fees", "fees", "en.info.fees: expected one of"),
        ("en.terms.first", "term", "en.terms.first: expected one of"),
        ("en.numbers.0", "zero", "en.numbers.0: expected one of"),
        ("en.own_words", "my My", "en.own_words: expected single words"),
        ("sn.synonyms", "x", "sn.synonyms: expected a table"),
        ("sn.synonyms.balance", "two-words", "sn.synonyms.balance: expected single words"),
        ("sn.synonyms.statement", "bal", "'bal' stands for balance and for statement"),
        ("nd.commands.statement", "gate pass", "'gate pass' stands for gate_pass and for statement"),
        ("nd.info.about", "office", "'office' stands for office and for info:about"),
        ("sn.small_words", "not", "'not' is a negation"),
    ],
)
def test_a_mistake_is_named(path: str, value: object, named: str) -> None:
    found = problems(changed(path, value))
    assert any(named in problem for problem in found), found


@pytest.mark.parametrize("command", ["balance", "statement", "gate_pass", "ask", "office", "menu", "opt_out", "opt_in"])
def test_a_command_without_a_phrase_in_any_language_is_named(command: str) -> None:
    values = copy.deepcopy(SHIPPED)
    for sections in values.values():
        sections["commands"].pop(command, None)
    assert any(f"commands.{command}: expected at least one phrase" in problem for problem in problems(values))


def test_all_mistakes_are_named_at_once() -> None:
    values = changed("en.greeting", "hi") | {"fr": 7}
    values["sn"]["commands"]["fly"] = "bhururuka"
    found = " ".join(problems(values))
    assert all(name in found for name in ("en.greeting", "[fr]", "sn.commands.fly"))
    assert problems({}) == ["phrases.toml: expected a table for each language, such as [en]"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    for text in (None, "[en", b"\xff\xfe"):
        if isinstance(text, str):
            (tmp_path / "phrases.toml").write_text(text)
        elif text:
            (tmp_path / "phrases.toml").write_bytes(text)
        with pytest.raises(ConfigurationError) as error:
            load(tmp_path, "Mya")
        assert [problem.split(":")[0] for problem in error.value.problems] == ["phrases.toml"]


def test_another_language_needs_lines_in_the_file_alone() -> None:
    french = {"greetings": "bonjour", "requests": "je voudrais", "articles": "mon", "commands": {"balance": "solde"}}
    request = recognise(
        "Bonjour, je voudrais mon soldde",
        registered=True,
        students=(),
        calendar=SCHOOL.calendar,
        prefix="SSC",
        today=TODAY,
        phrases=build({**SHIPPED, "fr": french}),
    )
    assert (request.intent, request.certain) == (Intent.QUESTION, False)  # five letters: too short for a guess
    french["commands"] = {"balance": "solde\ncompte"}
    request = recognise(
        "Bonjour, je voudrais mon compe",
        registered=True,
        students=(),
        calendar=SCHOOL.calendar,
        prefix="SSC",
        today=TODAY,
        phrases=build({**SHIPPED, "fr": french}),
    )
    assert (request.intent, request.certain) == (Intent.BALANCE, True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("balnce", "balance"),
        ("balanec", "balance"),
        ("balanc", "balance"),
        ("bxlance", "balance"),
        ("baalance", "balance"),
        ("statemnt", "statement"),
        ("statmnt", "statement"),
        ("unsubsribe", "unsubscribe"),
    ],
)
def test_a_slip_of_the_thumb_is_a_typo(typed: str, meant: str) -> None:
    assert is_typo(typed, meant)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("passed", "passes"),  # another ending
        ("balanced", "balance"),
        ("officer", "office"),
        ("dalance", "balance"),  # another first letter
        ("late", "gate"),
        ("blnce", "balance"),  # two slips in a short word
        ("statute", "statement"),
    ],
)
def test_another_word_is_no_typo(typed: str, meant: str) -> None:
    assert not is_typo(typed, meant)


def test_no_listed_word_is_read_as_another() -> None:
    for word in SHIPPED["en"]["other_words"].split():
        assert phrases().readings(word) == (word,)
