"""The doctor names what is wrong in an environment and the command that helps, and finds nothing where all is well."""

import io
import json
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError, NoCredentialsError
from rich.console import Console

from infra.operations.checks import alarms, functions, queues, quotas, secrets, stacks, whatsapp
from infra.operations.doctor import examine, show
from infra.operations.environment import Environment
from infra.operations.findings import Finding
from local.plan import PHONE_NUMBER_ID
from local.world import graph_account
from tests.infra.operations.conftest import KnownEnvironment, resource

pytestmark = pytest.mark.usefixtures("account")


def told(check: Any, *resources: Any, **more: Any) -> list[tuple[str, bool, str]]:
    """What a check says of an environment with these resources: subject, whether it is well, its text and advice."""
    found = check(KnownEnvironment("dev", list(resources), **more))
    return [(item.subject, item.is_well, f"{item.text} {item.next}".strip()) for item in found]


class Answers:
    """A client that gives one answer to each of its calls."""

    def __init__(self, **answers: Any) -> None:
        self.__dict__.update({name: lambda answer=answer, **_: answer for name, answer in answers.items()})


def environment_with(service: str, client: Any, *resources: Any) -> KnownEnvironment:
    made = KnownEnvironment("dev", list(resources))
    made.client = lambda name: {service: client}[name]  # type: ignore[assignment]
    return made


# --- stacks and schema


def test_a_missing_stack_and_one_that_was_rolled_back_are_named_with_the_next_command() -> None:
    known = {"data": {"StackStatus": "UPDATE_COMPLETE"}, "bot": {"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}}
    found = told(stacks.check_stacks, stacks={**known, "monitoring": None})
    assert [(subject, well) for subject, well, _ in found] == [
        ("stack school-dev-data", True),
        ("stack school-dev-bot", False),
        ("stack school-dev-monitoring", False),
    ]
    assert "describe-stack-events --stack-name school-dev-bot" in found[1][2]
    assert "make deploy ENV=dev" in found[2][2]


@pytest.mark.parametrize(("deployed", "well"), [(0, True), (-1, False)])
def test_a_schema_with_fewer_migrations_than_the_checkout_is_named(
    deployed: int, well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = len(list(stacks.MIGRATIONS.glob("*.py")))
    template = {"Resources": {"Logical": {"Properties": {"Migrations": str(here + deployed)}}}}
    monkeypatch.setattr(Environment, "template", lambda self, stack: template)
    ((_, found, text),) = told(stacks.check_schema, resource(stacks.SCHEMA, "schema"))
    assert found is well
    assert f"{here + deployed} migrations" in text


# --- secrets


def test_a_secret_without_a_value_is_named_and_values_are_not_read() -> None:
    client = boto3.client("secretsmanager")
    full = client.create_secret(Name="school/dev/openai-api-key", SecretString="sk-very-secret")["ARN"]
    empty = client.create_secret(Name="school/dev/payment-secret")["ARN"]
    kind = "AWS::SecretsManager::Secret"
    found = told(secrets.check_secrets, resource(kind, full), resource(kind, empty))
    assert [(subject, well) for subject, well, _ in found] == [
        ("secret school/dev/payment-secret", False),
        ("secrets", True),
    ]
    assert "put-secret-value --secret-id school/dev/payment-secret" in found[0][2]
    assert "sk-very-secret" not in str(found)


# --- queues


def test_dead_letters_are_named_with_the_redrive_and_a_few_waiting_messages_are_well() -> None:
    client = boto3.client("sqs")
    fifo = {"FifoQueue": "true"}
    queue = client.create_queue(QueueName="school-dev-messages.fifo", Attributes=fifo)["QueueUrl"]
    dead = client.create_queue(QueueName="school-dev-messages-dead.fifo", Attributes=fifo)["QueueUrl"]
    for url in (queue, dead):
        client.send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="1", MessageDeduplicationId="1")
    found = told(queues.check_queues, resource("AWS::SQS::Queue", queue), resource("AWS::SQS::Queue", dead))
    assert [(subject, well) for subject, well, _ in found] == [
        ("queue school-dev-messages.fifo", True),
        ("queue school-dev-messages-dead.fifo", False),
    ]
    assert "start-message-move-task --source-arn arn:aws:sqs:eu-west-1:123456789012:" in found[1][2]


def test_a_long_queue_is_named() -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="school-dev-events")["QueueUrl"]
    for _ in range(queues.MANY):
        client.send_message(QueueUrl=url, MessageBody="{}")
    ((_, well, text),) = told(queues.check_queues, resource("AWS::SQS::Queue", url))
    assert not well
    assert f"{queues.MANY} waiting" in text


@pytest.mark.parametrize(("state", "well"), [("RUNNING", True), ("STOPPED", False)])
def test_a_stopped_pipe_is_named_with_the_command_that_starts_it(state: str, well: bool) -> None:
    client = Answers(describe_pipe={"CurrentState": state, "StateReason": ""})
    pipe = resource("AWS::Pipes::Pipe", "school-dev-conversation")
    (found,) = queues.check_pipes(environment_with("pipes", client, pipe))
    assert found.is_well is well
    assert well or found.next == "aws pipes start-pipe --name school-dev-conversation"


# --- functions and alarms


def test_an_alias_with_weights_is_named_with_the_shares() -> None:
    routing = {"AdditionalVersionWeights": {"8": 0.1}}
    client = Answers(get_alias={"FunctionVersion": "7", "RoutingConfig": routing})
    alias = resource("AWS::Lambda::Alias", "arn:aws:lambda:eu-west-1:123456789012:function:school-dev-ai-reply:live")
    first, last = functions.check_aliases(environment_with("lambda", client, alias))
    assert (first.subject, first.is_well) == ("alias school-dev-ai-reply:live", False)
    assert first.text == "version 7, but 10% to version 8"
    assert last.text.startswith("0 send")


def test_a_function_that_cannot_be_called_is_named_with_the_reason() -> None:
    client = Answers(get_function_configuration={"State": "Inactive", "StateReason": "The function is idle."})
    function = resource("AWS::Lambda::Function", "school-dev-find-student")
    first, last = functions.check_functions(environment_with("lambda", client, function))
    assert not first.is_well
    assert "Inactive" in first.text
    assert "idle" in first.text
    assert last.is_well


def test_an_alarm_that_is_on_is_named_and_other_environments_are_not_looked_at() -> None:
    client = boto3.client("cloudwatch")
    common = {"Threshold": 1, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    for name in ("school-dev-slow-answers", "school-dev-database-busy", "school-prod-database-busy"):
        client.put_metric_alarm(AlarmName=name, MetricName="m", Namespace="n", Period=60, Statistic="Sum", **common)
        client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
    for name in ("school-dev-slow-answers", "school-prod-database-busy"):
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    found = told(alarms.check_alarms)
    assert [(subject, well) for subject, well, _ in found] == [("alarm slow-answers", False), ("alarms", True)]
    assert "docs/operations.md, alarm slow-answers" in found[0][2]
    assert found[1][2] == "1 are quiet"


def test_alarms_that_nobody_gets_are_named() -> None:
    topic = boto3.client("sns").create_topic(Name="school-dev-alarms")["TopicArn"]
    ((_, well, text),) = told(alarms.check_subscriptions, resource("AWS::SNS::Topic", topic))
    assert not well
    assert "alarm_email" in text


# --- quotas


@pytest.mark.parametrize(("allowed", "well"), [(10, False), (1000, True)])
def test_a_new_account_is_told_to_ask_for_concurrency(allowed: int, well: bool) -> None:
    limits = {"ConcurrentExecutions": allowed, "UnreservedConcurrentExecutions": allowed}
    client = Answers(get_account_settings={"AccountLimit": limits})
    (found,) = quotas.check_concurrency(environment_with("lambda", client))
    assert found.is_well is well
    assert well or "L-B99A9384" in found.next


# --- WhatsApp


@pytest.fixture
def token(account: None) -> None:
    boto3.client("secretsmanager").create_secret(Name="school/dev/whatsapp-access-token", SecretString="EAAG")


def graph(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> KnownEnvironment:
    """An environment whose WhatsApp is the simulated one, with other answers at some paths."""

    def get(url: str, **_: Any) -> requests.Response:
        path = url.removeprefix("https://graph.example/v26.0/").split("/")
        answer = requests.Response()
        found = changes.get(path[-1]) or graph_account.read(path, {}) or {"error": {"code": 100}}
        answer.status_code = 400 if "error" in found else 200
        answer._content = json.dumps(found).encode()
        return answer

    monkeypatch.setattr(requests, "get", get)
    made = KnownEnvironment("dev", [])
    made.function_settings = lambda name: {  # type: ignore[method-assign]
        "ACCESS_TOKEN_NAME": "school/dev/whatsapp-access-token",
        "WHATSAPP_API_URL": "https://graph.example/v26.0",
        "WHATSAPP_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
    }
    return made


@pytest.mark.usefixtures("token")
def test_a_valid_token_with_a_subscribed_app_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(whatsapp.check_whatsapp(graph(monkeypatch, {})))
    assert [item.subject for item in found if not item.is_well] == []
    assert "EAAG" not in str(found)


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("path", "answer", "subject", "words"),
    [
        ("debug_token", {"error": {"code": 190}}, "WhatsApp token", "error 190"),
        ("debug_token", {"data": {"is_valid": False, "scopes": []}}, "WhatsApp token", "not valid"),
        ("debug_token", {"data": {"is_valid": True, "scopes": [whatsapp.SENDS]}}, "WhatsApp token", whatsapp.MANAGES),
        ("subscribed_apps", {"data": []}, "WhatsApp subscription", "0 apps"),
        (PHONE_NUMBER_ID, {"error": {"code": 100}}, "WhatsApp number", "error 100"),
        (PHONE_NUMBER_ID, {"quality_rating": "RED"}, "WhatsApp number", "RED"),
    ],
)
def test_what_is_wrong_at_whatsapp_is_named(
    path: str, answer: Any, subject: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(whatsapp.check_whatsapp(graph(monkeypatch, {path: answer})))
    wrong = [item for item in found if item.subject == subject]
    assert [item.is_well for item in wrong] == [False]
    assert words in wrong[0].text
    assert wrong[0].next


# --- all of them


def test_a_check_that_cannot_be_made_hides_no_other() -> None:
    def check_one(environment: Environment) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribePipe")

    def check_other(environment: Environment) -> Any:
        raise NoCredentialsError

    def check_third(environment: Environment) -> Any:
        yield Finding("third", "fine")

    output = io.StringIO()
    found = examine(KnownEnvironment("dev", []), (check_one, check_other, check_third))
    assert show(found, Console(file=output, width=200)) == 1
    text = output.getvalue()
    assert "DescribePipe was refused: AccessDeniedException" in text
    assert "allow your role DescribePipe" in text
    assert "NoCredentialsError" in text
    assert "ok         third: fine" in text
    assert "2 to look at" in text


def test_an_environment_without_trouble_ends_with_zero() -> None:
    output = io.StringIO()
    assert show([Finding("a", "fine")], Console(file=output)) == 0
    assert "All is well" in output.getvalue()
