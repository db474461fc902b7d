"""The plan's KPIs and their targets, read by the dashboard, the alarms and `python -m local kpi` alike.

Nothing here imports the CDK. The metrics are written by functions/adapters/observability.py; times are in milliseconds.
"""

from dataclasses import dataclass
from typing import Final

from infra.catalog import SchoolApi

AVERAGE_TARGET: Final = 2000  # ms from the call of our webhook until WhatsApp has accepted the answer
P95_TARGET: Final = 3000  # ms: the plan's
P95_TARGET_WITHOUT_MODEL: Final = 2000  # ms: of everything but a question that the model must answer
WITH_MODEL: Final = "question"  # the intent of such a question
COLD_START_TARGET: Final = 5  # % of invocations
CACHE_HIT_TARGET: Final = 60  # %: the plan's
FEEDBACK_TARGET: Final = 80  # % thumbs up

ANSWERING: Final = "send_reply"  # the function that writes the response time
TYPICAL: Final = 50  # the percentile of a typical run

# Outcome metrics of replies; those in BY_CODE are in the log with the error code too.
OUTCOMES: Final = {
    "Replies": "replies",
    "Apologies": "apologies",
    "BillableReplies": "billable replies",
    "FailedDeliveries": "failed deliveries",
    "Undeliverable": "undeliverable",
    "OperatorNeeded": "operator needed",
}
BY_CODE: Final = ("FailedDeliveries", "Undeliverable")
DELIVERING: Final = ("record_delivery", "send_reply")  # the functions that write these


def namespace(environment: str) -> str:
    """Each environment has its own metrics: what `dev` counts raises no alarm in `prod`."""
    return f"SchoolAssistant/{environment}"


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall: a time, and the function whose time it is."""

    metric: str
    function: str  # that writes it
    label: str


def waterfall(school_api: SchoolApi) -> tuple[Step, ...]:
    """The steps of a typical run in order; with the gateway, another function calls the school API."""
    return (
        Step("WhatsAppDelay", "webhook", "WhatsApp, before us"),
        Step("AcknowledgementTime", "webhook", "typing indicator accepted"),
        Step("QueueWait", "understand", "queue wait"),
        Step("DatabaseConnectTime", "understand", "database connect"),
        Step("SchoolApiTime", "school_graph" if school_api == SchoolApi.GRAPH else "fetch_fees", "school API"),
        Step("OpenAiTime", "ai_reply", "OpenAI"),
        Step("SecretFetchTime", "send_reply", "secret fetch"),
        Step("ResponseTime", ANSWERING, "answer accepted"),
    )


@dataclass(frozen=True)
class Count:
    """Something that the functions count and a person must act on."""

    metric: str
    function: str  # that writes it
    tolerated: int  # in five minutes
    meaning: str


ALARMS: Final = (
    Count("Apologies", "send_reply", 3, "Parents get an apology for an answer: the school's API, OpenAI or a store."),
    Count("OperatorNeeded", "send_reply", 0, "WhatsApp refuses us: token, payment, policy, template."),
    Count("OperatorNeeded", "record_delivery", 0, "WhatsApp gave messages up or warns us: payment or policy."),
    Count("FailedDeliveries", "record_delivery", 5, "Messages were given up: its log has the codes."),
    Count("OfficeNotTold", "record_delivery", 0, "WhatsApp gave a notice to the office up: a parent waits in vain."),
    Count("OfficeNotTold", "record_conversation", 0, "A parent asked for the office, which could not be notified."),
    Count("ReceiptsLost", "record_payment", 0, "Some receipts of a payment were sent and others could not be."),
    Count("RepliesDegraded", "send_reply", 2, "WhatsApp refuses documents or buttons; parents get plain words."),
    Count("BadSignatures", "webhook", 5, "WhatsApp's webhooks are refused: the app secret is not the app's."),
    Count(
        "BadSignatures", "payment_event", 5, "The school's payment notices are refused: it signs with another secret."
    ),
    Count("UnreadableWebhooks", "webhook", 2, "Webhooks of an unknown form are kept under inspection/."),
)
