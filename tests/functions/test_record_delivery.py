"""Delivery statuses, reactions and notices from the events queue: what is recorded, counted, and delivered again."""

import time
from typing import Any

import pytest

from functions import record_conversation, record_delivery, understand
from functions.adapters.cache.message_claims import Claim
from functions.adapters.cache.redis_client import RedisClient
from functions.services.record_delivery import EventWriter
from local.world.sample import SampleSchool
from tests.conftest import Counts, Database
from tests.functions.conftest import Cached
from tests.functions.examples import MESSAGE, PERSON, RUDO, command, deliver, log_row, record, sqs_batch, status
from tests.functions.outages import without_cache, without_primary

WRITTEN_AT = 1795420800
REACTION = {"kind": "message", "type": "reaction", "bsuid": "ZW.1", "about": "wamid.reply"}


# --- batches ----------------------------------------------------------------------------------------------------------


def test_a_delivery_status_closes_the_message_for_good(cached: Cached, database: Database) -> None:
    batch = sqs_batch([status("sent")], [status("read")])
    assert record_delivery.handler(batch, None) == {"batchItemFailures": []}
    assert log_row(database)["delivery"] == "read"
    assert cached.claim("wamid.1") == Claim.DONE


def test_a_record_that_cannot_be_processed_does_not_cost_the_others(cached: Cached, database: Database) -> None:
    far = status("read", timestamp=10**18, answer_to="wamid.far")
    found = record_delivery.handler(sqs_batch("no JSON", [status("sent"), far], [status("read")], "{}"), None)
    assert [item["itemIdentifier"] for item in found["batchItemFailures"]] == ["0", "1", "3"]
    assert log_row(database)["delivery"] == "read"
    assert database.value("SELECT count(*) FROM message_log") == 1


def test_a_batch_of_which_everything_failed_is_a_result_and_not_a_failure(cached: Cached, database: Database) -> None:
    assert deliver(["no event"]) == [{"itemIdentifier": "0"}]  # type: ignore[list-item]


def test_without_a_database_every_record_is_delivered_again(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    without_primary(environment)
    assert len(deliver([status("sent")], [status("read")])) == 2
    assert cached.claim("wamid.1") == Claim.DONE  # not answered twice meanwhile


def test_repeated_records_change_nothing(cached: Cached, database: Database) -> None:
    for _ in range(3):
        deliver([status("sent"), {"kind": "error", "value": {"code": 1}}])
    assert database.value("SELECT count(*) FROM message_log") == 1
    assert database.value("SELECT count(*) FROM notices") == 1


def test_two_batches_that_share_messages_lock_them_in_the_same_order(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    locked: list[str] = []

    def write(_: EventWriter, event: dict[str, Any]) -> list[str]:
        locked.append(event["id"])
        return []

    environment.setattr(EventWriter, "write", write)
    found = [status("sent", id=f"r{place}", answer_to=f"wamid.{place}") for place in (1, 2)]
    by_reply = {"kind": "status", "id": "wamid.15", "status": "read", "timestamp": 1}  # without `answer_to`
    notice = {"kind": "notice", "id": "notice", "field": "odd", "value": {}}
    assert not deliver([notice, *found, by_reply])
    assert not deliver([by_reply, *reversed(found), notice])
    assert locked == ["r1", "wamid.15", "r2", "notice"] * 2


def test_a_person_who_changed_their_number_is_looked_up_anew(
    cached: Cached, database: Database, sample_school: SampleSchool
) -> None:
    understand.handler({"message": {"id": "wamid.0", "type": "text", "phone": RUDO, "bsuid": "ZW.1"}}, None)
    change = {"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}
    event = {"kind": "message", "type": "system", "id": "wamid.s", "phone": RUDO, "bsuid": "ZW.1", "details": change}
    assert not deliver([event])
    assert cached.load("ZW.1").person is None
    assert cached.load("ZW.1").min_wal  # the next look-up sees the change


# --- what is counted --------------------------------------------------------------------------------------------------


def test_what_was_rolled_back_is_not_counted(cached: Cached, database: Database, counts: Counts) -> None:
    batch = [
        status("failed", error_codes=[131042], category="service", billable=True),
        REACTION | {"id": "wamid.9", "emoji": "👍"},
    ]
    impossible = {"kind": "message", "id": "wamid.8", "type": "reaction", "timestamp": 10**18}
    assert deliver([*batch, impossible])
    names = ("FailedDeliveries", "OperatorNeeded", "BillableReplies", "FeedbackUp")
    # Once: what was written together with the impossible one was rolled back, and written again without it.
    assert [counts().total(name) for name in names] == [1, 1, 1, 1]
    assert not deliver(batch)  # tried again
    assert not deliver(batch)  # and delivered once more
    assert [counts().total(name) for name in names] == [1, 1, 1, 1]


def test_a_failed_delivery_is_counted_with_its_code(cached: Cached, database: Database, counts: Counts) -> None:
    deliver([status("failed", error_codes=[131026]), status("failed", answer_to="wamid.2", id="wamid.r2")])
    assert counts().total("FailedDeliveries") == 2
    assert counts().split("FailedDeliveries", "code") == {"131026": [1], "none": [1]}


def test_each_message_of_a_long_reply_is_billed_once(cached: Cached, database: Database, counts: Counts) -> None:
    billed = {"category": "service", "billable": True}
    first, second = status("sent", **billed), status("sent", id="wamid.second", **billed)
    deliver([second, first], [first | {"status": "delivered"}], [second | {"status": "delivered"}, first, second])
    assert counts().total("BillableReplies") == 2
    deliver([status("sent", id="wamid.free", answer_to="wamid.3", category="service", billable=False)])
    assert counts().total("BillableReplies") == 2


# --- notices about the account ----------------------------------------------------------------------------------------


def notice(field: str, **value: Any) -> dict[str, Any]:
    return {"kind": "notice", "field": field, "value": value}


BANNED = {"waba_ban_state": "DISABLE", "waba_ban_date": "November 24, 2026"}
RESTRICTED = [{"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": "2026-12-01"}]


@pytest.mark.parametrize(
    ("event", "calls_operator"),
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
def test_an_operator_is_called_for_what_an_operator_must_see(
    cached: Cached, database: Database, counts: Counts, event: dict[str, Any], calls_operator: int
) -> None:
    assert not deliver([event])
    assert counts().total("OperatorNeeded") == calls_operator
    assert database.value("SELECT count(*) FROM notices") == 1
    deliver([event])  # months later, word for word
    assert counts().total("OperatorNeeded") == 2 * calls_operator


# --- ratings: by a button under the reply, or by a reaction to it -----------------------------------------------------


def tap(message_id: str, rating: str, about: str = "wamid.reply") -> None:
    message = MESSAGE | {"id": message_id, "about": about, "timestamp": WRITTEN_AT}
    plan = {"intent": "feedback", "reply_type": "feedback", "entry": rating}
    assert record_conversation.handler({"message": message, "person": PERSON, "plan": plan}, None)["logged"]


def react(message_id: str, emoji: str | None, timestamp: int = WRITTEN_AT, sender: str = "ZW.1") -> None:
    reaction = REACTION | {"id": message_id, "bsuid": sender, "timestamp": timestamp, "emoji": emoji}
    assert not deliver([reaction])


def ratings(counts: Counts) -> tuple[float, float]:
    return counts().total("FeedbackUp"), counts().total("FeedbackDown")


def test_one_person_has_one_rating_of_one_reply_the_latest(cached: Cached, database: Database, counts: Counts) -> None:
    tap("wamid.2", "up")
    tap("wamid.3", "up")
    react("wamid.4", "👍")
    assert ratings(counts) == (1, 0)
    react("wamid.5", "👎", timestamp=WRITTEN_AT + 100)
    assert ratings(counts) == (0, 1)  # another opinion, not a second one
    react("wamid.6", "👍", timestamp=WRITTEN_AT + 50)  # given before the 👎, and delivered after it
    assert ratings(counts) == (0, 1)
    react("wamid.7", None, timestamp=WRITTEN_AT + 200)
    assert ratings(counts) == (0, 0)  # taken back


def test_ratings_of_other_people_and_of_other_replies_are_counted_separately(
    cached: Cached, database: Database, counts: Counts
) -> None:
    tap("wamid.2", "up")
    tap("wamid.3", "up", about="wamid.another")
    react("wamid.4", "👍", sender="ZW.2")
    assert ratings(counts) == (3, 0)


# --- events that cannot be recorded -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "status", "status": "read"},
        {},
        status("read", timestamp=10**18, answer_to="wamid.far"),
        {"kind": "notice", "field": "x", "value": {"name": "\x00"}},
    ],
    ids=["without an id", "without a kind", "a time out of range", "a sign that the database refuses"],
)
def test_an_event_that_cannot_be_recorded_costs_none_of_its_neighbours(
    cached: Cached, database: Database, bad: dict[str, Any], place: int
) -> None:
    events = [status("read"), REACTION | {"id": "wamid.reaction", "emoji": "👍", "timestamp": WRITTEN_AT}]
    events.insert(place, bad)
    assert len(deliver(events)) == 1  # it goes to the dead letters, where an operator sees it
    assert log_row(database)["delivery"] == "read"
    assert database.value("SELECT count(*) FROM feedback") == 1
    assert cached.claim("wamid.1") == Claim.DONE
    assert database.value("SELECT count(*) FROM message_log WHERE message_id = 'wamid.far'") == 0


def test_an_event_that_was_recorded_beside_a_bad_one_is_not_recorded_twice(cached: Cached, database: Database) -> None:
    notice = {"kind": "notice", "field": "flows", "value": {"event": "x"}}
    for _ in range(2):
        assert len(deliver([notice, {"kind": "status", "status": "read"}])) == 1
    assert database.value("SELECT count(*) FROM notices") == 1


# --- a person answers in the WhatsApp Business app --------------------------------------------------------------------


def echo(**more: Any) -> dict[str, Any]:
    found = {"kind": "echo", "id": "wamid.echo", "type": "text", "timestamp": int(time.time()), "phone": RUDO}
    return found | more


def next_step(message_id: str = "wamid.next", **more: Any) -> Any:
    return understand.handler({"message": MESSAGE | {"id": message_id} | more}, None)["next"]


def test_the_bot_keeps_quiet_where_a_person_has_answered_until_the_office_closes_it(
    cached: Cached, database: Database, sample_school: SampleSchool
) -> None:
    record()  # the number of this user id is known from now on
    assert deliver([echo()]) == []
    assert [cached.load(sender).is_handed_to_office for sender in ("ZW.1", RUDO)] == [True, True]
    assert next_step() == "open_office_request"  # passed on, not answered
    number = database.value("SELECT id FROM office_requests")
    assert command("close", str(number))["number"] == number
    assert deliver([echo()]) == []  # delivered again
    assert next_step("wamid.next2") == "send_reply"


def test_a_person_may_have_written_first(cached: Cached, database: Database, sample_school: SampleSchool) -> None:
    """The parent's first message brings a user id that nobody has seen before."""
    assert deliver([echo()]) == []
    assert next_step() == "open_office_request"  # passed on, not answered


def test_without_the_cache_the_database_knows_who_answered(
    cached: Cached, database: Database, sample_school: SampleSchool, environment: pytest.MonkeyPatch
) -> None:
    deliver([echo()])
    without_cache(environment)
    assert next_step() == "open_office_request"  # passed on, not answered


def test_the_12_hours_count_from_the_answer_and_not_from_its_delivery(
    cached: Cached, database: Database, redis: RedisClient
) -> None:
    deliver([echo(timestamp=int(time.time()) - 11 * 3600)])
    deliver([echo(id="wamid.old", phone="+263770000009", timestamp=int(time.time()) - 13 * 3600)])
    assert cached.load(RUDO).is_handed_to_office
    assert not cached.load("+263770000009").is_handed_to_office
    (name,) = list(redis.cluster().scan_iter("*quiet*"))
    assert 0 < redis.cluster().ttl(name) <= 3600
