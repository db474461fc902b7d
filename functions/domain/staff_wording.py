"""Every sentence that staff of the school read in answer to a command."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from functions.domain.documents import long_date
from functions.domain.intents import Intent, tap_id
from functions.domain.replies import Buttons, Choice, Reply, Text, shorten
from functions.domain.school import School
from functions.domain.staff import FORMS, Command

Result = Mapping[str, Any]  # of the use case in `services/staff/`

_WITHOUT_WORDS: Final = {"conversation": "answered in the WhatsApp app"}  # kinds of requests

MOST_WORDS: Final = 160  # characters of a parent's words in a list


def compose(command: Command, result: Result, school: School, now: datetime) -> Reply:
    """What the command has done. `result` is empty where nothing had to be looked up."""
    if not command.is_complete:
        form = FORMS[command.name]
        return Text(f"Please write it like this: *{_example(command.name, school, now)}*\n\nIt means: {form.purpose}.")
    return _COMPOSERS[command.name](result, school, now)


def _help(result: Result, school: School, now: datetime) -> Reply:
    lines = [f"*{_example(name, school, now)}*\n{form.purpose}" for name, form in FORMS.items()]
    return Text("\n\n".join(["What you can write to me:", *lines, "Anything else is answered as from a parent."]))


def _example(name: str, school: School, now: datetime) -> str:
    term = school.calendar.billing(now.date()).code
    return FORMS[name].example.format(prefix=school.student_id_prefix, term=term)


def _requests(result: Result, school: School, now: datetime) -> Reply:
    rows = result["rows"]
    if not rows:
        return Text("No parent is waiting for the office.")
    blocks = [_request(row) for row in rows]
    return Text(_listed(f"*Open requests: {result['total']}*", blocks, result["total"], "reply 12 …, close 12"))


def _request(row: Result) -> str:
    mark = "🚨 *URGENT* " if row["urgent"] else ""
    children = ", ".join(row["children"])
    who = row["name"] or "A parent"
    title = f"{mark}*{row['number']}* {who}" + (f" ({children})" if children else "") + f", {_since(row['minutes'])}"
    without_words = _WITHOUT_WORDS.get(row["kind"], row["kind"].replace("_", " "))
    words = f"“{shorten(row['words'], MOST_WORDS)}”" if row["words"] else without_words
    return f"{title}\n{words}"


def _since(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


def _reply(result: Result, school: School, now: datetime) -> Reply:
    number = result["number"]
    if number is None:
        return _no_request()
    who = result["name"] or "the parent"
    match result.get("delivered"):
        case "message":
            close = Choice(tap_id(Intent.CLOSE, entry=str(number)), "Close")
            return Buttons(f"Sent to {who} (request {number}). Is it done? Then close it.", (close,))
        case "template":
            line = (
                f"{who} has not written for 24 hours: WhatsApp does not take your words. I asked them to write again."
            )
        case "unknown":
            line = f"I do not know whether your words reached {who} (request {number}). Please ask them."
        case _:
            line = f"Your answer did not reach {who} (request {number}). Please reach them yourself."
    return Text(_with_link(line, result))


def _close(result: Result, school: School, now: datetime) -> Reply:
    if result["number"] is None:
        return _no_request()
    return Text(f"Request {result['number']} is closed. {school.assistant} answers there again.")


def _no_request() -> Reply:
    return Text("There is no open request with that number. *requests* lists them.")


def _passes(result: Result, school: School, now: datetime) -> Reply:
    student = result["student"]
    if student is None:
        return Text("I do not know a student with that number.")
    title = f"*Gate passes of {student['name']}* ({student['id']})"
    blocks = [_pass(row) for row in result["rows"]]
    return Text(_listed(title, blocks or ["None yet."], result["total"], "revoke GP-… reason"))


def _pass(row: Result) -> str:
    issued, until = (long_date(date.fromisoformat(row[name])) for name in ("issued_on", "valid_until"))
    return f"*{row['number']}*: {row['state']}\nissued {issued}, until {until}, {row['percent_paid']} % paid"


def _revoke(result: Result, school: School, now: datetime) -> Reply:
    number, outcome = result["number"], result["outcome"]
    if outcome == "unknown":
        return Text(f"There is no gate pass {number}. *passes {school.student_id_prefix}…* lists those of a student.")
    if outcome != "revoked":
        return Text(f"{number} was *{outcome}* already. Nothing has changed.")
    done = (
        f"{number} of {result['name']} is *revoked*: the guard sees it at the next scan. There is no new pass this "
        f"term until you write *allow {number}*."
    )
    told = {
        "message": "The parent has been told.",
        "template": "The parent has been told.",
    }.get(str(result.get("delivered")), "I could not tell the parent: please do it yourself.")
    is_told = result.get("delivered") in ("message", "template")
    return Text(f"{done}\n\n{told}" if is_told else _with_link(f"{done}\n\n{told}", result))


def _allow(result: Result, school: School, now: datetime) -> Reply:
    number, outcome = result["number"], result["outcome"]
    if outcome == "allowed":
        return Text(f"A new gate pass may be issued for {result['name']}. {number} stays revoked.")
    if outcome == "unknown":
        return Text(f"There is no gate pass {number}.")
    return Text(f"{number} is {outcome}: it holds no new pass back. Nothing has changed.")


def _problems(result: Result, school: School, now: datetime) -> Reply:
    rows = result["rows"]
    if not rows:
        return Text("Every student's record can be used.")
    blocks = [_problem(row) for row in rows]
    title = f"*Records to put right in the school's system: {result['total']}*"
    return Text(_listed(title, blocks, result["total"], "corrected records are used after the next night"))


def _problem(row: Result) -> str:
    who = f"{row['place']} {row['name']}".strip()
    written = f" (“{shorten(row['phone'], 60)}”)" if row["phone"] else ""
    return f"*{shorten(who, 80)}*: {row['problem']}{written}\n{row['fix']}"


def _today(result: Result, school: School, now: datetime) -> Reply:
    lines = (
        ("Messages", "messages"),
        ("Answers", "answers"),
        ("Handed over to the office", "handed_over"),
        ("Apologies", "apologies"),
        ("Requests still open", "open"),
    )
    return Text("\n".join(["*Today so far*", *(f"{label}: {result[name]}" for label, name in lines)]))


def _listed(title: str, blocks: Sequence[str], total: int, hint: str) -> str:
    """A list that fits one message; the rest is counted."""
    more = f"… and {total - len(blocks)} more." if total > len(blocks) else ""
    return "\n\n".join(part for part in (title, *blocks, more, f"_{hint}_") if part)


def _with_link(line: str, result: Result) -> str:
    phone = result.get("phone")
    return f"{line}\nhttps://wa.me/{phone.lstrip('+')}" if phone else line


_COMPOSERS: Final[Mapping[str, Callable[[Result, School, datetime], Reply]]] = {
    "requests": _requests,
    "reply": _reply,
    "close": _close,
    "passes": _passes,
    "revoke": _revoke,
    "allow": _allow,
    "problems": _problems,
    "today": _today,
    "help": _help,
}
