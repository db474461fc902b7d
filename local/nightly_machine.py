"""Starts a machine that runs every night, as its schedule would, and waits for its end."""

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import boto3

from local.plan import ACCESS_KEY, REGION, SECRET_KEY, machine_arn
from local.stack_client import StackClient

CREDENTIALS: Final = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}


def start_machine(running: StackClient, machine: str) -> str:
    """Start it as its schedule would; the name of the execution."""
    name = f"by-hand-{uuid4().hex[:8]}"
    states = boto3.client("stepfunctions", endpoint_url=running.plan.aws_url, region_name=REGION, **CREDENTIALS)
    states.start_execution(stateMachineArn=machine_arn(machine), name=name)
    return name


def run_machine(
    running: StackClient, machine: str, watch: Callable[[list[dict[str, Any]]], object] = lambda timeline: None
) -> dict[str, Any]:
    """The execution as /executions describes it, at its end; `watch` is called with its states on the way."""
    name = start_machine(running, machine)
    while True:
        execution: dict[str, Any] = running.aws("GET", f"/executions/{name}")
        watch(execution["timeline"])
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)
