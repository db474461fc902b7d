"""The test message of a release, through the real definition and the real functions: answered, and sent to nobody."""

import importlib
import json
from typing import Any

import pytest

from functions.adapters.cache.redis_client import RedisClient
from functions.domain.deployment import RELEASE_CHECK, WAKE_UP
from infra.catalog import FUNCTIONS, Function, Trigger
from infra.custom_resources import release_check
from infra.state_machine_definition import function_placeholder
from local.step_functions.runner import run
from tests.conftest import Aws, Database, OutsideWorld
from tests.statemachines.definitions import definition_of

STARTED = [item for item in FUNCTIONS if item.trigger is not Trigger.DEPLOY]
every_function = pytest.mark.parametrize("function", STARTED, ids=lambda function: function.name)
MODULES = {function_placeholder(item.name): f"functions.{item.name}" for item in FUNCTIONS}


def invoke(function: str, event: dict[str, Any]) -> Any:
    return importlib.import_module(MODULES[function]).handler(event, None)


@every_function
def test_every_function_starts_without_doing_anything(function: Function) -> None:
    """Once for each release, and once a week for those in the network."""
    handler = importlib.import_module(f"functions.{function.name}").handler
    assert handler({WAKE_UP: True}, None) == {}


@pytest.mark.parametrize("time", ["the first", "another"])
def test_message_of_nobody_is_answered_and_nothing_is_sent(
    aws: Aws, world: OutsideWorld, redis: RedisClient, database: Database, time: str
) -> None:
    database.catch_up()
    for _ in range(1 if time == "the first" else 2):
        message = release_check.message_of(RELEASE_CHECK)
        execution = run(definition_of("conversation"), [message], invoke)
    assert (execution.status, execution.error) == ("SUCCEEDED", None)
    outcome = {"status": execution.status, "output": json.dumps(execution.output)}
    assert release_check._problem(outcome) == ""
    assert world.texts() == []
    (logged,) = database.run("SELECT outcome FROM message_log WHERE message_id = :id", id=message["id"])
    assert logged["outcome"] == "answered"


def test_message_that_is_not_answered_is_found(
    aws: Aws, world: OutsideWorld, redis: RedisClient, database: Database, environment: pytest.MonkeyPatch
) -> None:
    def broken(function: str, event: dict[str, Any]) -> Any:
        if function == "SendReply" and not event.get("problem"):
            raise KeyError("of this release")
        return invoke(function, event)

    execution = run(definition_of("conversation"), [release_check.message_of(RELEASE_CHECK)], broken, pace=0)
    outcome = {"status": execution.status, "output": json.dumps(execution.output), "error": execution.error}
    assert release_check._problem(outcome) != ""
