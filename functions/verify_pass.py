"""The page behind the QR code: what the guard reads."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import clock, database, observe, passes
from functions.adapters.documents.pass_page import HEADERS, pass_page
from functions.adapters.http_api import Request, response
from functions.adapters.passes import Look
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.documents import Letterhead, PassPage
from functions.domain.errors import DataUnavailable
from functions.domain.gate_passes import PassState


@dataclass(frozen=True)
class Settings:
    database_reader_url: str
    database_writer_url: str
    database_auth: str


@cache
def settings() -> Settings:
    return from_environment(Settings)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """GET /passes/{token} (HTTP API, payload format 2.0) -> the page, complete, without JavaScript."""
    settings()
    token = Request.of(event).parameters.get("token", "")
    now = clock.now(school().timezone)
    try:
        look = look_up(token)
    except DataUnavailable:
        headers = {"retry-after": "10"}
        return response(503, "The school's records cannot be reached at the moment. Please scan again.", headers)
    page = PassPage(
        letterhead=Letterhead.of(school()),
        state=look.state,
        checked_at=now,
        child_name=look.student.name if look.student else "",
        grade=look.student.grade if look.student else "",
        pass_number=look.number,
        valid_until=look.valid_until,
    )
    status = 404 if look.state == PassState.UNKNOWN else 200
    return response(status, pass_page(page), HEADERS)


def look_up(token: str) -> Look:
    """The pass, and a record that someone looked. A pass just issued may not have reached the replica yet, and one
    just replaced may still look valid there: only a final word is taken from it."""
    today = clock.now(school().timezone).date()
    with database.reader() as connection:
        look = passes.look_up(connection, token, today)
    try:
        with database.writer() as connection:
            if look.state in (PassState.UNKNOWN, PassState.VALID):
                look = passes.look_up(connection, token, today)
            passes.record_look(connection, look)
    except DataUnavailable:
        if look.state == PassState.UNKNOWN:
            raise
        observe.log().warning("look not recorded")
    observe.count("PassLooks")
    return look
