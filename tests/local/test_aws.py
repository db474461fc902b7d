"""The local AWS account: queues, pipe, conversation, event source mapping, pages, over HTTP and through boto3."""

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.sqs.models import sqs_backends

from local.aws import Aws
from local.plan import BUCKET, Plan, Ports
from tests.conftest import eventually


def task(function: str, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "TimeoutSeconds": 60,
        **({} if "Next" in fields else {"End": True}),
        **fields,
    }


CONVERSATION = {
    "QueryLanguage": "JSONata",
    "StartAt": "Unwrap",
    "TimeoutSeconds": 10,
    "States": {
        "Unwrap": {"Type": "Pass", "Output": "{% $parse($states.input[0].body) %}", "Next": "Understand"},
        "Understand": task("${Understand}", Next="Send reply"),
        "Send reply": task("${SendReply}"),
    },
}
SYNC = {"QueryLanguage": "JSONata", "StartAt": "Page", "States": {"Page": task("${StudentPage}")}}


@dataclass
class Functions:
    """Stands for the Lambda service: one Python function for each name."""

    handlers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    calls: list[tuple[float, str, Any]] = field(default_factory=list)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> what a failed function reports
    refusals: dict[str, int] = field(default_factory=dict)  # name -> HTTP status of the service

    def answer(self, name: str, payload: Any) -> tuple[int, dict[str, str], Any]:
        self.calls.append((time.time(), name, payload))
        if name in self.refusals:
            return self.refusals[name], {}, {"Type": "User", "message": "not now"}
        if name in self.errors:
            return 200, {"X-Amz-Function-Error": "Unhandled"}, self.errors[name]
        handler = self.handlers.get(name, lambda payload: payload)
        return 200, {}, handler(payload)

    def of(self, name: str) -> list[Any]:
        return [payload for _, called, payload in list(self.calls) if called == name]


@dataclass
class World:
    """Stands for the simulated world: its profile, its faults, the calls it was told."""

    profile: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    recorded: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["profile"]:
                return 200, {}, self.profile
            case "POST", ["faults", service, "take"]:
                return 200, {}, self.faults.get(f"{service}.{body['operation']}")
            case "POST", ["calls"]:
                self.recorded.append(body)
                return 200, {}, {}
        return 404, {}, None


def serve(port: int, answer: Callable[[str, str, Any], tuple[int, dict[str, str], Any]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, value = answer(self.command, self.path, json.loads(body) if body else None)
            data = json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@dataclass
class Account:
    plan: Plan
    functions: Functions
    world: World

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.plan.aws_url,
            region_name="eu-west-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        )

    def send(self, message_id: str, group: str = "parent", **body: Any) -> None:
        self.client("sqs").send_message(
            QueueUrl=self.plan.queue_url("messages.fifo"),
            MessageBody=json.dumps({"id": message_id, **body}),
            MessageGroupId=group,
            MessageDeduplicationId=message_id,
        )

    def page(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.plan.aws_url + path, method=method)
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def executions(self, message_id: str) -> list[dict[str, Any]]:
        """Those of one message, oldest first."""
        return [item for item in reversed(self.page("/executions")) if item.get("message_id") == message_id]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    plan = Plan.create(tmp_path_factory.mktemp("stack"), Ports.free(), retry_seconds=1)
    account = Account(plan, Functions(), World())
    services = [
        serve(plan.ports.lambdas, lambda method, path, body: account.functions.answer(path.split("/")[3], body)),
        serve(plan.ports.world, lambda method, path, body: account.world.answer(method, path, body)),
    ]
    aws = Aws(plan, {"conversation": json.dumps(CONVERSATION), "student_sync": json.dumps(SYNC)})
    server = aws.server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws.start()
    yield account
    aws.stop()
    for service in [server, *services]:
        service.shutdown()
        service.server_close()


@pytest.fixture
def account(running: Account) -> Account:
    """The running account with functions and a world that do nothing special."""
    running.functions, running.world = Functions(), World()
    return running


def test_it_says_when_it_is_ready(account: Account) -> None:
    assert account.page("/ready") == {"ready": True}


def test_a_message_runs_the_conversation_with_the_record_that_aws_sends(account: Account) -> None:
    before = time.time()
    account.send("wamid.1", "+263771", text='a "quote"')
    execution = eventually(lambda: [e for e in account.executions("wamid.1") if e["status"] == "SUCCEEDED"])[0]
    assert account.functions.of("understand") == [{"id": "wamid.1", "text": 'a "quote"'}]
    assert [state["name"] for state in execution["timeline"]] == ["Unwrap", "Understand", "Send reply"]
    assert all(state["ok"] and state["start"] <= state["stop"] for state in execution["timeline"])
    assert before - 0.01 <= execution["sent"] <= execution["start"] <= execution["stop"]
    details = account.page(f"/executions/{execution['name']}")
    assert details["output"] == {"id": "wamid.1", "text": 'a "quote"'}
    (record,) = details["input"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:messages.fifo"
    assert record["awsRegion"] == "eu-west-1"
    assert set(record) == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"),
        *("eventSource", "eventSourceARN", "awsRegion"),
    }
    assert record["attributes"]["MessageGroupId"] == "+263771"
    assert record["attributes"]["MessageDeduplicationId"] == "wamid.1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(record["attributes"]["SentTimestamp"]) / 1000 == execution["sent"]
    assert eventually(lambda: account.page("/queues")["messages.fifo"] == {"visible": 0, "in_flight": 0})


def test_the_queue_is_the_one_that_is_deployed(account: Account) -> None:
    sqs = account.client("sqs")
    url = account.plan.queue_url("messages.fifo")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["FifoQueue"] == "true"
    assert attributes["DeduplicationScope"] == "messageGroup"
    assert attributes["FifoThroughputLimit"] == "perMessageGroupId"
    assert attributes["VisibilityTimeout"] == str(account.plan.visibility_seconds)
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:messages-dlq.fifo",
        "maxReceiveCount": 20,
    }


def test_an_unknown_execution_is_not_found(account: Account) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        account.page("/executions/none")


def test_messages_of_one_parent_wait_for_each_other_and_parents_do_not(account: Account) -> None:
    all_parents = threading.Barrier(8)

    def understand(payload: Any) -> Any:
        if payload["id"].startswith("first"):
            all_parents.wait(30)
        return payload

    account.functions.handlers["understand"] = understand
    account.send("first.a", "a")
    account.send("second.a", "a")
    for group in "bcdefgh":
        account.send(f"first.{group}", group)
    eventually(lambda: len(account.functions.of("send_reply")) == 9)
    order = [payload["id"] for payload in account.functions.of("understand")]
    assert order.index("second.a") == 8
    first, second = account.executions("first.a")[0], account.executions("second.a")[0]
    assert second["start"] >= first["stop"]


def test_a_message_twice_is_one_conversation(account: Account) -> None:
    account.send("twice")
    eventually(lambda: account.functions.of("send_reply"))
    account.send("twice")
    time.sleep(0.3)
    assert len(account.executions("twice")) == 1


def test_a_failed_conversation_is_tried_again_until_it_succeeds(account: Account) -> None:
    account.functions.errors["send_reply"] = {"errorType": "WhatsAppUnavailable", "errorMessage": "503"}
    account.send("again", "again")
    failed = eventually(lambda: [e for e in account.executions("again") if e["status"] == "FAILED"])[0]
    assert failed["error"] == "WhatsAppUnavailable"
    assert json.loads(failed["cause"])["errorMessage"] == "503"
    assert failed["timeline"][-1]["error"] == "WhatsAppUnavailable"
    assert eventually(lambda: account.page("/queues")["messages.fifo"]["in_flight"] == 1)
    account.functions.errors.clear()
    eventually(lambda: [e for e in account.executions("again") if e["status"] == "SUCCEEDED"])
    tries = account.executions("again")
    assert [item["receive_count"] for item in tries] == list(range(1, len(tries) + 1))
    assert all(after["start"] - before["stop"] > 0.9 for before, after in pairwise(tries))


def test_a_lambda_service_that_refuses_or_is_gone_fails_the_conversation(account: Account) -> None:
    account.functions.refusals["understand"] = 429
    account.send("refused", "refused")
    failed = eventually(lambda: [e for e in account.executions("refused") if e["status"] == "FAILED"])[0]
    assert failed["error"] == "Lambda.TooManyRequestsException"
    account.functions.refusals.clear()
    eventually(lambda: [e for e in account.executions("refused") if e["status"] == "SUCCEEDED"])


def test_what_failed_too_often_waits_in_the_dead_letter_queue_for_a_redrive(account: Account) -> None:
    account.functions.errors["understand"] = {"errorType": "Broken", "errorMessage": ""}
    account.send("dead", "dead")
    eventually(lambda: account.executions("dead"))
    queue = sqs_backends["123456789012"]["eu-west-1"].queues["messages.fifo"]
    with queue._messages_lock:
        for message in queue._messages:
            message.approximate_receive_count = 20
    eventually(lambda: account.page("/queues")["messages-dlq.fifo"]["visible"] == 1)
    account.functions.errors.clear()
    assert account.page("/redrive", "POST") == {"moved": 1}
    eventually(lambda: [e for e in account.executions("dead") if e["status"] == "SUCCEEDED"])
    assert account.page("/queues")["messages-dlq.fifo"] == {"visible": 0, "in_flight": 0}


def test_events_arrive_in_batches_and_only_what_failed_comes_back(account: Account) -> None:
    seen: list[str] = []

    def record_delivery(event: Any) -> Any:
        bodies = [record["body"] for record in event["Records"]]
        fresh = [record["messageId"] for record in event["Records"] if record["body"] == "3" and "3" not in seen]
        seen.extend(bodies)
        return {"batchItemFailures": [{"itemIdentifier": item} for item in fresh]}

    account.functions.handlers["record_delivery"] = record_delivery
    entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(10)]
    account.client("sqs").send_message_batch(QueueUrl=account.plan.queue_url("events"), Entries=entries)
    eventually(lambda: len(seen) >= 10)
    eventually(lambda: len(seen) == 11)
    assert sorted(seen) == sorted([*map(str, range(10)), "3"])
    assert max(len(event["Records"]) for event in account.functions.of("record_delivery")) > 1
    eventually(lambda: account.page("/queues")["events"] == {"visible": 0, "in_flight": 0})


def test_start_sync_execution_answers_when_it_is_over(account: Account) -> None:
    states = account.client("stepfunctions")
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:conversation"
    records = json.dumps([{"body": '{"id": "by hand"}'}])
    answer = states.start_sync_execution(stateMachineArn=arn, input=records, name="by-hand")
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"id": "by hand"})
    assert answer["startDate"] <= answer["stopDate"]
    account.functions.errors["understand"] = {"errorType": "Broken", "errorMessage": "x"}
    answer = states.start_sync_execution(stateMachineArn=arn, input=records)
    assert (answer["status"], answer["error"]) == ("FAILED", "Broken")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_sync_execution(stateMachineArn=arn + "x", input="{}")


def test_a_standard_machine_is_started_and_described(account: Account) -> None:
    states = account.client("stepfunctions")
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:student_sync"
    started = [states.start_execution(stateMachineArn=arn, input='{"page": 1}')["executionArn"] for _ in range(2)]
    assert started[0] != started[1]
    for execution in started:
        done = eventually(
            lambda arn=execution: (
                (found := states.describe_execution(executionArn=arn))["status"] != "RUNNING" and found
            )
        )
        assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"page": 1})
    (latest, *_) = account.page("/executions")
    assert (latest["machine"], latest["status"]) == ("student_sync", "SUCCEEDED")
    assert [state["name"] for state in latest["timeline"]] == ["Page"]


def test_secrets_and_documents_are_there(account: Account) -> None:
    secrets, s3 = account.client("secretsmanager"), account.client("s3")
    for name, value in account.plan.secret_values.items():
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == value
    s3.put_object(Bucket=BUCKET, Key="passes/a b.pdf", Body=b"%PDF" * 5000, ContentType="application/pdf")
    found = s3.get_object(Bucket=BUCKET, Key="passes/a b.pdf")
    assert (found["Body"].read(), found["ContentType"]) == (b"%PDF" * 5000, "application/pdf")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="passes/none.pdf")


def test_they_are_as_slow_and_as_broken_as_the_world_says(account: Account) -> None:
    secrets, s3 = account.client("secretsmanager"), account.client("s3")
    time.sleep(1.05)  # the profile is kept for a second
    account.world.profile = {"secrets_seconds": 0.3, "s3_put_seconds": 0.4}
    start = time.monotonic()
    secrets.get_secret_value(SecretId="school/local/whatsapp-app-secret")
    assert time.monotonic() - start > 0.29
    start = time.monotonic()
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 20_000)
    assert time.monotonic() - start > 0.39
    s3.get_object(Bucket=BUCKET, Key="k")["Body"].read()
    account.world.faults = {
        "s3.put": {"kind": "status", "status": 503},
        "secrets.get": {"kind": "status", "status": 500},
    }
    with pytest.raises(ClientError):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"y")
    with pytest.raises(ClientError):
        secrets.get_secret_value(SecretId="school/local/whatsapp-app-secret")
    account.world.faults, account.world.profile = {}, {}
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x" * 20_000
    told = eventually(lambda: len(account.world.recorded) >= 6 and account.world.recorded)
    assert {(call["service"], call["operation"]) for call in told} == {("secrets", "get"), ("s3", "put"), ("s3", "get")}
    assert {call["status"] for call in told} == {200, 500, 503}


def test_an_upload_is_told_to_go_on_before_its_body_is_sent(account: Account) -> None:
    """Else boto3 would wait a second for it, at every upload."""
    with socket.create_connection(("127.0.0.1", account.plan.ports.aws), 30) as connection:
        head = f"PUT /{BUCKET}/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"x")
        assert connection.recv(1024).startswith(b"HTTP/1.1 ")


def test_a_connection_stays_open_from_call_to_call(account: Account) -> None:
    """As AWS's do; and what one request left unread is not taken for the next."""
    connection = http.client.HTTPConnection("127.0.0.1", account.plan.ports.aws, timeout=30)
    connection.connect()
    opened = connection.sock
    for method, path, status in (("POST", "/redrive", 200), ("HEAD", "/nothing", 404), ("GET", "/ready", 200)):
        connection.request(method, path, body=b"left unread" if method == "POST" else None)
        response = connection.getresponse()
        response.read()
        assert (response.status, response.will_close) == (status, False)
        assert connection.sock is opened
    connection.close()
