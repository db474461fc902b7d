"""Called by CloudFormation at deployment: tries a release before parents get it, and watches it afterwards.

Three resources of the template, in the order of the deployment; `Check` says which. A failure of one rolls the whole
stack back, while the functions of the release before are still there and warm (docs/decisions/0057).

    functions      every new version starts: its imports, its layers, its runtime
    conversation   one message of nobody passes through the new state machine, under a name of its own
    watch          no alarm begins in the first minutes; meanwhile the executions that began before end

Nothing is checked while CloudFormation rolls back.
"""

import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from .cloudformation import answer, code_of, error_type, patiently

AT_ONCE = 4  # a new account runs ten at once, and parents write meanwhile
TRIES = 3  # of a conversation: a store may be busy
LOOK_SECONDS = 10
CONFIG = Config(read_timeout=100, connect_timeout=5, retries={"total_max_attempts": 2}, max_pool_connections=AT_ONCE)


class CheckFailed(Exception):
    """The release must not go on; the message says what was found."""


def handler(event: dict[str, Any], context: Any) -> None:
    """A custom resource of CloudFormation (Create, Update, Delete): answers to `ResponseURL`, whatever happens."""
    problem = ""
    try:
        if event["RequestType"] != "Delete" and not _is_rolling_back(event["StackId"]):
            properties, is_first = event["ResourceProperties"], event["RequestType"] == "Create"
            if properties["Check"] == "functions":
                start_functions(properties)
            elif not is_first:  # at the first deployment nothing is there to go back to, and no secret has a value
                {"conversation": try_conversation, "watch": watch_alarms}[properties["Check"]](properties)
    except CheckFailed as error:
        problem = str(error)
    except Exception as error:
        problem = f"the check could not be made: {code_of(error) or type(error).__name__}"
    answer(event, "release-check", problem)


def _is_rolling_back(stack: str) -> bool:
    found = patiently(lambda: boto3.client("cloudformation", config=CONFIG).describe_stacks(StackName=stack))
    return "ROLLBACK" in found["Stacks"][0]["StackStatus"]


def start_functions(properties: Mapping[str, Any]) -> None:
    """Invokes each version with an event that no handler sees; CheckFailed names those that do not start."""
    client = boto3.client("lambda", config=CONFIG)

    def start(version: str) -> str:
        outcome = patiently(lambda: client.invoke(FunctionName=version, Payload=json.dumps({"wake_up": True}).encode()))
        name = version.split(":")[-2]
        return f"{name} ({error_type(outcome['Payload'].read())})" if outcome.get("FunctionError") else ""

    with ThreadPoolExecutor(AT_ONCE) as threads:
        broken = sorted(filter(None, threads.map(start, properties["Versions"])))
    if broken:
        raise CheckFailed(f"do not start: {', '.join(broken)}; see their logs")


def try_conversation(properties: Mapping[str, Any]) -> None:
    """One message of the sender whom nothing is sent to; CheckFailed when it is not answered as a message should be."""
    client = boto3.client("stepfunctions", config=CONFIG)
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(LOOK_SECONDS)
        body = json.dumps([message_of(properties["Sender"])])
        start = partial(client.start_sync_execution, stateMachineArn=properties["Machine"], input=body)
        run = patiently(start)
        problem = _problem(run)
        if not problem:
            return
    raise CheckFailed(f"a test message was not answered: {problem}; see the execution {run['executionArn']}")


def message_of(sender: str) -> dict[str, Any]:
    """As the queue would carry it."""
    now = int(time.time())
    return {"id": f"release-check:{uuid.uuid4()}", "type": "text", "text": "menu", "bsuid": sender, "timestamp": now}


def _problem(run: Mapping[str, Any]) -> str:
    if run["status"] != "SUCCEEDED":
        return f"{run['status']} ({run.get('error', 'no error')})"
    found = json.loads(run.get("output") or "{}")
    if found.get("failure") or found.get("problem"):
        return str(found.get("failure") or found["problem"])
    return "" if found.get("sent") == "sent" else "nothing was sent"


def watch_alarms(properties: Mapping[str, Any]) -> None:
    """CheckFailed when an alarm begins within so many seconds; one that was there before counts for nothing."""
    client = boto3.client("cloudwatch", config=CONFIG)
    began = datetime.now(UTC)
    deadline = time.monotonic() + int(properties["Seconds"])
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        found = patiently(lambda: client.describe_alarms(AlarmNames=properties["Alarms"], StateValue="ALARM"))
        new = [item["AlarmName"] for item in found["MetricAlarms"] if item["StateTransitionedTimestamp"] > began]
        if new:
            raise CheckFailed(f"after the release these alarms began: {', '.join(sorted(new))}")
