"""The simulated school API: its contract, its ceiling and its moods."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.local.world.clients import Client, world

pytestmark = pytest.mark.enable_socket
TERM = "2026-3"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with world(tmp_path) as found:
        yield found


def student_of(client: Client, parent: str, place: int = 0) -> str:
    return client.world.school.children_of(parent)[place].id


def test_fees_and_payments_are_listed_by_student_and_term(client: Client) -> None:
    student = student_of(client, "+263772100001")
    bills = client.school("student/billed-fee-types/", student_id_number=student, term=TERM)
    assert bills.json() == {"data": {"bills": [{"fee_type": "Tuition", "amount": 400.0, "date": "2026-09-07"}]}}
    assert bills.headers["X-Request-ID"] == "r-1"
    payments = client.school("student/payments/", student_id_number=student, term=TERM).json()["data"]["payments"]
    assert sum(line["amount"] for line in payments) == 160
    statement = client.school("student-account-statement/", student_id_number=student, term=TERM).json()["data"]
    assert statement == {
        "student_id": student,
        "term": TERM,
        "total_fees": 400.0,
        "total_paid": 160.0,
        "balance": 240.0,
    }


def test_a_profile_has_phone_numbers_as_clerks_type_them(client: Client) -> None:
    student = student_of(client, "+263772100011")
    assert client.school("student/profile/", student_id_number=student).json()["data"] == {
        "student_number": student,
        "firstname": "Zanele",
        "lastname": "Nyathi",
        "current_grade": "Form 1",
        "student_mobile": None,
        "guardian_mobile_number": "0772 100 011 / 0772100012",
    }


def test_accounts_come_in_every_shape_of_the_real_api(client: Client) -> None:
    def data(parent: str, path: str) -> dict[str, object]:
        student = student_of(client, parent)
        return dict(client.school(path, student_id_number=student, term=TERM).json()["data"])

    assert all(isinstance(line["amount"], str) for line in data("+263772100017", "student/payments/")["payments"])  # type: ignore[attr-defined]
    assert not any(line.get("date") for line in data("+263772100018", "student/payments/")["payments"])  # type: ignore[attr-defined]
    assert data("+263772100019", "student/payments/") == {"payments": None}
    assert data("+263772100020", "student/billed-fee-types/") == {}
    assert data("+263772100007", "student/billed-fee-types/") == {"bills": []}


def test_unknown_students_are_404(client: Client) -> None:
    assert client.school("student/payments/", student_id_number="SSC1", term=TERM).status_code == 404
    without_account = student_of(client, "+263772100016")
    assert client.school("student/payments/", student_id_number=without_account, term=TERM).status_code == 404
    assert client.school("student/profile/", student_id_number=without_account).status_code == 200


def test_a_future_term_has_no_lines(client: Client) -> None:
    student = student_of(client, "+263772100001")
    answer = client.school("student/billed-fee-types/", student_id_number=student, term="2027-1")
    assert answer.json() == {"data": {"bills": []}}


def test_requests_need_the_key_and_valid_parameters(client: Client) -> None:
    assert (
        client.school("student/payments/", key="wrong", student_id_number="SSC20250001", term=TERM).status_code == 401
    )
    assert client.school("student/payments/", term=TERM).status_code == 400
    assert client.school("student/payments/", student_id_number="SSC20250001").status_code == 400
    assert client.school("no/such/").status_code == 404
    assert requests.get(f"{client.plan.school_api_url}/health", timeout=5).status_code == 200


def test_the_pages_contain_each_student_once(client: Client) -> None:
    found = []
    url: str | None = f"{client.plan.school_api_url}/school/students/data?page=1&page_size=60"
    while url:
        headers = {"Authorization": f"Api-Key {client.plan.school_api_key}"}
        body = requests.get(url, headers=headers, timeout=5).json()
        found += [item["student_number"] for item in body["results"]["data"]]
        url = body["next"]
    assert found == [student.id for student in client.world.school.students]
    assert client.school("school/students/data", page=99).status_code == 404
    assert client.school("school/students/data", page="x").status_code == 400


def test_the_rate_limit_is_per_operation(client: Client) -> None:
    client.page("PUT", "/profile", {"school_calls_per_minute": 2})
    query = {"student_id_number": "SSC20250001", "term": TERM}
    answers = [client.school("student/payments/", **query) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert client.school("student/billed-fee-types/", **query).status_code == 200


def test_the_rate_limit_comes_from_the_plan(tmp_path: Path) -> None:
    with world(tmp_path, school_api_calls_per_minute=1) as client:
        client.school("student/profile/", student_id_number="SSC20250001")
        assert client.school("student/profile/", student_id_number="SSC20250001").status_code == 429
