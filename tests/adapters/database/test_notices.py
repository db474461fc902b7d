"""What WhatsApp told us and no other table holds, once by its content."""

from typing import Any

import pytest

from functions import dependencies
from functions.adapters.database.notices import LONGEST_KIND, Notices
from tests.conftest import Database as Tables


def record(event: dict[str, Any]) -> bool:
    with dependencies.primary().writer() as connection:
        return Notices(connection).record(event)


def test_event_is_recorded_once_by_its_content(tables: Tables) -> None:
    event = {"kind": "notice", "field": "account_update", "value": {"event": "VERIFIED"}}
    assert record(event)
    assert not record(dict(reversed(event.items())))  # the same content in another order
    assert record(event | {"value": {"event": "DISABLED"}})
    assert [row["content"] for row in tables.run("SELECT content FROM notices ORDER BY received_at")] == [
        event,
        event | {"value": {"event": "DISABLED"}},
    ]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"kind": "notice", "field": "account_update"}, "account_update"),
        ({"kind": "message", "type": "edit"}, "edit"),
        ({"kind": "error"}, "error"),
        ({"kind": "notice", "field": "x" * 200}, "x" * LONGEST_KIND),
    ],
)
def test_kind_is_the_most_specific_name(tables: Tables, event: dict[str, Any], kind: str) -> None:
    record(event)
    assert tables.value("SELECT kind FROM notices") == kind
