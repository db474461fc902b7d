"""Gate passes: counted, unique, replaced, expired, whoever asks at whatever instant."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from functions import dependencies
from functions.adapters.database.gate_passes import TOKEN, GatePass, GatePasses, PassLookUp
from functions.adapters.school_config import school
from functions.domain.gate_passes import PassState, Tier
from functions.domain.people import Student
from tests.conftest import TODAY
from tests.conftest import Database as Tables

TARIRO = Student("SSC20259001", "Tariro", "Moyo", "Grade 3")
FULL, MOST, HALF = school().tiers
ENDS = date(2026, 12, 3)


@pytest.fixture(autouse=True)
def _student_on_record(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", "+263771234567")


def ask(
    message: str = "wamid.1", tier: Tier = MOST, today: date = TODAY, until: date = ENDS
) -> tuple[int, GatePass, str]:
    """One request from start to commit: (which of the week, the pass, how it came)."""
    with dependencies.primary().writer() as connection:
        passes = GatePasses(connection)
        number = passes.count_request(message, TARIRO.id, today)
        return number, *passes.next_pass(TARIRO, "2026-3", tier, school().tiers, 75, today, until, "+263771234567")


def statuses(tables: Tables) -> list[str]:
    return [row["status"] for row in tables.run("SELECT status FROM gate_passes ORDER BY id")]


def test_first_request_issues_a_pass_with_an_unguessable_token(tables: Tables) -> None:
    week, given, outcome = ask()
    assert (week, outcome) == (1, "issued")
    assert given.number == f"GP-2026-3-{given.id:06d}"
    assert TOKEN.fullmatch(given.token)
    row = tables.run("SELECT * FROM gate_passes")[0]
    assert {name: row[name] for name in ("number", "token", "tier", "status", "issued_to", "percent_paid")} == {
        "number": given.number,
        "token": given.token,
        "tier": MOST.name,
        "status": "valid",
        "issued_to": "+263771234567",
        "percent_paid": 75,
    }


def test_asking_again_gets_the_same_pass(tables: Tables) -> None:
    _, first, _ = ask("wamid.1")
    week, second, outcome = ask("wamid.2")
    assert (week, outcome, second) == (2, "resent", first)
    assert statuses(tables) == ["valid"]


def test_same_message_counts_once(tables: Tables) -> None:
    assert [ask("wamid.1")[0] for _ in range(3)] == [1, 1, 1]
    assert ask("wamid.2")[0] == 2
    assert tables.value("SELECT count(*) FROM pass_requests") == 2


@pytest.mark.parametrize("round_", range(5))
def test_two_simultaneous_requests_make_one_pass_and_count_as_two(tables: Tables, round_: int) -> None:
    start = threading.Barrier(2)

    def request(number: int) -> tuple[int, GatePass, str]:
        start.wait()
        return ask(f"wamid.{number}")

    with ThreadPoolExecutor(2) as pool:
        (week_a, pass_a, how_a), (week_b, pass_b, how_b) = pool.map(request, range(2))
    assert {week_a, week_b} == {1, 2}
    assert pass_a == pass_b
    assert {how_a, how_b} == {"issued", "resent"}
    assert statuses(tables) == ["valid"]


def test_same_message_handled_four_times_at_once_counts_once(tables: Tables) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ask("wamid.1"), range(4)))
    assert {week for week, _, _ in found} == {1}
    assert len({given.id for _, given, _ in found}) == 1
    assert tables.value("SELECT count(*) FROM pass_requests") == 1


def test_higher_tier_replaces_a_pass_and_a_lower_one_does_not(tables: Tables) -> None:
    _, half, _ = ask("wamid.1", HALF)
    _, most, how = ask("wamid.2", MOST)
    assert how == "replaced"
    assert most.token != half.token
    assert ask("wamid.3", HALF)[1:] == (most, "resent")
    assert ask("wamid.4", FULL)[2] == "replaced"
    assert statuses(tables) == ["replaced", "replaced", "valid"]


def test_higher_tier_never_shortens_a_pass(tables: Tables) -> None:
    """On 10 November 50 % reach to the end of the month, and 70 % to the day after by the table alone."""
    _, half, _ = ask("wamid.1", HALF, until=TODAY + timedelta(20))
    _, most, how = ask("wamid.2", MOST, until=TODAY + timedelta(1))
    assert how == "replaced"
    assert most.valid_until == half.valid_until


def test_expired_pass_is_followed_by_a_new_one(tables: Tables) -> None:
    ask("wamid.1", HALF, until=TODAY)
    assert ask("wamid.2", HALF, until=TODAY)[2] == "resent"  # its last day counts
    assert ask("wamid.3", HALF, today=TODAY + timedelta(1))[2] == "issued"
    assert statuses(tables) == ["expired", "valid"]


def test_revoked_pass_is_not_sent_again(tables: Tables) -> None:
    ask("wamid.1")
    tables.run("UPDATE gate_passes SET status = 'revoked'")
    assert ask("wamid.2")[2] == "issued"


def test_requests_are_counted_anew_each_week(tables: Tables) -> None:
    sunday = TODAY + timedelta(6)
    assert [ask(f"wamid.{number}", today=TODAY)[0] for number in range(3)] == [1, 2, 3]
    assert ask("wamid.sunday", today=sunday)[0] == 4
    assert ask("wamid.monday", today=sunday + timedelta(1))[0] == 1


def test_upload_is_used_for_29_days(tables: Tables) -> None:
    _, given, _ = ask("wamid.1")
    assert given.media_id is None
    with dependencies.primary().writer() as connection:
        GatePasses(connection).record_upload(given.id, "media-1")
    assert ask("wamid.2")[1].media_id == "media-1"
    tables.run("UPDATE gate_passes SET media_uploaded_at = CAST(:day AS date) - 28", day=str(TODAY))
    assert ask("wamid.3")[1].media_id == "media-1"
    tables.run("UPDATE gate_passes SET media_uploaded_at = CAST(:day AS date) - 29", day=str(TODAY))
    assert ask("wamid.4")[1].media_id is None


def test_request_that_fails_leaves_nothing(tables: Tables) -> None:
    def fail() -> None:
        with dependencies.primary().writer() as connection:
            passes = GatePasses(connection)
            passes.count_request("wamid.1", TARIRO.id, TODAY)
            passes.next_pass(TARIRO, "2026-3", MOST, school().tiers, 75, TODAY, ENDS, None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert statuses(tables) == []
    assert ask("wamid.1")[0] == 1


# --- the guard's check ------------------------------------------------------------------------------------------------


def check(token: str, today: date = TODAY) -> PassLookUp:
    with dependencies.primary().writer() as connection:
        found = GatePasses(connection).find_by_token(token, today)
        GatePasses(connection).record_check(found)
        return found


def test_check_shows_child_number_and_last_day_and_is_recorded(tables: Tables) -> None:
    _, given, _ = ask()
    found = check(given.token)
    assert found == PassLookUp(PassState.VALID, given.id, TARIRO, given.number, ENDS)
    assert check(given.token, ENDS + timedelta(1)).state == PassState.EXPIRED
    assert [(row["pass_id"], row["result"]) for row in tables.run("SELECT * FROM pass_looks ORDER BY id")] == [
        (given.id, "valid"),
        (given.id, "expired"),
    ]


@pytest.mark.parametrize(
    "token", ["unknown", "x" * 32, "", "x" * 5000, "a\x00b", "'; DROP TABLE students; --", "é", "../x"]
)
def test_any_other_token_is_unknown_and_nothing_is_written(tables: Tables, token: str) -> None:
    assert check(token) == PassLookUp(PassState.UNKNOWN)
    assert tables.value("SELECT count(*) FROM pass_looks") == 0


def test_the_pass_of_a_child_who_has_left_is_not_valid(tables: Tables) -> None:
    _, given, _ = ask()
    tables.run("UPDATE students SET active = false")
    assert check(given.token).state == PassState.REVOKED
    tables.run("UPDATE students SET active = true")
    assert check(given.token).state == PassState.VALID
