"""What AWS costs in a month, item by item, from the settings of each preset: writes docs/costs.md.

make costs
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from functions.domain.metrics import PUBLISHED
from infra import kpis
from infra.catalog import FUNCTIONS, MACHINES, SETTINGS_OF_GRANT
from infra.paths import ROOT
from infra.settings import ExistingDatabase, Settings

DOCUMENT: Final = ROOT / "docs" / "costs.md"
MESSAGES_A_DAY: Final = (1_000, 10_000, 100_000)
DAYS: Final = 30
HOURS: Final = 730
SECONDS: Final = HOURS * 3600
POLL_SECONDS: Final = 20


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
    "lambda_warm_gb_second": Price(0.0000077778, "GB-second of a function that is kept warm, while it runs (arm64)"),
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
    "pollers": (5, "long polls that are always open at a queue, of 20 seconds each"),
}
METRICS_OF_QUEUED_MACHINE: Final = 5  # in alarms: two of its queue, two of its failures, its duration
METRICS_OF_OTHER_MACHINE: Final = 2
OTHER_METRICS: Final = 5  # one of the API; dead letters of events; two of the functions; response time
# What release 0.1 had, counted in its templates and in its metrics' code.
SERIES_OF_0_1: Final = 100
DETAILED_SERIES: Final = 25  # five figures of each of five routes
ALARMS_OF_0_1: Final = 97  # metrics in its alarms, those of the canaries included
# What AWS gives every account for nothing, for ever, in a month.
ALLOWANCES: Final[Mapping[str, float]] = {
    "metric": 10,
    "alarm": 10,
    "log_gb": 5,
    "sqs_request": 1_000_000,
    "trace": 100_000,
    "lambda_request": 1_000_000,
    "lambda_gb_second": 400_000,
}
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
    """The lines of one preset at that many messages a day at list prices, AWS only."""
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
    alarms = metrics_in_alarms(settings)
    yield Line("Alarms, by the metrics in them", f"{alarms} × ${price('alarm')}", alarms * price("alarm"))
    metrics = own_metrics()
    yield Line("Metrics, by the hours in use", f"{_number(metrics)} × ${price('metric')}", metrics * price("metric"))
    polls = assumed("pollers") * SECONDS / POLL_SECONDS
    fifo = sum(item.queue is not None for item in MACHINES)
    yield Line(
        "Queues, polling",
        f"{polls:,.0f} × ({fifo} × ${_small('sqs_fifo_request')} + ${_small('sqs_request')})",
        polls * (fifo * price("sqs_fifo_request") + price("sqs_request")),
    )


def _per_message(settings: Settings, monthly: int) -> Iterator[Line]:
    memory = _memory(settings)
    calls = sum(share for share, _ in CALLS.values())
    warm, cold = (_gb_seconds(settings, memory, is_warm=is_warm) for is_warm in (True, False))
    yield Line(
        "Functions, calls", f"{_number(calls)} × ${_small('lambda_request')}", monthly * calls * price("lambda_request")
    )
    yield Line(
        "Functions, time",
        f"{_number(cold)} GB-s × ${price('lambda_gb_second')} + {_number(warm)} × ${price('lambda_warm_gb_second')}",
        monthly * (cold * price("lambda_gb_second") + warm * price("lambda_warm_gb_second")),
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
    traced = min(monthly, SECONDS + monthly * 0.05)  # one in a second, and 5 % of the rest
    yield Line("Traces", f"1, sampled, × ${_small('trace')}", traced * price("trace"))
    passes = assumed("pass_share")
    stored = passes * assumed("pass_kb") / 1e6 * settings.pass_days / DAYS
    yield Line(
        "Documents",
        f"{_number(passes)} × ${price('s3_put')} + {settings.pass_days} days × ${price('s3_gb')}/GB",
        monthly * (passes * price("s3_put") + stored * price("s3_gb")),
    )


def allowances(settings: Settings, messages_a_day: int) -> Line:
    """What of the bill AWS does not ask for, if nothing else in the account uses it."""
    monthly = messages_a_day * DAYS
    polls = assumed("pollers") * SECONDS / POLL_SECONDS
    used = {
        "metric": own_metrics(),
        "alarm": metrics_in_alarms(settings),
        "log_gb": monthly * (assumed("log_kb") + assumed("execution_log_kb")) / 1e6,
        "sqs_request": polls + monthly * 3 * assumed("statuses"),
        "trace": monthly,
        "lambda_request": monthly * sum(share for share, _ in CALLS.values()),
        "lambda_gb_second": monthly * _gb_seconds(settings, _memory(settings), is_warm=False),
    }
    spared = sum(min(used[name], free) * price(name) for name, free in ALLOWANCES.items())
    return Line("What AWS gives for nothing", "see below", -spared)


def _gb_seconds(settings: Settings, memory: Mapping[str, float], *, is_warm: bool) -> float:
    """For each message, of the functions that are kept warm or of the others."""
    return sum(
        share * seconds * memory[name]
        for name, (share, seconds) in CALLS.items()
        if bool(settings.provisioned(name)) == is_warm
    )


def _memory(settings: Settings) -> dict[str, float]:
    """GB of each function."""
    return {item.name: (settings.of_function(item.name).memory or item.memory) / 1024 for item in FUNCTIONS}


def secret_names() -> list[str]:
    """The secrets that the catalog's functions read."""
    names = dict.fromkeys(name for names in SETTINGS_OF_GRANT.values() for name in names)
    return [name for name in names if name.endswith("_NAME") and "CACHE" not in name]


def metrics_in_alarms(settings: Settings) -> int:
    """An alarm costs as much as each metric that it looks at."""
    of_machines = sum(METRICS_OF_QUEUED_MACHINE if item.queue else METRICS_OF_OTHER_MACHINE for item in MACHINES)
    of_stores = 4 + 3 * settings.database.replica
    return of_machines + of_stores + len(kpis.ALARMS) + OTHER_METRICS


def series() -> dict[str, int]:
    """Own metrics of CloudWatch -> the functions that write them: those of its alarms, or one."""
    written = [item.metric for item in kpis.ALARMS]
    return {name: max(1, written.count(name)) for name in PUBLISHED}


def own_metrics() -> float:
    """By the hours in which they have a value."""
    return sum(number * PUBLISHED[name] for name, number in series().items())


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

Written by `make costs` from the presets of `cdk.json`, `infra/catalog.py` and `functions/domain/metrics.py`; do not
edit. US dollars a month.

| at {smallest:,} messages a day | list prices | an account with nothing else in it | wanted |
|---|--:|--:|--:|
{summary}
*An account with nothing else in it* has what AWS gives every account for nothing, for ever
([below](#what-aws-gives-for-nothing)).

Prices: {prices}. They are at the end of this page, and could not be looked up where
this was written: compare them with AWS's pricing pages before you rely on them (Europe is 5-15 % dearer, Cape Town
20-30 %). A month has {days} days, or {hours} hours. Too small for a line: the weekly wake-up of idle functions, the
check of a release, requests to the key, rejected traffic. Three dashboards are free in an account; a fourth is $3.

There is no NAT gateway (it would be $33) and no interface endpoint ($7 each in each zone).
"""

LEVERS_HEAD: Final = """## What brought the price down, and what was given up

At {smallest:,} messages a day with `standard`. Release 0.1 cost ${before:.0f}, counted in the same way.

| lever | saves | given up |
|---|--:|---|
{levers}
Not taken: SnapStart for the other functions of an answer (${snap:.0f} more; a cold start of 0.3-1 s becomes 0.2 s); one
secret for all of WhatsApp's ($0.80 less; functions would read what they do not need); no key of one's own ($1 less;
whoever may read logs would read what parents wrote); `t4g.micro` for the databases of `standard` ($23 less;
[0056](decisions/0056-memory-of-small-databases.md)). A reserved instance for a year takes about a third off the
database.
"""

TAIL: Final = """## What AWS gives for nothing

Every month, and not only in the first year, to the account as a whole: {allowances}.

## What WhatsApp and OpenAI cost beside it

{beside}
One reply for each message and no "please wait" (the typing indicator is free): every further text would cost as much
again.

## Assumptions

{assumptions}
Calls of each function for a message, and seconds of a call: {calls}.

Own metrics, and the share of the month in which each has a value: {metrics}.

## Prices

{prices}"""

TARGETS: Final = {"lean": 30, "existing": 50, "standard": 80}  # at the smallest size
TITLES: Final = {"existing": "standard, with the school's own database"}


def document() -> str:
    """The whole page."""
    presets = offered()
    smallest = MESSAGES_A_DAY[0]
    rows = [
        f"| {TITLES.get(name, name)} | {total(item, smallest):,.2f} | {after_allowances(item, smallest):,.2f} | "
        f"{f'≤ {TARGETS[name]}' if name in TARGETS else ''} |"
        for name, item in presets.items()
    ]
    head = HEAD.format(smallest=smallest, summary=_lines(rows), prices=PRICES_OF, days=DAYS, hours=HOURS)
    tail = TAIL.format(
        allowances=", ".join(f"{free:,.0f} × {PRICES[name].unit}" for name, free in ALLOWANCES.items()),
        beside=_table([beside_aws(size) for size in MESSAGES_A_DAY]),
        assumptions="".join(f"* {value:g}: {what}\n" for value, what in ASSUMED.values()),
        calls=", ".join(f"`{name}` {share:g} × {seconds:g} s" for name, (share, seconds) in CALLS.items()),
        metrics=", ".join(f"`{name}` {number} × {PUBLISHED[name]:g}" for name, number in series().items()),
        prices=_price_list(),
    )
    return "\n".join([head, *(_preset(*item) for item in presets.items()), _levers(presets["standard"]), tail])


def offered() -> dict[str, Settings]:
    """The presets of cdk.json by name, and `standard` beside a database that the school has already."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    presets = {name: _settings(name, context) for name in context["presets"]}
    standard = presets["standard"]
    existing = replace(standard, database=replace(standard.database, existing=SAMPLE_DATABASE))
    return {
        "lean": presets["lean"],
        "existing": existing,
        **{name: it for name, it in presets.items() if name != "lean"},
    }


SAMPLE_DATABASE: Final = ExistingDatabase(
    identifier="records",
    host="records.example",
    resource_id="db-RECORDS",
    security_group_id="sg-1",
    master_secret_arn="arn:aws:secretsmanager:eu-west-1:111122223333:secret:records",  # noqa: S106 - a name
    vpc_id="vpc-1",
    vpc_cidr="10.0.0.0/16",
    availability_zones=("a", "b"),
    subnet_ids=("a", "b"),
    route_table_ids=("a", "b"),
)


def _levers(standard: Settings) -> str:
    """What 0.1 had instead, item by item, from the same prices."""
    smallest = MESSAGES_A_DAY[0]
    gigabyte = SECONDS * price("lambda_provisioned_gb_second")
    warm = {item.name: item.memory / 1024 for item in FUNCTIONS if item.answers(standard.school_api)}
    every = sum(warm[item.name] for item in FUNCTIONS if item.every_message)
    now = sum(_memory(standard)[item.name] for item in FUNCTIONS if item.every_message)
    found = [
        (
            "Warm: only what every message passes (`webhook`, `understand`, `send_reply`)",
            (sum(warm.values()) - every) * gigabyte,
            "the first balance, pass, answer of the AI after a quiet while starts cold: 0.3-1 s",
        ),
        (
            "256 MB for these three instead of 512: their processes have 33 to 36 MB after their imports",
            (every - now) * gigabyte,
            "half of the processor: the 20 ms of our own in an answer ([performance.md](performance.md)) become 140 ms "
            "instead of 70",
        ),
        (
            f"Figures in the logs: {_number(own_metrics())} metrics instead of about {SERIES_OF_0_1}",
            (SERIES_OF_0_1 - own_metrics()) * price("metric"),
            "their graphs are queries of the logs, and end with `log_days`",
        ),
        (
            f"Detailed metrics of the API off: {DETAILED_SERIES} more",
            DETAILED_SERIES * price("metric"),
            "graphs for each route; the access log has it",
        ),
        (
            "One alarm for all functions, none for pipes and canaries, none for each function",
            (ALARMS_OF_0_1 - metrics_in_alarms(standard)) * price("alarm"),
            "an alarm does not name the function, and hears of other functions of the account",
        ),
        (
            "One trace for each message instead of five and a half",
            4.5 * smallest * DAYS * price("trace"),
            "traces of webhooks and events; their logs have the durations",
        ),
    ]
    saved = sum(dollars for _, dollars, _ in found)
    snap = sum(memory for name, memory in warm.items() if not standard.provisioned(name)) * SECONDS
    return LEVERS_HEAD.format(
        smallest=smallest,
        before=total(standard, smallest) + saved,
        levers=_lines([f"| {lever} | {dollars:.2f} | {given_up} |" for lever, dollars, given_up in found]),
        snap=snap * price("snapshot_gb_second"),
    )


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def total(settings: Settings, messages_a_day: int) -> float:
    return sum(line.dollars for line in bill(settings, messages_a_day))


def _settings(preset: str, context: Mapping[str, Any]) -> Settings:
    minimum = {"preset": preset, "whatsapp_phone_number_id": "1", "school_api_url": "https://sms.example/api"}
    return Settings.load("costs", {"costs": minimum}, context["presets"])


def after_allowances(settings: Settings, messages_a_day: int) -> float:
    """Of an account with nothing else in it."""
    return total(settings, messages_a_day) + allowances(settings, messages_a_day).dollars


def _preset(name: str, settings: Settings) -> str:
    free = [allowances(settings, size) for size in MESSAGES_A_DAY]
    return f"## {TITLES.get(name, name)}\n\n" + _table([bill(settings, size) for size in MESSAGES_A_DAY], free)


def _table(bills: list[list[Line]], free: list[Line] | None = None) -> str:
    """Items as rows, sizes as columns. Where a formula differs with the size, the smallest one's is shown."""
    sizes = " | ".join(f"{size:,} a day" for size in MESSAGES_A_DAY)
    rows = [f"| item | for each message, or fixed | {sizes} |", "|---|---|" + "--:|" * len(MESSAGES_A_DAY)]
    for lines in zip(*bills, strict=True):
        amounts = " | ".join(f"{line.dollars:,.2f}" for line in lines)
        rows.append(f"| {lines[0].item} | {lines[0].formula} | {amounts} |")
    totals = [sum(line.dollars for line in lines) for lines in bills]
    rows.append(_total("together, at list prices" if free else "together", totals))
    if free:
        amounts = " | ".join(f"{line.dollars:,.2f}" for line in free)
        rows.append(f"| {free[0].item} | {free[0].formula} | {amounts} |")
        rows.append(_total("together", [sum(pair) for pair in zip(totals, (it.dollars for it in free), strict=True)]))
    return "\n".join([*rows, ""])


def _total(label: str, amounts: list[float]) -> str:
    return f"| **{label}** | | {' | '.join(f'**{amount:,.0f}**' for amount in amounts)} |"


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
