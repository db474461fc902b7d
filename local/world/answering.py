"""The stand-in for a good language model: it answers from what it was given, and from nothing else."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from typing import Any, Final

_WORD: Final = re.compile(r"[a-z]+|\d[\d.,-]*\d|\d")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STUDENT_ID: Final = re.compile(r"\b[A-Z]{2,8}\d{4,}\b")
_STANDING: Final = re.compile(r"\b(?:owed|billed|balance|fully paid|credit|no fees recorded)\b", re.IGNORECASE)
_BILLED: Final = re.compile(r"\bbilled\b\D{1,10}\d|\bno fees\b")
_ORDERS: Final = re.compile(
    r"\b(you are (?:an?|the|\w+, the)\b|your (?:answer|reply|task)|answer (?:only|in|from)|reply (?:only|in|with)|"
    r"never|do not|don't|must not|instructions?|ignore|assistant named|the parent(?:'s)? (?:message|question))\b",
    re.IGNORECASE,
)
_TAGGED: Final = re.compile(r"<(\w*(?:question|message)\w*)[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_LABELLED: Final = re.compile(
    r"^\W*(?:(?:the )?(?:parent|visitor|user)(?:'s)? )?(?:question|message|asks?)\W*:\s*(.+)\Z",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_THANKS: Final = re.compile(
    r"\s*(thanks?|thank you|tatenda|maita(?: basa)?|ok(?:ay)?|great)\b[\s\w]{0,20}[.!]*\s*", re.I
)
_GREETING: Final = re.compile(
    r"\s*(hi|hello|hey|good (?:morning|afternoon|evening)|makadii|mhoro)\b[\s\w]{0,20}\W*", re.I
)
_OWN: Final = re.compile(
    r"\b(i|my|me|our|we|mine|balance|statement|owe|owing|outstanding|ndinofanira|chikwereti|mwana wangu)\b"
)
_MONEY_OF_ONES_OWN: Final = re.compile(
    r"\b(owe|owing|owed|balance|outstanding|paid|pay|left|remaining|credit|arrears|billed|fees?|chikwereti)\b"
)
_COMMON: Final = frozenset(
    "a about all an and any are as at be been but by can could did do does for from get give go has have he her him "
    "his how i if in into is it its know let like may me more much must my need no not of on one or our please "
    "school schools shall she should show so some still tell than that the their them then there these they this to "
    "too up us want was we were what when where which who why will with would you your child children kid son "
    "daughter write happen happens long many come coming today really every".split()
)
# What a good model knows without being told: other words for the same thing, Shona among them.
_MEANS: Final = tuple(
    (re.compile(rf"\b(?:{pattern})", re.IGNORECASE), words.split())
    for pattern, words in (
        (r"bus(?:es)?\b|bhazi|ride\b|pick up from|fare", "transport"),
        (r"cost|price|tuition|charge|mari\b|imarii|marii|fizi", "fees"),
        (r"clothes|wear|yunifomu|jersey|tracksuit", "uniform"),
        (r"where (?:is|are)|kupi|located|location|address of|directions|branch", "campuses directions"),
        (
            r"(?:what time|when) .*(?:school|class|lessons).*(?:start|end|open|close|begin|finish)|nguva|what time",
            "hours",
        ),
        (r"drop off", "hours"),
        (r"how much is (?:grade|ecd\b|form)", "fees"),
        (
            r"zvikoro|schools (?:open|close)|holiday|when does (?:the )?term|term (?:start|end|dates)",
            "dates term holidays",
        ),
        (r"enrol|apply|join|kunyoresa mwana|vacanc|nzvimbo|papers|a place", "admissions"),
        (r"kunyoresa imarii|registration|entrance|assessment|test fee", "registration assessment"),
        (r"lunch|meal|eat\b|chikafu", "food"),
        (r"e-?mail|(?:your|school) phone|speak to|talk to|kuhofisi|contact the", "contact reach"),
        (r"exam|cambridge|zimsec|curriculum|syllabus", "teach examinations"),
        (r"sick|absen|arikurwara|leave early|not coming", "ill away"),
        (r"instalments?|deadline|payment plan|must fees be paid|overpaid|zvishoma|due\b", "due"),
        (r"not showing|balance is wrong|not recorded|reflect|hazvisi kuoneka", "payment posted missing"),
        (r"in a class|ratio|from what age|which grades|class size", "grades learners"),
        (r"chang\w+ .*(?:number|phone|contact)|my number|contact details|nhamba", "number changed"),
        (r"(?:mwana|child) .*(?:leaving|transfer)|transfer", "transfer letter"),
        (r"results?\b|report|marks|doing in class", "results report"),
        (r"late\b|collect", "late pick-up"),
        (r"sports day|prize|event|consultation|zviitiko", "events"),
        (r"who are you|what can you do|are you a |help me\W*$|robot", "assistant"),
        (r"about the school|kind of school|history|nezvechikoro", "about college"),
    )
)


@dataclass(frozen=True)
class Prompt:
    """One request, taken apart."""

    given: str  # instructions and material
    question: str

    @classmethod
    def of(cls, request: dict[str, Any]) -> "Prompt":
        """From the body of a Responses call: the last user text is the question, all before it is given."""
        given = [str(request.get("instructions") or "")]
        question = ""
        items = request["input"]
        if isinstance(items, str):
            question = items
        else:
            turns = [(item.get("role"), _text_of(item.get("content"))) for item in items]
            last = max((n for n, (role, _) in enumerate(turns) if role == "user"), default=-1)
            question = turns[last][1] if last >= 0 else ""
            given += [text for n, (_, text) in enumerate(turns) if n != last]
        material, question = _split(question)
        return cls("\n\n".join([*given, material]).strip(), question.strip())


def answer(prompt: Prompt) -> str:
    """A warm, short answer out of what was given; a polite no when it holds nothing on the matter."""
    if _THANKS.fullmatch(prompt.question):
        return "You're welcome! 😊 Write again whenever I can help."
    if _GREETING.fullmatch(prompt.question):
        return "Hello! 😊 How can I help you with school matters today?"
    if any(name not in prompt.given for name in _STUDENT_ID.findall(prompt.question)):
        return _sorry(prompt, "I can only speak about your own children.")
    figures = _figures(prompt) if _about_own_money(prompt.question) else []
    if figures:
        return "Here is what the school has recorded:\n" + "\n".join(figures)
    found = _best(prompt.question, _passages(prompt.given))
    if not found:
        return _sorry(prompt, "I can only help with school matters that I have been told about.")
    return f"{found}\n\nIs there anything else I can help with? 😊"


def _sorry(prompt: Prompt, why: str) -> str:
    email = _EMAIL.search(prompt.given)
    return f"I'm sorry, {why}" + (f" The office can help you further: {email[0]}." if email else "")


def order_in(question: str) -> str:
    """What an obedient model would be made to say by an injected order."""
    match = re.search(
        r"(?:say|write|reply with|answer with|print|tell (?:me|them))\s*:?\s*[\"'“]?(.+?)[\"'”]?\s*$", question, re.I
    )
    return match[1] if match else question


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def _split(text: str) -> tuple[str, str]:
    """(material, question) of the last user text: a tag, a label or a JSON key may mark the question."""
    if tagged := list(_TAGGED.finditer(text)):
        last = tagged[-1]
        return text[: last.start()] + text[last.end() :], last[2]
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        for key in ("question", "message", "text"):
            if isinstance(value.get(key), str):
                return json.dumps({name: rest for name, rest in value.items() if name != key}), value[key]
    if labelled := _LABELLED.search(text):
        return text[: labelled.start()], labelled[1]
    return "", text


def _passages(given: str) -> list[str]:
    """The material in pieces that can each be an answer, orders to the model left out."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", given):
        for piece in _pieces(block.strip()):
            if piece and not _ORDERS.search(piece):
                found.append(piece)
    return found


def _pieces(block: str) -> Iterable[str]:
    if whole := _from_json(block):
        yield from whole
        return
    heading, *rest = block.splitlines() or [""]
    if rest and len(heading) < 70 and not heading.startswith(("-", "*", "•")) and not heading.endswith(":"):
        yield block  # a title and its text
        return
    piece: list[str] = []
    for line in rest if heading.endswith(":") and rest else [heading, *rest]:
        if piece and re.match(r"[-*] |[^•:]{2,60}: ", line):
            yield "\n".join(piece)
            piece = []
        piece += _from_json(line) or [line.strip()]
    yield "\n".join(piece)


def _from_json(text: str) -> list[str]:
    match = re.search(r"[\[{].*[\]}]", text, re.DOTALL)
    if not match:
        return []
    try:
        value = json.loads(match[0])
    except ValueError:
        return []
    rows = value if isinstance(value, list) else list(value.values()) if _only_rows(value) else [value]
    return [_row(row) for row in rows]


def _only_rows(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, dict) for item in value.values())


def _row(row: Any) -> str:
    if isinstance(row, dict) and "answer" in row:
        return f"{row.get('title', '')}\n{row['answer']}"
    if isinstance(row, dict):
        return ", ".join(f"{key}: {value}" for key, value in row.items())
    return str(row)


def _about_own_money(question: str) -> bool:
    words = question.lower()
    return bool(_OWN.search(words) and _MONEY_OF_ONES_OWN.search(words))


def _figures(prompt: Prompt) -> list[str]:
    """Where each child stands, with the name that stands above it; only the child that was named, if one was."""
    found: list[tuple[str, str]] = []
    name = ""
    for line in (line.strip(" -*•\t") for line in prompt.given.splitlines()):
        if line.endswith(":") and len(line) < 80:
            name = line
        elif not line:
            name = ""
        elif _STANDING.search(line) and _BILLED.search(line):
            found.append((f"{name} {line}".strip(), (name or line).split(" ")[0].lower()))
    asked = set(re.findall(r"\w+", prompt.question.lower()))
    named = [text for text, first in found if first in asked]
    return (named or [text for text, _ in found])[:8]


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON}


def _stem(word: str) -> str:
    for ending in ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ions", "ion", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _best(question: str, passages: list[str]) -> str | None:
    """The passage that holds the telling words of the question, those of its title twice as telling."""
    asked = _words(question)
    meant = {_stem(word) for pattern, words in _MEANS if pattern.search(question) for word in words} - asked
    bags = [(_words(passage), _words(_title(passage))) for passage in passages]
    spread = {word: sum(word in bag for bag, _ in bags) for word in asked | meant}
    known = {word for word in spread if spread[word]}
    if not known & meant and len(known) * 2 < len(asked):
        return None
    weight = {word: log(1 + len(passages) / spread[word]) * (1.5 if word in meant else 1) for word in known}
    scored = [
        (sum(weight[word] * (2 if word in title else 1) for word in known & bag), -len(title), -place)
        for place, (bag, title) in enumerate(bags)
    ]
    score, _, place = max(scored, default=(0.0, 0, 0))
    return _body(passages[-place]) if score > 0 else None


def _title(passage: str) -> str:
    first = passage.split("\n", 1)[0]
    return first.split(":", 1)[0][:60] if "\n" not in passage else first[:60]


def _body(passage: str) -> str:
    """The text of a passage without its title or label."""
    first, _, rest = passage.partition("\n")
    if rest and len(first) < 70:
        return re.sub(r"^(?:answer|a)\s*:\s*", "", rest.strip(), flags=re.IGNORECASE)
    return re.sub(r"^[-*•#\s]*(?:\[[\w-]+\]\s*)?(?:[A-Z][\w ,/'-]{2,50}:\s+(?=\S))?", "", passage).strip() or passage
