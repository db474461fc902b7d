"""What several tests of handlers need."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from functions import dependencies
from functions.adapters.cache.account_cache import AccountCache
from functions.adapters.cache.message_claims import Claim, Loaded, MessageClaims
from functions.adapters.cache.rate_limit import RateLimit
from functions.adapters.cache.redis_client import CachedValue, RedisClient
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.school_config import school
from local.plan import Plan
from local.world.sample import SampleSchool
from tests.conftest import TODAY, forget_everything

Approve = Callable[..., None]


class Cached:
    """The cache, seen and filled by a test."""

    def __init__(self, redis: RedisClient) -> None:
        self.claims, self.senders = MessageClaims(redis), SenderCache(redis)
        self._accounts, self._redis = AccountCache(redis), redis
        self._looks = 0

    def load(self, sender: str, question_key: str = "") -> Loaded:
        """What a new message of this sender finds."""
        self._looks += 1
        return self.claims.claim_and_load(f"wamid.look{self._looks}", sender, question_key)

    def claim(self, message_id: str, run: str = "") -> Claim:
        """What the next run finds of a message."""
        return self.claims.claim(message_id, run)

    def lose_everything(self) -> None:
        """As after a restart without its data."""
        self._redis.cluster().flushall()

    def accounts(self, ids: Sequence[str], term: str) -> dict[str, CachedValue]:
        return self._accounts.get(ids, term)

    def store_accounts(self, ids: Sequence[str], term: str, account: Any) -> None:
        """The same account for each of these students, as if just fetched."""
        self.claims.finish("wamid.before", term=term, accounts=dict.fromkeys(ids, account))

    def store_answer(self, question_key: str, answer: str) -> None:
        self.claims.finish("wamid.before", values={("answer", question_key): answer})

    def use_school_calls(self, calls: int, calls_per_minute: int) -> None:
        """Calls of the school's API that others have reserved already."""
        assert RateLimit(self._redis, calls_per_minute).reserve(calls, max_wait=1e9) is not None


@pytest.fixture
def cached(redis: RedisClient) -> Cached:
    return Cached(redis)


@pytest.fixture
def approve(environment: pytest.MonkeyPatch) -> Approve:
    """From now on these templates are approved: `approve(receipt="fee_receipt")`."""

    def approve(**names: str) -> None:
        found = school()
        changed = replace(found, templates=replace(found.templates, **names))
        environment.setattr(dependencies, "school", lambda: changed)
        forget_everything(but=["secrets"])

    return approve


@pytest.fixture(scope="session")
def built_school(plan: Plan) -> SampleSchool:
    return SampleSchool.build(TODAY, plan.seed)


@pytest.fixture(scope="session")
def siblings(built_school: SampleSchool) -> list[str]:
    """Five brothers and sisters."""
    family = next(parent for parent in built_school.demo_parents if len(built_school.children_of(parent.phone)) == 5)
    return [student.id for student in built_school.children_of(family.phone)]


@pytest.fixture(scope="session")
def unknown_student(built_school: SampleSchool) -> str:
    """A child that our records have and the school's accounts have not."""
    return next(student.id for student in built_school.students if not student.has_account)
