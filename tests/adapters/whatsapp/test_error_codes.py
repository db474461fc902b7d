"""Meta's codes belong to one family each; of its notices, those that need an operator are told apart."""

from itertools import combinations

import pytest

from functions.adapters.whatsapp.error_codes import (
    OPERATOR,
    PERSON,
    STOPPED,
    TOKEN,
    TRANSIENT,
    WINDOW_CLOSED,
    operator_trouble,
)


def test_no_code_belongs_to_two_families() -> None:
    for one, other in combinations((TRANSIENT, OPERATOR, PERSON), 2):
        assert one & other == set()
    assert TOKEN <= OPERATOR
    assert {STOPPED, WINDOW_CLOSED} <= PERSON


@pytest.mark.parametrize(
    ("field", "value", "trouble"),
    [
        ("errors", {"code": 131042}, "131042"),
        ("errors", {"code": 131026}, None),
        ("errors", {"code": "131042"}, None),
        ("errors", {}, None),
        ("account_update", {"event": "ACCOUNT_RESTRICTION"}, "ACCOUNT_RESTRICTION"),
        ("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}, "DISABLED_UPDATE"),
        ("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}, None),
        ("account_update", {"event": "VERIFIED_ACCOUNT"}, None),
        ("account_update", {}, None),
        ("account_alerts", {"alert_info": {"alert_severity": "CRITICAL", "alert_type": "X"}}, "X"),
        ("account_alerts", {"alert_severity": "critical"}, "CRITICAL"),
        ("account_alerts", {"alert_info": {"alert_severity": "WARNING", "alert_type": "X"}}, None),
        ("phone_number_quality_update", {"event": "FLAGGED"}, "FLAGGED"),
        ("phone_number_quality_update", {"event": "UNFLAGGED"}, None),
        ("message_template_status_update", {"event": "DISABLED"}, None),
    ],
)
def test_notice_names_what_an_operator_must_look_at(field: str, value: dict[str, object], trouble: str | None) -> None:
    assert operator_trouble(field, value) == trouble
