"""Every sentence that a parent can read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum

from functions.domain import money, proofs, staff_wording, voice_notes
from functions.domain.accounts import Account, Balance, Standing, StudentAccount
from functions.domain.conversation import OLD, Plan, ReplyType
from functions.domain.documents import Letterhead, StatementChild, StatementDocument, chronological, long_date
from functions.domain.gate_passes import Delivery, Refusal, decide
from functions.domain.intents import REGISTERED_MENU, VISITOR_MENU, Intent, tap_id
from functions.domain.payments import Receipt
from functions.domain.people import Kind, Person, Student
from functions.domain.proofs import ProofFile
from functions.domain.replies import (
    BUTTON_TITLE,
    INTERACTIVE_LIMIT,
    MOST_ROWS,
    ROW_DESCRIPTION,
    ROW_TITLE,
    Buttons,
    Choice,
    Document,
    Menu,
    NumberRequest,
    Reaction,
    Reply,
    Template,
    Text,
    length,
    shorten,
)
from functions.domain.school import School
from functions.domain.voice_notes import NotHeard


class Problem(Enum):
    """Why the planned answer cannot be given."""

    SCHOOL_UNREACHABLE = "school_unreachable"  # and no figures from earlier
    SCHOOL_BUSY = "school_busy"  # too many parents at once
    PASS_UNAVAILABLE = "pass_unavailable"
    ANSWER_UNAVAILABLE = "answer_unavailable"
    UNEXPECTED = "unexpected"


# Characters of a statement that are still pleasant to read in a chat; a longer one is a PDF. WhatsApp itself takes 4,096.
STATEMENT_LIMIT = 2000

# For when something broke before there was a plan.
NO_PLAN = Plan(Intent.MENU, ReplyType.MENU)


@dataclass(frozen=True)
class Turn:
    """One turn of the conversation, with all that was found out for it."""

    plan: Plan
    person: Person
    account: Account | None = None
    gate_pass: Mapping[str, object] | None = None  # result of the gate_pass function
    answer: str | None = None  # of the AI
    problem: Problem | None = None
    message_id: str = ""  # the message that is answered
    heard: str | None = None  # what a voice note says
    request: Mapping[str, object] | None = None  # the office request, with `number` and `notified`
    age: float = 0.0  # of the message, in seconds


def compose(turn: Turn, school: School, now: datetime) -> Reply:
    """The reply of one turn. `now` is in the school's time zone."""
    reply = _problem(turn.problem, turn.plan, school) if turn.problem else _composed(turn, school, now)
    return _after(f"🎤 “{shorten(turn.heard, voice_notes.SHOWN)}”", reply) if turn.heard else reply


def _composed(turn: Turn, school: School, now: datetime) -> Reply:
    reply = _COMPOSERS[turn.plan.reply_type](turn, school, now)
    if turn.plan.welcome:
        reply = _after(_welcome(turn.person), reply)
    if turn.age > OLD:
        written = now - timedelta(seconds=turn.age)
        reply = _after(f"_Your message of {_moment(written, now)} reached me only now._", reply)
    return reply


def menu_choices(kind: Kind) -> tuple[Choice, ...]:
    """The rows of the menu, in the order of their numbers."""
    if kind in (Kind.REGISTERED, Kind.UNSURE):
        return tuple(
            Choice(tap_id(intent), f"{place}. {_MENU_ROWS[intent][0]}", _MENU_ROWS[intent][1])
            for place, intent in enumerate(REGISTERED_MENU, start=1)
        )
    rows = [
        Choice(tap_id(Intent.INFO, entry=entry), f"{place}. {_VISITOR_ROWS[entry][0]}", _VISITOR_ROWS[entry][1])
        for place, entry in enumerate(VISITOR_MENU, start=1)
    ]
    return (*rows, Choice(tap_id(Intent.ASK), f"{len(rows) + 1}. Ask a question", "Fees, transport, uniform, …"))


_MENU_ROWS = {
    Intent.BALANCE: ("Fee balance", "What is billed, paid and owed"),
    Intent.STATEMENT: ("Statement", "Every charge and payment of a term"),
    Intent.GATE_PASS: ("Gate pass", "With a QR code for the guard"),
    Intent.ASK: ("Ask a question", "Hours, transport, uniform, payments, …"),
    Intent.OFFICE: ("Talk to the office", "A person answers you"),
}
_VISITOR_ROWS = {
    "about": ("About us", "Our school in short"),
    "admissions": ("Admissions", "How to enrol, fees, documents"),
    "events": ("Events", "Term dates and what is on"),
    "contact": ("Contact", "Where we are, how to reach us"),
}
_MENU_BUTTON = Choice(tap_id(Intent.MENU), "Menu")
_RATINGS = (Choice(tap_id(Intent.FEEDBACK, entry="up"), "👍"), Choice(tap_id(Intent.FEEDBACK, entry="down"), "👎"))


# --- the words of each


def _menu(turn: Turn, school: School, now: datetime) -> Reply:
    person = turn.person
    hello = f"{_greeting(now)}! I'm {school.assistant}, the assistant of {school.name}."
    if person.kind == Kind.REGISTERED:
        names = _and([student.first_name for student in person.students])
        body = f"{hello} I can help you with {names}."
    else:
        body = f"{hello} How can I help you?"
    return Menu(body, "Open menu", menu_choices(person.kind), "Tap, or type a number or a question.")


def _number_known(turn: Turn, school: School, now: datetime) -> Reply:
    menu = _menu(turn, school, now)
    if not isinstance(menu, Menu):
        raise TypeError("a menu is a Menu")
    if turn.person.kind == Kind.REGISTERED:
        return Menu(f"Thank you, I know you now. {menu.body}", menu.button, menu.choices, menu.footer)
    body = f"Thank you. {_no_record(school)} You can still ask me about the school."
    return Menu(body, menu.button, menu.choices, menu.footer)


def _balance(turn: Turn, school: School, now: datetime) -> Reply:
    account = _account(turn)
    blocks = [_balance_of(student, account.students.get(student.id), school) for student in turn.plan.students]
    known = [found.balance for student in turn.plan.students if (found := account.students.get(student.id))]
    if len(known) > 1:
        blocks.append(_sum_line(known, school))
    body = _join(
        f"*{_term_title(account.term, school)}*", *blocks, _as_of(account, school, now), _next_term(school, now)
    )
    choices = (
        Choice(tap_id(Intent.STATEMENT, _only(turn.plan), account.term), "Statement"),
        Choice(tap_id(Intent.GATE_PASS, _only(turn.plan)), "Gate pass"),
        _MENU_BUTTON,
    )
    return _with_buttons(body, choices)


def _balance_of(student: Student, found: StudentAccount | None, school: School) -> str:
    title = f"*{student.name}*" + (f" ({student.grade})" if student.grade else "")
    if found is None:
        return f"{title}\nI could not find this student in the school's records. The office can help."
    balance, others = found.balance, _others(found, school)
    if balance.standing == Standing.NO_FEES:
        return "\n".join([title, "No fees recorded for this term yet.", *others])
    totals = [f"Billed: {_show(balance.billed, school)}", f"Paid: {_show(balance.paid, school)}"]
    return "\n".join([title, *totals, _standing(balance, school), *others])


def _others(found: StudentAccount, school: School) -> list[str]:
    """What is in another currency, one line each."""
    return [
        f"In {code}, not counted above: billed {school.currency.number(balance.billed)}, "
        f"paid {school.currency.number(balance.paid)}"
        for code, balance in found.others.items()
    ]


def _explanation(turn: Turn, school: School, now: datetime) -> Reply:
    """How the balance came about, and who can check it."""
    account = _account(turn)
    blocks = [_explained(student, account.students.get(student.id), school) for student in turn.plan.students]
    body = _join(
        f"*{_term_title(account.term, school)}*",
        *blocks,
        _as_of(account, school, now),
        "What is owed is what was billed less what was paid. A payment of the last days may not be in it yet. I can send "
        "you every line as a statement, and the office can check what looks wrong.",
    )
    choices = (
        Choice(tap_id(Intent.STATEMENT, _only(turn.plan), account.term), "Statement"),
        Choice(tap_id(Intent.OFFICE), "Talk to the office"),
        _MENU_BUTTON,
    )
    return _with_buttons(body, choices)


def _explained(student: Student, found: StudentAccount | None, school: School) -> str:
    """The balance with what was billed, by kind, and the last payment."""
    block = _balance_of(student, found, school)
    if found is None or found.balance.standing == Standing.NO_FEES:
        return block
    kinds: dict[str, Decimal] = {}
    for line in found.bills:
        kinds[line.kind] = kinds.get(line.kind, Decimal(0)) + line.amount
    billed = ", ".join(f"{kind} {_show(amount, school)}" for kind, amount in kinds.items())
    dated = [line for line in found.payments if line.day]
    last = max(dated, key=lambda line: line.day or date.min, default=None)
    paid = f"Last payment: {_show(last.amount, school)} on {long_date(last.day)}" if last and last.day else ""
    return "\n".join(part for part in (block, f"Billed for: {billed}" if billed else "", paid) if part)


def _standing(balance: Balance, school: School) -> str:
    match balance.standing:
        case Standing.OWED:
            return f"*Owed: {_show(balance.owed, school)}*"
        case Standing.CREDIT:
            return f"*In credit: {_show(-balance.owed, school)}* (carried forward)"
        case Standing.NO_FEES:
            return "No fees recorded"
        case _:
            return "*Fully paid* ✅ Thank you!"


def _sum_line(balances: list[Balance], school: School) -> str:
    everything = Balance(
        sum((item.billed for item in balances), Decimal(0)), sum((item.paid for item in balances), Decimal(0))
    )
    return f"All together: {_standing(everything, school)}" if everything.standing != Standing.NO_FEES else ""


def _statement(turn: Turn, school: School, now: datetime) -> Reply:
    """As text when it fits one message, else as a PDF: never cut off."""
    account = _account(turn)
    blocks = [_statement_of(student, account.students.get(student.id), school) for student in turn.plan.students]
    title = f"*Statement, {_term_title(account.term, school)}*"
    ending = [_as_of(account, school, now), _next_term(school, now)]
    body = _join(title, *blocks, *ending)
    if len(body) <= STATEMENT_LIMIT:
        return _with_buttons(
            body, (Choice(tap_id(Intent.BALANCE, _only(turn.plan), account.term), "Balance"), _MENU_BUTTON)
        )
    totals = [_balance_of(student, account.students.get(student.id), school) for student in turn.plan.students]
    caption = _join(title, *totals, *ending)
    term = school.calendar.find(account.term)
    if term is None:
        raise ValueError(f"the account is of an unknown term {account.term!r}")
    document = StatementDocument(
        letterhead=Letterhead.of(school),
        term=term,
        as_of=_local(account.as_of, school, now).date(),
        children=tuple(
            StatementChild(student.name, student.id, student.grade, found)
            for student in turn.plan.students
            if (found := account.students.get(student.id))
        ),
        currency=school.currency,
    )
    filename = f"Statement {_only(turn.plan) or 'family'} {account.term}.pdf"
    short = caption if length(caption) <= INTERACTIVE_LIMIT else title
    return Document(filename, short, instead=body, statement=document)


def _statement_of(student: Student, found: StudentAccount | None, school: School) -> str:
    title = f"*{student.name}* ({student.id})"
    if found is None:
        return _balance_of(student, None, school)
    if not found.bills and not found.payments:
        return f"{title}\nNo fees recorded for this term yet."
    lines = []
    for line, is_payment in chronological(found):
        day = f"{line.day:%d %b}" if line.day else "undated"
        kind, sign, amount = line.kind, "", line.amount
        if is_payment and amount < 0:  # taken back: added to what is owed
            kind, amount = f"Payment reversed, {kind}", -amount
        elif is_payment:
            kind, sign = f"Payment, {kind}", "−"
        lines.append(f"{day}  {kind}: {sign}{school.currency.show_other(amount, line.currency)}")
    balance = found.balance
    totals = f"Billed {_show(balance.billed, school)}, paid {_show(balance.paid, school)}"
    return "\n".join([title, *lines, totals, _standing(balance, school), *_others(found, school)])


def _choose_child(turn: Turn, school: School, now: datetime) -> Reply:
    body = "Which child is the gate pass for?"
    children = turn.plan.students
    if len(children) <= 3:
        titles = _titles(children, 20)
        return Buttons(
            body, tuple(Choice(tap_id(Intent.GATE_PASS, s.id), t) for s, t in zip(children, titles, strict=True))
        )
    titles = _titles(children, ROW_TITLE)
    rows = tuple(
        Choice(
            tap_id(Intent.GATE_PASS, student.id),
            title,
            shorten(f"{student.grade} {student.id}".strip(), ROW_DESCRIPTION),
        )
        for student, title in list(zip(children, titles, strict=True))[:10]
    )
    more = "" if len(children) <= 10 else " If the name is not in the list, type it."
    return Menu(body + more, "Choose a child", rows)


def _confirm(turn: Turn, school: School, now: datetime) -> Reply:
    """What only the model read in the words is done after a tap."""
    if turn.plan.intent == Intent.OPT_OUT:
        body = "Shall I stop writing to you first, for example when a payment has arrived? I have not changed anything yet."
        return Buttons(body, (Choice(tap_id(Intent.OPT_OUT), "Stop messages"),))
    student = turn.plan.students[0]  # `decide` asks which child first
    body = f"Is this about a gate pass for *{student.name}*? Tap the button and I issue it."
    return Buttons(body, (Choice(tap_id(Intent.GATE_PASS, student.id), "Gate pass"),))


def _titles(students: tuple[Student, ...], limit: int) -> list[str]:
    """First names where they tell the children apart, whole names with grade otherwise, ids as the last resort."""
    for make in (lambda s: s.first_name, lambda s: s.name, lambda s: f"{s.first_name} {s.grade}", lambda s: s.id):
        titles = [shorten(make(student), limit) for student in students]
        if len(set(titles)) == len(titles) and all(titles):
            return titles
    return [student.id[-limit:] for student in students]


def _gate_pass(turn: Turn, school: School, now: datetime) -> Reply:
    found = turn.gate_pass
    if found is None:
        raise ValueError("a gate pass is announced but was not decided")
    student = turn.plan.students[0]
    if refusal := found.get("refusal"):
        return _refused(Refusal(refusal), found, student, turn, school, now)
    valid_until = date.fromisoformat(str(found["valid_until"]))
    details = (
        f"Gate pass for *{student.name}*"
        + (f" ({student.grade})" if student.grade else "")
        + f"\nPass {found['number']}"
        f"\n*Valid until {long_date(valid_until)}*\nPaid: {found['percent_paid']} % of the term's fees"
    )
    week = int(str(found["request_of_week"]))
    match Delivery(found["delivery"]):
        case Delivery.DOCUMENT:
            head = {
                "resent": "Here is your gate pass again.",
                "replaced": "Your new gate pass. The earlier one is no longer valid.",
            }.get(str(found["outcome"]), "Here is your gate pass. 🎓")
            return Document(
                filename=f"Gate pass {shorten(student.name, 100)}.pdf",
                caption=f"{head}\n\n{details}\n\nThe guard scans the QR code.",
                instead=f"{details}\n\nI could not send the document just now. Please ask again later, or contact the office.",
                file_key=str(found["file_key"]),
                media_id=str(found["media_id"]) if found.get("media_id") else None,
                choices=_RATINGS,
            )
        case Delivery.TEXT:
            return Text(
                f"{details}\n\nYou have asked {week} times this week, so I send the details as text. The PDF that you have "
                f"already is still good: the guard can scan it."
            )
        case _:
            return Text(
                f"{student.first_name}'s gate pass was requested {week - 1} times already this week, which is the limit. "
                f"The pass you have stays valid until {long_date(valid_until)}. A new request is possible from "
                f"Monday.\n\n{_office_lines(school)}"
            )


def _only_counted(student: Student, turn: Turn, school: School) -> str:
    """Why a payment in another currency does not count, where there is one."""
    found = turn.account.students.get(student.id) if turn.account else None
    codes = _and(list(found.others)) if found else ""
    return f"Amounts in {codes} are not counted in this; the office can help." if codes else ""


def _refused(
    refusal: Refusal, found: Mapping[str, object], student: Student, turn: Turn, school: School, now: datetime
) -> Reply:
    match refusal:
        case Refusal.TOO_LITTLE_PAID:
            missing = _show(money.parse(found["missing"]), school)
            needed, paid = found["percent_needed"], found["percent_paid"]
            return _with_buttons(
                _join(
                    f"There is no gate pass for *{student.name}* yet: {paid} % of this term's fees are paid, and a pass "
                    f"needs {needed} %.",
                    f"*{missing} more* reaches {needed} %. As soon as it is paid, ask me again.",
                    _only_counted(student, turn, school),
                ),
                (Choice(tap_id(Intent.BALANCE, student.id), "Balance"), _MENU_BUTTON),
            )
        case Refusal.WITHDRAWN:
            return _with_buttons(
                f"The school office has withdrawn the gate pass of *{student.name}*, so I cannot issue another one. Please "
                "talk to the office.",
                (Choice(tap_id(Intent.OFFICE), "Talk to the office"), _MENU_BUTTON),
            )
        case Refusal.NO_FEES:
            return Text(
                f"The fees of this term are still being processed for *{student.name}*, so I cannot issue a gate pass yet. "
                f"Please try again in a few days.\n\n{_office_lines(school)}"
            )
        case _:
            return _no_pass_in_holidays(turn, school, now)


def _no_pass_in_holidays(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(_join("Gate passes are given during the term only.", _next_term(school, now)))


def _answer(turn: Turn, school: School, now: datetime) -> Reply:
    """An answer from stale figures is dated, as a balance is."""
    account = turn.account if turn.plan.personal else None
    dated = _as_of(account, school, now) if account and account.stale else ""
    return _with_buttons(_join(turn.answer or _office_help(school), dated), _RATINGS)


def _ask(turn: Turn, school: School, now: datetime) -> Reply:
    return Text("Of course. What would you like to know? Just type your question.")


def _info(turn: Turn, school: School, now: datetime) -> Reply:
    entry = school.knowledge.entry(turn.plan.entry or "")
    return _with_buttons(entry.answer, (_MENU_BUTTON,)) if entry else Text(_office_help(school))


def _office(turn: Turn, school: School, now: datetime) -> Reply:
    opens, closes = school.office.hours.split("-")
    is_open = now.weekday() < 5 and opens <= f"{now:%H:%M}" < closes
    state = "It is open now." if is_open else "It is closed at the moment."
    return Text(f"Here is how you reach the school office. {state}\n\n{_office_lines(school)}")


def _thanks(turn: Turn, school: School, now: datetime) -> Reply:
    return Text("You're welcome! I'm here whenever you need me. 😊")


def _opted_out(turn: Turn, school: School, now: datetime) -> Reply:
    return Text("Done: I will not write to you first any more. When you write to me, I still answer. To undo: START.")


def _opted_in(turn: Turn, school: School, now: datetime) -> Reply:
    return Text("Done: I may write to you first again, for example when a payment has arrived. To undo: STOP.")


def _not_text(turn: Turn, school: School, now: datetime) -> Reply:
    line = {
        "voice": "I cannot listen to this voice note.",
        NotHeard.TOO_LONG.value: "I can listen to voice notes of up to two minutes, and this one is longer.",
        NotHeard.UNREADABLE.value: "I could not make out any words in this voice note.",
        NotHeard.UNAVAILABLE.value: "I cannot listen to voice notes at the moment.",
        NotHeard.LIMIT.value: "I have listened to as many voice notes of yours as I can in one day.",
        "audio": "I cannot listen to audio yet.",
        "image": "I cannot look at pictures yet.",
        "video": "I cannot watch videos yet.",
        "sticker": "Nice sticker! 😊",
        "document": "I cannot read documents yet.",
        "location": "Thank you for the location, but I cannot use it.",
        "contacts": "A forwarded contact card does not tell me who you are.",
    }.get(turn.plan.kind or "", "I cannot read this kind of message yet.")
    return Text(f"{line} Please type your question, or *menu* to see what I can do.")


def _proof_ask(turn: Turn, school: School, now: datetime) -> Reply:
    """Whose proof of payment it is; nothing of it is read."""
    students, entry = turn.plan.students, turn.plan.entry or ""
    what = "document" if entry.startswith("pdf") else "picture"
    other = Choice(tap_id(Intent.ASK), "Something else")
    if len(students) == 1:
        body = f"Is this {what} a proof of payment for *{students[0].first_name}*? Then I pass it on to the office."
        return Buttons(body, (Choice(tap_id(Intent.PROOF, students[0].id, entry=entry), "Yes"), other))
    body = f"Is this {what} a proof of payment? Then tell me whose, and I pass it on to the office."
    if len(students) == 2:
        titles = _titles(students, BUTTON_TITLE)
        pairs = zip(students, titles, strict=True)
        return Buttons(body, (*(Choice(tap_id(Intent.PROOF, s.id, entry=entry), t) for s, t in pairs), other))
    titles = _titles(students, ROW_TITLE)
    rows = [Choice(tap_id(Intent.PROOF, s.id, entry=entry), t) for s, t in zip(students, titles, strict=True)]
    return Menu(body, "Choose a child", (*rows[: MOST_ROWS - 1], other))


def _proof_told(turn: Turn, school: School, now: datetime) -> Reply:
    """What happens next; never that the money has arrived."""
    if not turn.request or not turn.request.get("notified"):
        return Text(f"I could not pass it on just now. Please reach the office yourself:\n\n{_office_lines(school)}")
    child = turn.plan.students[0].first_name
    return Text(
        f"Thank you. The office has it now as a proof of payment for *{child}* (request {turn.request['number']}). They "
        "compare it with what the bank shows. The balance changes when the school books the payment, and then I write "
        "to you."
    )


def compose_proof_notification(person: Person, student: Student, number: int, file: ProofFile) -> Document:
    """To the office: the file itself, from whom and for whom."""
    text = _join(
        f"*Request {number}*: {proofs.title(student)}, from *{person.profile_name or 'a parent'}*",
        f"https://wa.me/{person.phone.lstrip('+')}" if person.phone else "The number is hidden.",
        f"It is closed by the payment notice, by Close, or by *close {number}*.",
    )
    return Document(
        filename=f"Proof of payment {shorten(student.name, 100)}.{file.extension}",
        caption=text,
        instead=_join(text, "The file itself could not be passed on: please ask the parent for it."),
        choices=(Choice(tap_id(Intent.CLOSE, entry=str(number)), "Close"),),
        mime_type=file.mime_type,
    )


def _share_number(turn: Turn, school: School, now: datetime) -> Reply:
    return NumberRequest(
        f"{_greeting(now)}! I'm {school.assistant}, the assistant of {school.name}. WhatsApp does not show me your number. "
        "Please share it with the button below, so that I can find your children. You can also just ask me a question "
        "about the school."
    )


def _not_registered(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        f"{_no_record(school)} If you are a parent, send me your child's student number, such as "
        f"*{school.student_id_prefix}20251234*, or ask the office to add your phone number.\n\n{_office_lines(school)}\n\n"
        "Type *menu* to see what I can tell you about the school."
    )


def _not_your_child(turn: Turn, school: School, now: datetime) -> Reply:
    names = _and([f"{student.first_name} ({student.id})" for student in turn.person.students])
    return Text(
        f"I can show you your own children only: {names}. If a child is missing, the office can add your number.\n\n"
        f"{_office_lines(school)}"
    )


def _not_on_record(turn: Turn, school: School, now: datetime) -> Reply:
    """Says nothing about the child, not even whether there is one of that number."""
    return Text(
        "I could not match that student number with this phone number. If you are the parent, the office can help: "
        f"they see which number is on record.\n\n{_office_lines(school)}"
    )


def _unknown_term(turn: Turn, school: School, now: datetime) -> Reply:
    known = _and([term.code for term in school.calendar.terms if term.begins <= now.date()][-4:])
    return Text(
        f"I do not know the term {turn.plan.term}. The latest terms are {known}. Try for example *balance {known[-6:]}*."
    )


def _term_not_begun(turn: Turn, school: School, now: datetime) -> Reply:
    term = school.calendar.find(turn.plan.term or "")
    begins = f" It begins on {long_date(term.begins)}." if term else ""
    return _with_buttons(
        f"{_term_title(turn.plan.term, school)} has not begun yet.{begins}",
        (Choice(tap_id(Intent.BALANCE), "Balance now"), _MENU_BUTTON),
    )


def _question_limit(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        "You have asked me a lot of questions today, and I can answer more of them tomorrow. The menu still works: type "
        f"*menu*. If your question cannot wait, the office can help:\n\n{_office_lines(school)}"
    )


def _document_limit(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        "I have sent you as many statements and gate passes today as I can. The ones you have are still good, and "
        f"tomorrow I can send new ones. If it cannot wait, the office can help:\n\n{_office_lines(school)}"
    )


def _reply_limit(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        "We have written to each other a lot today, and I can write to you again tomorrow. If it cannot wait, the "
        f"office can help:\n\n{_office_lines(school)}"
    )


def _records_unreachable(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        "Sorry, I cannot look up your records at the moment. Please try again in a few minutes.\n\n"
        f"If it is urgent:\n{_office_lines(school)}"
    )


def _feedback(turn: Turn, school: School, now: datetime) -> Reply:
    """Thanks without a message for 👍; a person for 👎."""
    if turn.plan.entry == "up":
        return Reaction("🙏", turn.message_id)
    return Text(f"I am sorry that this did not help. A person at the office can:\n\n{_office_lines(school)}")


def _office_ask(turn: Turn, school: School, now: datetime) -> Reply:
    return Text(
        "What would you like to tell the office? Write it in one message, and I pass it on.\n\n"
        f"Or reach them yourself:\n{_office_lines(school)}"
    )


def is_apology(turn: Turn) -> bool:
    """Whether the parent is told, in whatever words, that something could not be done."""
    is_for_office = turn.plan.reply_type in (ReplyType.OFFICE_TOLD, ReplyType.PROOF_TOLD)
    not_passed_on = is_for_office and not (turn.request or {}).get("notified")
    return bool(turn.problem) or turn.plan.reply_type == ReplyType.RECORDS_UNREACHABLE or not_passed_on


def _office_told(turn: Turn, school: School, now: datetime) -> Reply:
    """When to expect an answer; the contacts instead, when the office could not be told."""
    is_told = bool(turn.request and turn.request.get("notified"))
    if turn.plan.urgent:
        return _urgent(turn.request if is_told else None, school)
    if not turn.request or not is_told:
        return Text(
            f"I could not pass your message on just now. Please reach the office yourself:\n\n{_office_lines(school)}"
        )
    return Text(
        f"Your message is with the office (request {turn.request['number']}). {_expect(school, now)} They will write to "
        "you themselves. Until then I keep quiet in this chat."
    )


def call_if_in_danger(school: School) -> str:
    """Below an answer to words that sound urgent, though the model did not find them so."""
    return f"If a child is in danger or unwell now, please call the school:\n{_how_to_call(school)}"


def _how_to_call(school: School) -> str:
    """The office's contacts with a number in any case, if it has one."""
    office = school.office
    number = f"📞 {office.whatsapp}\n" if not office.phone and office.whatsapp else ""
    return f"{number}{_office_lines(school)}"


def _urgent(request: Mapping[str, object] | None, school: School) -> Reply:
    """The phone number first: nobody at the office promises to read a message within minutes."""
    told = (
        f"I have sent your message to the office too, marked as urgent (request {request['number']}). Until they answer, "
        "I keep quiet in this chat."
        if request
        else "I could not pass your message on just now."
    )
    return Text(_join("This cannot wait: please call the school now.", _how_to_call(school), told))


def _expect(school: School, now: datetime) -> str:
    opens, closes = school.office.hours.split("-")
    if now.weekday() < 5 and f"{now:%H:%M}" < closes:
        return f"The office is open {'now' if f'{now:%H:%M}' >= opens else f'from {opens} today'}, until {closes}: expect an answer today."
    day = "on Monday" if now.weekday() >= 4 else "tomorrow"
    return f"The office is closed now: expect an answer {day}, from {opens}."


def compose_office_notification(
    person: Person, question: str, number: int, school: School, *, urgent: bool = False
) -> Reply:
    """To the office: who asks what, a link to write to them, a button to close. `number`: of the request."""
    who = person.profile_name or "A parent"
    children = _and([f"{student.name} ({student.grade})" for student in person.students])
    link = (
        f"https://wa.me/{person.phone.lstrip('+')}"
        if person.phone
        else "The number is hidden: please answer by other means."
    )
    body = _join(
        ("🚨 *URGENT* " if urgent else "")
        + f"*Request {number}* from *{who}*"
        + (f", parent of {children}" if children else ""),
        f"“{shorten(question, 600)}”",
        link,
        f"Answer by the link, or write to me: *reply {number} Your words*.",
        f"{school.assistant} keeps quiet there for 12 hours, or until you close it: tap Close, or write "
        f"*close {number}*.",
    )
    return _with_buttons(body, (Choice(tap_id(Intent.CLOSE, entry=str(number)), "Close"),))


def compose_office_addition(person: Person, words: str, number: int) -> Reply:
    """To the office: what a parent writes while it has the conversation."""
    return Text(f"*Request {number}*, {person.profile_name or 'a parent'} writes:\n\n“{shorten(words, 1500)}”")


def _staff(turn: Turn, school: School, now: datetime) -> Reply:
    if turn.plan.command is None:
        raise ValueError("a command of staff is answered but was not read")
    return staff_wording.compose(turn.plan.command, turn.request or {}, school, now)


def compose_office_reply(words: str, school: School) -> Reply:
    """To a parent: what someone at the office wrote."""
    return Text(f"*From the school office:*\n\n{words}")


def compose_revocation(child: str, number: str, school: School) -> Reply:
    """To a parent: their gate pass is not valid any more."""
    return Text(
        f"The gate pass of *{child}* ({number}) is no longer valid: the school office has withdrawn it. If you have a "
        f"question, the office helps you:\n\n{_office_lines(school)}"
    )


def revocation_template(child: str, number: str, school: School) -> Template | None:
    """The same as an approved template: child, number; None where there is none."""
    names = school.templates
    return Template(names.revoked, names.language, (child, number)) if names.revoked else None


def reopen_template(school: School) -> Template | None:
    """Asks a person to write again, because there is an answer; None where there is none."""
    names = school.templates
    return Template(names.reopen, names.language) if names.reopen else None


def compose_receipt(receipt: Receipt, school: School, now: datetime) -> Reply:
    """Thanks for a payment, the new balance, and the gate pass that it now reaches."""
    student = receipt.student
    thanks = f"Thank you! The school has received *{_show(receipt.amount, school)}* for *{student.name}*."
    if receipt.proof:
        thanks += f" The proof of payment that was sent in (request {receipt.proof}) is settled with it."
    found = receipt.account.students.get(student.id) if receipt.account and not receipt.account.stale else None
    if found is None:
        return _with_buttons(thanks, (Choice(tap_id(Intent.BALANCE, student.id), "Balance"), _MENU_BUTTON))
    term = school.calendar.find(receipt.term)
    after = found.balance
    before = Balance(after.billed, after.paid - receipt.amount)
    reached, had = (decide(item, term, now.date(), school.tiers) for item in (after, before))
    choices = [Choice(tap_id(Intent.BALANCE, student.id), "Balance"), _MENU_BUTTON]
    news = ""
    if reached.tier and reached.valid_until and reached.tier != had.tier:
        news = (
            f"With {after.percent_paid} % paid, a gate pass until *{long_date(reached.valid_until)}* is possible now."
        )
        choices.insert(0, Choice(tap_id(Intent.GATE_PASS, student.id), "Gate pass"))
    return _with_buttons(_join(thanks, _balance_of(student, found, school), news), tuple(choices))


def _reopen(turn: Turn, school: School, now: datetime) -> Reply:
    return Template(school.templates.reopen, school.templates.language)


def reply_template(turn: Turn, school: School) -> Template | None:
    """What may still be sent to a parent when the 24-hour window is closed; None where no template is approved."""
    return None if turn.plan.reply_type == ReplyType.REOPEN else reopen_template(school)


def receipt_template(receipt: Receipt, school: School) -> Template | None:
    """The receipt as an approved template: child, amount, new balance; None where there is none."""
    names = school.templates
    if not names.receipt:
        return None
    found = receipt.account.students.get(receipt.student.id) if receipt.account else None
    balance = _show(found.balance.owed, school) if found else "-"
    return Template(names.receipt, names.language, (receipt.student.name, _show(receipt.amount, school), balance))


def office_template(person: Person, number: int, school: School, *, urgent: bool = False) -> Template | None:
    """The notification of the office as an approved template: name, number; None where there is none."""
    names = school.templates
    if not names.office:
        return None
    return Template(
        names.office,
        names.language,
        (person.profile_name or "A parent", f"{number} (URGENT)" if urgent else str(number)),
    )


_COMPOSERS: dict[ReplyType, Callable[[Turn, School, datetime], Reply]] = {
    ReplyType.MENU: _menu,
    ReplyType.BALANCE: _balance,
    ReplyType.STATEMENT: _statement,
    ReplyType.EXPLANATION: _explanation,
    ReplyType.GATE_PASS: _gate_pass,
    ReplyType.ANSWER: _answer,
    ReplyType.ASK: _ask,
    ReplyType.INFO: _info,
    ReplyType.OFFICE: _office,
    ReplyType.THANKS: _thanks,
    ReplyType.OPTED_OUT: _opted_out,
    ReplyType.OPTED_IN: _opted_in,
    ReplyType.NOT_TEXT: _not_text,
    ReplyType.PROOF_ASK: _proof_ask,
    ReplyType.PROOF_TOLD: _proof_told,
    ReplyType.CHOOSE_CHILD: _choose_child,
    ReplyType.CONFIRM: _confirm,
    ReplyType.SHARE_NUMBER: _share_number,
    ReplyType.NUMBER_KNOWN: _number_known,
    ReplyType.NOT_REGISTERED: _not_registered,
    ReplyType.NOT_YOUR_CHILD: _not_your_child,
    ReplyType.NOT_ON_RECORD: _not_on_record,
    ReplyType.UNKNOWN_TERM: _unknown_term,
    ReplyType.TERM_NOT_BEGUN: _term_not_begun,
    ReplyType.NO_PASS_IN_HOLIDAYS: _no_pass_in_holidays,
    ReplyType.QUESTION_LIMIT: _question_limit,
    ReplyType.DOCUMENT_LIMIT: _document_limit,
    ReplyType.REPLY_LIMIT: _reply_limit,
    ReplyType.RECORDS_UNREACHABLE: _records_unreachable,
    ReplyType.FEEDBACK: _feedback,
    ReplyType.OFFICE_ASK: _office_ask,
    ReplyType.OFFICE_TOLD: _office_told,
    ReplyType.STAFF: _staff,
    ReplyType.REOPEN: _reopen,
}


def without_model(plan: Plan, account: Account | None, school: School) -> str:
    """The best answer without a model: the parent's figures, the nearest entry of the knowledge, or the office."""
    if plan.personal and account:
        blocks = [_balance_of(student, account.students.get(student.id), school) for student in plan.students]
        return _join(
            f"*{_term_title(account.term, school)}*", *blocks, "For more, please ask the office:", _office_lines(school)
        )
    entry = school.knowledge.best(plan.question or "")
    excuse = "Sorry, I cannot look at your figures at the moment." if plan.personal else ""
    if entry is None:
        return _join(excuse, _office_help(school))
    return _join(excuse, entry.answer, f"If this is not what you asked, the office helps: {_office_contact(school)}.")


def _problem(problem: Problem, plan: Plan, school: School) -> Reply:
    """One honest apology, with nothing internal in it."""
    if problem == Problem.ANSWER_UNAVAILABLE:
        return Text(without_model(plan, None, school))
    line = {
        Problem.SCHOOL_UNREACHABLE: "Sorry, I cannot reach the school's records at the moment.",
        Problem.SCHOOL_BUSY: "Sorry, the school's records are very busy at the moment.",
        Problem.PASS_UNAVAILABLE: "Sorry, I cannot issue a gate pass at the moment.",
    }.get(problem, "Sorry, something went wrong on my side.")
    if problem == Problem.SCHOOL_UNREACHABLE and plan.reply_type == ReplyType.GATE_PASS:
        line += " A gate pass needs today's figures."
    return Text(f"{line} Please try again in a few minutes.\n\nIf it is urgent:\n{_office_lines(school)}")


# --- small pieces


def _welcome(person: Person) -> str:
    """For a parent whom the school has just told us about."""
    return f"Welcome! This phone number is on record for {_and([s.first_name or s.id for s in person.students])}."


def _after(line: str, reply: Reply) -> Reply:
    """The reply, opened by a line; without it where there is no room for words."""
    match reply:
        case Buttons():
            return _with_buttons(_join(line, reply.body), reply.choices)
        case Text() | Menu() | NumberRequest():
            return replace(reply, body=_join(line, reply.body))
        case Document():
            caption = _join(line, reply.caption)
            caption = caption if length(caption) <= INTERACTIVE_LIMIT else reply.caption
            return replace(reply, caption=caption, instead=_join(line, reply.instead))
        case _:
            return reply


def _account(turn: Turn) -> Account:
    if turn.account is None:
        raise ValueError(f"{turn.plan.reply_type.value} needs the account")
    return turn.account


def _with_buttons(body: str, choices: tuple[Choice, ...]) -> Reply:
    return Buttons(body, choices) if length(body) <= INTERACTIVE_LIMIT else Text(body)


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _only(plan: Plan) -> str:
    """The child's id when there is one child only."""
    return plan.students[0].id if len(plan.students) == 1 else ""


def _show(amount: Decimal, school: School) -> str:
    return school.currency.show(amount)


def _term_title(code: str | None, school: School) -> str:
    term = school.calendar.find(code or "")
    return term.title if term else f"term {code}"


def _greeting(now: datetime) -> str:
    return "Good morning" if now.hour < 12 else "Good afternoon" if now.hour < 18 else "Good evening"


def _local(as_of: str, school: School, now: datetime) -> datetime:
    return datetime.fromisoformat(as_of).astimezone(school.timezone) if as_of else now


def _as_of(account: Account, school: School, now: datetime) -> str:
    """Nothing for figures of this very moment, the time for cached ones, an explanation for stale ones."""
    moment = _local(account.as_of, school, now)
    age = (now - moment).total_seconds()
    when = _moment(moment, now)
    if account.stale:
        return f"_The school's records cannot be reached at the moment. These figures are as of {when}._"
    return f"_As of {when}._" if age >= 20 else ""


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment.day} {moment:%B, %H:%M}"


def _next_term(school: School, now: datetime) -> str:
    """In the holidays: when the next term begins."""
    if school.calendar.current(now.date()):
        return ""
    following = school.calendar.next(now.date())
    return f"{following.title} begins on {long_date(following.begins)}." if following else ""


def _no_record(school: School) -> str:
    return (
        f"This number is not on {school.name}' records for any student."
        if school.name.endswith("s")
        else (f"This number is not on {school.name}'s records for any student.")
    )


def _office_help(school: School) -> str:
    return f"I am not sure about that. The school office can help you:\n\n{_office_lines(school)}"


def _office_contact(school: School) -> str:
    return school.office.phone or school.office.email


def _office_lines(school: School) -> str:
    office = school.office
    lines = [f"📞 {office.phone}" if office.phone else "", f"✉️ {office.email}", f"📍 {office.address}"]
    return "\n".join([line for line in lines if line] + [f"🕗 Monday to Friday, {office.hours}"])
