"""Called by CloudFormation at deployment: hands the database's master password to `migrate`.

`migrate` is inside the network, where no secret can be read; this function is outside, where no database can be
reached. The password travels inside the invocation alone, as

    {"master_username": "postgres", "master_password": "…"}

and `migrate` answers with anything (shown in its own log) or raises. Nothing here logs, and an error is reported by its
type: its text could hold what was passed.
"""

import json
import time
from typing import Any

import boto3
from botocore.config import Config

from .cloudformation import answer, code_of, error_type, patiently

TRIES = 3  # a new database may not accept connections yet
PAUSE_SECONDS = 20


class MigrationFailed(Exception):
    """`migrate` raised; the message is the type of its error."""


def handler(event: dict[str, Any], context: Any) -> None:
    """A custom resource of CloudFormation (Create, Update, Delete): answers to `ResponseURL`, whatever happens."""
    problem = ""
    try:
        if event["RequestType"] != "Delete" and not _is_rollback(event):
            migrate(event["ResourceProperties"])
    except MigrationFailed as error:
        problem = f"migrate failed with {error}: see its log, /aws/lambda/*-migrate"
    except Exception as error:
        problem = f"the migration could not be started: {code_of(error) or type(error).__name__}"
    answer(event, "schema", problem)


def _is_rollback(event: dict[str, Any]) -> bool:
    """True when CloudFormation goes back to a release with fewer migrations: the schema stays as it is.

    Migrations only add, so that the release before works with the schema of the next.
    """
    before = event.get("OldResourceProperties", {}).get("Migrations", "0")
    return int(event["ResourceProperties"]["Migrations"]) < int(before)


def migrate(properties: dict[str, Any], pause: float = PAUSE_SECONDS) -> None:
    """Reads the master secret and calls `migrate` with it; raises MigrationFailed with the type of its last error."""
    # Longer than `migrate` may take; without a retry, which would call it twice at the same time.
    patient = Config(read_timeout=180, connect_timeout=5, retries={"total_max_attempts": 1})
    secrets = boto3.client("secretsmanager", config=Config(read_timeout=10, connect_timeout=5))
    secret = patiently(lambda: secrets.get_secret_value(SecretId=properties["MasterSecret"]))
    master = json.loads(secret["SecretString"])
    payload = json.dumps({"master_username": master["username"], "master_password": master["password"]})
    functions = boto3.client("lambda", config=patient)
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        outcome = patiently(lambda: functions.invoke(FunctionName=properties["Migrate"], Payload=payload.encode()))
        if not outcome.get("FunctionError"):
            return
        problem = error_type(outcome["Payload"].read())
    raise MigrationFailed(problem)
