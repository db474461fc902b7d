"""Parents who ask for a person: opens a request, or closes it for the office."""

from dataclasses import dataclass
from functools import cache as once
from typing import Any

from functions.adapters import observe, office_requests
from functions.adapters.cache import Cache
from functions.adapters.database import writer
from functions.adapters.settings import from_environment
from functions.domain.conversation import Next, Plan
from functions.domain.inbound import Message


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_auth: str
    cache_name: str
    database_writer_url: str
    database_auth: str


@once
def settings() -> Settings:
    return from_environment(Settings)


@once
def cache() -> Cache:
    return Cache(settings().cache_url, settings().cache_auth == "iam")


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "plan"}` -> `{"number": of the request, null where there is none to close, "told": false}`."""
    message, plan = Message.read(event.get("message")), Plan.read(event["plan"])
    with writer() as connection:
        if plan.next == Next.OFFICE:
            number = office_requests.open_request(connection, message, plan.question or "")
            observe.count("OfficeRequests")
            return {"number": number, "told": False}
        closed = office_requests.close_request(connection, int(plan.entry) if plan.entry else None)
    if closed:
        cache().keep_quiet(closed.sender, quiet=False)
    return {"number": closed.number if closed else None, "told": False}
