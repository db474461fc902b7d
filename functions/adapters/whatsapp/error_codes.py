"""Meta's error codes by what can be done about them (Graph API error reference, September 2026).

And its notices about the account: which of them want an operator.
"""

from collections.abc import Mapping

TRANSIENT = frozenset({2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004})
# Token, payment, policy, registration: nobody gets an answer until someone acts. A template that Meta does not know,
# or that wants other parameters, is config/school.toml against WhatsApp Manager: that is a person's work too.
OPERATOR = frozenset(
    {0, 3, 10, 33, 190, 368, 130497, 131005, 131031, 131037, 131042, 131045, 134011}
    | {132000, 132001, 132005, 132007, 132012, 132015, 132016}
    | {133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016}
    | set(range(200, 300))
)
# No WhatsApp, 24 hours over, blocked, opted out: this person cannot be reached.
PERSON = frozenset({130403, 130472, 131021, 131026, 131030, 131047, 131049, 131050, 131062, 131063})
TOKEN = frozenset({0, 190})
STOPPED = 131050  # the person stopped us by WhatsApp's own button
WINDOW_CLOSED = 131047  # more than 24 hours since the person last wrote

# In the events of `account_update`: the account is restricted, warned, disabled, banned or gone.
_ACCOUNT_TROUBLES = ("RESTRICT", "VIOLATION", "DISABLE", "BANNED", "DELETED", "OFFBOARD")


def operator_trouble(field: str, value: Mapping[str, object]) -> str | None:
    """What an operator must look at in a notice, in Meta's own word; None where nothing is wrong.

    `field`: WhatsApp's name of the notice, or `errors`. A form that Meta has not documented is no trouble.
    """
    if field == "errors":
        code = value.get("code")
        return str(code) if isinstance(code, int) and code in OPERATOR else None
    event = str(value.get("event") or "").upper()
    if field == "account_update":
        ban = value.get("ban_info")
        given_back = isinstance(ban, Mapping) and str(ban.get("waba_ban_state")).upper() == "REINSTATE"
        return event if any(word in event for word in _ACCOUNT_TROUBLES) and not given_back else None
    if field == "account_alerts":
        alert = value.get("alert_info")
        alert = alert if isinstance(alert, Mapping) else value  # flat in older versions
        is_critical = str(alert.get("alert_severity")).upper() == "CRITICAL"
        return str(alert.get("alert_type") or "CRITICAL") if is_critical else None
    return event if field == "phone_number_quality_update" and event == "FLAGGED" else None
