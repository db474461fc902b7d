"""What is counted: once, when it has really happened, and under the name by which an operator looks for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions import record_delivery, remember, send_reply
from functions.adapters import observability
from functions.adapters.cache import Cache
from functions.services import delivery_events
from local.kpi import Collected
from tests.conftest import Database, OutsideWorld

RUDO = "+263772100001"
MESSAGE = {"id": "wamid.1", "type": "text", "phone": RUDO, "bsuid": "ZW.1", "text": "hi", "timestamp": 1795420800}
PERSON = {"kind": "registered", "phone": RUDO, "bsuid": "ZW.1", "students": []}

Counts = Callable[[], Collected]


@pytest.fixture
def counts(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Counts:
    """What has been counted so far."""
    observability.flush()
    capsys.readouterr()
    log = tmp_path / "function.log"
    log.touch()

    def read() -> Collected:
        observability.flush()
        log.write_text(log.read_text() + capsys.readouterr().out)
        return Collected.of(tmp_path)

    return read


def status(state: str, **more: Any) -> dict[str, Any]:
    found = {"kind": "status", "id": "wamid.reply", "status": state, "timestamp": 1795420800, "answer_to": "wamid.1"}
    return found | more


def deliver(*batches: list[dict[str, Any]]) -> list[Any]:
    """One record for each batch; the records that failed."""
    records = [{"messageId": str(place), "body": json.dumps({"events": batch})} for place, batch in enumerate(batches)]
    return list(record_delivery.handler({"Records": records}, None)["batchItemFailures"])


# --- cold starts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "cold"), [("on-demand", 1), ("provisioned-concurrency", 0), ("snap-start", 1)])
def test_a_start_that_nobody_waited_for_is_not_cold(
    counts: Counts, environment: pytest.MonkeyPatch, kind: str, cold: int
) -> None:
    environment.setattr(observe, "_is_cold", True)
    environment.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    handler = observability.instrumented(lambda event, context: {})
    for _ in range(3):
        handler({}, None)
    assert (counts().total("Invocations"), counts().total("ColdStarts")) == (3, cold)


# --- deliveries -------------------------------------------------------------------------------------------------------


def test_what_was_undone_is_not_counted(cache: Cache, database: Database, counts: Counts) -> None:
    batch = [
        status("failed", error_codes=[131042], category="service", billable=True),
        {
            "kind": "message",
            "id": "wamid.9",
            "type": "reaction",
            "bsuid": "ZW.1",
            "about": "wamid.reply",
            "emoji": "👍",
        },
    ]
    impossible = {"kind": "message", "id": "wamid.8", "type": "reaction", "timestamp": 10**18}
    assert deliver([*batch, impossible])
    names = ("FailedDeliveries", "OperatorNeeded", "BillableReplies", "FeedbackUp")
    assert [counts().total(name) for name in names] == [0, 0, 0, 0]
    assert not deliver(batch)  # tried again
    assert not deliver(batch)  # and delivered once more
    assert [counts().total(name) for name in names] == [1, 1, 1, 1]


def test_a_failure_is_counted_with_its_code(cache: Cache, database: Database, counts: Counts) -> None:
    deliver([status("failed", error_codes=[131026]), status("failed", answer_to="wamid.2", id="wamid.r2")])
    assert counts().total("FailedDeliveries") == 2
    assert counts().split("FailedDeliveries", "code") == {"131026": [1], "none": [1]}


def test_each_message_of_a_long_answer_is_paid_for_once(cache: Cache, database: Database, counts: Counts) -> None:
    paid = {"category": "service", "billable": True}
    first, second = status("sent", **paid), status("sent", id="wamid.second", **paid)
    deliver([second, first], [first | {"status": "delivered"}], [second | {"status": "delivered"}, first, second])
    assert counts().total("BillableReplies") == 2
    deliver([status("sent", id="wamid.free", answer_to="wamid.3", category="service", billable=False)])
    assert counts().total("BillableReplies") == 2


def test_two_batches_lock_messages_in_one_order(
    cache: Cache, database: Database, environment: pytest.MonkeyPatch
) -> None:
    locked: list[str] = []
    environment.setattr(events, "record", lambda connection, event: locked.append(event["id"]) or [])
    found = [status("sent", id=f"r{place}", answer_to=f"wamid.{place}") for place in (1, 2)]
    told = {"kind": "status", "id": "wamid.15", "status": "read", "timestamp": 1}  # by the reply alone
    notice = {"kind": "notice", "id": "notice", "field": "odd", "value": {}}
    record_delivery.process([notice, *found, told])
    record_delivery.process([told, *reversed(found), notice])
    assert locked == ["r1", "wamid.15", "r2", "notice"] * 2


# --- trouble ----------------------------------------------------------------------------------------------------------


def notice(field: str, **value: Any) -> dict[str, Any]:
    return {"kind": "notice", "field": field, "value": value}


BANNED = {"waba_ban_state": "DISABLE", "waba_ban_date": "November 24, 2026"}
RESTRICTED = [{"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": "2026-12-01"}]


@pytest.mark.parametrize(
    ("event", "called"),
    [
        ({"kind": "error", "value": {"code": 131042, "title": "Business eligibility payment issue"}}, 1),
        ({"kind": "error", "value": {"code": 130429}}, 0),
        ({"kind": "error", "value": {"code": ["odd"]}}, 0),
        ({"kind": "error", "value": {}}, 0),
        (notice("account_update", event="ACCOUNT_RESTRICTION", restriction_info=RESTRICTED), 1),
        (notice("account_update", event="ACCOUNT_VIOLATION", violation_info={"violation_type": "SCAM"}), 1),
        (notice("account_update", event="DISABLED_UPDATE", ban_info=BANNED), 1),
        (notice("account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"}), 0),
        (notice("account_update", event="DISABLED_UPDATE", ban_info="odd"), 1),
        (notice("account_update", event="BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", country="ZW"), 0),
        (notice("account_update"), 0),
        (notice("account_alerts", alert_info={"alert_severity": "CRITICAL", "alert_type": "OBA_REJECTED"}), 1),
        (notice("account_alerts", alert_severity="CRITICAL", alert_type="AN_OLDER_FORM"), 1),
        (notice("account_alerts", alert_info={"alert_severity": "WARNING"}), 0),
        (notice("account_alerts", alert_info=["odd"]), 0),
        (notice("phone_number_quality_update", event="FLAGGED", current_limit="TIER_2K"), 1),
        (notice("phone_number_quality_update", event="THROUGHPUT_UPGRADE"), 0),
        (notice("message_template_status_update", event="DISABLED"), 0),
    ],
    ids=str,
)
def test_a_notice_that_wants_an_operator_calls_one(
    cache: Cache, database: Database, counts: Counts, event: dict[str, Any], called: int
) -> None:
    assert not deliver([event])
    assert counts().total("OperatorNeeded") == called
    assert database.value("SELECT count(*) FROM notices") == 1
    deliver([event])  # months later, word for word
    assert counts().total("OperatorNeeded") == 2 * called


# --- feedback ---------------------------------------------------------------------------------------------------------


def tap(name: str, verdict: str, about: str = "wamid.reply", **more: Any) -> None:
    message = MESSAGE | {"id": name, "about": about} | more
    plan = {"intent": "feedback", "reply_type": "feedback", "entry": verdict}
    assert remember.handler({"message": message, "person": PERSON, "plan": plan}, None)["logged"]


def react(name: str, emoji: str | None, timestamp: int = 1795420800, sender: str = "ZW.1") -> None:
    found = {"kind": "message", "id": name, "type": "reaction", "bsuid": sender, "about": "wamid.reply"}
    assert not deliver([found | {"timestamp": timestamp, "emoji": emoji}])


def feedback(counts: Counts) -> tuple[float, float]:
    return counts().total("FeedbackUp"), counts().total("FeedbackDown")


def test_one_person_says_one_thing_of_one_answer(cache: Cache, database: Database, counts: Counts) -> None:
    tap("wamid.2", "up")
    tap("wamid.3", "up")
    react("wamid.4", "👍")
    assert feedback(counts) == (1, 0)
    react("wamid.5", "👎", timestamp=1795420900)
    assert feedback(counts) == (0, 1)  # another opinion, not a second one
    react("wamid.6", "👍", timestamp=1795420850)  # given before the 👎, and told after it
    assert feedback(counts) == (0, 1)
    react("wamid.7", None, timestamp=1795421000)
    assert feedback(counts) == (0, 0)  # taken back


def test_another_person_and_another_answer_count_by_themselves(
    cache: Cache, database: Database, counts: Counts
) -> None:
    tap("wamid.2", "up")
    tap("wamid.3", "up", about="wamid.another")
    react("wamid.4", "👍", sender="ZW.2")
    assert feedback(counts) == (3, 0)


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"plan": {"intent": "menu", "reply_type": "menu"}}, "Replies"),
        ({"plan": {"intent": "menu", "reply_type": "menu"}, "problem": "unexpected"}, "Apologies"),
        ({"plan": {"intent": "balance", "reply_type": "records_unreachable"}}, "Apologies"),
        (
            {"plan": {"intent": "office", "reply_type": "office_told"}, "request": {"number": 1, "told": False}},
            "Apologies",
        ),
        ({"plan": {"intent": "office", "reply_type": "office_told"}}, "Apologies"),
        (
            {"plan": {"intent": "office", "reply_type": "office_told"}, "request": {"number": 1, "told": True}},
            "Replies",
        ),
    ],
)
def test_an_apology_in_whatever_words_is_counted_as_one(
    world: OutsideWorld, secrets: None, counts: Counts, found: dict[str, Any], name: str
) -> None:
    send_reply.handler({"message": MESSAGE, "person": PERSON} | found, None)
    assert {item: counts().total(item) for item in ("Replies", "Apologies")} == {"Replies": 0, "Apologies": 0} | {
        name: 1
    }


def test_someone_who_cannot_be_reached_is_counted_and_logged_with_the_code(
    cache: Cache, database: Database, world: OutsideWorld, secrets: None, counts: Counts
) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    event = {"message": MESSAGE, "person": PERSON, "plan": {"intent": "menu", "reply_type": "menu"}}
    sent = send_reply.handler(event, None)
    assert counts().split("Undeliverable", "code") == {"131026": [1]}
    assert counts().total("Undeliverable") == 1
    remember.handler(event | {"sent": sent}, None)
    (row,) = database.run("SELECT outcome, delivery_error FROM message_log")
    assert row == {"outcome": "undeliverable", "delivery_error": 131026}
