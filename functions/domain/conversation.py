"""Decides what to do with a message, given who writes and what we know."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from functions.domain import intents, proofs
from functions.domain.intents import Intent, Request
from functions.domain.memory import Turn
from functions.domain.messages import Message
from functions.domain.people import Kind, Person, Student
from functions.domain.phrases import Phrases
from functions.domain.proofs import ProofFile
from functions.domain.school import School
from functions.domain.staff import Command, command_in
from functions.domain.words import tokens

TYPED = ("text", "interactive", "button")
OLD = 3600  # seconds after which an answer says that it is late, and a gate pass is not meant for now without a tap
MAX_LOOK_UPS = 5  # children whom a stranger may name in one message
WORDS_FOR_THE_OFFICE = 7  # "I want to talk to the office" is six words and says nothing yet
COMMAND_WORDS = 4  # "gate pass for Tariro" is a command; "My balance is wrong, I paid" is for the office we asked about
FOR_THE_OFFICE = Request(Intent.OFFICE, entry="words")  # the words themselves, not the wish to say something
URGENT_FOR_THE_OFFICE = Request(Intent.OFFICE, entry="urgent")  # so too; a child may be in danger or unwell


class ReplyType(Enum):
    """Every kind of reply; `wording.compose` has the words of each."""

    MENU = "menu"
    BALANCE = "balance"
    STATEMENT = "statement"
    EXPLANATION = "explanation"  # of a balance
    GATE_PASS = "gate_pass"
    ANSWER = "answer"
    ASK = "ask"
    INFO = "info"
    OFFICE = "office"
    THANKS = "thanks"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    NOT_TEXT = "not_text"
    PROOF_ASK = "proof_ask"  # whose proof of payment is it?
    PROOF_TOLD = "proof_told"  # it is with the office
    CHOOSE_CHILD = "choose_child"
    CONFIRM = "confirm"  # a button: only the model read a gate pass or a STOP in the words; or the words are old
    SHARE_NUMBER = "share_number"
    NUMBER_KNOWN = "number_known"
    NOT_REGISTERED = "not_registered"
    NOT_YOUR_CHILD = "not_your_child"
    NOT_ON_RECORD = "not_on_record"  # the same words for a number that does not match and for no such student
    UNKNOWN_TERM = "unknown_term"
    TERM_NOT_BEGUN = "term_not_begun"
    NO_PASS_IN_HOLIDAYS = "no_pass_in_holidays"
    QUESTION_LIMIT = "question_limit"  # these three: the day's limit is reached
    DOCUMENT_LIMIT = "document_limit"
    REPLY_LIMIT = "reply_limit"
    FEEDBACK = "feedback"
    OFFICE_ASK = "office_ask"  # what should the office know?
    OFFICE_TOLD = "office_told"  # to the parent: the request is with the office
    STAFF = "staff"  # to the school's staff: what a command has done
    REOPEN = "reopen"  # the template that asks the person to write again
    RECORDS_UNREACHABLE = "records_unreachable"


class NextStep(Enum):
    """The state of the conversation machine that comes next."""

    DONE = "done"  # answered before, or nothing may be sent
    BUSY = "busy"  # claimed by another run
    SEND_REPLY = "send_reply"
    AI_REPLY = "ai_reply"
    TRANSCRIBE = "transcribe"  # put a voice note into words, then understand again
    GATE_PASS = "gate_pass"
    FIND_STUDENT = "find_student"  # ask the school about the students named, then understand again
    RECORD_CONSENT = "record_consent"
    OPEN_OFFICE_REQUEST = "open_office_request"
    STAFF_COMMAND = "staff_command"
    RECORD_CONVERSATION = "record_conversation"  # no answer: the office has this conversation


# What needs the parent's number, and so cannot be done for someone whose number WhatsApp hides.
_NEEDS_NUMBER = frozenset({Intent.MENU, Intent.BALANCE, Intent.STATEMENT, Intent.EXPLAIN, Intent.GATE_PASS})
_ACCOUNT_REPLIES = {
    Intent.BALANCE: ReplyType.BALANCE,
    Intent.STATEMENT: ReplyType.STATEMENT,
    Intent.EXPLAIN: ReplyType.EXPLANATION,
    Intent.GATE_PASS: ReplyType.GATE_PASS,
}
_PLAIN_REPLIES = {
    Intent.MENU: ReplyType.MENU,
    Intent.ASK: ReplyType.ASK,
    Intent.INFO: ReplyType.INFO,
    Intent.OFFICE: ReplyType.OFFICE,
    Intent.THANKS: ReplyType.THANKS,
    Intent.OPT_OUT: ReplyType.OPTED_OUT,
    Intent.OPT_IN: ReplyType.OPTED_IN,
    Intent.NOT_TEXT: ReplyType.NOT_TEXT,
    Intent.FEEDBACK: ReplyType.FEEDBACK,
    Intent.CLOSE: ReplyType.MENU,  # from anyone but the school's staff
    Intent.LOOK_UP: ReplyType.MENU,  # never asked for by that name
    Intent.STAFF: ReplyType.MENU,  # so too
}


@dataclass(frozen=True)
class Pending:
    """A question of ours that may be answered by a name; valid for some minutes. The menu always works beside it."""

    intent: Intent
    term: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"intent": self.intent.value, "term": self.term}

    @classmethod
    def read(cls, value: object) -> "Pending | None":
        if not isinstance(value, Mapping) or value.get("intent") not in {intent.value for intent in Intent}:
            return None
        return cls(Intent(value["intent"]), value.get("term"))


@dataclass(frozen=True)
class Plan:
    """The decision, as the state machine carries it."""

    intent: Intent
    reply_type: ReplyType
    next: NextStep = NextStep.SEND_REPLY
    students: tuple[Student, ...] = ()  # whom the reply is about
    term: str | None = None  # code of the term whose account is shown
    question: str | None = None
    personal: bool = False  # the question is about the parent's own figures
    entry: str | None = None  # of the school's knowledge
    kind: str | None = None  # of a message that is not text: voice, image, …
    needs_account: bool = False
    prefetch: bool = False  # after a menu or "Which child?", fetch the account, so that the next tap is instant
    pending: Pending | None = None
    look_up: tuple[str, ...] = ()  # ids of students to ask the school about
    welcome: bool = False  # the parent is known from this message on
    urgent: bool = False  # for the office: a child may be in danger or unwell
    sounds_urgent: bool = False  # of a question: it is for the office where the model cannot judge it
    addition: bool = False  # to a request that the office has: passed on, and not answered
    command: Command | None = None  # of the school's staff
    quiet: bool = False  # the day's limit is reached, and the person knows it: nothing is sent

    def as_json(self) -> dict[str, object]:
        return {
            "intent": self.intent.value,
            "reply_type": self.reply_type.value,
            "next": self.next.value,
            "students": [student.as_json() for student in self.students],
            "term": self.term,
            "question": self.question,
            "personal": self.personal,
            "entry": self.entry,
            "kind": self.kind,
            "needs_account": self.needs_account,
            "prefetch": self.prefetch,
            "pending": self.pending.as_json() if self.pending else None,
            "look_up": list(self.look_up),
            "welcome": self.welcome,
            "urgent": self.urgent,
            "sounds_urgent": self.sounds_urgent,
            "addition": self.addition,
            "command": self.command.as_json() if self.command else None,
            "quiet": self.quiet,
        }

    @classmethod
    def read(cls, value: Mapping[str, object]) -> "Plan":
        """From `as_json`."""
        students, look_up = value.get("students"), value.get("look_up")
        return cls(
            intent=Intent(value["intent"]),
            reply_type=ReplyType(value["reply_type"]),
            next=NextStep(value.get("next", "send_reply")),
            students=tuple(Student.read(item) for item in students) if isinstance(students, list) else (),
            term=_text(value.get("term")),
            question=_text(value.get("question")),
            personal=bool(value.get("personal")),
            entry=_text(value.get("entry")),
            kind=_text(value.get("kind")),
            needs_account=bool(value.get("needs_account")),
            prefetch=bool(value.get("prefetch")),
            pending=Pending.read(value.get("pending")),
            look_up=tuple(look_up) if isinstance(look_up, list) else (),
            welcome=bool(value.get("welcome")),
            urgent=bool(value.get("urgent")),
            sounds_urgent=bool(value.get("sounds_urgent")),
            addition=bool(value.get("addition")),
            command=Command.read(value.get("command")),
            quiet=bool(value.get("quiet")),
        )


# One reply answers all messages that want the same. STOP, START, ratings and words for the office each count.
_SAME_FOR_ALL = frozenset(
    {
        Intent.MENU,
        Intent.BALANCE,
        Intent.STATEMENT,
        Intent.GATE_PASS,
        Intent.ASK,
        Intent.INFO,
        Intent.THANKS,
        Intent.NOT_TEXT,
        Intent.QUESTION,
    }
)


def wish_of(plan: Plan) -> str | None:
    """The same digest for plans that one reply answers; None for what is answered each time."""
    if plan.intent not in _SAME_FOR_ALL:
        return None
    words = " ".join((plan.question or "").casefold().split())
    about = [plan.reply_type.value, plan.term, plan.entry, plan.kind, *(student.id for student in plan.students), words]
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def request_of(
    message: Message,
    person: Person,
    pending: Pending | None,
    school: School,
    today: date,
    phrases: Phrases,
    earlier: Turn | None = None,
) -> Request:
    """What the message asks for, before we look at whether it can be had. `earlier`: the turn before."""
    if message.tap and (tapped := intents.read_tap(message.tap)):
        return tapped
    if message.type == "contacts" and message.shared_phone:
        return Request(pending.intent if pending else Intent.SHARED_NUMBER, pending.term if pending else None)
    request = intents.recognise(
        message.text or "",
        registered=person.kind in (Kind.REGISTERED, Kind.UNSURE),
        students=person.students,
        calendar=school.calendar,
        prefix=school.student_id_prefix,
        today=today,
        phrases=phrases,
    )
    if message.type not in TYPED and not message.was_heard and (request.intent == Intent.QUESTION or not message.text):
        file = ProofFile.of(message) if person.kind == Kind.REGISTERED and school.office.takes_requests else None
        if file and (not message.text or not phrases.proof_words.isdisjoint(tokens(message.text))):
            return Request(Intent.PROOF, None, request.student_ids, file.entry)
        if not message.text:
            return Request(Intent.NOT_TEXT)
    if person.opted_out and intents.is_start(message.text):
        return Request(Intent.OPT_IN)  # from anyone else it opens the menu
    if pending and pending.intent == Intent.OFFICE:
        return FOR_THE_OFFICE if _is_for_the_office(request, message.text or "") else request
    if request.named_only and pending:  # "Tariro" after "Which child?"
        return replace(request, intent=pending.intent, term=request.term or pending.term)
    return _continued(request, earlier) if request.named_only and earlier else request


def _continued(request: Request, earlier: Turn) -> Request:
    """A child or a term alone, after something else about a child: "and Tanaka?", "last term"."""
    intent = next((intent for intent, reply in _ACCOUNT_REPLIES.items() if reply.value == earlier.kind), None)
    if intent in (None, Intent.EXPLAIN):
        return request
    if intent == Intent.GATE_PASS:  # the model must have understood it so as well, and a tap confirms it
        return Request(Intent.QUESTION, request.term, request.student_ids, certain=False)
    ids = request.student_ids or earlier.student_ids
    return replace(request, intent=intent, student_ids=ids, term=request.term or earlier.term)


def _is_for_the_office(request: Request, text: str) -> bool:
    """Whether this is what we asked for: the words for the office. A bare command or number is still obeyed."""
    words = len(text.split())
    if request.intent == Intent.QUESTION:
        return True
    if request.intent == Intent.OFFICE:
        return words > 1  # "5" and "office" ask once more
    return request.intent in _ACCOUNT_REPLIES and words > COMMAND_WORDS


def decide(
    message: Message,
    person: Person,
    pending: Pending | None,
    school: School,
    today: date,
    *,
    phrases: Phrases,
    looked_up: bool = False,
    understood: Request | None = None,
    earlier: Turn | None = None,
    age: float = 0.0,
) -> Plan:
    """The plan for one message. `today` is the date in the school's time zone, `earlier` the turn before.

    `age`: seconds since the message was written.

    `looked_up`: the school has just been asked about the students that a visitor named. `understood`: what the model
    made of words of which the rules were not certain.
    """
    if school.office.is_staff(person.phone) and (command := command_in(message)):
        return _staff(command)
    request = understood or request_of(message, person, pending, school, today, phrases, earlier)
    urgent = intents.sounds_urgent(message.text or "", phrases)
    about_a_child = request.intent in (*_ACCOUNT_REPLIES, Intent.QUESTION) and not urgent
    if person.kind == Kind.VISITOR and request.student_ids and about_a_child:
        plan = Plan(Intent.LOOK_UP, ReplyType.NOT_ON_RECORD)
        return (
            plan if looked_up else replace(plan, next=NextStep.FIND_STUDENT, look_up=request.student_ids[:MAX_LOOK_UPS])
        )
    plan = _plan(request, message, person, school, today, phrases)
    is_doubtful = understood is not None or message.was_heard or (age > OLD and plan.next == NextStep.GATE_PASS)
    if is_doubtful and (plan.next == NextStep.GATE_PASS or plan.reply_type == ReplyType.OPTED_OUT):
        plan = replace(plan, reply_type=ReplyType.CONFIRM, next=NextStep.SEND_REPLY, needs_account=False)
    return replace(plan, welcome=looked_up and person.kind == Kind.REGISTERED)


def _plan(request: Request, message: Message, person: Person, school: School, today: date, phrases: Phrases) -> Plan:
    intent = request.intent
    if intent == Intent.SHARED_NUMBER:
        return _menu(Plan(intent, ReplyType.NUMBER_KNOWN), person, school, today)
    urgent = intents.sounds_urgent(message.text or "", phrases)
    if intent == Intent.OFFICE and (school.office.takes_requests or urgent or request == URGENT_FOR_THE_OFFICE):
        return _office(request, message, urgent=urgent or request == URGENT_FOR_THE_OFFICE)
    if intent == Intent.QUESTION:
        if urgent:  # nothing of the account may hold it up
            return Plan(intent, ReplyType.ANSWER, NextStep.AI_REPLY, question=message.text, sounds_urgent=True)
        return _question(request, message.text or "", person, school, today, phrases)
    if intent == Intent.PROOF:
        return _proof(request, message, person)
    if person.kind == Kind.NO_NUMBER and intent in _NEEDS_NUMBER:
        waiting = Pending(intent, request.term) if intent != Intent.MENU else None
        return Plan(intent, ReplyType.SHARE_NUMBER, pending=waiting)
    if intent in _ACCOUNT_REPLIES:
        return _account(request, person, school, today)
    step = NextStep.RECORD_CONSENT if intent in (Intent.OPT_OUT, Intent.OPT_IN) else NextStep.SEND_REPLY
    if intent == Intent.NOT_TEXT and message.is_voice and message.media_id:
        step = NextStep.TRANSCRIBE
    plan = Plan(intent, _PLAIN_REPLIES[intent], step, entry=request.entry, kind=_kind(message))
    return _menu(plan, person, school, today) if plan.reply_type == ReplyType.MENU else plan


def _staff(command: Command) -> Plan:
    """What is incomplete, and the list of commands, need no look at the records."""
    is_done_here = command.name == "help" or not command.is_complete
    step = NextStep.SEND_REPLY if is_done_here else NextStep.STAFF_COMMAND
    return Plan(Intent.STAFF, ReplyType.STAFF, step, command=command)


def add_to_request(message: Message) -> Plan:
    """What a parent writes while the office has the conversation: it reads the assistant's number no other way."""
    words = message.text or f"({_kind(message)})"
    step = NextStep.OPEN_OFFICE_REQUEST
    return Plan(Intent.OFFICE, ReplyType.OFFICE_TOLD, step, question=words, addition=True)


def hand_over_urgently(message: Message) -> Plan:
    """The words are for the office at once."""
    return _office(URGENT_FOR_THE_OFFICE, message, urgent=True)


def _office(request: Request, message: Message, *, urgent: bool) -> Plan:
    """Words for the office open a request; without any we ask for them."""
    words = message.text or ""
    given = request in (FOR_THE_OFFICE, URGENT_FOR_THE_OFFICE)
    if given or urgent or (message.tap is None and len(words.split()) >= WORDS_FOR_THE_OFFICE):
        return Plan(
            Intent.OFFICE,
            ReplyType.OFFICE_TOLD,
            NextStep.OPEN_OFFICE_REQUEST,
            question=words,
            urgent=urgent,
        )
    return Plan(Intent.OFFICE, ReplyType.OFFICE_ASK, pending=Pending(Intent.OFFICE))


def _proof(request: Request, message: Message, person: Person) -> Plan:
    """A file that may be a proof of payment: whose, and with the tap to the office."""
    own = {student.id: student for student in person.students}
    if any(name not in own for name in request.student_ids):
        return Plan(Intent.PROOF, ReplyType.NOT_YOUR_CHILD)
    students = tuple(own[name] for name in request.student_ids) or person.students
    if message.tap and len(students) == 1:
        words = proofs.title(students[0])
        step = NextStep.OPEN_OFFICE_REQUEST
        return Plan(Intent.PROOF, ReplyType.PROOF_TOLD, step, students, question=words, entry=request.entry)
    return Plan(Intent.PROOF, ReplyType.PROOF_ASK, students=students, entry=request.entry)


def _account(request: Request, person: Person, school: School, today: date) -> Plan:
    """Balance, statement and gate pass: whose, which term, and whether it can be."""
    intent, reply_type = request.intent, _ACCOUNT_REPLIES[request.intent]
    if person.kind == Kind.UNSURE:
        return Plan(intent, ReplyType.RECORDS_UNREACHABLE)
    if person.kind != Kind.REGISTERED:
        return Plan(
            intent, ReplyType.NOT_REGISTERED, pending=Pending(intent, request.term)
        )  # the child's id may follow
    own = {student.id: student for student in person.students}
    if any(name not in own for name in request.student_ids):
        return Plan(intent, ReplyType.NOT_YOUR_CHILD)
    students = tuple(own[name] for name in request.student_ids) or person.students
    if intent == Intent.GATE_PASS:
        current = school.calendar.current(today)
        if current is None:
            return Plan(intent, ReplyType.NO_PASS_IN_HOLIDAYS)
        if len(students) > 1:
            plan = Plan(intent, ReplyType.CHOOSE_CHILD, students=students, pending=Pending(intent))
            return replace(plan, term=current.code, prefetch=True)
        return Plan(intent, reply_type, NextStep.GATE_PASS, students, current.code, needs_account=True)
    code = request.term or school.calendar.billing(today).code
    term = school.calendar.find(code)
    if term is None:
        return Plan(intent, ReplyType.UNKNOWN_TERM, term=code)
    if term.begins > today:
        return Plan(intent, ReplyType.TERM_NOT_BEGUN, term=code)
    return Plan(intent, reply_type, students=students, term=code, needs_account=True)


def _question(request: Request, text: str, person: Person, school: School, today: date, phrases: Phrases) -> Plan:
    personal = person.kind == Kind.REGISTERED and intents.is_personal(text, person.students, phrases)
    term = school.calendar.find(request.term) if request.term else None
    if term is None or term.begins > today:
        term = school.calendar.billing(today)
    return Plan(
        Intent.QUESTION,
        ReplyType.ANSWER,
        NextStep.AI_REPLY,
        students=person.students if personal else (),
        term=term.code if personal else None,
        question=text,
        personal=personal,
        needs_account=personal,
    )


def _menu(plan: Plan, person: Person, school: School, today: date) -> Plan:
    """A menu; for a parent the account is fetched behind it."""
    if person.kind != Kind.REGISTERED:
        return plan
    return replace(plan, students=person.students, term=school.calendar.billing(today).code, prefetch=True)


def _kind(message: Message) -> str:
    if message.is_voice:
        return "voice"
    if message.type == "contacts":
        return "contacts"
    return message.type


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
