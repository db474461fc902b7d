"""The connection to the cache: every key expires, and a cache that is down costs speed, never an answer."""

import gc
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache import redis_client
from functions.adapters.cache.account_cache import AccountCache
from functions.adapters.cache.message_claims import CLAIM_LIFE, DONE_LIFE, Claim, Loaded, MessageClaims
from functions.adapters.cache.rate_limit import DailyCounter, RateLimit
from functions.adapters.cache.redis_client import HARD_LIFE, CachedValue, RedisClient
from functions.adapters.cache.sender_cache import SenderCache
from local.plan import Ports
from local.redis_server import RedisServer
from tests.adapters.cache.scripted_redis import ScriptedRedis, scripted_redis
from tests.adapters.silent_server import silent_server
from tests.conftest import eventually

MESSAGE, SENDER = "wamid.HBgM{1}", "ZW.13491208655302741918"
ACCOUNT: dict[str, list[object]] = {"bills": [], "payments": []}


def test_every_key_has_a_version_and_a_life(redis: RedisClient, cluster: RedisCluster) -> None:
    claims, senders = MessageClaims(redis), SenderCache(redis)
    claims.claim_and_load(MESSAGE, SENDER, "")
    assert 0 < cluster.ttl(f"v1:claim:{MESSAGE}") <= CLAIM_LIFE
    claims.finish(
        MESSAGE,
        sender=SENDER,
        pending={"intent": "balance"},
        values={("answer", "hours"): "8"},
        term="2026-3",
        accounts={"S1": ACCOUNT},
        fetched_at=time.time(),
    )
    senders.store_person(SENDER, {})
    senders.require_wal(SENDER, "0/1")
    senders.set_handed_to_office(SENDER, handed=True)
    redis.store({}, "receipt", "payment:1:0")
    DailyCounter(redis).add("questions", SENDER, "2026-11-23")
    RateLimit(redis, 72).reserve(1, 20)
    lives = {key: cluster.ttl(key) for key in cluster.keys("*")}
    assert all(str(key).startswith("v1:") for key in lives)
    assert all(life > 0 for life in lives.values()), lives  # keys without one are never evicted
    assert DONE_LIFE - 5 < lives[f"v1:claim:{MESSAGE}"] <= DONE_LIFE
    assert DONE_LIFE > 7 * 86400  # WhatsApp delivers again for seven days
    for name in ("account:S1:2026-3", "answer:hours", f"person:{SENDER}", "receipt:payment:1:0"):
        assert HARD_LIFE - 5 < lives[f"v1:{name}"] <= HARD_LIFE
    assert lives[f"v1:written:{SENDER}"] <= 60
    assert lives[f"v1:pending:{SENDER}"] <= 15 * 60
    assert lives["v1:complete-since"] > DONE_LIFE - 5  # as long as the claims that it speaks of
    assert len(lives) == 12


def test_value_is_stored_with_the_time_it_was_fetched(redis: RedisClient) -> None:
    before = time.time()
    redis.store({"n": 1}, "receipt", "payment:1:0")
    found = redis.get("receipt", "payment:1:0")
    assert found is not None
    assert found.value == {"n": 1}
    assert round(before, 3) <= found.fetched_at <= time.time()
    assert redis.get("receipt", "payment:2:0") is None


def test_value_is_fresh_until_its_soft_life_ends() -> None:
    assert CachedValue("x", time.time() - 10).is_fresh(20)
    assert not CachedValue("x", time.time() - 30).is_fresh(20)


# --- a cache that is down ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["refuses", "silent"])
def dead(request: pytest.FixtureRequest, environment: pytest.MonkeyPatch) -> Iterator[RedisClient]:
    if request.param == "refuses":
        yield RedisClient(f"redis://127.0.0.1:{Ports.free().redis}")
    else:
        environment.setattr(redis_client, "TIMEOUT", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield RedisClient(f"redis://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize(
    ("use", "otherwise"),
    [
        (lambda redis: MessageClaims(redis).claim_and_load(MESSAGE, SENDER, "q"), Loaded(Claim.UNKNOWN)),
        (lambda redis: MessageClaims(redis).claim("m", "run"), Claim.UNKNOWN),
        (lambda redis: MessageClaims(redis).finish("m", sender="a", pending={"intent": "menu"}, values={}), False),
        (lambda redis: MessageClaims(redis).release("m", "run"), None),
        (lambda redis: MessageClaims(redis).mark_done(["m"]), None),
        (lambda redis: MessageClaims(redis).done(["m"]), set()),
        (lambda redis: AccountCache(redis).get(["S1"], "t"), {}),
        (lambda redis: AccountCache(redis).store("t", {"S1": ACCOUNT}, 1), None),
        (lambda redis: AccountCache(redis).forget("S1", "t"), None),
        (lambda redis: RateLimit(redis, 72).reserve(3, 20), 0.0),
        (lambda redis: DailyCounter(redis).add("questions", "a", "d"), None),
        (lambda redis: SenderCache(redis).store_person("a", {}), None),
        (lambda redis: SenderCache(redis).forget_person("a", min_wal="0/1"), None),
        (lambda redis: SenderCache(redis).require_wal("a", "0/1"), None),
        (lambda redis: SenderCache(redis).set_handed_to_office("a", handed=True), None),
        (lambda redis: redis.get("receipt", "r"), None),
        (lambda redis: redis.store({}, "receipt", "r"), None),
        (lambda redis: redis.prewarm(), None),
    ],
)
def test_each_use_of_a_dead_cache_has_a_plain_result(
    dead: RedisClient, use: Callable[[RedisClient], Any], otherwise: object
) -> None:
    assert use(dead) == otherwise


def test_a_cache_that_does_not_respond_is_waited_for_once(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(redis_client, "TIMEOUT", 0.05)
    with silent_server() as server:
        redis = RedisClient(server.url.replace("postgresql+pg8000://assistant@", "redis://"))
        assert MessageClaims(redis).claim(MESSAGE) == Claim.UNKNOWN
        connects = server.connects
        assert [MessageClaims(redis).claim(MESSAGE) for _ in range(5)] == [Claim.UNKNOWN] * 5
        assert server.connects == connects > 0
        environment.setattr(redis, "_retry_at", 0.0)
        MessageClaims(redis).claim(MESSAGE)
        assert server.connects > connects
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # redis-py leaves its socket to gc
def test_a_cluster_without_slots_is_a_cache_that_is_down(redis: RedisClient, redis_server: RedisServer) -> None:
    """redis-py raises an IndexError there."""
    redis_server.kill()
    redis_server.start()
    try:
        assert eventually(lambda: redis_server._ask("PING").startswith("+PONG"))
        assert MessageClaims(redis).claim(MESSAGE) == Claim.UNKNOWN
    finally:
        redis_server.wait()
        gc.collect()
    assert MessageClaims(redis).claim(MESSAGE) == Claim.NEW


def test_cache_that_dies_and_comes_back_is_used_again(redis: RedisClient, redis_server: RedisServer) -> None:
    claims = MessageClaims(redis)
    assert claims.claim(MESSAGE) == Claim.NEW
    redis_server.kill()
    try:
        assert claims.claim("wamid.1") == Claim.UNKNOWN
    finally:
        redis_server.start()
        redis_server.wait()
    assert claims.claim("wamid.2") == Claim.NEW


# --- what a serverless cache does, and a Redis on one machine does not ------------------------------------------------


@pytest.fixture
def serverless(environment: pytest.MonkeyPatch) -> Iterator[ScriptedRedis]:
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.setenv(name, "test")
    with scripted_redis() as server:
        server.values["v1:receipt:r"] = redis_client.pack("kept")
        yield server


def client_of(server: ScriptedRedis) -> RedisClient:
    return RedisClient(f"redis://assistant@127.0.0.1:{server.port}", iam=True, cache_name="school-cache")


def found(client: RedisClient) -> object:
    value = client.get("receipt", "r")
    return value and value.value


def test_connection_signs_in_and_sends_nothing_else_of_its_own(serverless: ScriptedRedis) -> None:
    """Nothing that its user may not, or that it does not know: CLIENT SETINFO, CLIENT MAINT_NOTIFICATIONS, HELLO 3."""
    assert found(client_of(serverless)) == "kept"
    assert {command[0] for _, command in serverless.commands} <= {"AUTH", "CLUSTER", "COMMAND", "GET"}
    user, token = serverless.sent("AUTH")[0]
    assert user == "assistant"
    address, _, query = token.partition("?")
    assert address == "school-cache/"
    assert {"Action=connect", "User=assistant", "ResourceType=ServerlessCache", "X-Amz-Expires=900"} <= {
        *query.split("&")
    }


def test_new_connection_has_a_second_for_its_handshake(serverless: ScriptedRedis) -> None:
    cluster = client_of(serverless).cluster()
    given = cluster.get_default_node().redis_connection.connection_pool.connection_kwargs
    assert (given["socket_timeout"], given["socket_connect_timeout"]) == (1.0, 1.0)


def test_refused_token_is_signed_anew_and_nobody_notices(serverless: ScriptedRedis) -> None:
    serverless.say("AUTH", b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
    assert found(client_of(serverless)) == "kept"


def test_token_refused_twice_is_a_cache_that_is_down(serverless: ScriptedRedis) -> None:
    serverless.say("AUTH", *[b"-WRONGPASS invalid username-password pair\r\n"] * 20)
    assert found(client_of(serverless)) is None
    assert len(serverless.sent("AUTH")) <= 6  # bounded, also with the client's own tries


def test_each_connection_is_signed_in_with_the_role_session_of_now(
    serverless: ScriptedRedis, environment: pytest.MonkeyPatch
) -> None:
    client = client_of(serverless)
    environment.setenv("AWS_SESSION_TOKEN", "first")
    assert found(client) == "kept"
    environment.setenv("AWS_SESSION_TOKEN", "second")
    serverless.say("GET", None)  # closed by the cache, as it does after twelve hours
    assert found(client) == "kept"
    tokens = [token for _, token in serverless.sent("AUTH")]
    assert "X-Amz-Security-Token=first" in tokens[0]
    assert "X-Amz-Security-Token=second" in tokens[-1]


@pytest.mark.parametrize("hang_ups", [1, 2])
def test_connection_that_is_closed_in_the_middle_is_made_anew(serverless: ScriptedRedis, hang_ups: int) -> None:
    client = client_of(serverless)
    assert found(client) == "kept"
    serverless.say("GET", *[None] * hang_ups)
    assert found(client) == ("kept" if hang_ups == 1 else None)
    assert found(client) == "kept"


def test_slot_that_has_moved_is_followed_and_the_endpoint_is_kept(serverless: ScriptedRedis) -> None:
    client = client_of(serverless)
    assert found(client) == "kept"
    serverless.say("GET", b"-MOVED 1234 127.0.0.1:%d\r\n" % serverless.port)
    assert found(client) == "kept"
    assert [node.port for node in client.cluster().nodes_manager.startup_nodes.values()] == [serverless.port]


def test_topology_without_a_host_means_the_endpoint(serverless: ScriptedRedis) -> None:
    serverless.slots_host = ""
    assert found(client_of(serverless)) == "kept"
