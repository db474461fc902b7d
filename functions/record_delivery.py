"""Delivery statuses, reactions and notices: everything WhatsApp tells us that wants no answer."""

import json
from dataclasses import dataclass
from functools import cache as once
from typing import Any

from functions.adapters import database, events, observe, office_requests
from functions.adapters.cache import Cache
from functions.adapters.settings import from_environment


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_name: str
    cache_auth: str
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
    """A batch of SQS records, each `{"events": [...]}` -> the records to be offered again (`batchItemFailures`)."""
    failed = []
    for record in event["Records"]:
        try:
            process(json.loads(record["body"])["events"])
        except Exception as error:  # of any kind: one bad record must not take the others to the dead-letter queue
            observe.log().error("events not recorded", record=record["messageId"], error=type(error).__name__)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def process(found: list[dict[str, Any]]) -> None:
    """One transaction for one record's events; repeated ones change nothing."""
    cache().mark_done(events.proven_answers(found))
    with database.writer() as connection:
        changed = [sender for event in events.in_order(found) for sender in events.record(connection, event)]
        untold = office_requests.senders_not_told(connection, events.notices_given_up(found))
        quiet = {sender: office_requests.is_with_the_office(connection, [sender]) for sender in untold}
    cache().forget_person(*changed)
    for sender, is_quiet in quiet.items():  # nobody at the office knows: the assistant answers again
        cache().keep_quiet(sender, quiet=is_quiet)
