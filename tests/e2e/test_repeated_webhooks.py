"""WhatsApp delivers a message again, for up to seven days: one answer, one gate pass, one file, one row in the log."""

from concurrent.futures import ThreadPoolExecutor

from bench.stage import Stage, families
from local.parent import new_message_id, text
from local.send_message import post_webhook
from local.stack import Stack
from local.stack_client import StackClient
from local.world.webhooks import encode
from tests.conftest import eventually
from tests.e2e.conftest import uploads


def queues_are_empty(running: StackClient) -> bool:
    return not any(sum(count.values()) for count in running.aws("GET", "/queues").values())


def test_one_body_at_one_instant_after_the_queues_memory_and_after_the_cache_is_one_of_everything(
    stack: Stack, running: StackClient
) -> None:
    stage, name = Stage(stack), new_message_id()
    family = families(stage.school, 1, 100)[-1]
    mother = family.parent
    stage.forget(family)
    stage.withdraw_passes(family)
    raw = encode(mother.webhook_body(text("gate pass"), name))

    def deliver(_: int = 0) -> int:
        return post_webhook(running, raw)[0]

    with ThreadPoolExecutor(2) as threads:  # two copies at the same instant
        assert list(threads.map(deliver, range(2))) == [200, 200]
    assert eventually(lambda: running.world("GET", "/outbox", in_reply_to=name))
    assert eventually(lambda: queues_are_empty(running))
    running.aws("POST", "/queues/forget-duplicates")  # five minutes and a half later
    assert deliver() == 200
    assert eventually(lambda: queues_are_empty(running))
    stack.redis.kill()  # 26 hours later the claim may be gone with the cache
    stack.redis.start()
    stack.redis.wait()
    running.aws("POST", "/queues/forget-duplicates")
    assert deliver() == 200
    assert eventually(lambda: queues_are_empty(running))
    assert len(running.world("GET", "/outbox", in_reply_to=name)) == 1
    assert len(uploads(running)) == 1
    for table in ("message_log", "pass_requests"):
        assert stage.column(f"SELECT count(*) FROM {table} WHERE message_id = :name", name=name) == [1]
    assert stage.column("SELECT count(*) FROM gate_passes WHERE issued_to = :phone", phone=mother.phone) == [1]
    stage.close()
