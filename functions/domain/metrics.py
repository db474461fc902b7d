"""Which of the figures that the functions write are metrics of CloudWatch: the KPIs, and what an alarm looks at.

A metric costs as much as three alarms. The other figures are in the log lines, where Logs Insights and the dashboard
read them for next to nothing (docs/decisions/0058).
"""

from typing import Final

# Name -> share of the hours of a month in which a small school has a value: CloudWatch charges for those.
PUBLISHED: Final = {
    "ResponseTime": 1.0,
    "Replies": 1.0,
    "BillableReplies": 1.0,
    "CacheHits": 1.0,
    "CacheMisses": 1.0,
    "ColdStarts": 1.0,
    "FeedbackUp": 0.2,
    "FeedbackDown": 0.2,
    "Apologies": 0.1,
    "FailedDeliveries": 0.1,
    "Undeliverable": 0.1,
    "OperatorNeeded": 0.05,
    "OfficeNotTold": 0.05,
    "ReceiptsLost": 0.05,
    "RepliesDegraded": 0.05,
    "BadSignatures": 0.05,
    "UnreadableWebhooks": 0.05,
}
WITHOUT_SERVICE: Final = ("ColdStarts",)  # one series for all functions
