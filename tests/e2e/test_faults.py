"""Each part pulled out in turn: the parent hears something sensible, or the message waits and is answered later."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.cluster import RedisCluster

from local.http_client import request
from local.stack import Stack
from local.stack_client import StackClient
from tests.conftest import eventually
from tests.e2e.conftest import Phone, uploads, words_of

Phones = Callable[..., Phone]
INTERNAL = ("Error", "Exception", "Traceback", "HTTP", "500", "unexpected", "Internal", "null", "None")


def fault(running: StackClient, service: str, **values: Any) -> None:
    running.world("PUT", f"/faults/{service}", values)


def mend(running: StackClient) -> None:
    running.world("DELETE", "/faults")


def cache_of(running: StackClient) -> RedisCluster:
    return RedisCluster(host="127.0.0.1", port=running.plan.ports.redis, decode_responses=True)


def age_accounts(running: StackClient, seconds: float) -> None:
    """Make everything that is cached of accounts look as old as that."""
    client = cache_of(running)
    for key in client.scan_iter("v1:account:*"):
        kept = json.loads(client.get(key) or b"")
        client.set(key, json.dumps(kept | {"at": kept["at"] - seconds}), ex=3600)
    client.close()


def forget_accounts(running: StackClient) -> None:
    client = cache_of(running)
    for key in list(client.scan_iter("v1:account:*")):
        client.delete(key)
    client.close()


def waits_and_is_answered(running: StackClient, phone: Phone, words: str) -> str:
    """The message is taken, not answered while the fault lasts, and answered once after it."""
    phone.says(words, seconds=3)
    assert phone.last is not None
    assert phone.last.status == 200
    assert phone.last.replies == []
    mend(running)
    found = running.world("GET", "/outbox", timeout=40, wait=30, in_reply_to=phone.last.message_id)
    time.sleep(0.5)
    found = running.world("GET", "/outbox", in_reply_to=phone.last.message_id)
    assert len(found) == 1
    return words_of(found[0]["body"])


@pytest.mark.parametrize(
    "how",
    [{"kind": "status", "status": 500}, {"kind": "html"}, {"kind": "close"}, {"kind": "json", "body": {"detail": "?"}}],
    ids=lambda how: how["kind"],
)
def test_school_api_down_is_one_apology_and_nothing_internal(phone: Phones, running: StackClient, how: dict) -> None:
    forget_accounts(running)
    fault(running, "school", **how)
    said = phone("75").says("balance")
    assert "cannot reach the school's records" in said
    assert "info@shiningsmilescollege.ac.zw" in said
    assert "No fees" not in said
    assert not any(word in said for word in INTERNAL)


def test_school_api_failing_once_is_tried_again(phone: Phones, running: StackClient) -> None:
    forget_accounts(running)
    fault(running, "school", kind="status", status=500, operation="payments", times=1)
    mother = phone("75")
    assert "Owed: $187.50" in mother.says("balance")
    assert len(mother.calls("school", "payments")) == 2
    assert len(mother.calls("school", "billed-fees")) == 1


@pytest.mark.parametrize("how", [{"kind": "status", "status": 500}, {"kind": "silent"}], ids=lambda how: how["kind"])
def test_school_api_down_or_silent_serves_the_last_figures_with_their_date(
    phone: Phones, running: StackClient, how: dict
) -> None:
    mother = phone("75")
    mother.says("balance")
    age_accounts(running, 3600)
    fault(running, "school", **how)
    said = mother.says("balance")
    assert "Owed: $187.50" in said
    assert "as of" in said
    assert len(mother.calls("school")) <= 6  # tried again, and not for ever
    assert "A gate pass needs today's figures" in mother.says("gate pass")


def test_openai_down_gives_the_nearest_entry_or_the_office(phone: Phones, running: StackClient) -> None:
    fault(running, "openai", kind="status", status=500)
    mother = phone("75")
    assert "Thursday" in mother.says("On which day do they wear the sports uniform, I forgot?")
    said = mother.says("Zvizvarwa xyzzy plugh?")
    assert "info@shiningsmilescollege.ac.zw" in said


def test_an_invented_amount_never_reaches_a_parent(phone: Phones, running: StackClient) -> None:
    fault(running, "openai", kind="invents_amount")
    mother = phone("75")
    said = mother.says("How much do you charge for the winter uniform set?")
    assert len(mother.calls("openai")) == 1
    assert "$90" in said  # from the knowledge itself


def test_redis_killed_costs_speed_not_answers(stack: Stack, phone: Phones, running: StackClient) -> None:
    stack.redis.kill()
    try:
        mother = phone("75")
        assert "Sipho" in mother.says("hi")
        assert "Owed: $187.50" in mother.says("balance")
        assert "GP-2026-3" in phone("100").says("gate pass")
    finally:
        stack.redis.start()
        stack.redis.wait()
    assert "Owed: $187.50" in phone("75").says("balance")


def test_replica_killed_is_read_around(stack: Stack, phone: Phones, running: StackClient) -> None:
    stack.postgres.kill_replica()
    try:
        assert "Owed" in phone("+263772100013").says("balance")  # not seen before, so read from the database
    finally:
        stack.postgres.start_replica()


def forget_everyone(running: StackClient) -> None:
    client = cache_of(running)
    for key in list(client.scan_iter("v1:person:*")):
        client.delete(key)
    client.close()


def test_database_down_still_understands_and_apologises_once(phone: Phones, running: StackClient) -> None:
    forget_everyone(running)
    fault(running, "database", kind="close")
    request("POST", f"{running.plan.lambdas_url}/functions/understand/reset")  # its connections are open still
    mother = phone("75")
    assert "1. Fee balance" in mother.says("hi")
    said = mother.says("1")
    assert "cannot look up your records" in said
    assert mother.calls("openai") == []
    assert not any(word in said for word in INTERNAL)


@pytest.mark.parametrize(
    "how",
    [
        {"kind": "status", "status": 500, "code": 131000},
        {"kind": "status", "status": 429, "code": 130429},
        {"kind": "status", "status": 401, "code": 190},
        {"kind": "close"},
    ],
    ids=["500", "429", "token", "gone"],
)
def test_graph_api_down_keeps_the_message_and_answers_after_recovery(
    phone: Phones, running: StackClient, how: dict
) -> None:
    fault(running, "graph", **how)
    assert "Owed: $187.50" in waits_and_is_answered(running, phone("75"), "balance")


def test_graph_api_failing_once_is_tried_again_within_the_run(phone: Phones, running: StackClient) -> None:
    fault(running, "graph", kind="status", status=500, code=131000, operation="send", times=1)
    mother = phone("75")
    assert "Owed" in mother.says("balance")
    assert len(running.executions(mother.last.message_id)) == 1  # type: ignore[union-attr]


def test_a_lost_answer_of_the_graph_api_is_not_sent_again(phone: Phones, running: StackClient) -> None:
    """WhatsApp took the message, and the connection broke: the delivery status proves it."""
    fault(running, "graph", kind="lost", operation="send", times=1)
    mother = phone("75")
    mother.says("balance")
    assert mother.last is not None
    assert eventually(lambda: running.aws("GET", "/queues")["messages.fifo"] == {"visible": 0, "in_flight": 0})
    assert len(running.world("GET", "/outbox", in_reply_to=mother.last.message_id)) == 1


def test_a_refused_document_becomes_its_details_as_text(phone: Phones, running: StackClient) -> None:
    fault(running, "graph", kind="status", status=400, code=131053, operation="upload")
    said = phone("+263772100006").says("gate pass")
    assert "GP-2026-3" in said
    assert "could not send the document" in said
    assert not any(word in said for word in INTERNAL)


def test_no_pass_without_its_pdf(phone: Phones, running: StackClient) -> None:
    fault(running, "s3", kind="status", status=503, operation="put")
    mother = phone("+263772100017")
    assert "cannot issue a gate pass" in mother.says("gate pass")
    mend(running)
    assert "Here is your gate pass. " in mother.says("gate pass")  # the first, not a second one


def test_two_requests_of_one_instant_are_one_pass_and_one_pdf(phone: Phones, running: StackClient) -> None:
    mother_and_learner = phone("+263772100022"), phone("+263772100023")
    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(lambda person: person.says("gate pass"), mother_and_learner))
    numbers = [line for text in said for line in text.splitlines() if line.startswith("Pass GP-")]
    assert len(numbers) == 2
    assert len(set(numbers)) == 1
    assert len(uploads(running)) == 1


def test_a_row_of_old_trouble_a_question_of_ours_never_traps(phone: Phones) -> None:
    father = phone("two")
    father.says("statement")
    assert "1. Fee balance" in father.says("hi")
    assert "Billed" in father.says("1")
    father.says("gate pass")
    assert "Billed" in father.says("1")


def test_secrets_hanging_is_no_silence(phone: Phones, running: StackClient) -> None:
    """Without the app secret nothing can be checked: WhatsApp is told to send it again, soon, and the answer comes."""
    fault(running, "secrets", kind="silent")
    request("POST", f"{running.plan.lambdas_url}/functions/webhook/reset")
    mother = phone("75")
    mother.says("balance", seconds=0)
    assert mother.last is not None
    assert mother.last.status == 503
    mend(running)
    assert "Owed: $187.50" in mother.says("balance", message_id=mother.last.message_id)
