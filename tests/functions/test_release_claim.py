"""A failed run gives its message back."""

from typing import Any

import pytest

from functions import open_office_request, record_delivery, release_claim
from functions.adapters.cache.message_claims import Claim
from functions.domain.errors import InvalidRequest
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.examples import MESSAGE, NOTIFIED, OFFICE, sqs_batch, status
from tests.functions.outages import without_primary


def test_the_next_run_can_claim_the_message_and_nothing_is_logged(cached: Cached, database: Database) -> None:
    assert cached.claim("wamid.1", "run-1") == Claim.NEW
    assert release("run-1") == {"answered": False}
    assert cached.claim("wamid.1", "run-2") == Claim.NEW
    assert database.run("SELECT * FROM message_log") == []


def test_the_claim_of_another_run_is_kept(cached: Cached, database: Database) -> None:
    assert cached.claim("wamid.1", "run-1") == Claim.NEW
    release("run-2")
    assert cached.claim("wamid.1", "run-3") == Claim.BUSY


def test_a_message_whose_answer_a_status_has_proved_stays_answered(cached: Cached, database: Database) -> None:
    assert cached.claim("wamid.1", "run-1") == Claim.NEW
    record_delivery.handler(sqs_batch([status("delivered")]), None)  # WhatsApp's answer to the send was lost
    assert release("run-1") == {"answered": True}
    assert cached.claim("wamid.1", "run-2") == Claim.DONE


def test_without_the_database_the_claim_is_released_and_nobody_knows_whether_the_message_was_answered(
    cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    assert cached.claim("wamid.1", "run-1") == Claim.NEW
    without_primary(environment)
    assert release("run-1") == {"answered": None}
    assert cached.claim("wamid.1", "run-2") == Claim.NEW


def test_an_office_that_was_notified_before_the_failure_is_not_notified_again(
    cached: Cached, database: Database
) -> None:
    event = {"message": MESSAGE, "plan": OFFICE}
    assert open_office_request.handler(event, None)["notified"] is False
    release_claim.handler({"message_id": "wamid.1", "request": NOTIFIED}, None)
    assert open_office_request.handler(event, None)["notified"] is True
    assert database.value("SELECT notice_id FROM office_requests") == "wamid.notification"


def release(run: str) -> dict[str, Any]:
    return release_claim.handler({"message_id": "wamid.1", "run": run, "request": None}, None)


@pytest.mark.parametrize("event", [{}, {"message_id": ""}, {"message_id": 1}])
def test_a_message_without_an_id_is_refused_by_name(environment: pytest.MonkeyPatch, event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="message_id"):
        release_claim.handler(event, None)
