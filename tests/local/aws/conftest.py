"""An AWS account over HTTP, with three small state machines, two of them behind a queue."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.catalog import Machine
from local.aws.account import Account
from local.aws.app import App
from local.aws.server import make
from local.plan import Plan, Ports


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


UNWRAP = {"Type": "Pass", "Output": "{% $parse($states.input[0].body) %}"}
CONVERSATION = {
    "QueryLanguage": "JSONata",
    "StartAt": "Unwrap",
    "TimeoutSeconds": 10,
    "States": {
        "Unwrap": {**UNWRAP, "Next": "Understand"},
        "Understand": task("${Understand}", Next="Send reply"),
        "Send reply": task("${SendReply}"),
    },
}
PAYMENT = {
    "QueryLanguage": "JSONata",
    "StartAt": "Unwrap",
    "TimeoutSeconds": 10,
    "States": {
        "Unwrap": {**UNWRAP, "Next": "Receive payment"},
        "Receive payment": task("${PrepareReceipts}", Next="Pass on"),
        "Pass on": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Arguments": {
                "QueueUrl": "${ConversationQueueUrl}",
                "MessageBody": "{% {'id': 'from ' & $states.input.id} %}",
                "MessageGroupId": "{% $states.input.id %}",
                "MessageDeduplicationId": "{% $states.input.id %}",
            },
            "Output": "{% $states.result.SequenceNumber %}",
            "End": True,
        },
    },
}
SYNC = {"QueryLanguage": "JSONata", "StartAt": "Page", "States": {"Page": task("${FetchStudentPage}")}}
MACHINES = (
    Machine("conversation", "answers", seconds=90, queue="messages"),
    Machine("payment", "sends receipts", seconds=60, queue="payments"),
    Machine("student_sync", "copies", seconds=600),
)
DEFINITIONS = {
    "conversation": json.dumps(CONVERSATION),
    "payment": json.dumps(PAYMENT),
    "student_sync": json.dumps(SYNC),
}


@dataclass
class Functions:
    """In place of the Lambda service: one Python function for each name."""

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
    """In place of the simulated world: its profile, its faults, the calls that were reported."""

    profile: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    recorded: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["profile"]:
                return 200, {}, self.profile
            case "GET", ["faults"]:
                return 200, {}, {name.partition(".")[0]: [fault] for name, fault in self.faults.items()}
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
class RunningAccount:
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

    def send(self, message_id: str, group: str = "parent", queue: str = "messages.fifo", **body: Any) -> None:
        self.client("sqs").send_message(
            QueueUrl=self.plan.queue_url(queue),
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


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    plan = Plan.create(tmp_path_factory.mktemp("stack"), Ports.free(), retry_seconds=1)
    running = RunningAccount(plan, Functions(), World())
    services = [
        serve(plan.ports.lambdas, lambda method, path, body: running.functions.answer(path.split("/")[3], body)),
        serve(plan.ports.world, lambda method, path, body: running.world.answer(method, path, body)),
    ]
    account = Account(plan, DEFINITIONS, MACHINES)
    server = make(App(account), plan.ports.aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    account.start()
    yield running
    account.stop()
    for service in [server, *services]:
        service.shutdown()
        service.server_close()


@pytest.fixture
def account(running: RunningAccount) -> RunningAccount:
    """The running account; its functions return their payload, and the world has no delays and faults."""
    running.functions, running.world = Functions(), World()
    return running
