"""One row per person, by number or by user id, with the time of their last message and what they consented to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions import dependencies
from functions.adapters.database.contacts import Contacts, identified_by
from functions.adapters.database.message_log import MessageLog
from functions.adapters.database.senders import Senders
from functions.domain.messages import Message
from functions.domain.people import Kind
from tests.adapters.database.conftest import BSUID, MOMENT, PHONE, message
from tests.conftest import Database as Tables


def record(found: Message, phone: str | None = None) -> bool:
    with dependencies.primary().writer() as connection:
        return Contacts(connection).record(found, phone or found.phone)


def at(seconds: int) -> datetime:
    """So many seconds after the messages of these tests."""
    return datetime.fromtimestamp(MOMENT + seconds, UTC)


def set_opted_out(phone: str | None, bsuid: str | None, *, opted_out: bool, after: int = 0) -> list[str]:
    with dependencies.primary().writer() as connection:
        return Contacts(connection).set_opted_out(phone, bsuid, opted_out=opted_out, moment=at(after))


def change_keys(phone: str | None, bsuid: str | None, *, to: tuple[str | None, str | None], after: int = 0) -> None:
    with dependencies.primary().writer() as connection:
        condition = identified_by(phone, bsuid)
        assert condition is not None
        Contacts(connection).change_keys(condition, {"phone": to[0], "bsuid": to[1]}, at(after))


def contacts(tables: Tables) -> list[tuple[str | None, str | None]]:
    return [(row["phone"], row["bsuid"]) for row in tables.run("SELECT * FROM contacts ORDER BY id")]


# --- who has written --------------------------------------------------------------------------------------------------


def test_everyone_who_writes_is_one_contact(tables: Tables) -> None:
    assert record(message(profile_name="Rudo"))
    assert not record(message(profile_name="Rudo M."))
    assert contacts(tables) == [(PHONE, BSUID)]
    assert tables.value("SELECT profile_name FROM contacts") == "Rudo M."


def test_person_known_by_number_and_by_user_id_becomes_one_contact(tables: Tables) -> None:
    record(message(bsuid=None))
    record(message(phone=None))
    assert contacts(tables) == [(PHONE, None), (None, BSUID)]
    assert record(message())
    assert contacts(tables) == [(PHONE, BSUID)]


def test_shared_number_is_kept_with_the_user_id(tables: Tables) -> None:
    record(message(phone=None))
    assert record(message(phone=None, type="contacts", shared_phone=PHONE), PHONE)
    assert contacts(tables) == [(PHONE, BSUID)]
    assert not record(message(phone=None))  # and not lost when the number is hidden again
    assert contacts(tables) == [(PHONE, BSUID)]


def test_message_without_number_and_user_id_is_no_contact(tables: Tables) -> None:
    assert not record(message(phone=None, bsuid=None))
    assert contacts(tables) == []


def test_window_of_24_hours_counts_from_the_latest_message_by_its_own_time(tables: Tables) -> None:
    record(message())
    record(replace(message("wamid.2"), timestamp=MOMENT - 3600))  # late, and out of order
    record(replace(message("wamid.3"), timestamp=0))  # pasted by hand
    assert tables.value("SELECT last_message_at FROM contacts") == datetime.fromtimestamp(MOMENT, UTC)
    record(replace(message("wamid.4"), timestamp=MOMENT + 60))
    assert tables.value("SELECT last_message_at FROM contacts") == datetime.fromtimestamp(MOMENT + 60, UTC)


@pytest.mark.parametrize("round_", range(5))
def test_two_simultaneous_first_messages_are_both_recorded(tables: Tables, round_: int) -> None:
    start = threading.Barrier(2)

    def first(name: str) -> bool:
        with dependencies.primary().writer() as connection:
            start.wait()
            MessageLog(connection).record(name, {"outcome": "answered"}, sender=BSUID)
            return Contacts(connection).record(message(name), PHONE)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first, ["wamid.1", "wamid.2"]))
    assert contacts(tables) == [(PHONE, BSUID)]
    assert tables.value("SELECT count(*) FROM message_log") == 2


def test_number_that_changed_hands_belongs_to_its_new_owner(tables: Tables) -> None:
    record(message())
    record(message(bsuid="ZW.2"))
    assert contacts(tables) == [(PHONE, "ZW.2")]
    with dependencies.primary().writer() as connection:
        assert Senders(connection).find(None, BSUID).kind == Kind.NO_NUMBER


# --- consent ----------------------------------------------------------------------------------------------------------


def test_opt_out_survives_the_merging_of_two_contacts(tables: Tables) -> None:
    record(message(bsuid=None))
    set_opted_out(PHONE, None, opted_out=True)
    record(message(phone=None))
    record(message())
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    set_opted_out(PHONE, BSUID, opted_out=False)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_opting_out_returns_every_key_of_the_person(tables: Tables) -> None:
    record(message())
    assert set(set_opted_out(PHONE, None, opted_out=True)) == {PHONE, BSUID}
    assert set(set_opted_out(None, BSUID, opted_out=False)) == {PHONE, BSUID}
    assert contacts(tables) == [(PHONE, BSUID)]


def test_opt_out_of_someone_unknown_makes_a_contact(tables: Tables) -> None:
    assert set_opted_out(PHONE, None, opted_out=True) == [PHONE]
    assert contacts(tables) == [(PHONE, None)]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_opt_out_of_nobody_changes_nobody(tables: Tables) -> None:
    record(message(phone=None))
    assert set_opted_out(None, None, opted_out=True) == []
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "redriven"])
@pytest.mark.parametrize("is_stop_last", [True, False])
def test_of_stop_and_start_the_one_written_last_counts(
    tables: Tables, order: tuple[int, int], is_stop_last: bool
) -> None:
    written = [not is_stop_last, is_stop_last]
    for place in order:
        set_opted_out(PHONE, BSUID, opted_out=written[place], after=place)
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts") is is_stop_last
    assert tables.value("SELECT consent_at FROM contacts") == at(1)


def test_of_stop_and_start_of_the_same_second_the_one_recorded_last_counts(tables: Tables) -> None:
    set_opted_out(PHONE, BSUID, opted_out=True)
    set_opted_out(PHONE, BSUID, opted_out=False)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_stop_of_release_0_1_holds_until_a_later_start(tables: Tables) -> None:
    tables.run("INSERT INTO contacts (phone, opted_out_at) VALUES (:phone, :moment)", phone=PHONE, moment=at(10))
    set_opted_out(PHONE, None, opted_out=False, after=9)
    assert tables.value("SELECT opted_out_at FROM contacts") == at(10)
    set_opted_out(PHONE, None, opted_out=False, after=11)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


@pytest.mark.parametrize("round_", range(3))
def test_simultaneous_first_stop_and_start_are_both_weighed(tables: Tables, round_: int) -> None:
    start = threading.Barrier(2)

    def write(opted_out: bool) -> None:
        start.wait()
        set_opted_out(PHONE, BSUID, opted_out=opted_out, after=int(opted_out))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [True, False]))
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_of_two_contacts_that_become_one_the_latest_consent_is_kept(tables: Tables) -> None:
    record(message(bsuid=None))
    record(message(phone=None))
    set_opted_out(PHONE, None, opted_out=True, after=1)
    set_opted_out(None, BSUID, opted_out=False, after=2)
    record(message())
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")
    set_opted_out(PHONE, BSUID, opted_out=True, after=1)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


# --- changed keys -----------------------------------------------------------------------------------------------------


def test_contact_without_a_key_is_identified_by_nothing() -> None:
    assert identified_by(None, None) is None


def test_changed_number_takes_the_contact_of_the_earlier_owner_away(tables: Tables) -> None:
    record(message())
    record(message(phone="+263770000000", bsuid="ZW.earlier owner"))
    change_keys(PHONE, BSUID, to=("+263770000000", "ZW.2"))
    assert contacts(tables) == [("+263770000000", "ZW.2")]


def test_number_alone_identifies_a_contact_only_while_it_has_no_user_id(tables: Tables) -> None:
    record(message())
    change_keys(PHONE, "ZW.other", to=("+263770000000", "ZW.2"))
    assert contacts(tables) == [(PHONE, BSUID)]


def test_contact_left_without_any_key_is_deleted(tables: Tables) -> None:
    record(message())
    change_keys(PHONE, BSUID, to=(None, None))
    assert contacts(tables) == []


def test_opt_out_survives_a_changed_number(tables: Tables) -> None:
    record(message(bsuid=None))
    record(message("wamid.2", phone=None))
    set_opted_out(PHONE, None, opted_out=True)
    change_keys(PHONE, BSUID, to=("+263770000000", "ZW.2"))
    assert contacts(tables) == [("+263770000000", "ZW.2")]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


NEW_PHONE = "+263770000000"


def test_stop_written_under_the_new_number_survives_a_late_notice_of_the_change(tables: Tables) -> None:
    record(message(bsuid=None))
    record(replace(message("wamid.2", NEW_PHONE, "ZW.2"), timestamp=MOMENT + 60))
    set_opted_out(NEW_PHONE, "ZW.2", opted_out=True, after=60)
    change_keys(PHONE, None, to=(NEW_PHONE, None), after=30)
    assert contacts(tables) == [(NEW_PHONE, "ZW.2")]
    assert tables.value("SELECT opted_out_at FROM contacts") == at(60)
    assert tables.value("SELECT last_message_at FROM contacts") == at(60)


def test_start_written_under_the_new_number_survives_a_late_notice_of_the_change(tables: Tables) -> None:
    record(message(bsuid=None))
    set_opted_out(PHONE, None, opted_out=True)
    set_opted_out(NEW_PHONE, None, opted_out=False, after=60)
    change_keys(PHONE, None, to=(NEW_PHONE, None), after=30)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_stop_of_the_earlier_owner_of_a_number_is_not_that_of_the_new_one(tables: Tables) -> None:
    record(message(bsuid=None))
    set_opted_out(NEW_PHONE, "ZW.earlier owner", opted_out=True, after=10)
    change_keys(PHONE, None, to=(NEW_PHONE, None), after=30)
    assert contacts(tables) == [(NEW_PHONE, None)]
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_message_from_the_future_does_not_keep_the_window_open(tables: Tables) -> None:
    record(replace(message(), timestamp=int(time.time()) + 86400))
    assert tables.value("SELECT last_message_at <= now() FROM contacts")
