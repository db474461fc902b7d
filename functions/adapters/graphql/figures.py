"""What one GraphQL request asks the school for: each figure once, all of them side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from graphql import GraphQLError
from strawberry.dataloader import DataLoader

from functions.adapters.school_api import SchoolApi
from functions.domain.accounts import Line
from functions.domain.errors import ServiceError

MOST_CALLS = 40  # of the school's API for one request; a family of ten needs 20
AT_ONCE = 16

Lines = tuple[Line, ...] | None  # None: the school does not know the student
Fetch = Callable[[str, str, float], Lines]  # student id, term, deadline


@dataclass(frozen=True)
class Asked:
    """One figure: whose, and for which term."""

    student_id: str
    term: str


class Figures:
    """The context of one request. A figure that cannot be had is an error of its field alone."""

    def __init__(self, school_api: SchoolApi, deadline: float) -> None:
        """`deadline` is a moment of `time.monotonic()`."""
        self._deadline = deadline
        self._calls = 0
        self._bills = DataLoader(self._batched(school_api.bills_of))
        self._payments = DataLoader(self._batched(school_api.payments_of))

    def bills(self, student_id: str, term: str) -> Awaitable[Lines]:
        return self._bills.load(Asked(student_id, term))

    def payments(self, student_id: str, term: str) -> Awaitable[Lines]:
        return self._payments.load(Asked(student_id, term))

    def _batched(self, fetch: Fetch) -> Callable[[list[Asked]], Awaitable[list[Lines | BaseException]]]:
        async def load(batch: list[Asked]) -> list[Lines | BaseException]:
            return await asyncio.gather(*(self._load(fetch, asked) for asked in batch), return_exceptions=True)

        return load

    async def _load(self, fetch: Fetch, asked: Asked) -> Lines:
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise GraphQLError(f"More than {MOST_CALLS} figures at once", extensions={"code": "TOO_MANY_FIGURES"})
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads(), fetch, asked.student_id, asked.term, self._deadline)
        except ServiceError:
            raise GraphQLError(
                "The school's system gave no usable answer in time", extensions={"code": "SCHOOL_API_UNAVAILABLE"}
            ) from None


@cache
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="figures")
