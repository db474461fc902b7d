"""`make eval`: how well the assistant understands what parents type, line by line, against what a clerk would do.

A file of lines has one JSON object a line: `text`; `registered` (the sender is a parent of Tariro and Tanaka Moyo);
`want`, a label; `ok`, the labels that are as good; `also`, further wishes in the same message.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from bench.eval_model import model_alone
from bench.report import Table
from functions.adapters import phrases_config, school_config
from functions.domain import intents
from functions.domain.errors import ConfigurationError
from functions.domain.intents import Intent
from functions.domain.people import Student

LINES: Final = Path(__file__).parents[1] / "tests" / "utterances" / "utterances.jsonl"
CONFIG: Final = Path(__file__).parents[1] / "config"
TODAY: Final = date(2026, 11, 23)  # in the third term of the shipped calendar
FAMILY: Final = (
    Student("SSC20257279", "Tariro", "Moyo", "Form 2"),
    Student("SSC20257280", "Tanaka", "Moyo", "Grade 5"),
)
LABELS: Final = (
    *("balance", "statement", "gate_pass", "question", "office", "menu"),
    *("thanks", "opt_out", "opt_in", "info", "ask"),
)
DANGEROUS: Final = frozenset({"gate_pass", "opt_out"})  # what must not be started where no label allows it
TO_THE_MODEL: Final = "to the model"


class LineError(Exception):
    """A line of the file that cannot be used; names the place and what was expected."""


@dataclass(frozen=True)
class Line:
    """One thing that somebody types."""

    text: str
    registered: bool
    want: str
    ok: frozenset[str]  # contains `want`
    also: frozenset[str]
    language: str

    @classmethod
    def read(cls, text: str, where: str) -> "Line":
        try:
            values = json.loads(text)
        except ValueError as error:
            raise LineError(f"{where}: expected a JSON object ({error})") from error
        if not isinstance(values, Mapping):
            raise LineError(f"{where}: expected a JSON object")
        want = values.get("want")
        labels = [want, *_list(values, "ok", where), *_list(values, "also", where)]
        if not isinstance(values.get("text"), str) or not isinstance(values.get("registered"), bool):
            raise LineError(f"{where}: expected text, a text, and registered, true or false")
        if unknown := [label for label in labels if label not in LABELS]:
            raise LineError(f"{where}: {unknown[0]!r} is no label; expected one of {', '.join(LABELS)}")
        return cls(
            values["text"],
            values["registered"],
            str(want),
            frozenset({str(want), *_list(values, "ok", where)}),
            frozenset(_list(values, "also", where)),
            _language(values),
        )


def _list(values: Mapping[str, object], name: str, where: str) -> list[str]:
    found = values.get(name, [])
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise LineError(f"{where}: {name}: expected a list of labels")
    return found


def _language(values: Mapping[str, object]) -> str:
    """Of the line: given, or as its note begins."""
    given = values.get("language")
    if isinstance(given, str):
        return given
    note = str(values.get("note") or "")
    return next((language for language in ("Shona", "Ndebele") if note.startswith(language)), "English")


def read_lines(path: Path) -> list[Line]:
    """Every line of the file; LineError names the first that cannot be used."""
    try:
        texts = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LineError(f"{path}: {error}") from error
    lines = [Line.read(text, f"{path.name}:{place}") for place, text in enumerate(texts, start=1) if text.strip()]
    if not lines:
        raise LineError(f"{path}: expected at least one line")
    return lines


# --- understanding


@dataclass(frozen=True)
class Outcome:
    """What the assistant would do."""

    label: str  # one of LABELS, or TO_THE_MODEL
    student_ids: tuple[str, ...] = ()  # the children whom it concerns; empty: all of the sender's
    also: frozenset[str] = frozenset()  # further wishes that it heard
    confirms: bool = False  # a pass or a STOP waits for a tap


Understander = Callable[[str, bool], Outcome]  # (text, registered) -> what the assistant would do


def rules_alone() -> Understander:
    """What the rules are certain of."""
    configured = school_config.load(CONFIG)
    phrases = phrases_config.load(CONFIG, configured.assistant)

    def understand(text: str, registered: bool) -> Outcome:
        request = intents.recognise(
            text,
            registered=registered,
            students=FAMILY if registered else (),
            calendar=configured.calendar,
            prefix=configured.student_id_prefix,
            today=TODAY,
            phrases=phrases,
        )
        if not request.certain:
            return Outcome(TO_THE_MODEL, request.student_ids)
        label = request.intent.value
        if not registered and label in ("balance", "statement", "gate_pass"):
            label = "info"  # no figures and no pass: how the number can be linked
        if not registered and request.intent == Intent.ASK:
            label = "question"
        if intents.is_start(text):
            label = "opt_in"  # as for anyone who had opted out; others get the menu
        return Outcome(label, request.student_ids)

    return understand


def rules_and_model() -> Understander:
    """What a parent gets: the rules where they are certain, else the model, whose passes and STOPs wait for a tap."""
    rules, model = rules_alone(), model_alone()

    def understand(text: str, registered: bool) -> Outcome:
        outcome = rules(text, registered)
        if outcome.label != TO_THE_MODEL:
            return outcome
        heard = model(text, registered)
        return Outcome(heard.label, heard.student_ids, heard.also, confirms=True)

    return understand


# --- judging


class Verdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    DANGEROUS = "dangerous"  # wrong, and a pass or a STOP
    TO_THE_MODEL = "to the model"  # neither


def judge(line: Line, outcome: Outcome) -> Verdict:
    """Whether a sensible clerk would have done so."""
    if outcome.label == TO_THE_MODEL:
        return Verdict.TO_THE_MODEL
    if outcome.label in DANGEROUS and outcome.label not in line.ok | line.also:
        return Verdict.WRONG if outcome.confirms else Verdict.DANGEROUS
    return Verdict.RIGHT if outcome.label in line.ok else Verdict.WRONG


def _wants(label: str, line: Line) -> bool:
    return line.want == label


def _is_in(language: str, line: Line) -> bool:
    return line.language == language


def table(title: str, judged: Sequence[tuple[Line, Outcome, Verdict]]) -> Table:
    """Counts by label, by language, and by who writes."""
    made = Table(title, ["lines", "all", *(verdict.value for verdict in Verdict), "right of those decided"])
    groups: list[tuple[str, Callable[[Line], bool]]] = [
        *((label, partial(_wants, label)) for label in LABELS),
        *((name, partial(_is_in, name)) for name in sorted({line.language for line, _, _ in judged})),
        ("registered", lambda line: line.registered),
        ("not registered", lambda line: not line.registered),
        ("all", lambda line: True),
    ]
    for name, belongs in groups:
        counts = Counter(verdict for line, _, verdict in judged if belongs(line))
        total = sum(counts.values())
        decided = total - counts[Verdict.TO_THE_MODEL]
        share = f"{counts[Verdict.RIGHT] / decided:.0%}" if decided else "–"
        if total:
            made.add(
                [name, total, *(counts[verdict] for verdict in Verdict), share],
                group=name,
                counts={verdict.value: counts[verdict] for verdict in Verdict},
            )
    return made


def evaluate(lines: Sequence[Line], understand: Understander) -> list[tuple[Line, Outcome, Verdict]]:
    """Each line with what became of it."""
    outcomes = [understand(line.text, line.registered) for line in lines]
    return [(line, outcome, judge(line, outcome)) for line, outcome in zip(lines, outcomes, strict=True)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 if something dangerous was done, 2 if the lines or the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("--file", type=Path, default=LINES, help="lines to use (JSON, one object a line)")
    given = parser.parse_args(arguments)
    console = Console(highlight=False)
    try:
        lines = read_lines(given.file)
        understanders = {"rules alone": rules_alone(), "rules and model": rules_and_model()}
    except (LineError, ConfigurationError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 2
    is_dangerous = False
    for name, understand in understanders.items():
        judged = evaluate(lines, understand)
        table(f"{name}: {len(lines)} lines", judged).print(console)
        for line, outcome, verdict in judged:
            if verdict in (Verdict.WRONG, Verdict.DANGEROUS):
                wanted = "/".join(sorted(line.ok))
                console.print(escape(f"{verdict.value}: {outcome.label}, wanted {wanted}: {line.text!r}"))
                is_dangerous |= verdict == Verdict.DANGEROUS
    return int(is_dangerous)


if __name__ == "__main__":
    sys.exit(main())
