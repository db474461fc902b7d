"""The plan's KPIs and their targets, read by the dashboard, the alarms and `python -m local kpi` alike.

Nothing here imports the CDK. The metrics are written by functions/adapters/observe.py; times are in milliseconds.
"""

from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "SchoolAssistant"

AVERAGE_TARGET: Final = 2000  # ms from the parent's message to its answer; the message's own time is in whole seconds
P95_TARGET: Final = 4000  # ms
COLD_START_TARGET: Final = 5  # % of invocations
CACHE_HIT_TARGET: Final = 60  # %: the plan's
FEEDBACK_TARGET: Final = 80  # % thumbs up

# metric -> the function that writes it; the waterfall of a typical run, in order of its way.
WATERFALL: Final = {
    "AcknowledgementTime": "webhook",
    "QueueWait": "understand",
    "DatabaseConnectTime": "understand",
    "SchoolApiTime": "fetch_fees",
    "OpenAiTime": "ai_reply",
    "SecretFetchTime": "send_reply",
    "ResponseTime": "send_reply",
}
LABELS: Final = {
    "AcknowledgementTime": "typing indicator accepted",
    "QueueWait": "queue wait",
    "DatabaseConnectTime": "database connect",
    "SchoolApiTime": "school API",
    "OpenAiTime": "OpenAI",
    "SecretFetchTime": "secret fetch",
    "ResponseTime": "answer accepted",
}


@dataclass(frozen=True)
class Trouble:
    """Something the functions count that a person must act on: an alarm each."""

    metric: str
    function: str  # that writes it
    tolerated: int  # in five minutes
    meaning: str


TROUBLES: Final = (
    Trouble("Apologies", "send_reply", 3, "Parents get an apology for an answer: the school's API, OpenAI or a store."),
    Trouble("OperatorNeeded", "send_reply", 0, "WhatsApp refuses us: token, payment or policy. Nobody gets an answer."),
    Trouble("OperatorNeeded", "record_delivery", 0, "WhatsApp took messages and gave them up: payment or policy."),
    Trouble("FailedDeliveries", "record_delivery", 5, "Messages were given up: its log has the codes."),
    Trouble("RepliesDegraded", "send_reply", 2, "WhatsApp refuses documents or buttons; parents get plain words."),
    Trouble("UnreadableWebhooks", "webhook", 2, "Webhooks of an unknown form are kept under inspection/."),
)
