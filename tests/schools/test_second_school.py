"""Another school changes its folder alone: nothing of the first one is in what its parents, guards and AI read."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
import pypdfium2
import pytest
from pypdf import PdfReader

from functions.adapters import phrases_config
from functions.adapters.documents.gate_pass import gate_pass_pdf
from functions.adapters.documents.pass_page import pass_page
from functions.adapters.documents.statement import statement_pdf
from functions.adapters.school_config import load
from functions.adapters.whatsapp import message_format
from functions.domain import answers, model_contract
from functions.domain.accounts import Account, Line, StudentAccount
from functions.domain.conversation import NextStep, Plan, ReplyType, decide
from functions.domain.documents import GatePassDocument, Letterhead, PassPage, StatementChild, StatementDocument
from functions.domain.gate_passes import PassState
from functions.domain.intents import Intent
from functions.domain.messages import Message
from functions.domain.payments import Receipt
from functions.domain.people import Kind, Person, Student
from functions.domain.replies import Document, Reply
from functions.domain.school import School
from functions.domain.staff import Command
from functions.domain.student_records import Flaw, how_to_fix
from functions.domain.wording import (
    Problem,
    Turn,
    compose,
    compose_office_notification,
    compose_receipt,
    without_model,
)
from infra.catalog import FUNCTIONS
from local.plan import Plan as StackPlan
from local.plan import Ports
from local.world.phones import Phones
from local.world.sample import SampleSchool
from tests.domain.a_school import CONFIG
from tests.local.world.clients import Client, world
from tests.schools import SECOND

ROOT = Path(__file__).parents[2]
FIRST: School = load(CONFIG)
SCHOOL: School = load(SECOND)
PHRASES = phrases_config.load(SECOND, SCHOOL.assistant)
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, 45, tzinfo=SCHOOL.timezone)
SAMPLE = SampleSchool.build(TODAY, config=SECOND)
TERM = "2026-2"

# What only the first school has, and a word of which must not be said for another.
OF_THE_FIRST = re.compile(
    "|".join(
        [
            *map(re.escape, {FIRST.name, FIRST.full_name, FIRST.motto, FIRST.office.address, FIRST.office.email}),
            *map(re.escape, {FIRST.colour, FIRST.accent, FIRST.office.hours, str(FIRST.timezone)}),
            *(re.escape(language) for language in set(FIRST.languages) - set(SCHOOL.languages)),
            rf"\b{FIRST.assistant}\b",
            rf"{FIRST.student_id_prefix}\d*",
            r"\$|\bUS\b|\bUSD\b|[Dd]ollar|[Bb]ucks",
            r"(?i:shining|smiles)|Hatfield|Harare|Chitungwiza|Zimbabw|ZIMSEC|Africa/",
            r"\+263|\b00263|\b2637\d{8}|\bZW\b",
            r"7 September|3 December|2026-3|Term 3",
        ]
    )
)

(LENA, *_), (MAX, ELIF, *_) = (
    SAMPLE.children_of(Phones("DE").number(2_100_001)),
    SAMPLE.children_of(Phones("DE").number(2_100_008)),
)
FAMILY = tuple(Student(child.id, child.first_name, child.last_name, child.grade) for child in (LENA, MAX, ELIF))
PARENT = Person(Kind.REGISTERED, Phones("DE").number(2_100_001), "DE.1", FAMILY, "Rudo Moyo")
ACCOUNT = Account(
    TERM,
    NOW.isoformat(),
    False,
    {
        student.id: StudentAccount(
            (Line("Tuition", Decimal("2150"), date(2026, 8, 17)),), (Line("Tuition", paid, date(2026, 8, 20)),)
        )
        for student, paid in zip(FAMILY, map(Decimal, ("400.50", "2150", "2500")), strict=True)
    },
)
PASS = {
    "outcome": "issued", "delivery": "document", "request_of_week": 1, "number": "GP-2026-2-000001",
    "percent_paid": 100, "valid_until": "2026-12-18", "file_key": "passes/1.pdf", "media_id": None,
}  # fmt: skip
REFUSED = {"refusal": "too little paid", "missing": "674.50", "percent_needed": 60, "percent_paid": 18}


def nothing_of_the_first(text: str) -> None:
    assert [found[0] for found in OF_THE_FIRST.finditer(text)] == []


def shown(reply: Reply) -> str:
    """Everything of a reply that goes out."""
    if isinstance(reply, Document):
        return json.dumps([reply.filename, reply.instead, message_format.document(reply, "m1")], ensure_ascii=False)
    return json.dumps(message_format.bodies(reply), ensure_ascii=False)


def turn(reply_type: ReplyType, **found: Any) -> Turn:
    plan = Plan(
        Intent.MENU,
        reply_type,
        NextStep.SEND_REPLY,
        FAMILY,
        TERM,
        entry="about",
        question="When does school start?",
        kind="voice",
        command=Command("help"),
    )
    person = found.pop("person", PARENT)
    facts: dict[str, Any] = {
        "account": ACCOUNT, "gate_pass": PASS, "answer": "Lessons run from 08:10.", "message_id": "wamid.1",
        "request": {"number": 12, "notified": True},
    }  # fmt: skip
    return Turn(plan, person, **(facts | found))


TURNS = {
    **{reply_type.value: turn(reply_type) for reply_type in ReplyType},
    **{f"{problem.value} problem": turn(ReplyType.BALANCE, problem=problem) for problem in Problem},
    "menu of a visitor": turn(ReplyType.MENU, person=Person(Kind.VISITOR, "+4915155500000", "DE.2")),
    "gate pass refused": turn(ReplyType.GATE_PASS, gate_pass=REFUSED),
    "gate pass as text": turn(ReplyType.GATE_PASS, gate_pass=PASS | {"delivery": "text"}),
    "gate pass once too often": turn(ReplyType.GATE_PASS, gate_pass=PASS | {"delivery": "refused"}),
    "no gate pass without fees": turn(ReplyType.GATE_PASS, gate_pass={"refusal": "no fees"}),
    "stale balance": turn(ReplyType.BALANCE, account=replace(ACCOUNT, stale=True, as_of="2026-11-22T07:00:00+00:00")),
    "office closed": turn(ReplyType.OFFICE_TOLD, request={"number": 12, "notified": False}),
    "thumbs down": Turn(Plan(Intent.FEEDBACK, ReplyType.FEEDBACK, entry="down"), PARENT),
}


RECEIPT = Receipt(FAMILY[0], TERM, Decimal("100.00"), ACCOUNT)
OTHERS = {
    "receipt": compose_receipt(RECEIPT, SCHOOL, NOW),
    "receipt without the balance": compose_receipt(replace(RECEIPT, account=None), SCHOOL, NOW),
    "notification of the office": compose_office_notification(PARENT, "Where is the bus?", 12, SCHOOL),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_that_is_sent_speaks_of_the_first_school(name: str) -> None:
    nothing_of_the_first(shown(OTHERS[name]))


@pytest.mark.parametrize("name", TURNS)
def test_no_reply_speaks_of_the_first_school(name: str) -> None:
    nothing_of_the_first(shown(compose(TURNS[name], SCHOOL, NOW)))


def test_replies_speak_of_this_school() -> None:
    balance = shown(compose(turn(ReplyType.BALANCE), SCHOOL, NOW))
    assert "Owed: 1.749,50 €" in balance
    assert "In credit: 350,00 €" in balance
    assert FAMILY[0].id.startswith("LIS")
    assert "I'm Ida, the assistant of Linden" in shown(compose(turn(ReplyType.MENU), SCHOOL, NOW))
    contact = shown(compose(turn(ReplyType.OFFICE), SCHOOL, NOW))
    assert all(part in contact for part in ("+49 30 5550 1200", "office@linden-school.example", "07:30-16:15"))
    assert "*674,50 € more* reaches 60 %" in shown(compose(TURNS["gate pass refused"], SCHOOL, NOW))
    assert "As of 22 November, 08:00" in shown(compose(TURNS["stale balance"], SCHOOL, NOW)).replace("as of", "As of")
    assert "LIS20251234" in shown(compose(turn(ReplyType.NOT_REGISTERED), SCHOOL, NOW))


def test_without_the_model_too() -> None:
    plan = Plan(Intent.QUESTION, ReplyType.ANSWER, students=FAMILY, question="What does the school charge per term?")
    nothing_of_the_first(without_model(plan, None, SCHOOL))
    assert "2.150,00 €" in without_model(plan, None, SCHOOL)
    nothing_of_the_first(without_model(replace(plan, personal=True), ACCOUNT, SCHOOL))


@pytest.mark.parametrize(
    ("text", "reply_type"),
    [
        ("Hello Ida, balance", ReplyType.BALANCE),
        ("thanks Ida!", ReplyType.THANKS),
        ("Ida", ReplyType.MENU),
        ("thanks Mya", ReplyType.ANSWER),
    ],
)
def test_people_address_the_assistant_by_its_own_name(text: str, reply_type: ReplyType) -> None:
    message = Message.read({"id": "wamid.1", "type": "text", "timestamp": 1, "phone": PARENT.phone, "text": text})
    assert decide(message, PARENT, None, SCHOOL, TODAY, phrases=PHRASES).reply_type == reply_type


def test_a_clerk_is_told_in_the_countrys_way_of_writing() -> None:
    from functions.adapters.phone_numbers import examples

    fixes = " ".join(how_to_fix(flaw, SCHOOL.student_id_prefix, *examples(SCHOOL.country)) for flaw in Flaw)
    nothing_of_the_first(fixes)
    assert "+49" in fixes
    assert "LIS20251234" in fixes


# --- documents


def colours_of(pdf: bytes) -> set[str]:
    """Every colour that fills some part of the first page."""
    document = pypdfium2.PdfDocument(pdf)
    picture = document[0].render(scale=2).to_pil().convert("RGB")
    document.close()
    counted = picture.getcolors(picture.width * picture.height) or []
    return {"#{:02x}{:02x}{:02x}".format(*colour) for count, colour in counted if count > 100}


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


GATE_PASS = gate_pass_pdf(
    GatePassDocument(
        letterhead=Letterhead.of(SCHOOL),
        child_name=FAMILY[0].name,
        student_id=FAMILY[0].id,
        grade=FAMILY[0].grade,
        pass_number="GP-2026-2-000001",
        issued=TODAY,
        valid_until=date(2026, 12, 18),
        share_paid="100 % of Term 2 fees",
        parent_phone=PARENT.phone,
        verify_url="https://passes.linden-school.example/passes/Zk3v9Q1xW7bT2mR8pL5sYg",
    )
)


def statement() -> bytes:
    term = SCHOOL.calendar.find(TERM)
    assert term
    children = tuple(
        StatementChild(student.name, student.id, student.grade, found)
        for student in FAMILY
        if (found := ACCOUNT.students[student.id])
    )
    return statement_pdf(StatementDocument(Letterhead.of(SCHOOL), term, TODAY, children, SCHOOL.currency))


@pytest.mark.parametrize(
    ("pdf", "parts"),
    [
        (GATE_PASS, ["Linden International School", "Curious together", "LIS2025", "+49 15 *** ", "18 December 2026"]),
        (statement(), ["Linden International School", "STILL TO PAY 1.749,50 €", "Charge (€)", "2.150,00", "18 % of"]),
    ],
    ids=["gate pass", "statement"],
)
def test_a_pdf_bears_this_schools_letterhead_colours_and_money(pdf: bytes, parts: list[str]) -> None:
    nothing_of_the_first(text_of(pdf))
    assert [part for part in parts if part.replace(" ", "") not in text_of(pdf).replace(" ", "")] == []
    assert {SCHOOL.colour, SCHOOL.accent} <= colours_of(pdf)
    assert not {FIRST.colour, FIRST.accent} & colours_of(pdf)
    nothing_of_the_first(str(PdfReader(BytesIO(pdf)).metadata))


@pytest.mark.parametrize("state", PassState)
def test_the_page_behind_the_code_is_this_schools(state: PassState) -> None:
    page = pass_page(PassPage(Letterhead.of(SCHOOL), state, NOW, "Lena Weber", "Grade 3", "GP-1", date(2026, 12, 18)))
    nothing_of_the_first(page)
    assert "Linden International School" in page
    assert 'href="tel:+493055501200"' in page


# --- what the AI is told


def test_the_ai_is_told_of_this_school_and_its_currency() -> None:
    told = model_contract.instructions(SCHOOL, TODAY) + answers.figures(ACCOUNT, FAMILY, SCHOOL)
    nothing_of_the_first(told)
    assert "You are Ida, the WhatsApp assistant of Linden International School." in told
    assert "(English, German or Turkish)" in told
    assert "All amounts are in euros." in told
    assert "billed 2.150,00 €, paid 400,50 € (18 %), still owed 1.749,50 €" in told


@pytest.mark.parametrize(
    ("answer", "safe"),
    [
        ("A term costs 2.150,00 € for Grades 1-4, and you owe 1.749,50 €.", True),
        ("You owe 1749,50 euros. Call +49 30 5550 1200.", True),
        ("You owe $1.749,50.", False),
        ("You owe 1.749,50 dollars.", False),
        ("You owe 1.750 €.", False),
        (f"Write to {FIRST.office.email}.", False),
    ],
)
def test_an_answer_names_amounts_in_this_schools_currency_only(answer: str, safe: bool) -> None:
    given = answers.facts(SCHOOL, TODAY) + answers.figures(ACCOUNT, FAMILY, SCHOOL)
    assert answers.is_safe(answer, given, SCHOOL.currency) == safe


# --- the local stack


def test_the_sample_pupils_and_parents_are_this_schools() -> None:
    nothing_of_the_first(json.dumps(SAMPLE.demo_as_json(), ensure_ascii=False))
    assert all(re.fullmatch(r"LIS\d+", student.id) for student in SAMPLE.students)
    phones = {phone for student in SAMPLE.students for phone, _ in student.phones}
    assert len(phones) > 150
    assert all(phone.startswith("+491") for phone in phones)
    assert {parent.user_id[:3] for parent in SAMPLE.demo_parents if parent.user_id} == {"DE."}
    assert SAMPLE.calendar == SCHOOL.calendar


@pytest.mark.parametrize("country", "ZW KE ZA BW ZM MZ NG GH UG TZ GB DE FR IT ES PT US IN SG AU BR MX EE".split())
def test_every_way_of_writing_a_sample_number_can_be_read_in_its_country(country: str) -> None:
    from functions.adapters.phone_numbers import normalise

    phones = Phones(country)
    assert phones.number(1) == Phones(country).number(1)
    for place in (2_000_900, 2_100_024, 2_200_149, 2_400_400, 2_900_001):
        number = phones.number(place)
        assert {normalise(phones.written(number, style), country) for style in range(9)} == {number}
        assert normalise(phones.unreadable(number), country) is None


def test_a_function_is_told_the_folder_by_the_local_stack_alone(tmp_path: Path) -> None:
    shipped, second = (StackPlan.create(tmp_path, Ports.free(), **more) for more in ({}, {"config": SECOND}))
    for function in FUNCTIONS:
        assert "SCHOOL_CONFIG" not in shipped.environment(function)
        assert second.environment(function)["SCHOOL_CONFIG"] == str(SECOND)
        assert second.environment(function)["OFFICE_WHATSAPP"].startswith("+491")
        assert "SCHOOL_CONFIG" not in function.environment  # so not on AWS
    assert StackPlan.load(second.save()) == second


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with world(tmp_path, config=SECOND) as found:
        yield found


@pytest.mark.enable_socket
def test_the_simulated_services_are_this_schools(client: Client) -> None:
    students = client.school("school/students/data", page_size=200).text
    assert '"student_number": "LIS20250001"' in students.replace('":"', '": "')
    nothing_of_the_first(students)
    nothing_of_the_first(client.page("GET", "/sample").text)
    instructions = model_contract.instructions(SCHOOL, TODAY)
    with openai.OpenAI(api_key=client.plan.openai_api_key, base_url=client.plan.openai_api_url, max_retries=0) as sdk:

        def ask(question: str) -> str:
            figures = answers.figures(ACCOUNT, FAMILY, SCHOOL)
            content = f"{figures}\n\n{answers.question(question)}"
            return sdk.responses.create(model="any", instructions=instructions, input=content).output_text

        for question in ("What does a term cost?", "How much do I owe?", "Who are you?", "Tell me about the school"):
            nothing_of_the_first(ask(question))
        assert "2.690,00 €" in ask("How much are the fees?")
        assert "still owed 1.749,50 €" in ask("How much do I owe?")
        client.page("PUT", "/faults/openai", {"kind": "invents_amount"})
        assert "137,45 €" in ask("How much is it?")


# --- the code


def texts_of(path: Path) -> Iterator[str]:
    """Every text in the code that is no docstring."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


NAMES = re.compile(
    rf"(?i:shining|smiles|hatfield|harare|chitungwiza)|\b{FIRST.assistant}\b|\b{FIRST.student_id_prefix}\b|US dollars"
    rf"|{FIRST.colour}|{FIRST.accent}|Africa/|\+263|\bZW\."
)


@pytest.mark.parametrize("folder", ["functions", "local"])
def test_no_text_in_the_code_names_the_first_school(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if ".build" not in path.parts]
    assert files
    named = [(str(path.relative_to(ROOT)), text) for path in files for text in texts_of(path) if NAMES.search(text)]
    assert named == []


@pytest.mark.parametrize("path", sorted((ROOT / "statemachines").glob("*.json")), ids=lambda path: path.name)
def test_no_state_machine_names_the_first_school(path: Path) -> None:
    assert not NAMES.search(path.read_text("utf-8"))
