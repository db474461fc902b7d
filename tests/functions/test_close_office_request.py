"""The office closes a request, and the bot answers that parent again."""

from typing import Any

from functions import close_office_request
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.examples import MESSAGE, ask_office

CLOSE = {"intent": "close", "reply_type": "office_closed", "next": "close_office_request"}


def close(message_id: str = "wamid.close", entry: str | None = None, **more: Any) -> Any:
    event = {"message": MESSAGE | {"id": message_id} | more, "plan": CLOSE | {"entry": entry}}
    return close_office_request.handler(event, None)["number"]


def test_one_message_closes_one_request_however_often_it_comes(cached: Cached, database: Database) -> None:
    first, second = ask_office(database, "ZW.5", "a"), ask_office(database, "ZW.6", "b")
    assert [close(), close()] == [second, second]
    assert close("wamid.close2") == first
    assert close("wamid.close3") is None


def test_a_quoted_notification_says_which_request_is_closed(cached: Cached, database: Database) -> None:
    first, _ = ask_office(database, "ZW.5", "a"), ask_office(database, "ZW.6", "b")
    assert close(about="something else") is None
    assert close("wamid.close2", about="notification of a") == first


def test_close_without_a_number_is_about_a_request_that_the_office_knows_and_still_has(
    cached: Cached, database: Database
) -> None:
    old, _ = ask_office(database, "ZW.5", "a", hours_ago=13), ask_office(database, "ZW.6", "b", notified=False)
    assert close() is None
    assert close("wamid.close2", entry=str(old)) == old


def test_the_bot_answers_that_parent_again(cached: Cached, database: Database) -> None:
    number = ask_office(database, "ZW.5", "a")
    for sender in ("ZW.5", "ZW.6"):
        cached.senders.set_handed_to_office(sender, handed=True)
    close(entry=str(number))
    assert [cached.load(sender).is_handed_to_office for sender in ("ZW.5", "ZW.6")] == [False, True]
