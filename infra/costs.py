"""What AWS costs in a month, item by item, from the settings of each preset: writes docs/costs.md.

make costs
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra import kpis
from infra.catalog import FUNCTIONS, MACHINES, SETTINGS_OF_GRANT
from infra.paths import ROOT
from infra.settings import Settings

DOCUMENT: Final = ROOT / "docs" / "costs.md"
MESSAGES_A_DAY: Final = (1_000, 10_000, 100_000)
DAYS: Final = 30
HOURS: Final = 730
SECONDS: Final = HOURS * 3600


@dataclass(frozen=True)
class Price:
    """A list price in US dollars."""

    amount: float
    unit: str


PRICES_OF: Final = "US East (N. Virginia), list prices of mid-2025"
PRICES: Final = {
    "lambda_request": Price(0.20 / 1e6, "call of a function"),
    "lambda_gb_second": Price(0.0000133334, "GB-second of a function (arm64)"),
    "lambda_provisioned_gb_second": Price(0.0000033334, "GB-second kept warm (arm64)"),
    "snapshot_gb_second": Price(0.0000015046, "GB-second of a kept snapshot, SnapStart (second-hand)"),
    "snapshot_restored_gb": Price(0.0001397998, "GB restored from a snapshot, SnapStart (second-hand)"),
    "http_api_request": Price(1.00 / 1e6, "request to an HTTP API"),
    "sqs_fifo_request": Price(0.50 / 1e6, "request to a FIFO queue"),
    "sqs_request": Price(0.40 / 1e6, "request to an ordinary queue"),
    "pipe_request": Price(0.40 / 1e6, "message through a pipe"),
    "express_request": Price(1.00 / 1e6, "execution of an Express state machine"),
    "express_gb_second": Price(0.00001667, "GB-second of an execution (64 MB at least)"),
    "log_gb": Price(0.50, "GB written to a log"),
    "metric": Price(0.30, "metric of our own in a month"),
    "alarm": Price(0.10, "alarm in a month"),
    "trace": Price(5.00 / 1e6, "trace recorded by X-Ray"),
    "cache_gb_hour": Price(0.084, "GB-hour of Valkey serverless (0.1 GB at least)"),
    "cache_request": Price(0.0023 / 1e6, "ECPU of Valkey serverless"),
    "db.t4g.micro": Price(0.016, "hour of PostgreSQL on db.t4g.micro"),
    "db.t4g.small": Price(0.032, "hour of PostgreSQL on db.t4g.small"),
    "db.t4g.medium": Price(0.065, "hour of PostgreSQL on db.t4g.medium"),
    "db.m7g.large": Price(0.168, "hour of PostgreSQL on db.m7g.large"),
    "storage_gb": Price(0.115, "GB-month of the database (gp3)"),
    "secret": Price(0.40, "secret in a month"),
    "key": Price(1.00, "key of KMS in a month"),
    "s3_put": Price(0.005 / 1000, "file written to S3"),
    "s3_gb": Price(0.023, "GB-month in S3"),
    "whatsapp_reply": Price(0.004, "reply on WhatsApp, Rest of Africa, from October 2026 (second-hand)"),
    "openai_input": Price(0.10 / 1e6, "token to gpt-6-luna (September 2026)"),
    "openai_output": Price(0.50 / 1e6, "token from gpt-6-luna (September 2026)"),
}

# What one parent's message means. `make bench` measures; these are round figures on the safe side.
ASSUMED: Final = {
    "statuses": (3, "webhooks with a delivery status, for each reply (sent, delivered, read)"),
    "account_misses": (0.3, "share of messages for which the school's API is asked"),
    "ai_share": (0.15, "share of messages that the model answers"),
    "pass_share": (0.03, "share of messages that make a gate pass"),
    "execution_seconds": (1.5, "duration of one execution"),
    "cache_requests": (25, "cache commands (ECPU) for each message"),
    "log_kb": (2.5, "kB of functions' and API logs for each message"),
    "execution_log_kb": (25, "kB of the execution's log for each message, data included"),
    "pass_kb": (60, "kB of a gate pass"),
    "cache_gb": (0.1, "GB in the cache for each 10,000 messages a day"),
    "cold_share": (0.05, "share of calls that start cold: restores, with `snap_start`"),
    "ai_input": (1500, "tokens to the model for each of its answers"),
    "ai_output": (150, "tokens from the model for each of its answers"),
    "metrics": (40, "metrics of our own"),
}
ALARMS_OF_QUEUED_MACHINE: Final = 4  # two of its queue, two of its executions
OTHER_ALARMS: Final = 5  # one of the API; dead letters of events; two of the functions; response time
# Function -> (calls for each message, seconds of one call).
CALLS: Final[Mapping[str, tuple[float, float]]] = {
    "webhook": (1 + 3, 0.2),  # the message and its statuses
    "understand": (1, 0.05),
    "fetch_fees": (0.3, 1.0),
    "fetch_payments": (0.3, 1.0),
    "ai_reply": (0.15, 2.5),
    "gate_pass": (0.03, 0.5),
    "send_reply": (1, 0.5),
    "record_conversation": (1, 0.05),
    "record_delivery": (0.5, 0.05),  # statuses come in batches
}


@dataclass(frozen=True)
class Line:
    """One item of the bill: what, how it is reckoned, and dollars in a month."""

    item: str
    formula: str
    dollars: float


def price(name: str) -> float:
    return PRICES[name].amount


def assumed(name: str) -> float:
    return ASSUMED[name][0]


def bill(settings: Settings, messages_a_day: int) -> list[Line]:
    """The lines of one preset at that many messages a day, AWS only."""
    monthly = messages_a_day * DAYS
    return [*_fixed(settings, messages_a_day), *_per_message(settings, monthly)]


def _fixed(settings: Settings, messages_a_day: int) -> Iterator[Line]:
    database = settings.database
    zones = 2 if database.multi_az else 1
    hour = price(f"db.{database.instance}")
    if database.existing is None:
        kind = f"{database.instance}{', two zones' if database.multi_az else ''}"
        yield Line(f"Primary, {kind}", f"{HOURS} h × ${hour} × {zones}", HOURS * hour * zones)
        storage = database.storage * price("storage_gb")
        yield Line(
            "Storage of the primary", f"{database.storage} GB × ${price('storage_gb')} × {zones}", storage * zones
        )
    if database.replica:
        yield Line(f"Replica, {database.instance}", f"{HOURS} h × ${hour}", HOURS * hour)
        storage = database.storage * price("storage_gb")
        yield Line("Storage of the replica", f"{database.storage} GB × ${price('storage_gb')}", storage)
    size = max(0.1, assumed("cache_gb") * messages_a_day / 10_000)
    yield Line(
        "Cache, storage",
        f"{HOURS} h × {_number(size)} GB × ${price('cache_gb_hour')}",
        HOURS * size * price("cache_gb_hour"),
    )
    warm = sum(
        settings.provisioned(item.name) * memory for item in FUNCTIONS for memory in [_memory(settings)[item.name]]
    )
    yield Line(
        "Functions kept warm",
        f"{_number(warm)} GB × {SECONDS:,} s × ${price('lambda_provisioned_gb_second')}",
        warm * SECONDS * price("lambda_provisioned_gb_second"),
    )
    if settings.snap_start:
        kept = sum(memory for name, memory in _memory(settings).items() if settings.snap_starts(name))
        yield Line(
            "Snapshots of functions",
            f"{_number(kept)} GB × {SECONDS:,} s × ${price('snapshot_gb_second')}",
            kept * SECONDS * price("snapshot_gb_second"),
        )
    secrets = len(secret_names()) + (database.existing is None)
    yield Line("Secrets", f"{secrets} × ${price('secret')}", secrets * price("secret"))
    yield Line("Key", f"1 × ${price('key')}", price("key"))
    alarms = number_of_alarms(settings)
    yield Line("Alarms", f"{alarms} × ${price('alarm')}", alarms * price("alarm"))
    metrics = int(assumed("metrics"))
    yield Line("Metrics", f"{metrics} × ${price('metric')}", metrics * price("metric"))


def _per_message(settings: Settings, monthly: int) -> Iterator[Line]:
    memory = _memory(settings)
    calls = sum(share for share, _ in CALLS.values())
    gb_seconds = sum(share * seconds * memory[name] for name, (share, seconds) in CALLS.items())
    yield Line(
        "Functions, calls", f"{_number(calls)} × ${_small('lambda_request')}", monthly * calls * price("lambda_request")
    )
    yield Line(
        "Functions, time",
        f"{_number(gb_seconds)} GB-s × ${price('lambda_gb_second')}",
        monthly * gb_seconds * price("lambda_gb_second"),
    )
    if settings.snap_start:
        restored = sum(share * memory[name] for name, (share, _) in CALLS.items() if settings.snap_starts(name))
        restored *= assumed("cold_share")
        yield Line(
            "Restores of functions",
            f"{_number(restored)} GB × ${price('snapshot_restored_gb')}",
            monthly * restored * price("snapshot_restored_gb"),
        )
    webhooks = 1 + assumed("statuses")
    yield Line(
        "HTTP API",
        f"{_number(webhooks)} × ${_small('http_api_request')}",
        monthly * webhooks * price("http_api_request"),
    )
    yield Line(
        "Queue of messages", f"3 × ${_small('sqs_fifo_request')}", monthly * 3 * price("sqs_fifo_request")
    )  # send, receive, delete
    events = 3 * assumed("statuses")
    yield Line(
        "Queue of events", f"{_number(events)} × ${_small('sqs_request')}", monthly * events * price("sqs_request")
    )
    yield Line("Pipe", f"1 × ${_small('pipe_request')}", monthly * price("pipe_request"))
    seconds = assumed("execution_seconds") / 16  # of 1 GB: an execution takes 64 MB
    yield Line(
        "Conversation",
        f"1 × ${_small('express_request')} + {_number(seconds)} GB-s × ${price('express_gb_second')}",
        monthly * (price("express_request") + seconds * price("express_gb_second")),
    )
    commands = assumed("cache_requests")
    yield Line(
        "Cache, commands",
        f"{_number(commands)} × ${price('cache_request') * 1e6:.4f}/million",
        monthly * commands * price("cache_request"),
    )
    logs = (assumed("log_kb") + assumed("execution_log_kb")) / 1e6
    yield Line("Logs", f"{logs * 1e6:g} kB × ${price('log_gb')}/GB", monthly * logs * price("log_gb"))
    traced = min(monthly, SECONDS * 0.05 + monthly * 0.05)  # at most one in a second, and 5 % of the rest
    yield Line("Traces", f"sampled × ${_small('trace')}", traced * price("trace"))
    passes = assumed("pass_share")
    stored = passes * assumed("pass_kb") / 1e6 * settings.pass_days / DAYS
    yield Line(
        "Documents",
        f"{_number(passes)} × ${price('s3_put')} + {settings.pass_days} days × ${price('s3_gb')}/GB",
        monthly * (passes * price("s3_put") + stored * price("s3_gb")),
    )


def _memory(settings: Settings) -> dict[str, float]:
    """GB of each function."""
    return {item.name: (settings.of_function(item.name).memory or item.memory) / 1024 for item in FUNCTIONS}


def secret_names() -> list[str]:
    """The secrets that the catalog's functions read."""
    return [
        name for names in SETTINGS_OF_GRANT.values() for name in names if name.endswith("_NAME") and "CACHE" not in name
    ]


def number_of_alarms(settings: Settings) -> int:
    """Those of the monitoring stack."""
    of_machines = sum(ALARMS_OF_QUEUED_MACHINE if item.queue else 1 for item in MACHINES)
    of_stores = 4 + 3 * settings.database.replica
    return of_machines + of_stores + len(kpis.ALARMS) + OTHER_ALARMS


def beside_aws(messages_a_day: int) -> list[Line]:
    """What WhatsApp and OpenAI ask for, whatever the preset."""
    monthly = messages_a_day * DAYS
    tokens = assumed("ai_input") * price("openai_input") + assumed("ai_output") * price("openai_output")
    paid = max(0, monthly - 1000)
    return [
        Line(
            "WhatsApp, replies",
            f"(messages - 1,000 free) × ${price('whatsapp_reply')}",
            paid * price("whatsapp_reply"),
        ),
        Line("OpenAI", f"{assumed('ai_share')} × ${tokens:.6f}", monthly * assumed("ai_share") * tokens),
    ]


# --- the document -----------------------------------------------------------------------------------------------------

HEAD: Final = """# Costs

Written by `make costs` from the presets of `cdk.json` and from `infra/catalog.py`; do not edit. US dollars a month.

Prices: {prices}. They are at the end of this page, and could not be looked up where
this was written: compare them with AWS's pricing pages before you rely on them (Europe is 5-15 % dearer, Cape Town
20-30 %). AWS's free allowances are left out, although a small school stays within most of them. A month has {days}
days, or {hours} hours.

There is no NAT gateway (it would be $33) and no interface endpoint ($7 each in each zone).
"""

TAIL: Final = """
## What the plan's $25-50 a month buys

* **All of `lean`**: ${lean:.0f} before the first message (primary, cache, metrics, alarms, secrets), ${lean_small:.0f}
  with 1,000 messages a day.
* **Or the line *Functions kept warm* of `standard`, alone**: ${warm:.0f}. It takes the cold start (0.3-1 s) away from
  the first message after a quiet while; under steady traffic few messages notice. `snap_start` is the other way:
  ${snap:.0f} for the same functions at 1,000 messages a day. `lean` with the three warm that every message passes
  (`webhook`, `understand`, `send_reply`) adds ${three:.0f}: together ${lean_warm:.0f}.
* **Or the *Replica* of `standard` with its storage**: ${replica:.0f}. It takes reads off the primary; at 1,000 messages
  a day the bot does not need it for its speed.
* `standard`, which has both, is ${standard:.0f} at 1,000 messages a day: more than the plan set aside.

## What WhatsApp and OpenAI cost beside it

{beside}
One reply for each message and no "please wait" (the typing indicator is free): every further text would cost as much
again.

## Assumptions

{assumptions}
Calls of each function for a message, and seconds of a call: {calls}.

## Prices

{prices}"""


def document() -> str:
    """The whole page."""
    found = presets()
    parts = [HEAD.format(prices=PRICES_OF, days=DAYS, hours=HOURS), *(_preset(*item) for item in found.items())]
    standard, lean = found["standard"], found["lean"]
    replica = [line.dollars for line in _fixed(standard, 1000) if "eplica" in line.item]
    (warm,) = [line.dollars for line in _fixed(standard, 1000) if line.item == "Functions kept warm"]
    three = sum(item.memory for item in FUNCTIONS if item.name in ("webhook", "understand", "send_reply")) / 1024
    three *= SECONDS * price("lambda_provisioned_gb_second")
    parts.append(
        TAIL.format(
            lean=sum(line.dollars for line in _fixed(lean, 1000)),
            lean_small=total(lean, 1000),
            warm=warm,
            replica=sum(replica),
            three=three,
            snap=total(replace(lean, snap_start=True), 1000) - total(lean, 1000),
            lean_warm=total(lean, 1000) + three,
            standard=total(standard, 1000),
            beside=_table([beside_aws(size) for size in MESSAGES_A_DAY]),
            assumptions="".join(f"* {value:g}: {what}\n" for value, what in ASSUMED.values()),
            calls=", ".join(f"`{name}` {share:g} × {seconds:g} s" for name, (share, seconds) in CALLS.items()),
            prices=_price_list(),
        )
    )
    return "\n".join(parts)


def presets() -> dict[str, Settings]:
    """The presets of cdk.json by name."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {name: _settings(name, context) for name in context["presets"]}


def total(settings: Settings, messages_a_day: int) -> float:
    return sum(line.dollars for line in bill(settings, messages_a_day))


def _settings(preset: str, context: Mapping[str, Any]) -> Settings:
    minimum = {"preset": preset, "whatsapp_phone_number_id": "1", "school_api_url": "https://sms.example/api"}
    return Settings.load("costs", {"costs": minimum}, context["presets"])


def _preset(name: str, settings: Settings) -> str:
    return f"## {name}\n\n" + _table([bill(settings, size) for size in MESSAGES_A_DAY])


def _table(bills: list[list[Line]]) -> str:
    """Items as rows, sizes as columns. Where a formula differs with the size, the smallest one's is shown."""
    sizes = " | ".join(f"{size:,} a day" for size in MESSAGES_A_DAY)
    rows = [f"| item | for each message, or fixed | {sizes} |", "|---|---|" + "--:|" * len(MESSAGES_A_DAY)]
    for lines in zip(*bills, strict=True):
        amounts = " | ".join(f"{line.dollars:,.2f}" for line in lines)
        rows.append(f"| {lines[0].item} | {lines[0].formula} | {amounts} |")
    totals = " | ".join(f"**{sum(line.dollars for line in lines):,.0f}**" for lines in bills)
    return "\n".join([*rows, f"| **together** | | {totals} |", ""])


def _price_list() -> str:
    rows = [f"| {item.unit} | {_plain(item.amount)} |" for item in PRICES.values()]
    return "\n".join(["| price of one | $ |", "|---|--:|", *rows, ""])


def _plain(amount: float) -> str:
    return f"{amount:.10f}".rstrip("0")


def _small(name: str) -> str:
    return f"{price(name) * 1e6:.2f}/million"


def _number(value: float) -> str:
    return f"{value:.3g}"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    print(f"Wrote {DOCUMENT.relative_to(ROOT)}")
