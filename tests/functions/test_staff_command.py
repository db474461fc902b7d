"""What staff of the school see and do by their commands, and who else cannot."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from functions import dependencies, gate_pass, staff_command
from functions.adapters import clock
from functions.adapters.school_config import school
from functions.domain.errors import InvalidRequest
from functions.services.staff.desk import USE_CASES
from tests.conftest import Aws, Database
from tests.functions.conftest import Cached
from tests.functions.examples import ACCOUNT, CHILD, MESSAGE, RUDO, TARIRO, ask_office, command, deliver, record, status


def today() -> date:
    return clock.now(school().timezone).date()


def parent_wrote(database: Database, hours_ago: int = 1, **more: Any) -> None:
    values = {"phone": RUDO, "bsuid": "ZW.1", "name": "Rudo Moyo", "hours": hours_ago, "stop": False} | more
    database.run(
        "INSERT INTO contacts (phone, bsuid, profile_name, last_message_at, opted_out_at) VALUES (:phone, :bsuid, "
        ":name, now() - make_interval(hours => :hours), CASE WHEN :stop THEN now() END)",
        **values,
    )


def add_pass(database: Database, status: str = "valid", days: int = 10) -> str:
    """A pass of Tariro's, issued to Rudo; its number."""
    if not database.run("SELECT id FROM students WHERE id = :id", id=TARIRO):
        database.add_student("Tariro Moyo", RUDO, TARIRO)
    number = f"GP-2026-3-{int(database.value('SELECT count(*) FROM gate_passes')) + 1:06d}"
    database.run(
        "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, valid_until, status, "
        "issued_to) VALUES (:number, :number, :student, '2026-3', 'half', 50, :issued, :until, :status, :phone)",
        number=number,
        student=TARIRO,
        issued=today(),
        until=today() + timedelta(days=days),
        status=status,
        phone=RUDO,
    )
    return number


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [RUDO, None, ""])
def test_nobody_else_gives_commands(database: Database, phone: str | None) -> None:
    add_pass(database)
    plan = {"intent": "staff", "reply_type": "staff", "command": {"name": "revoke", "about": "GP-2026-3-000001"}}
    person = {"kind": "registered", "phone": phone, "bsuid": "ZW.1"}
    with pytest.raises(InvalidRequest, match="staff"):
        staff_command.handler({"message": MESSAGE, "person": person, "plan": plan}, None)
    assert database.value("SELECT status FROM gate_passes") == "valid"


def test_who_gave_a_command_is_recorded_without_the_number(
    cached: Cached, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    number = str(school().office.whatsapp)
    command("today")
    command("close", "7", id="wamid.second")
    command("today", id="wamid.third", phone=RUDO)  # the message of another number changes nothing: the person counts
    rows = database.run("SELECT staff, command, about FROM staff_actions ORDER BY done_at, message_id")
    assert [(row["command"], row["about"]) for row in rows] == [("today", None), ("close", "7"), ("today", None)]
    assert len({row["staff"] for row in rows}) == 1
    with dependencies.primary().writer() as connection:
        from functions.adapters.database.staff_actions import StaffActions

        actions = StaffActions(connection)
        assert actions.digest_of(number) == rows[0]["staff"]
        assert actions.digest_of(RUDO) != rows[0]["staff"]
    logged = json.dumps([vars(item) for item in caplog.records], default=str)
    assert rows[0]["staff"][:16] in logged
    assert number.lstrip("+") not in logged + json.dumps(rows)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_requests_are_listed_urgent_ones_first_then_the_oldest(cached: Cached, database: Database) -> None:
    parent_wrote(database)
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    first, second = ask_office(database, "ZW.1", "a", hours_ago=30), ask_office(database, "ZW.2", "b", hours_ago=2)
    urgent, closed = ask_office(database, "ZW.3", "c"), ask_office(database, "ZW.4", "d")
    database.run("UPDATE office_requests SET urgent = true WHERE id = :id", id=urgent)
    database.run("UPDATE office_requests SET closed_at = now() WHERE id = :id", id=closed)
    database.run(  # a person wrote from the app yesterday, and nobody waits
        "INSERT INTO office_requests (message_id, sender, words, kind, opened_at, told_at) "
        "VALUES ('e', 'ZW.5', '', 'conversation', now() - interval '13 hours', now())"
    )
    found = command("requests")
    assert [row["number"] for row in found["rows"]] == [urgent, first, second]
    assert found["total"] == 3
    assert [row["minutes"] for row in found["rows"]] == [0, 30 * 60, 2 * 60]
    assert (found["rows"][1]["name"], found["rows"][1]["children"]) == ("Rudo Moyo", ["Tariro Moyo"])


def test_a_long_list_of_requests_says_how_many_there_are(cached: Cached, database: Database) -> None:
    for number in range(12):
        ask_office(database, f"ZW.{number}", f"m{number}")
    found = command("requests")
    assert (len(found["rows"]), found["total"]) == (10, 12)


# --- reply ------------------------------------------------------------------------------------------------------------


def test_an_answer_goes_to_the_parent_of_the_request_and_the_office_keeps_the_conversation(
    cached: Cached, database: Database
) -> None:
    parent_wrote(database)
    number = ask_office(database, "ZW.1", "a", hours_ago=13)
    assert not cached.load("ZW.1").is_handed_to_office
    found = command("reply", str(number), "We have found it.")
    letter = {"kind": "reply", "phone": RUDO, "bsuid": "ZW.1", "words": "We have found it.", "as_template": False}
    assert (found["number"], found["name"], found["letter"]) == (number, "Rudo Moyo", letter)
    assert cached.load("ZW.1").is_handed_to_office
    assert cached.load(RUDO).is_handed_to_office
    assert "We have found it." not in json.dumps(database.run("SELECT * FROM staff_actions"), default=str)


def test_after_the_parents_24_hours_only_a_template_may_be_sent(cached: Cached, database: Database) -> None:
    parent_wrote(database, hours_ago=25)
    number = ask_office(database, "ZW.1", "a", hours_ago=25)
    assert command("reply", str(number), "We have found it.")["letter"]["as_template"] is True
    assert not cached.load("ZW.1").is_handed_to_office  # the parent who then writes is answered


@pytest.mark.parametrize("about", ["999", None])
def test_without_such_a_request_nobody_is_written_to(cached: Cached, database: Database, about: str | None) -> None:
    assert command("reply", about, "We have found it.") == {"number": None, "letter": None}


def told_by_its_own_record() -> None:
    plan = {"intent": "staff", "reply_type": "staff", "next": "staff_command"}
    message = MESSAGE | {"id": "wamid.command"}
    record(message=message, plan=plan, account=None, request={"number": 1, "delivered": "message"})


def told_by_a_delivery_status() -> None:
    assert deliver([status("sent", id="wamid.letter", answer_to="wamid.command:letter")]) == []


@pytest.mark.parametrize("told", [told_by_its_own_record, told_by_a_delivery_status])
def test_a_parent_who_was_told_is_not_told_again(cached: Cached, database: Database, told: Callable[[], None]) -> None:
    parent_wrote(database)
    number = str(ask_office(database, "ZW.1", "a"))
    assert command("reply", number, "We have found it.")["letter"]
    assert command("reply", number, "We have found it.")["letter"]  # it was not sent
    told()
    again = command("reply", number, "We have found it.")
    assert (again["letter"], again["delivered"]) == (None, "message")


# --- close ------------------------------------------------------------------------------------------------------------


def close(message_id: str = "wamid.close", about: str | None = None, quoted: str | None = None) -> Any:
    message = {"id": message_id} | ({"quoted": quoted} if quoted else {})
    return command("close", about, **message)["number"]


def test_one_message_closes_one_request_however_often_it_comes(cached: Cached, database: Database) -> None:
    first, second = ask_office(database, "ZW.5", "a"), ask_office(database, "ZW.6", "b")
    assert [close(), close()] == [second, second]
    assert close("wamid.close2") == first
    assert close("wamid.close3") is None


def test_a_quoted_notification_says_which_request_is_closed(cached: Cached, database: Database) -> None:
    first, _ = ask_office(database, "ZW.5", "a"), ask_office(database, "ZW.6", "b")
    assert close(quoted="something else") is None
    assert close("wamid.close2", quoted="notification of a") == first


def test_close_without_a_number_is_about_a_request_that_the_office_knows_and_still_has(
    cached: Cached, database: Database
) -> None:
    old, _ = ask_office(database, "ZW.5", "a", hours_ago=13), ask_office(database, "ZW.6", "b", notified=False)
    assert close() is None
    assert close("wamid.close2", str(old)) == old


def test_the_bot_answers_that_parent_again(cached: Cached, database: Database) -> None:
    number = ask_office(database, "ZW.5", "a")
    for sender in ("ZW.5", "ZW.6"):
        cached.senders.set_handed_to_office(sender, handed=True)
    close(about=str(number))
    assert [cached.load(sender).is_handed_to_office for sender in ("ZW.5", "ZW.6")] == [False, True]


# --- gate passes ------------------------------------------------------------------------------------------------------


def test_the_passes_of_a_student_are_listed_the_newest_first(cached: Cached, database: Database) -> None:
    first = add_pass(database, "replaced")
    second = add_pass(database)
    found = command("passes", TARIRO)
    assert found["student"] == {"id": TARIRO, "name": "Tariro Moyo"}
    assert [(row["number"], row["state"]) for row in found["rows"]] == [(second, "valid"), (first, "replaced")]
    assert command("passes", "SSC20990001", id="wamid.2")["student"] is None


def test_a_revoked_pass_is_revoked_for_good_and_its_parent_is_told(cached: Cached, database: Database) -> None:
    number = add_pass(database)
    parent_wrote(database)
    found = command("revoke", number, "phone stolen")
    assert (found["outcome"], found["name"]) == ("revoked", "Tariro Moyo")
    assert (found["letter"]["phone"], found["letter"]["as_template"]) == (RUDO, False)
    assert "phone stolen" not in json.dumps(found)  # the reason is for the record
    assert database.value("SELECT status FROM gate_passes") == "revoked"
    assert database.value("SELECT reason FROM staff_actions") == "phone stolen"
    assert command("revoke", number, "phone stolen")["outcome"] == "revoked"  # the same message again
    assert command("revoke", number, "again", id="wamid.2")["outcome"] == "revoked before"


@pytest.mark.parametrize(("kept", "days", "outcome"), [("replaced", 5, "replaced"), ("valid", -1, "expired")])
def test_a_pass_that_is_not_valid_is_not_revoked(
    cached: Cached, database: Database, kept: str, days: int, outcome: str
) -> None:
    found = command("revoke", add_pass(database, kept, days), "lost")
    assert (found["outcome"], found["letter"]) == (outcome, None)
    assert database.value("SELECT status FROM gate_passes") == kept


def ask_for_a_pass(message_id: str) -> dict[str, Any]:
    figures = ACCOUNT | {"payments": {TARIRO: [{"fee_type": "Tuition", "amount": "400.00", "date": None}]}}
    event = {"message_id": message_id, "student": CHILD, "account": figures, "phone": RUDO}
    return gate_pass.handler(event, None)


def test_after_a_revocation_there_is_no_new_pass_until_staff_allow_one(
    cached: Cached, database: Database, aws: Aws
) -> None:
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    number = ask_for_a_pass("wamid.1")["number"]
    command("revoke", number, "phone stolen")
    refused = ask_for_a_pass("wamid.2")
    assert refused["refusal"] == "withdrawn"
    assert database.value("SELECT count(*) FROM gate_passes") == 1
    assert command("allow", number, id="wamid.allow")["outcome"] == "allowed"
    assert command("allow", number, id="wamid.allow")["outcome"] == "allowed"  # the same message again
    assert command("allow", number, id="wamid.allow2")["outcome"] == "revoked"
    again = ask_for_a_pass("wamid.3")
    assert again["outcome"] == "issued"
    assert again["number"] != number


def test_an_unknown_pass(cached: Cached, database: Database) -> None:
    for name in ("revoke", "allow"):
        assert command(name, "GP-2026-3-999999", "lost", id=f"wamid.{name}")["outcome"] == "unknown"


@pytest.mark.parametrize(("more", "letter"), [({"stop": True}, None), ({"hours_ago": 30}, "template")])
def test_whom_whatsapp_or_the_parent_does_not_let_us_write_to(
    cached: Cached, database: Database, more: dict[str, Any], letter: str | None
) -> None:
    number = add_pass(database)
    parent_wrote(database, **more)
    found = command("revoke", number, "lost")["letter"]
    assert (found and found["as_template"]) == (True if letter else None)


# --- problems and today -----------------------------------------------------------------------------------------------


def test_records_that_cannot_be_used_are_listed_with_what_to_put_right(cached: Cached, database: Database) -> None:
    for number in range(11):
        database.run(
            "INSERT INTO unusable_records (place, name, phone, problem, fix, first_seen) VALUES (:place, "
            "'Tariro Moyo', '07712', 'no number', 'write one', now() - make_interval(days => :days))",
            place=f"SSC{number:02d}",
            days=20 - number,
        )
    found = command("problems")
    assert (len(found["rows"]), found["total"]) == (10, 11)
    assert found["rows"][0] == {
        "place": "SSC00",
        "name": "Tariro Moyo",
        "phone": "07712",
        "problem": "no number",
        "fix": "write one",
    }


def test_what_happened_today_is_counted(cached: Cached, database: Database) -> None:
    log = "INSERT INTO message_log (message_id, sender, type, intent, outcome, received_at) VALUES "
    for name, outcome, intent, hours in (
        ("a", "answered", "balance", 0),
        ("b", "answered", "question", 0),
        ("c", "apologised", "balance", 0),
        ("d", None, None, 0),  # the office has the conversation
        ("e", "answered", "payment", 0),  # a receipt
        ("f", "answered", "balance", 48),
    ):
        database.run(
            f"{log} (:name, 'ZW.1', :type, :intent, :outcome, now() - make_interval(hours => :hours))",
            name=name,
            type="payment" if intent == "payment" else "text",
            intent=intent,
            outcome=outcome,
            hours=hours,
        )
    ask_office(database, "ZW.1", "m")
    ask_office(database, "ZW.2", "n", hours_ago=60)
    found = command("today")
    counted = {name: found[name] for name in ("messages", "answers", "apologies", "handed_over", "open")}
    assert counted == {"messages": 4, "answers": 2, "apologies": 1, "handed_over": 1, "open": 2}


def test_every_command_that_needs_the_records_has_its_use_case() -> None:
    from functions.domain.staff import FORMS

    assert set(FORMS) - set(USE_CASES) == {"help"}
