"""Parents who ask for a person: opens a request, or closes it for the office."""

from dataclasses import dataclass
from functools import cache as once
from typing import Any

from functions.adapters import observe, office_requests
from functions.adapters.cache import Cache
from functions.adapters.database import writer
from functions.adapters.school_config import school
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
    """`{"message", "plan"}` -> `{"number": of the request, null where there is none to close, "told", "notice"}`.

    `told`: the office knows of it already. `notice`: how it can be told, `free` or `template`, null where it cannot.
    """
    message, plan = Message.read(event.get("message")), Plan.read(event["plan"])
    with writer() as connection:
        if plan.next == Next.OFFICE:
            opened = office_requests.open_request(connection, message, plan.question or "")
            may_write = office_requests.may_write_to(connection, school().office.whatsapp)
            observe.count("OfficeRequests")
            notice = "free" if may_write else "template" if school().templates.office else None
            return {"number": opened.number, "told": opened.told, "notice": None if opened.failed else notice}
        closed = office_requests.close_request(connection, message, int(plan.entry) if plan.entry else None)
        quiet = closed is not None and office_requests.is_with_the_office(connection, [closed.sender])
    if closed:
        cache().keep_quiet(closed.sender, quiet=quiet)  # a newer request of the same parent may be open
    return {"number": closed.number if closed else None, "told": False, "notice": None}
