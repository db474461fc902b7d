"""What the templates promise: who reaches what, what survives, and that nothing is forgotten."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from functions.domain.deployment import WAKE_UP
from infra.catalog import (
    COMMON_SETTINGS,
    FUNCTIONS,
    MACHINES,
    ROUTES,
    SETTINGS_OF_GRANT,
    Function,
    Grant,
    Machine,
    SchoolApi,
    Side,
    Trigger,
)
from infra.paths import ROOT
from infra.state_machine_definition import function_placeholder, load, placeholders, queue_url_placeholder
from tests.infra.conftest import Environment, Resource, actions, as_list, empty_packages, synthesize

QUEUED = [item for item in MACHINES if item.queue]
every_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
every_queued_machine = pytest.mark.parametrize("machine", QUEUED, ids=lambda machine: machine.name)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)

# The only actions that each grant may bring.
ACTIONS = {
    Grant.SEND_CONVERSATION: {"sqs:SendMessage"},
    Grant.SEND_PAYMENTS: {"sqs:SendMessage"},
    Grant.SEND_EVENTS: {"sqs:SendMessage"},
    Grant.WRITE_INSPECTION: {"s3:PutObject"},
    Grant.WRITE_PASSES: {"s3:PutObject"},
    Grant.READ_PASSES: {"s3:GetObject"},
    Grant.APP_SECRET: {"secretsmanager:GetSecretValue"},
    Grant.VERIFY_TOKEN: {"secretsmanager:GetSecretValue"},
    Grant.ACCESS_TOKEN: {"secretsmanager:GetSecretValue"},
    Grant.READ_MEDIA: {"secretsmanager:GetSecretValue"},
    Grant.SCHOOL_API_KEY: {"secretsmanager:GetSecretValue"},
    Grant.OPENAI_API_KEY: {"secretsmanager:GetSecretValue"},
    Grant.PAYMENT_SECRET: {"secretsmanager:GetSecretValue"},
    Grant.SCHOOL_GRAPH: {"execute-api:Invoke"},
    Grant.CACHE: {"elasticache:Connect"},
    Grant.DATABASE_READER: {"rds-db:connect"},
    Grant.DATABASE_WRITER: {"rds-db:connect"},
}
OWN_LOG = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
INTERFACES = {
    *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
}
POLLING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


# --- the two sides ----------------------------------------------------------------------------------------------------


@every_function
def test_a_function_is_on_one_side(environment: Environment, function: Function) -> None:
    made = environment.function(function.name)
    granted = actions(environment.statements(made["Role"]))
    if function.side is Side.INTERNET:
        assert "VpcConfig" not in made.properties
        assert not {action for action in granted if action.startswith(("rds-db:", "elasticache:"))}
    else:
        assert made["VpcConfig"]["SubnetIds"]
        assert not {action for action in granted if action.startswith("secretsmanager:")}
        assert not [name for name in made["Environment"]["Variables"] if name.endswith(("_SECRET_NAME", "_KEY_NAME"))]


def test_the_data_side_has_no_way_out(environment: Environment) -> None:
    ways_out = ("NatGateway", "InternetGateway", "VPCGatewayAttachment", "EgressOnlyInternetGateway", "Route")
    assert not environment.of_type(*(f"AWS::EC2::{name}" for name in ways_out))
    assert [item["VpcEndpointType"] for item in environment.of_type("AWS::EC2::VPCEndpoint")] == ["Gateway"]


def test_the_endpoint_of_s3_leads_to_no_bucket_of_someone_elses(environment: Environment) -> None:
    (endpoint,) = environment.of_type("AWS::EC2::VPCEndpoint")
    (statement,) = endpoint["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}


def test_databases_and_cache_let_in_the_functions_alone(environment: Environment) -> None:
    rules = environment.of_type("AWS::EC2::SecurityGroupIngress")
    assert {rule["FromPort"] for rule in rules} == {5432, 6379}
    assert all("NetworkFunctions" in json.dumps(rule["SourceSecurityGroupId"]) for rule in rules)
    for group in environment.of_type("AWS::EC2::SecurityGroup"):
        assert not group.properties.get("SecurityGroupIngress")
        for rule in group.properties.get("SecurityGroupEgress", []):
            assert rule["CidrIp"] == "255.255.255.255/32" or rule["ToPort"] == 443


# --- grants -----------------------------------------------------------------------------------------------------------


@every_function
def test_a_role_allows_what_the_catalog_grants_and_nothing_else(environment: Environment, function: Function) -> None:
    granted = actions(environment.statements(environment.function(function.name)["Role"]))
    wanted = OWN_LOG.union(*(ACTIONS[grant] for grant in function.grants))
    if function.side is Side.DATA:
        wanted |= INTERFACES
    if function.trigger is Trigger.QUEUE:
        wanted |= POLLING
    assert granted == wanted


@pytest.mark.parametrize(
    ("grant", "resource"),
    [
        (Grant.WRITE_INSPECTION, "documents-.*/inspection/\\*"),
        (Grant.WRITE_PASSES, "documents-.*/passes/\\*"),
        (Grant.READ_PASSES, "documents-.*/passes/\\*"),
        (Grant.ACCESS_TOKEN, r":secret:school/\w+/whatsapp-access-token-\?{6}\""),
        (Grant.SCHOOL_API_KEY, r":secret:school/\w+/school-api-key-\?{6}\""),
        (Grant.SEND_CONVERSATION, r"ConversationQueue\w+"),
        (Grant.SEND_EVENTS, r"EventsQueue\w+"),
        (Grant.CACHE, "serverlesscache:school-.*-cache.*user:school-.*-assistant"),
        (Grant.DATABASE_WRITER, "dbuser:.*(DatabasePrimary\\w+DbiResourceId|db-RECORDS).*/assistant"),
    ],
    ids=lambda value: value.name if isinstance(value, Grant) else "",
)
def test_a_grant_is_on_the_thing_itself(environment: Environment, grant: Grant, resource: str) -> None:
    function = next(item for item in FUNCTIONS if grant in item.grants)
    statements = environment.statements(environment.function(function.name)["Role"])
    narrow = [item for item in statements if ACTIONS[grant] & set(as_list(item["Action"]))]
    assert re.search(resource, json.dumps([item["Resource"] for item in narrow]))


def test_reading_is_granted_on_the_replica_where_there_is_one(environments: dict[str, Environment]) -> None:
    found = {}
    for name, environment in environments.items():
        statements = environment.statements(environment.function("verify_pass")["Role"])
        found[name] = json.dumps([item for item in statements if "rds-db:connect" in as_list(item["Action"])])
    assert "Replica" not in found["dev"]
    for name in ("prod", "existing"):
        assert re.search(r"DatabaseReplica\w+DbiResourceId", found[name])


def test_no_wildcard_but_for_names_that_others_make_up(environment: Environment) -> None:
    allowed = re.compile(r":log-stream:\*|/passes/\*|/inspection/\*|:function:school-[a-z-]+:\*")
    for role in environment.of_type("AWS::IAM::Policy"):
        for statement in role["PolicyDocument"]["Statement"]:
            assert "*" not in as_list(statement["Action"])
            for resource in map(json.dumps, as_list(statement["Resource"])):
                if resource == '"*"':
                    services = {action.split(":")[0] for action in as_list(statement["Action"])}
                    assert services <= {"xray", "ec2", "logs", "cloudwatch"}
                elif "*" in resource:
                    assert allowed.search(resource), resource


def test_the_rules_stop_a_wildcard_without_a_reason(node: None, tmp_path: Path) -> None:
    from aws_cdk import App, Stack, Validations
    from aws_cdk import aws_iam as iam
    from cdk_nag import AwsSolutionsChecks

    app = App(outdir=str(tmp_path))
    role = iam.Role(Stack(app, "Careless"), "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match=r"AwsSolutions-IAM5\[Resource::\*\]"):
        app.synth()


# --- the functions ----------------------------------------------------------------------------------------------------


@every_function
def test_a_function_has_the_settings_of_the_catalog(environment: Environment, function: Function) -> None:
    variables = environment.function(function.name)["Environment"]["Variables"]
    assert variables.keys() == {*function.environment, *COMMON_SETTINGS}
    assert all(variables.values())


@every_function
def test_a_function_is_what_the_catalog_says(environment: Environment, function: Function) -> None:
    made = environment.function(function.name)
    assert (made["Handler"], made["Timeout"]) == (function.handler, function.timeout)
    is_warm = environment.name != "dev" and function.every_message
    assert made["MemorySize"] == (256 if is_warm else function.memory)
    assert len(made["Layers"]) == len(function.layers)
    assert made["LoggingConfig"]["LogFormat"] == "JSON"
    is_called_from_outside = function.trigger in (Trigger.HTTP, Trigger.QUEUE)
    assert made["TracingConfig"] == {"Mode": "PassThrough" if is_called_from_outside else "Active"}


def test_metrics_pass_at_every_log_level(environment: Environment) -> None:
    """They count as INFO for Lambda, which drops what is below its level."""
    for function in FUNCTIONS:
        made = environment.function(function.name)
        assert made["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
        assert made["Environment"]["Variables"]["LOG_LEVEL"] == {"existing": "ERROR"}.get(environment.name, "INFO")


def test_every_function_is_of_the_runtime_that_the_layers_are_built_for(environment: Environment) -> None:
    functions = environment.of_type("AWS::Lambda::Function")
    assert len(functions) == len(FUNCTIONS) + 2  # and those that CloudFormation calls; none of CDK's own
    assert {(item["Runtime"], *item["Architectures"]) for item in functions} == {("python3.13", "arm64")}


def test_what_is_in_no_execution_of_seconds_calls_the_live_alias(environment: Environment) -> None:
    aliases = environment.of_type("AWS::Lambda::Alias")
    assert {item["Name"] for item in aliases} == {"live"}
    assert len(aliases) == len(FUNCTIONS)
    ids = {item.id for item in aliases}
    callers = [
        *(item["IntegrationUri"] for item in environment.of_type("AWS::ApiGatewayV2::Integration")),
        *(item["FunctionName"] for item in environment.of_type("AWS::Lambda::EventSourceMapping")),
        *(function for item in MACHINES if not item.queue for function in invoked_by(environment, item)),
        environment.of_type("Custom::SchemaMigration")[0]["Migrate"],
    ]
    for caller in callers:
        (called,) = re.findall(r'"Ref": "(\w+)"', json.dumps(caller))
        assert called in ids


def test_the_versions_of_two_releases_are_there_until_a_deployment_has_succeeded(environment: Environment) -> None:
    """CloudFormation removes what it no longer needs at its end, after the watch, and nothing when it rolls back."""
    for item in environment.of_type("AWS::Lambda::Version"):
        assert item.body.get("DeletionPolicy", "Delete") == item.body.get("UpdateReplacePolicy", "Delete") == "Delete"


def test_a_new_layer_is_a_new_version(dev: Environment, tmp_path: Path) -> None:
    changed = synthesize("dev", tmp_path / "out", empty_packages(tmp_path / "packages", "1"))
    before, after = ({item.id for item in it.of_type("AWS::Lambda::Version")} for it in (dev, changed))
    assert len(before) == len(FUNCTIONS)
    assert not before & after


def test_dev_deploys_in_a_new_account(dev: Environment) -> None:
    """Which allows ten functions at once, and wants all of them unreserved."""
    for item in dev.of_type("AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in item.properties
    for item in dev.of_type("AWS::Lambda::Alias", "AWS::Lambda::Version"):
        assert "ProvisionedConcurrencyConfig" not in item.properties


def test_what_every_message_passes_is_kept_warm_by_its_version(prod: Environment) -> None:
    """An alias with something of its own to keep warm would be cold while it moves."""
    warm = {
        item["FunctionName"]["Ref"]
        for item in prod.of_type("AWS::Lambda::Version")
        if item.properties.get("ProvisionedConcurrencyConfig") == {"ProvisionedConcurrentExecutions": 1}
    }
    assert warm == {prod.function(name).id for name in ("webhook", "understand", "send_reply")}
    assert not prod.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
    for item in prod.of_type("AWS::Lambda::Alias"):
        assert "ProvisionedConcurrencyConfig" not in item.properties


def test_another_number_of_warm_environments_is_another_version(prod: Environment) -> None:
    """CloudFormation cannot change it of a version that is there."""
    assert prod.function("understand")["Description"].endswith("(1 warm)")
    assert "warm)" not in prod.function("gate_pass")["Description"]


def test_snap_start_is_the_other_way(existing: Environment) -> None:
    for function in FUNCTIONS:
        wanted = {"ApplyOn": "PublishedVersions"} if function.answers(SchoolApi.REST) else None
        assert existing.function(function.name).properties.get("SnapStart") == wanted


# --- a release --------------------------------------------------------------------------------------------------------


def checks(environment: Environment) -> dict[str, Resource]:
    return {item["Check"]: item for item in environment.of_type("Custom::ReleaseCheck")}


def waits_for(environment: Environment, id: str) -> set[str]:
    """Everything that CloudFormation makes before that resource."""
    found: set[str] = set()
    waiting = [id]
    while waiting:
        body = json.dumps(environment.one(waiting.pop()).body)
        references = {*re.findall(r'"Ref": "(\w+)"', body), *re.findall(r'"Fn::GetAtt": \["(\w+)"', body)}
        depends = re.search(r'"DependsOn": (\[[^]]*\]|"\w+")', body)
        references |= {*re.findall(r'"(\w+)"', depends[1])} if depends else set()
        new = (references & {item.id for item in environment.resources}) - found
        found |= new
        waiting += new
    return found


@every_queued_machine
def test_an_execution_meets_the_functions_of_one_release(environment: Environment, machine: Machine) -> None:
    versions = {item["FunctionName"]["Ref"]: item.id for item in environment.of_type("AWS::Lambda::Version")}
    assert invoked_by(environment, machine) == [
        {"Ref": versions[environment.function(item.name).id]}
        for item in FUNCTIONS
        if function_placeholder(item.name) in deployed(environment, machine)["DefinitionSubstitutions"]
    ]


@every_queued_machine
def test_an_execution_that_began_before_may_still_call_its_functions(
    environment: Environment, machine: Machine
) -> None:
    """Its role names no version, so that a deployment does not change it."""
    granted_on = {
        json.dumps(arn).split(":function:")[1] for arn in granted(environment, machine, "lambda:InvokeFunction")
    }
    used = deployed(environment, machine)["DefinitionSubstitutions"]
    names = {item.name for item in FUNCTIONS if function_placeholder(item.name) in used}
    prefix = f"school-{environment.name}-"
    assert {arn.rstrip('"]} ') for arn in granted_on} == {f"{prefix}{name.replace('_', '-')}:*" for name in names}


def test_no_parents_message_meets_a_release_before_it_was_tried(environment: Environment) -> None:
    tried = checks(environment)["conversation"]
    live = [
        *(deployed(environment, item).id for item in MACHINES),
        *(item.id for item in environment.of_type("AWS::Lambda::Alias") if not item.id.startswith("Migrate")),
    ]
    for id in live:
        assert tried.id in waits_for(environment, id), id
    (migration,) = environment.of_type("Custom::SchemaMigration")
    assert {migration.id, checks(environment)["functions"].id} <= waits_for(environment, tried.id)
    assert {*live} <= waits_for(environment, checks(environment)["watch"].id)


def test_the_trial_is_the_conversation_as_it_will_be(environment: Environment) -> None:
    (conversation,) = [item for item in MACHINES if item.name == "conversation"]
    real = deployed(environment, conversation)
    trial = environment.one(checks(environment)["conversation"]["Machine"]["Ref"])
    assert trial["StateMachineName"] == f"{real['StateMachineName']}-trial"
    for name in ("DefinitionString", "DefinitionSubstitutions", "StateMachineType"):
        assert trial[name] == real[name]
    assert trial.id not in json.dumps([item.body for item in environment.of_type("AWS::Pipes::Pipe")])


def test_every_function_is_started_before_it_is_used(environment: Environment) -> None:
    versions = {item["FunctionName"]["Ref"]: {"Ref": item.id} for item in environment.of_type("AWS::Lambda::Version")}
    started = checks(environment)["functions"]["Versions"]
    expected = [versions[environment.function(it.name).id] for it in FUNCTIONS if it.trigger is not Trigger.DEPLOY]
    assert started == expected
    for check in checks(environment).values():
        assert check["Versions"] == expected  # another release is another check


def test_the_watch_lasts_longer_than_what_began_before(environments: dict[str, Environment]) -> None:
    seconds = {name: int(checks(environment)["watch"]["Seconds"]) for name, environment in environments.items()}
    assert seconds == {"dev": 120, "prod": 300, "existing": 300}
    assert min(seconds.values()) > max(item.seconds for item in QUEUED)
    for name, environment in environments.items():
        alarms = {item["AlarmName"] for item in environment.of_type("AWS::CloudWatch::Alarm")}
        assert set(checks(environment)["watch"]["Alarms"]) <= alarms, name


# --- HTTP API, queues, pipes, state machines --------------------------------------------------------------------------


def test_the_routes_are_those_of_the_catalog(environment: Environment) -> None:
    routes = {item["RouteKey"] for item in environment.of_type("AWS::ApiGatewayV2::Route")}
    assert routes == {f"{route.method} {route.path}" for route in ROUTES}
    assert {item["PayloadFormatVersion"] for item in environment.of_type("AWS::ApiGatewayV2::Integration")} == {"2.0"}


def test_the_api_is_throttled_and_logs_no_path(environment: Environment) -> None:
    (stage,) = environment.of_type("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] >= 1
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] >= 1
    logged = stage["AccessLogSettings"]["Format"]
    assert "routeKey" in logged
    assert not re.search(r"\$context\.(path|http\.path|identity|requestOverride)", logged)


@every_queued_machine
def test_a_message_is_hidden_for_twice_as_long_as_an_execution_may_take(
    environment: Environment, machine: Machine
) -> None:
    # Six times is AWS's advice for functions that read a queue; docs/decisions/0046 says why not here.
    longest = json.loads(load(machine))["TimeoutSeconds"]
    assert environment.one(queue_ids(environment)[f"{machine.queue}.fifo"])["VisibilityTimeout"] == 2 * longest


def test_an_event_is_hidden_for_six_times_as_long_as_its_function_may_take(environment: Environment) -> None:
    (mapping,) = environment.of_type("AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (reader,) = [item for item in FUNCTIONS if item.trigger is Trigger.QUEUE]
    assert environment.one(queue_ids(environment)["events"])["VisibilityTimeout"] >= 6 * reader.timeout


def test_each_queue_has_dead_letters_of_its_own_kind(environment: Environment) -> None:
    queues = {item.id: item for item in environment.of_type("AWS::SQS::Queue")}
    fifo = [(f"{item.queue}.fifo", f"{item.queue}-dead.fifo") for item in QUEUED]
    assert len(queues) == 2 * len(fifo) + 2
    for name, dead in (*fifo, ("events", "events-dead")):
        queue, letters = (queues[queue_ids(environment)[it]] for it in (name, dead))
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [letters.id, "Arn"]}
        assert queue.properties.get("FifoQueue") == letters.properties.get("FifoQueue")
        assert letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]
        assert queue["SqsManagedSseEnabled"]
        assert letters["SqsManagedSseEnabled"]


def queue_ids(environment: Environment) -> dict[str, str]:
    prefix = f"school-{environment.name}-"
    return {item["QueueName"].removeprefix(prefix): item.id for item in environment.of_type("AWS::SQS::Queue")}


@every_queued_machine
def test_a_pipe_waits_for_each_execution(environment: Environment, machine: Machine) -> None:
    pipes = {item["Name"]: item for item in environment.of_type("AWS::Pipes::Pipe")}
    assert len(pipes) == len(QUEUED)
    pipe = pipes[f"school-{environment.name}-{machine.name.replace('_', '-')}"]
    target = pipe["TargetParameters"]["StepFunctionStateMachineParameters"]
    assert target == {"InvocationType": "REQUEST_RESPONSE"}
    assert pipe["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
    assert pipe["Source"] == {"Fn::GetAtt": [queue_ids(environment)[f"{machine.queue}.fifo"], "Arn"]}
    assert pipe["Target"] == {"Ref": deployed(environment, machine).id}
    assert "IncludeExecutionData" not in pipe["LogConfiguration"]
    assert actions(environment.statements(pipe["RoleArn"])) == {*POLLING, "states:StartSyncExecution"}


def deployed(environment: Environment, machine: Machine) -> Resource:
    name = f"school-{environment.name}-{machine.name.replace('_', '-')}"
    (found,) = [it for it in environment.of_type("AWS::StepFunctions::StateMachine") if it["StateMachineName"] == name]
    return found


def invoked_by(environment: Environment, machine: Machine) -> list[Any]:
    """What stands for the functions in a deployed definition."""
    substituted = deployed(environment, machine)["DefinitionSubstitutions"]
    return [substituted[name] for item in FUNCTIONS if (name := function_placeholder(item.name)) in substituted]


def granted(environment: Environment, machine: Machine, action: str) -> list[Any]:
    """The resources on which a machine's role allows exactly that action."""
    statements = environment.statements(deployed(environment, machine)["RoleArn"])
    return [it for item in statements if as_list(item["Action"]) == [action] for it in as_list(item["Resource"])]


@every_machine
def test_what_is_deployed_is_what_the_loader_gives(environment: Environment, machine: Machine) -> None:
    made = deployed(environment, machine)
    assert json.loads(made["DefinitionString"]) == json.loads(load(machine))
    assert made["StateMachineType"] == ("EXPRESS" if machine.queue else "STANDARD")


@every_machine
def test_every_placeholder_is_substituted_and_granted(environment: Environment, machine: Machine) -> None:
    substituted = deployed(environment, machine)["DefinitionSubstitutions"]
    assert [*substituted] == placeholders(load(machine))
    if not machine.queue:
        invoked = granted(environment, machine, "lambda:InvokeFunction")
        assert sorted(map(json.dumps, invoked)) == sorted(map(json.dumps, invoked_by(environment, machine)))
    urls = [name for item in QUEUED if (name := queue_url_placeholder(item.name)) in substituted]
    sent_to = granted(environment, machine, "sqs:SendMessage")
    assert [arn["Fn::GetAtt"][0] for arn in sent_to] == [substituted[name]["Ref"] for name in urls]


def test_every_function_of_a_state_machine_is_in_one() -> None:
    used = {placeholder for item in MACHINES for placeholder in placeholders(load(item))}
    called = (Trigger.HTTP, Trigger.QUEUE, Trigger.DEPLOY)
    assert {function_placeholder(item.name) for item in FUNCTIONS if item.trigger not in called} <= used


def test_a_schedule_starts_each_machine_that_has_an_hour(environment: Environment) -> None:
    schedules = {item["Name"]: item for item in environment.of_type("AWS::Scheduler::Schedule")}
    daily = [item for item in MACHINES if item.daily_at_hour is not None]
    assert len([name for name in schedules if "wake-up" not in name]) == len(daily) > 0
    for item in daily:
        schedule = schedules[deployed(environment, item)["StateMachineName"]]
        assert schedule["ScheduleExpression"] == f"cron(0 {item.daily_at_hour} * * ? *)"
        assert schedule["ScheduleExpressionTimezone"] == "Africa/Harare"
        assert schedule["Target"]["Arn"] == {"Ref": deployed(environment, item).id}
        assert schedule["State"] == ("DISABLED" if item.needs_school else "ENABLED")  # the sample has no school to ask


def test_functions_in_the_network_are_called_once_a_week(environment: Environment) -> None:
    """Those that nobody has called for weeks are inactive, and their next call would fail."""
    schedules = {
        item["Name"].removeprefix(f"school-{environment.name}-wake-up-").replace("-", "_"): item
        for item in environment.of_type("AWS::Scheduler::Schedule")
        if "wake-up" in item["Name"]
    }
    inside = {item.name for item in FUNCTIONS if item.side is Side.DATA and item.trigger is not Trigger.DEPLOY}
    assert schedules.keys() == inside
    aliases = {item["FunctionName"]["Ref"]: item.id for item in environment.of_type("AWS::Lambda::Alias")}
    for name, schedule in schedules.items():
        alias = {"Ref": aliases[environment.function(name).id]}
        assert schedule["ScheduleExpression"] == "cron(0 3 ? * SUN *)"
        assert schedule["Target"]["Arn"] == alias
        assert json.loads(schedule["Target"]["Input"]) == {WAKE_UP: True}
        allowed = environment.statements(schedule["Target"]["RoleArn"])
        assert alias in [arn for statement in allowed for arn in as_list(statement["Resource"])]
        assert actions(allowed) == {"lambda:InvokeFunction"}


@every_queued_machine
def test_the_console_shows_what_was_said_and_no_one_else_can_read_it(
    environment: Environment, machine: Machine
) -> None:
    made = deployed(environment, machine)
    assert made["LoggingConfiguration"]["Level"] == "ALL"
    assert made["LoggingConfiguration"]["IncludeExecutionData"] is True
    (group,) = [
        item
        for item in environment.of_type("AWS::Logs::LogGroup")
        if item["LogGroupName"] == f"/aws/vendedlogs/states/{made['StateMachineName']}"
    ]
    assert group["KmsKeyId"]
    assert group["RetentionInDays"] <= 14


def test_the_log_of_a_standard_machine_holds_no_data(environment: Environment) -> None:
    for item in MACHINES:
        if not item.queue:
            assert not deployed(environment, item)["LoggingConfiguration"].get("IncludeExecutionData")


# --- what survives ----------------------------------------------------------------------------------------------------

STATEFUL = (
    *("AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::KMS::Key"),
    *("AWS::DynamoDB::Table", "AWS::EFS::FileSystem"),
)


def test_what_holds_data_is_retained(environment: Environment) -> None:
    stateful = environment.of_type(*STATEFUL)
    assert {item.stack for item in stateful} == {"data"}
    copies = [item for item in stateful if "SourceDBInstanceIdentifier" in item.properties]
    assert len(copies) == (environment.name != "dev")
    for item in stateful:
        if item in copies:  # of what the primary holds: in nobody's way when it is no longer wanted
            assert item.body["DeletionPolicy"] == item.body["UpdateReplacePolicy"] == "Delete"
            assert not item["DeletionProtection"]
            continue
        assert item.body["DeletionPolicy"] == "Retain", item.id
        assert item.body["UpdateReplacePolicy"] == "Retain", item.id


def test_a_database_that_stays_keeps_what_it_needs(prod: Environment) -> None:
    """Else its stack could not be deleted."""
    (primary,) = [item for item in prod.of_type("AWS::RDS::DBInstance") if "DBName" in item.properties]
    (group,) = primary["VPCSecurityGroups"]
    for id in (group["Fn::GetAtt"][0], primary["DBSubnetGroupName"]["Ref"]):
        assert prod.one(id).body["DeletionPolicy"] == "Retain"


def test_a_replica_grows_as_its_primary_does(prod: Environment) -> None:
    assert [item["MaxAllocatedStorage"] for item in prod.of_type("AWS::RDS::DBInstance")] == [100, 100]


def test_what_holds_data_is_encrypted(environment: Environment) -> None:
    for instance in environment.of_type("AWS::RDS::DBInstance"):
        assert instance.properties.get("StorageEncrypted") or instance["SourceDBInstanceIdentifier"]
        assert instance["EnableIAMDatabaseAuthentication"]
        assert instance["PubliclyAccessible"] is False
    (bucket,) = environment.of_type("AWS::S3::Bucket")
    assert bucket["BucketEncryption"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (policy,) = environment.of_type("AWS::S3::BucketPolicy")
    assert "aws:SecureTransport" in json.dumps(policy["PolicyDocument"])


def test_documents_are_forgotten(environment: Environment) -> None:
    (bucket,) = environment.of_type("AWS::S3::Bucket")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert 90 <= rules["passes"]["ExpirationInDays"] <= 200
    assert rules["passes"]["Prefix"] == "passes/"
    assert rules["inspection"]["Prefix"] == "inspection/"
    assert rules["inspection"]["ExpirationInDays"] <= 30


def test_a_secret_has_a_name_and_no_value(environment: Environment) -> None:
    secrets = {item["Name"]: item for item in environment.of_type("AWS::SecretsManager::Secret")}
    put_by_operators = {name for name in secrets if not name.endswith("/db")}
    readable = [grant for grant, names in SETTINGS_OF_GRANT.items() if names[0].removesuffix("_NAME") == grant.name]
    assert len(put_by_operators) == len(readable)
    for name in put_by_operators:
        assert not {"SecretString", "GenerateSecretString"} & secrets[name].properties.keys()


def test_no_secret_lies_in_a_template(environment: Environment) -> None:
    text = "".join(template.read_text() for template in environment.templates())
    assert "{{resolve:secretsmanager" not in "".join(
        json.dumps(item.body) for item in environment.of_type("AWS::Lambda::Function", "Custom::SchemaMigration")
    )
    assert not re.search(r"EAA[A-Za-z0-9]{20}|sk-[A-Za-z0-9]{20}", text)


def test_every_log_is_forgotten(environment: Environment) -> None:
    groups = environment.of_type("AWS::Logs::LogGroup")
    assert all(item["RetentionInDays"] <= 90 for item in groups)
    own = {item["LoggingConfig"]["LogGroup"]["Ref"] for item in environment.of_type("AWS::Lambda::Function")}
    assert own <= {item.id for item in groups}


def test_a_replica_where_the_settings_want_one(environments: dict[str, Environment]) -> None:
    instances = {name: len(item.of_type("AWS::RDS::DBInstance")) for name, item in environments.items()}
    assert instances == {"dev": 1, "prod": 2, "existing": 1}
    reader = environments["dev"].function("understand")["Environment"]["Variables"]
    assert reader["DATABASE_READER_URL"] == reader["DATABASE_WRITER_URL"]
    reader = environments["prod"].function("understand")["Environment"]["Variables"]
    assert reader["DATABASE_READER_URL"] != reader["DATABASE_WRITER_URL"]


def test_of_an_existing_database_only_the_replica_is_made(existing: Environment) -> None:
    (replica,) = existing.of_type("AWS::RDS::DBInstance")
    assert "records" in json.dumps(replica["SourceDBInstanceIdentifier"])
    assert not existing.of_type("AWS::EC2::VPC")
    variables = existing.function("record_conversation")["Environment"]["Variables"]
    assert variables["DATABASE_WRITER_URL"] == (
        "postgresql+pg8000://assistant@records.abc.eu-west-1.rds.amazonaws.com:5432/school"
    )
    (migration,) = existing.of_type("Custom::SchemaMigration")
    assert migration["MasterSecret"].endswith(":secret:records-AbCdEf")


def test_a_small_database_leaves_the_memory_that_sign_ins_need(environments: dict[str, Environment]) -> None:
    found = {}
    for name, environment in environments.items():
        groups = {item.id: item["Parameters"] for item in environment.of_type("AWS::RDS::DBParameterGroup")}
        for instance in environment.of_type("AWS::RDS::DBInstance"):
            group = instance.properties.get("DBParameterGroupName")
            found[name, instance["DBInstanceClass"]] = groups[group["Ref"]] if group else None
    of_micro, of_small = found["dev", "db.t4g.micro"], found["prod", "db.t4g.small"]
    assert of_micro
    assert of_small
    assert int(of_micro["shared_buffers"]) * 8 // 1024 == 64  # MiB
    assert int(of_micro["max_connections"]) == 40
    for parameters in (of_micro, of_small):
        assert parameters["rds.force_ssl"] == "1"
        assert not [name for name in parameters if name.startswith("log_")]  # statements have phone numbers as values
    assert found["existing", "db.t4g.small"] is None  # a replica has the parameters of its primary


def test_performance_is_recorded_where_it_is_free_and_there_is_memory(environments: dict[str, Environment]) -> None:
    recorded = {
        name: [item.properties.get("EnablePerformanceInsights", False) for item in it.of_type("AWS::RDS::DBInstance")]
        for name, it in environments.items()
    }
    assert recorded == {"dev": [False], "prod": [True, True], "existing": [True]}


def test_the_cache_has_one_user_who_signs_in_with_iam(environment: Environment) -> None:
    (user,) = environment.of_type("AWS::ElastiCache::User")
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserId"] == user["UserName"] == f"school-{environment.name}-assistant"  # IAM wants them the same
    assert "-@dangerous" in user["AccessString"]
    url = environment.function("understand")["Environment"]["Variables"]["CACHE_URL"]
    assert f"rediss://{user['UserName']}@" in json.dumps(url)


# --- deployment -------------------------------------------------------------------------------------------------------


def test_new_code_of_the_data_side_goes_live_after_the_migration(environment: Environment) -> None:
    (migration,) = environment.of_type("Custom::SchemaMigration")
    waiting = {
        item["FunctionName"]["Ref"]
        for item in environment.of_type("AWS::Lambda::Alias")
        if migration.id in waits_for(environment, item.id)
    }
    assert waiting == {environment.function(item.name).id for item in FUNCTIONS if item.name != "migrate"}


def test_only_the_deployment_reads_the_master_password(environment: Environment) -> None:
    (migration,) = environment.of_type("Custom::SchemaMigration")
    readers = [
        role.id
        for role in environment.of_type("AWS::IAM::Policy")
        if json.dumps(migration["MasterSecret"]) in json.dumps(role["PolicyDocument"])
    ]
    assert len(readers) == 1
    assert readers[0].startswith("Migration")


def test_nothing_is_looked_up_and_nothing_needs_docker(environment: Environment) -> None:
    manifest = json.loads((environment.folder / "manifest.json").read_text())
    assert not manifest.get("missing")
    for assets in environment.folder.glob("*.assets.json"):
        assert not json.loads(assets.read_text())["dockerImages"]
    stacks = [item for item in manifest["artifacts"].values() if item["type"] == "aws:cloudformation:stack"]
    assert {item["environment"] for item in stacks} == {"aws://unknown-account/unknown-region"}


def test_cfn_lint_finds_nothing(environments: dict[str, Environment]) -> None:
    templates = [str(template) for item in environments.values() for template in item.templates()]
    # W3005: CDK repeats dependencies that a reference implies already.
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005", "--", *templates]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert (outcome.stdout, outcome.returncode) == ("", 0)


def test_alarms_reach_someone(existing: Environment) -> None:
    alarms = [item for item in existing.of_type("AWS::CloudWatch::Alarm") if item.stack == "monitoring"]
    assert len(alarms) > 20
    assert all(item["AlarmActions"] for item in alarms)
    (subscription,) = existing.of_type("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@school.example")


def test_the_addresses_that_others_need_are_printed(prod: Environment) -> None:
    (bot,) = [path for path in prod.templates() if "bot" in path.name]
    outputs = json.loads(bot.read_text())["Outputs"]
    for name, path in (("WebhookUrl", "/webhook"), ("PaymentUrl", "/events/payment")):
        assert json.dumps(outputs[name]["Value"]).rstrip('"]} ').endswith(path)
        assert path in {route.path for route in ROUTES}
    for item in MACHINES:
        assert f"{function_placeholder(item.name)}MachineArn" in outputs
        assert not item.queue or f"{item.queue.capitalize()}DeadLettersUrl" in outputs


def test_few_failures_are_enough_for_an_alarm(environment: Environment) -> None:
    """A small school asks for an account twice in five minutes."""
    alarms = {
        item["AlarmName"]: item
        for item in environment.of_type("AWS::CloudWatch::Alarm")
        if "AlarmName" in item.properties
    }
    prefix = f"school-{environment.name}-"
    errors = alarms[f"{prefix}functions-errors"]
    assert (errors["Namespace"], errors["MetricName"]) == ("AWS/Lambda", "Errors")
    assert "Dimensions" not in errors.properties
    assert (errors["Period"], errors["EvaluationPeriods"], errors["Threshold"]) == (300, 1, 2)
    apologies = alarms[f"{prefix}apologies-send-reply"]
    assert (apologies["Period"], apologies["EvaluationPeriods"], apologies["Threshold"]) == (300, 1, 3)


def test_alarms_of_the_stores_are_quiet_where_nothing_is_wrong(prod: Environment) -> None:
    alarms = {item["AlarmName"]: item for item in prod.of_type("AWS::CloudWatch::Alarm")}
    behind = alarms["school-prod-replica-behind"]
    assert behind["Threshold"] > 300  # what a replica shows by itself while nothing is written
    (primary,) = [item for item in prod.of_type("AWS::RDS::DBInstance") if "DBName" in item.properties]
    storage = primary["AllocatedStorage"]
    for name in ("database-full", "replica-full"):
        full = alarms[f"school-prod-{name}"]
        assert full["Threshold"] < 0.1 * int(storage) * 1024**3  # RDS enlarges the storage there
        assert full["ComparisonOperator"] == "LessThanThreshold"
    for name in ("database-memory", "replica-memory"):
        assert alarms[f"school-prod-{name}"]["MetricName"] == "FreeableMemory"
        assert 0 < alarms[f"school-prod-{name}"]["Threshold"] < 300 * 1024**2


def test_the_api_raises_no_alarm_for_what_scanners_send(prod: Environment) -> None:
    looked_at = {item.properties.get("MetricName") for item in prod.of_type("AWS::CloudWatch::Alarm")}
    assert "5xx" in looked_at
    assert "4xx" not in looked_at
    assert "BadSignatures" in looked_at


def test_alarms_may_publish_to_their_topic(environment: Environment) -> None:
    (policy,) = environment.of_type("AWS::SNS::TopicPolicy")
    allowed = [item for item in policy["PolicyDocument"]["Statement"] if item["Effect"] == "Allow"]
    assert [(item["Principal"], item["Action"]) for item in allowed] == [
        ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    ]
    assert allowed[0]["Resource"] == policy["Topics"][0]
    assert allowed[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_operations_explains_every_alarm(prod: Environment) -> None:
    """Those of each queue and machine are explained once for all."""
    text = (ROOT / "docs" / "operations.md").read_text()
    alarms = [item for item in prod.of_type("AWS::CloudWatch::Alarm") if item.stack == "monitoring"]
    names = {alarm["AlarmName"].removeprefix("school-prod-") for alarm in alarms}
    groups: dict[str, list[str | None]] = {
        "queue": [*(item.queue for item in QUEUED), "events"],
        "machine": [item.name.replace("_", "-") for item in MACHINES],
    }
    endings: dict[str, tuple[str, ...]] = {
        "queue": ("dead-letters", "delayed"),
        "machine": ("failed", "slow"),
    }
    of_groups = {
        f"{member}-{ending}": f"<{group}>-{ending}"
        for group, members in groups.items()
        for member in members
        for ending in endings[group]
    }
    explained = {of_groups.get(name, name) for name in names}
    assert not [name for name in explained if f"`{name}`" not in text]


@every_queued_machine
def test_a_queued_machine_has_its_alarms(environment: Environment, machine: Machine) -> None:
    prefix = f"school-{environment.name}-"
    alarms = {
        it["AlarmName"]: it for it in environment.of_type("AWS::CloudWatch::Alarm") if "AlarmName" in it.properties
    }
    label = machine.name.replace("_", "-")
    dimensions = {
        f"{machine.queue}-dead-letters": ("QueueName", f"{prefix}{machine.queue}-dead.fifo"),
        f"{machine.queue}-delayed": ("QueueName", f"{prefix}{machine.queue}.fifo"),
    }
    for name, (dimension, value) in dimensions.items():
        assert alarms[prefix + name]["Dimensions"] == [{"Name": dimension, "Value": value}]
    for name in (f"{label}-failed", f"{label}-slow"):
        assert f":stateMachine:{prefix}{label}" in json.dumps(alarms[prefix + name].body)


# --- protection and exports -------------------------------------------------------------------------------------------


def test_termination_protection_is_that_of_the_settings(environments: dict[str, Environment]) -> None:
    found = {}
    for name, environment in environments.items():
        manifest = json.loads((environment.folder / "manifest.json").read_text())
        stacks = [item for item in manifest["artifacts"].values() if item["type"] == "aws:cloudformation:stack"]
        found[name] = [item["properties"].get("terminationProtection", False) for item in stacks]
    assert found == {"dev": [False] * 4, "prod": [True] * 4, "existing": [True] * 4}


def test_monitoring_imports_only_what_is_never_removed(environment: Environment) -> None:
    """CloudFormation refuses to remove an export that another stack uses."""
    (monitoring,) = [path for path in environment.templates() if "monitoring" in path.name]
    imported = re.findall(r'"Fn::ImportValue": "([^"]+)"', monitoring.read_text())
    assert {re.sub(r"[0-9A-F]{8}", "", name.split(":")[1]) for name in imported} == {
        "ExportsOutputFnGetAttKeyArn",
        "ExportsOutputRefHttpApi",
    }


def test_secrets_and_documents_are_found_by_name(environment: Environment) -> None:
    """So that a grant, and the secret that it reads, can be removed from the catalog."""
    assert not [name for name in exports(environment) if re.search(r"Secrets|Documents", name)]


def test_a_function_can_be_removed(dev: Environment, tmp_path: Path) -> None:
    """One more than today, with a secret of its own to read; today's release is the one without it."""
    obsolete = Function(
        name="obsolete",
        side=Side.INTERNET,
        trigger=Trigger.HTTP,
        purpose="was removed from the catalog",
        memory=256,
        timeout=5,
        grants=(Grant.OPENAI_API_KEY,),
    )
    packages = empty_packages(tmp_path / "packages")
    before = synthesize("dev", tmp_path / "out", packages, functions=[*FUNCTIONS, obsolete])
    assert before.function("obsolete")
    assert exports(before) - exports(dev) == set()


def exports(environment: Environment) -> set[str]:
    """The names that other stacks import."""
    outputs = [json.loads(path.read_text()).get("Outputs", {}) for path in environment.templates()]
    return {output["Export"]["Name"] for found in outputs for output in found.values() if "Export" in output}


# --- one machine more -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_machine_more(node: None, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`dev` with a queued machine more: a line in the catalog and its file, which sends to the conversation's queue."""
    folder = tmp_path_factory.mktemp("machine")
    definitions = folder / "statemachines"
    shutil.copytree(ROOT / "statemachines", definitions)
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": "${ConversationQueueUrl}", "MessageBody": "{}"},
        "TimeoutSeconds": 5,
        "End": True,
    }
    content = {"QueryLanguage": "JSONata", "StartAt": "Send", "TimeoutSeconds": 30, "States": {"Send": send}}
    (definitions / "reminder.asl.json").write_text(json.dumps(content))
    machines = [*MACHINES, Machine("reminder", "reminds parents", seconds=30, queue="reminders")]
    packages = empty_packages(folder / "packages")
    return synthesize("dev", folder / "out", packages, machines=machines, definitions=definitions)


def test_a_line_in_the_catalog_makes_queue_pipe_machine_and_alarms(
    dev: Environment, one_machine_more: Environment
) -> None:
    before, after = (Counter(item.type for item in it.resources) for it in (dev, one_machine_more))
    added = after - before
    assert before - after == Counter()
    assert added["AWS::SQS::Queue"] == 2
    assert added["AWS::Pipes::Pipe"] == 1
    assert added["AWS::StepFunctions::StateMachine"] == 1
    assert added["AWS::CloudWatch::Alarm"] == 4  # two of its queue, two of its executions
    assert added["AWS::IAM::Role"] == 2  # of the pipe and of the machine
    ids = queue_ids(one_machine_more)
    assert one_machine_more.one(ids["reminders.fifo"])["VisibilityTimeout"] == 60
    assert exports(one_machine_more) == exports(dev)  # so that it can be removed again


def test_a_machine_may_send_to_the_queue_that_its_definition_names(one_machine_more: Environment) -> None:
    machine = Machine("reminder", "", seconds=30, queue="reminders")
    queue = queue_ids(one_machine_more)["messages.fifo"]
    made = deployed(one_machine_more, machine)
    assert made["DefinitionSubstitutions"] == {"ConversationQueueUrl": {"Ref": queue}}
    assert granted(one_machine_more, machine, "sqs:SendMessage") == [{"Fn::GetAtt": [queue, "Arn"]}]
    assert granted(one_machine_more, machine, "lambda:InvokeFunction") == []


def test_the_grant_that_brings_a_queues_url_allows_sending_to_it(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a grant of today's takes the place of the new one."""
    monkeypatch.setitem(SETTINGS_OF_GRANT, Grant.SEND_EVENTS, ("EVENTS_QUEUE_URL", "REMINDER_QUEUE_URL"))
    definitions = tmp_path / "statemachines"
    shutil.copytree(ROOT / "statemachines", definitions)
    content = {"StartAt": "Done", "TimeoutSeconds": 30, "States": {"Done": {"Type": "Succeed"}}}
    (definitions / "reminder.asl.json").write_text(json.dumps(content))
    machines = [*MACHINES, Machine("reminder", "reminds parents", seconds=30, queue="reminders")]
    packages = empty_packages(tmp_path / "packages")
    made = synthesize("dev", tmp_path / "out", packages, machines=machines, definitions=definitions)
    queue = queue_ids(made)["reminders.fifo"]
    webhook = made.function("webhook")
    assert webhook["Environment"]["Variables"]["REMINDER_QUEUE_URL"] == {"Ref": queue}
    allowed = [it for it in made.statements(webhook["Role"]) if as_list(it["Action"]) == ["sqs:SendMessage"]]
    assert {"Fn::GetAtt": [queue, "Arn"]} in [arn for it in allowed for arn in as_list(it["Resource"])]
