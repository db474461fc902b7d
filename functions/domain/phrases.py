"""The phrases that parents use, per language: read from configuration, checked whole, and found in a message.

A phrase is a line of words. `(a|b)` stands for either, `[a]` may be missing, and both may be nested.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from functions.domain.errors import ConfigurationError
from functions.domain.words import tokens

# What a phrase does in a message. A section of a language has these names; what is not a command only surrounds one.
SURROUNDINGS: Final = frozenset(
    {
        "greetings",  # hello, good morning
        "address",  # sir; the name of the school's assistant is added
        "after_greeting",  # hello team
        "fillers",  # please, just: looked past wherever they stand
        "politeness",  # thank you
        "openers",  # ok, so: before a command; alone they are nothing
        "requests",  # I want, send me: with whatever can be had
        "looking",  # I want to see, tell me: not with a gate pass, which is issued and not looked at
        "may_i",  # I want to, may I: before talk and ask
        "needed",  # needed, required: a question mark turns it into a question
        "articles",  # the, my
        "small_words",  # for, of
        "time_words",  # now, today
        "children",  # my son, both
        "joiners",  # and: between two children
        "options",  # option, number: before a number of the menu
        "yes",
        "no",
        "negations",  # not: such a message is left to the model, wherever the phrase stands in it
        "questions",  # why, how do I: so is this one
        "urgent",  # has not come home: a child may be in danger or unwell; such a message is not certain either
        "other_words",  # words of their own that are not missynonyms of ours; they are not certain either
    }
)
COMMANDS: Final = frozenset(
    {"balance", "fees", "statement", "gate_pass", "ask", "office", "menu", "thanks", "opt_out", "opt_in"}
)
ENTRIES: Final = ("about", "admissions", "events", "contact")  # of the school's knowledge
TERMS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "last", "this", "next")
WORD_LISTS: Final = (
    "own_words",  # my, our, she
    "money_words",  # fees, paid: with an own word, a question about the parent's own figures
    "context_words",  # and, it, same: the words may be about what was said before
    "proof_words",  # slip, deposit: under a picture, it may be a proof of payment
    "code_words",  # otp, pin: digits beside such a word are a one-time code, and are not remembered
    "name_prefixes",  # written together with a child's name: yaTariro, kaTanaka
)
NEEDED_COMMANDS: Final = ("balance", "statement", "gate_pass", "ask", "office", "menu", "opt_out", "opt_in")
_NOT_CERTAIN: Final = ("negations", "questions", "urgent", "other_words")
_MAY_NOT_NEGATE: Final = SURROUNDINGS - {*_NOT_CERTAIN, "no", "options"}

LONGEST_PHRASE: Final = 12  # words
MOST_VARIANTS: Final = 200  # of one line
SHORTEST_WITH_TYPO: Final = 5  # letters typed; shorter words have too many neighbours: gate, late, date
SHORTEST_CORRECTED: Final = 6  # letters of the word that was meant
TWO_TYPOS_FROM: Final = 9
LONGEST_WITH_TYPO: Final = 20


# One word further into the phrases: the words that may follow, and under "" the roles of the phrase that ends here.
_Node = dict[str, Any]


_REPEATED: Final = re.compile(r"(.)\1+")
_STRETCHED: Final = re.compile(r"(.)\1\1")


@dataclass(frozen=True)
class Found:
    """The longest phrase at a place of a message."""

    length: int  # in words
    roles: frozenset[str]


@dataclass(frozen=True)
class Phrases:
    """Every phrase of every language, as one index. Roles: sections, `info:about`, `term:last`, `number:1`."""

    root: _Node
    synonyms: Mapping[str, str]  # pls: please
    words: frozenset[str]
    own_words: frozenset[str]
    money_words: frozenset[str]
    context_words: frozenset[str]
    code_words: frozenset[str]
    proof_words: frozenset[str]
    name_prefixes: frozenset[str]
    fillers: frozenset[str]
    meant: frozenset[str]  # what a misspelt word may stand for

    @cached_property  # most messages have no misspelt word
    def _by_letter(self) -> Mapping[str, Sequence[str]]:
        """Words long enough to be meant by a misspelt one, by their first letter."""
        found: dict[str, list[str]] = {}
        for word in sorted(self.meant):
            if len(word) >= SHORTEST_CORRECTED:
                found.setdefault(word[0], []).append(word)
        return found

    @cached_property
    def _by_short_form(self) -> Mapping[str, Sequence[str]]:
        """Words by their form without repeated letters."""
        found: dict[str, list[str]] = {}
        for word in sorted(self.meant):
            found.setdefault(_without_repeats(word), []).append(word)
        return found

    def find(self, readings: Sequence[Sequence[str]], start: int) -> Found | None:
        """The longest phrase that begins at this token; `readings` has the words that each token may stand for."""
        nodes, found = [self.root], None
        for place in range(start, min(start + LONGEST_PHRASE, len(readings))):
            nodes = [node[word] for node in nodes for word in readings[place] if word in node]
            if not nodes:
                break
            roles = frozenset[str]().union(*(node.get("", ()) for node in nodes))
            if roles:
                found = Found(place - start + 1, roles)
        return found

    def spelt(self, token: str) -> str:
        """The word that it is read as: `pls` is `please`."""
        return self.synonyms.get(token, token)

    def readings(self, token: str) -> tuple[str, ...]:
        """The words that a token may stand for: itself, `pls`, `balanceee`, `balnce`."""
        word = self.spelt(token)
        if word in self.words or not token.isascii() or len(token) > LONGEST_WITH_TYPO:
            return (word,)
        meant: Sequence[str] = ()
        if _STRETCHED.search(token):
            meant = self._by_short_form.get(_without_repeats(token), ())
        elif len(token) >= SHORTEST_WITH_TYPO:
            meant = [known for known in self._by_letter.get(token[0], ()) if is_typo(token, known)]
        return tuple(dict.fromkeys(map(self.spelt, meant))) or (word,)


def _without_repeats(word: str) -> str:
    return _REPEATED.sub(r"\1", word)


def is_typo(typed: str, meant: str) -> bool:
    """Whether one slip lies between them, two in a long word. A changed ending is no slip: `passed` and `passes`."""
    allowed = 2 if len(meant) >= TWO_TYPOS_FROM else 1
    if typed[0] != meant[0] or abs(len(typed) - len(meant)) > allowed:
        return False
    if typed[-1] != meant[-1] and not (meant.startswith(typed) or sorted(typed[-2:]) == sorted(meant[-2:])):
        return False
    return _distance(typed, meant) <= allowed


def _distance(one: str, other: str) -> int:
    """Letters added, left out, changed or swapped with their neighbour."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


# --- reading the configuration


def build(values: Mapping[str, object], assistant: str = "") -> Phrases:
    """The phrases from parsed configuration; raises ConfigurationError that lists every problem.

    `assistant`: the name of the school's assistant, by which parents may address it.
    """
    read = _Reader()
    if not values:
        read.problems.append("phrases.toml: expected a table for each language, such as [en]")
    for language, sections in values.items():
        if isinstance(sections, Mapping) and "synonyms" in sections:
            read.synonym_table(f"phrases.toml: {language}.synonyms", sections["synonyms"])
    for language, sections in values.items():
        if isinstance(sections, Mapping):
            read.language(str(language), sections)
        else:
            read.problems.append(f"phrases.toml: [{language}]: expected a table")
    if name := tuple(tokens(assistant)):
        read.roles[name] = (*read.roles.get(name, ()), "address")
    if values:
        read.check_whole()
    if read.problems:
        raise ConfigurationError(read.problems)
    return Phrases(
        root=_index(read.roles),
        synonyms=read.synonyms,
        words=frozenset(chain.from_iterable(read.roles)),
        own_words=frozenset(read.words.get("own_words", ())),
        money_words=frozenset(read.words.get("money_words", ())),
        context_words=frozenset(read.words.get("context_words", ())),
        code_words=frozenset(read.words.get("code_words", ())),
        proof_words=frozenset(read.words.get("proof_words", ())),
        name_prefixes=frozenset(read.words.get("name_prefixes", ())),
        fillers=frozenset(phrase[0] for phrase, roles in read.roles.items() if "fillers" in roles),
        meant=frozenset(read.meant | read.synonyms.keys()),
    )


def _index(roles: Mapping[tuple[str, ...], tuple[str, ...]]) -> _Node:
    root: _Node = {}
    for phrase, found in roles.items():
        node = root
        for word in phrase:
            known = node.get(word)
            if known is None:
                known = node[word] = {}
            node = known
        node[""] = found
    return root


@dataclass
class _Reader:
    """Collects the phrases and every problem on the way."""

    roles: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)  # words that a misspelt one may stand for
    synonyms: dict[str, str] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)  # of the word lists
    problems: list[str] = field(default_factory=list)

    def language(self, language: str, sections: Mapping[str, object]) -> None:
        tables = {"commands": COMMANDS, "info": ENTRIES, "terms": TERMS, "numbers": TERMS[:9]}
        prefixes = {"commands": "", "info": "info:", "terms": "term:", "numbers": "number:"}
        for name, value in sections.items():
            where = f"phrases.toml: {language}.{name}"
            if name == "synonyms":
                continue
            if name in tables:
                if not isinstance(value, Mapping):
                    self.problems.append(f"{where}: expected a table")
                    continue
                for key, lines in value.items():
                    if key in tables[name]:
                        self.section(f"{where}.{key}", prefixes[name] + key, lines)
                    else:
                        self.problems.append(f"{where}.{key}: expected one of {', '.join(sorted(tables[name]))}")
            elif name in WORD_LISTS:
                self.word_list(where, name, value)
            elif name in SURROUNDINGS:
                self.section(where, name, value)
            else:
                known = sorted({*SURROUNDINGS, *WORD_LISTS, *tables, "synonyms"})
                self.problems.append(f"{where}: expected one of {', '.join(known)}")

    def section(self, where: str, role: str, lines: object) -> None:
        if not isinstance(lines, str) or not lines.strip():
            self.problems.append(f"{where}: expected phrases, one a line")
            return
        roles = (role,)
        if role not in _NOT_CERTAIN:
            self.meant.update(_SIGN.findall(lines))
        for line in filter(None, map(str.strip, lines.splitlines())):
            try:
                variants = expand(line, self.synonyms)
            except ValueError as error:
                self.problems.append(f"{where}: {line!r}: {error}")
                continue
            for phrase in variants:
                known = self.roles.setdefault(phrase, roles)
                if known is not roles and role not in known:
                    self.roles[phrase] = known + roles

    def synonym_table(self, where: str, table: object) -> None:
        if not isinstance(table, Mapping):
            self.problems.append(f"{where}: expected a table")
            return
        for word, text in table.items():
            variants = text.split() if isinstance(text, str) else []
            if not variants or not all(map(_WORD.fullmatch, (word, *variants))):
                self.problems.append(f"{where}.{word}: expected single words in small Latin letters")
            for variant in variants:
                if self.synonyms.setdefault(variant, word) != word:
                    self.problems.append(f"{where}: {variant!r} stands for {self.synonyms[variant]} and for {word}")

    def word_list(self, where: str, name: str, text: object) -> None:
        words = text.split() if isinstance(text, str) else []
        if not words or not all(map(_WORD.fullmatch, words)):
            self.problems.append(f"{where}: expected single words in small Latin letters")
        self.words.setdefault(name, set()).update(words)

    def check_whole(self) -> None:
        """What can only be seen in all languages together."""
        present = set(chain.from_iterable(set(self.roles.values())))
        self.problems += [
            f"phrases.toml: commands.{name}: expected at least one phrase in some language"
            for name in NEEDED_COMMANDS
            if name not in present
        ]
        for phrase, roles in self.roles.items():
            if len(roles) == 1:
                continue
            words = " ".join(phrase)
            wanted = [role for role in roles if role in COMMANDS or ":" in role]
            if len(wanted) > 1:
                self.problems.append(f"phrases.toml: {words!r} stands for {' and for '.join(wanted)}")
            if "negations" in roles and not _MAY_NOT_NEGATE.isdisjoint(roles):
                self.problems.append(
                    f"phrases.toml: {words!r} is a negation and stands in {min(_MAY_NOT_NEGATE & {*roles})}"
                )


_SIGN: Final = re.compile(r"[a-z0-9]+|[()\[\]|]")
_BRACKETS: Final = frozenset("()[]|")
_WORD: Final = re.compile(r"[a-z0-9]+")
_LINE: Final = re.compile(r"[a-z0-9 ()\[\]|]+")


def expand(line: str, synonyms: Mapping[str, str] = MappingProxyType({})) -> list[tuple[str, ...]]:
    """Every phrase that a line stands for, each word as it is read; ValueError says what is wrong with it.

    `how much [do] (i|we) owe` is four phrases.
    """
    if not _LINE.fullmatch(line):
        raise ValueError("expected words in small Latin letters and digits, and brackets")
    if _BRACKETS.isdisjoint(line):
        variants = [tuple([synonyms.get(word, word) for word in line.split()])]
    else:
        variants = _alternatives(iter([synonyms.get(sign, sign) for sign in _SIGN.findall(line)]), "")
    if () in variants:
        raise ValueError("expected at least one word in every variant")
    if max(map(len, variants)) > LONGEST_PHRASE:
        raise ValueError(f"expected at most {LONGEST_PHRASE} words")
    return variants


def _alternatives(signs: Iterator[str], closing: str) -> list[tuple[str, ...]]:
    """Up to the closing sign; "" is the end of the line."""
    done: list[tuple[str, ...]] = []
    variants: list[tuple[str, ...]] = [()]
    for sign in signs:
        if sign == "(":
            variants = _joined(variants, _alternatives(signs, ")"))
        elif sign == "[":
            variants = _joined(variants, [*_alternatives(signs, "]"), ()])
        elif sign == "|" and closing:
            done += variants
            variants = [()]
        elif sign not in _BRACKETS:
            variants = [(*variant, sign) for variant in variants]
        elif sign == closing:
            return done + variants
        else:
            raise ValueError("expected brackets in pairs, and | within them")
    if closing:
        raise ValueError("expected brackets in pairs, and | within them")
    return variants


def _joined(before: list[tuple[str, ...]], after: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    if len(before) * len(after) > MOST_VARIANTS:
        raise ValueError(f"expected at most {MOST_VARIANTS} variants")
    return [variant + more for variant in before for more in after]
