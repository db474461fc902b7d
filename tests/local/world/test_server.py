"""The simulated world's own pages: faults, profile, journal, sample; and the world as a process."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.plan import Plan, Ports
from tests.conftest import eventually
from tests.local.world.clients import Client, world

pytestmark = pytest.mark.enable_socket
TERM = "2026-3"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with world(tmp_path) as found:
        yield found


# --- faults --------------------------------------------------------------------------------------------------------


def test_a_fault_is_counted_down_and_applies_to_its_operation_only(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "status", "status": 500, "times": 2, "operation": "payments"})
    query = {"student_id_number": "SSC20250001", "term": TERM}
    assert client.school("student/billed-fee-types/", **query).status_code == 200
    assert [client.school("student/payments/", **query).status_code for _ in range(3)] == [500, 500, 200]


def test_the_fault_html_answers_with_a_proxys_page(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "html"})
    answer = client.school("health")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    client.page("DELETE", "/faults/school")
    assert client.school("health").json() == {"status": "ok"}


def test_the_fault_json_answers_with_its_body(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "json", "body": {"data": []}})
    assert client.school("health").json() == {"data": []}


def test_the_fault_silent_never_answers(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "silent"})
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{client.plan.school_api_url}/health", timeout=0.3)
    assert client.page("GET", "/calls").json()[-1]["status"] == 0


def test_the_fault_close_closes_the_connection(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "close", "times": 1})
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{client.plan.school_api_url}/health", timeout=5)


def test_the_fault_lost_acts_and_then_closes_the_connection(client: Client) -> None:
    client.page("PUT", "/faults/graph", {"kind": "lost", "operation": "send", "times": 1})
    with pytest.raises(requests.ConnectionError):
        client.send()
    assert len(client.page("GET", "/outbox").json()) == 1


def test_the_fault_status_can_have_a_code_of_whatsapp(client: Client) -> None:
    client.page("PUT", "/faults/graph", {"kind": "status", "status": 500, "code": 131000, "times": 1})
    answer = client.send()
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 131000)
    assert client.send().status_code == 200


def test_the_fault_slow_adds_its_seconds(client: Client) -> None:
    client.page("PUT", "/faults/school", {"kind": "slow", "seconds": 0.3, "times": 1})
    started = time.monotonic()
    assert client.school("health").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_other_processes_take_their_faults_by_http(client: Client) -> None:
    client.page("PUT", "/faults/secrets", {"kind": "slow", "seconds": 3, "times": 1})
    taken = client.page("POST", "/faults/secrets/take", {"operation": "get"}).json()
    assert (taken["kind"], taken["seconds"]) == ("slow", 3)
    assert client.page("POST", "/faults/secrets/take", {"operation": "get"}).json() is None


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/faults/fax", {"kind": "silent"}, "service"),
        ("/faults/school", {"kind": "explode"}, "kind"),
        ("/faults/school", {"kind": "empty"}, "kind"),
        ("/faults/school", {"kind": "status"}, "status"),
        ("/faults/school", {"kind": "slow"}, "seconds"),
        ("/faults/school", {"kind": "silent", "times": 0}, "times"),
        ("/faults/school", {"kind": "silent", "operation": "send"}, "operation"),
        ("/faults/school", {"kind": "silent", "time": 1}, "time"),
        ("/faults/school", ["silent"], "body"),
        ("/profile", {"name": "fast"}, "name"),
        ("/profile", {"speed": 1}, "speed"),
        ("/profile", {"openai_seconds": -1}, "openai_seconds"),
        ("/profile", {"openai_seconds": True}, "openai_seconds"),
        ("/profile", {"whatsapp_pair_burst": 1.5}, "whatsapp_pair_burst"),
        ("/profile", {"customer_window": 1}, "customer_window"),
        ("/profile", {"statuses": ["seen"]}, "statuses"),
        ("/recipients/+263772100001", {"code": 1}, "fails_with"),
    ],
)
def test_an_invalid_setting_is_named(client: Client, path: str, body: object, field: str) -> None:
    answer = client.page("PUT", path, body)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["expected"]


# --- the profile and the journal -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "delays"),
    [
        ("realistic", [1.5, 2.5, 0.3, 0.15, 1, 1]),
        ("observed", [0.29, 2.5, 0.6, 0.15, 0.15, 0.1]),
        ("zero", [0, 0, 0, 0, 0, 0]),
    ],
)
def test_a_profile_sets_the_delays(client: Client, name: str, delays: list[float]) -> None:
    profile = client.page("PUT", "/profile", {"name": name, "school_calls_per_minute": 7}).json()
    names = ["school_api", "openai", "whatsapp", "s3_put", "secrets", "database_connect"]
    assert [profile[f"{part}_seconds"] for part in names] == delays
    assert client.page("GET", "/profile").json() == profile
    assert client.page("PUT", "/profile", {"name": "zero"}).json()["school_calls_per_minute"] == 7


def test_hundreds_of_slow_calls_run_in_parallel(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.page("PUT", "/profile", {"school_api_seconds": 1.0})
    done = []
    waiting, all_wait = 0, asyncio.Event()

    async def until_all_wait(seconds: float) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 200:
            all_wait.set()
        await asyncio.wait_for(all_wait.wait(), 60)

    def call() -> None:
        done.append(requests.get(f"{client.plan.school_api_url}/health", timeout=90).status_code)

    monkeypatch.setattr(asyncio, "sleep", until_all_wait)
    threads = [threading.Thread(target=call) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [200] * 200


def test_calls_are_listed_with_their_times_and_statuses(client: Client) -> None:
    moment = time.time()
    client.school("student/payments/", student_id_number="SSC20250001", term=TERM)
    reported = {"service": "database", "operation": "connect", "start": moment, "end": moment + 1, "status": 200}
    client.page("POST", "/calls", reported)
    first, second = client.page("GET", f"/calls?after={moment}").json()
    assert (first["service"], first["operation"], first["status"]) == ("school", "payments", 200)
    assert first["detail"] == f"SSC20250001 {TERM}"
    assert moment <= first["start"] <= first["end"] <= time.time()
    assert (second["service"], second["operation"]) == ("database", "connect")
    client.page("DELETE", "/calls")
    assert client.page("GET", "/calls").json() == []


def test_the_school_can_be_resized_while_it_runs(client: Client) -> None:
    size = client.page("GET", "/school-size").json()["students"]
    assert client.page("PUT", "/school-size", {"students": 1000}).json() == {"students": 1000}
    query = {"page": "10", "page_size": "100"}
    body = client.school("school/students/data", **query).json()
    assert (len(body["results"]["data"]), body["next"]) == (100, None)
    for wrong in (99, 20_001, "1000", None, 500.0):
        assert client.page("PUT", "/school-size", {"students": wrong}).status_code == 400
    assert size < client.page("GET", "/school-size").json()["students"] == 1000


def test_the_date_can_be_changed_while_it_runs(client: Client) -> None:
    today = client.page("GET", "/today").json()
    assert client.page("PUT", "/today", {"today": "2026-05-20"}).json() == {"today": "2026-05-20"}
    student = {"student_id_number": "SSC20250001", "term": "2026-2"}
    assert client.school("student/billed-fee-types/", **student).json()["data"]["bills"]
    assert not client.school("student/billed-fee-types/", **student | {"term": TERM}).json()["data"].get("bills")
    for wrong in ("tomorrow", "2026-13-01", 7):
        assert client.page("PUT", "/today", {"today": wrong}).status_code == 400
    assert client.page("PUT", "/today", today).json() == today


def test_the_sample_lists_parents_to_try(client: Client) -> None:
    parents = client.page("GET", "/sample").json()
    assert parents[0]["phone"] == "+263772100001"
    assert parents[0]["children"] == [{"id": "SSC20250001", "name": "Tariro Moyo", "grade": "Grade 3"}]
    assert all(parent["phone"] or parent["user_id"] for parent in parents)
    assert client.page("GET", "/ready").json() == {"ready": True}
    assert client.page("GET", "/no-such-page").status_code == 404


def test_the_process_stops_at_once_even_with_open_requests(tmp_path: Path) -> None:
    plan = Plan.create(tmp_path, Ports.free(), profile="zero")
    process = subprocess.Popen([sys.executable, "-m", "local.world", "--plan", plan.save()], cwd=ROOT)
    try:
        fault = {"kind": "silent"}
        eventually(lambda: requests.put(f"{plan.world_url}/faults/school", json=fault, timeout=5).ok)
        outcomes: list[str] = []

        def hang() -> None:
            try:
                requests.get(f"{plan.school_api_url}/health", timeout=90)
            except requests.ConnectionError:
                outcomes.append("closed")

        thread = threading.Thread(target=hang)
        thread.start()
        eventually(lambda: requests.get(f"{plan.world_url}/calls", timeout=5).json())  # it hangs
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        thread.join(30)
        assert outcomes == ["closed"]
    finally:
        process.kill()
        process.wait()
