"""AWS on one machine: moto's services on one port, the pipe that runs the conversation, and pages that show both.

    python -m local.aws --plan .local/plan.json

| page | what |
|---|---|
| `GET /ready` | 200 once everything is created |
| `GET /executions` | the latest 200 runs of state machines, newest first, with their timelines |
| `GET /executions/<name>` | one of them, with input and output |
| `GET /queues` | what waits, what is in hand, what is in the dead-letter queues |
| `POST /pipe/stop`, `/pipe/start` | the conversation queue's pipe, as StopPipe and StartPipe do |
| `POST /redrive` | dead-letter queues back to their sources |
"""

from local import light_moto  # noqa: F401 - first

# isort: split
import argparse
import io
import json
import logging
import os
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import Queue, SQSBackend, sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from local import moto_patches, pipe
from local.child import die_with_parent
from local.lambda_client import LambdaClient
from local.plan import ACCOUNT, BUCKET, REGION, Plan
from local.state_machines import ROLE, Execution, check, machine_arn, run, run_standard_executions, substitute
from local.world_client import WorldClient

log = logging.getLogger(__name__)

DEFINITIONS: Final = Path(__file__).parents[1] / "statemachines"
CONVERSATION: Final = "conversation"
EXECUTIONS_KEPT: Final = 200
MAX_RECEIVE_COUNT: Final = 20
SILENCE_SECONDS: Final = 600
_DELAYS: Final = {("secrets", "get"): "secrets_seconds", ("s3", "put"): "s3_put_seconds"}  # of the world's profile
DEAD_LETTER_QUEUES: Final = {"messages.fifo": "messages-dlq.fifo", "events": "events-dlq"}

Environ = Mapping[str, Any]
StartResponse = Callable[..., Any]
Answer = tuple[int, Any]


class Aws:
    """The account of one run of the local stack: its resources, the pipe, and what ran."""

    def __init__(self, plan: Plan, definitions: Mapping[str, str]) -> None:
        """`definitions`: the name of each state machine -> its ASL, placeholders not yet substituted."""
        moto_patches.apply()
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        self.plan = plan
        self._functions = LambdaClient(plan.lambdas_url)
        self._world = WorldClient(plan.world_url)
        self._recent: deque[tuple[Execution, dict[str, Any]]] = deque(maxlen=EXECUTIONS_KEPT)
        self._moto = DomainDispatcherApplication(create_backend_app)
        find = lru_cache(maxsize=256)(self._moto.get_backend_for_host)  # it would list moto's folders each time: 1 ms
        self._moto.get_backend_for_host = find  # type: ignore[method-assign]
        self._sqs: SQSBackend = sqs_backends[ACCOUNT][REGION]
        self._queues = self._create_queues()
        self._create_bucket_and_secrets()
        self._definitions = self._create_state_machines(definitions)
        self._consumers = [
            pipe.pipe(
                self._sqs,
                self._queues["messages.fifo"],
                self._converse,
                at_once=plan.conversations_at_once,
                retry_seconds=plan.retry_seconds,
            ),
            pipe.event_source_mapping(
                self._sqs,
                self._queues["events"],
                lambda event: self._functions.invoke("record_delivery", event),
                retry_seconds=plan.retry_seconds,
            ),
        ]

    # --- resources -----------------------------------------------------------------------------------------------

    def _create_queues(self) -> dict[str, Queue]:
        queues = {}
        for name, dead_letter_name in DEAD_LETTER_QUEUES.items():
            fifo: dict[str, Any] = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            dead_letters = self._sqs.create_queue(dead_letter_name, **fifo, MessageRetentionPeriod=14 * 86400)
            if fifo:
                fifo |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
            queues[dead_letter_name] = dead_letters
            queues[name] = self._sqs.create_queue(
                name,
                **fifo,
                VisibilityTimeout=self.plan.visibility_seconds,
                RedrivePolicy={"deadLetterTargetArn": dead_letters.queue_arn, "maxReceiveCount": MAX_RECEIVE_COUNT},
            )
        return queues

    def _create_bucket_and_secrets(self) -> None:
        s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
        for name, value in self.plan.secret_values.items():
            secretsmanager_backends[ACCOUNT][REGION].create_secret(
                name=name,
                secret_string=value,
                secret_binary=None,
                description=None,
                tags=None,
                kms_key_id=None,
                client_request_token=None,
                replica_regions=[],
                force_overwrite=False,
            )

    def _create_state_machines(self, definitions: Mapping[str, str]) -> dict[str, str]:
        substituted = {}
        for name, text in definitions.items():
            substituted[name] = substitute(text, _function_arns(text) | {"SchoolApi": self.plan.school_api})
            check(substituted[name])
            stepfunctions_parser_backends[ACCOUNT][REGION].create_state_machine(
                name=name,
                definition=substituted[name],
                roleArn=ROLE,
                sm_type="EXPRESS" if name == CONVERSATION else "STANDARD",
            )
        run_standard_executions(self._functions.invoke, lambda execution: self._recent.append((execution, {})))
        return substituted

    # --- running -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take messages from the queues."""
        for consumer in self._consumers:
            consumer.start()

    def stop(self) -> None:
        for consumer in self._consumers:
            consumer.stop()

    def _converse(self, records: list[pipe.Record]) -> bool:
        attributes = records[0]["attributes"]
        message = {
            "message_id": _message_id(records[0]["body"]),
            "sent": int(attributes["SentTimestamp"]) / 1000,
            "first_received": int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
            "receive_count": int(attributes["ApproximateReceiveCount"]),
        }
        return self._execute(CONVERSATION, records, message).status == "SUCCEEDED"

    def _execute(self, machine: str, execution_input: Any, message: dict[str, Any], name: str = "") -> Execution:
        return run(
            self._definitions[machine],
            execution_input,
            self._functions.invoke,
            name=name or None,
            machine=machine,
            on_start=lambda execution: self._recent.append((execution, message)),
        )

    # --- HTTP ----------------------------------------------------------------------------------------------------

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application: our pages, StartSyncExecution, and moto for all the rest."""
        answer = self._own_answer(environ)
        if answer is not None:
            status, value = answer
            content_type = "application/x-amz-json-1.0" if environ.get("HTTP_X_AMZ_TARGET") else "application/json"
            return _respond(start_response, status, value, content_type)
        return self._slowed(environ, start_response) or self._moto(dict(environ), start_response)

    def _own_answer(self, environ: Environ) -> Answer | None:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if environ.get("HTTP_X_AMZ_TARGET") == "AWSStepFunctions.StartSyncExecution":
            return self._start_sync_execution(json.loads(_body(environ)))
        match method, path.strip("/").split("/"):
            case "GET", ["ready"]:
                return 200, {"ready": True}
            case "GET", ["executions"]:
                return 200, [_summary(*item) for item in reversed(self._recent.copy())]
            case "GET", ["executions", name]:
                found = next((item for item in self._recent.copy() if item[0].name == name), None)
                return (200, _details(*found)) if found else (404, {"message": "no such execution among the latest"})
            case "GET", ["queues"]:
                return 200, {name: _counts(queue) for name, queue in self._queues.items()}
            case "POST", ["pipe", ("stop" | "start") as what]:
                self._consumers[0].is_paused = what == "stop"
                return 200, {"stopped": self._consumers[0].is_paused}
            case "POST", ["redrive"]:
                return 200, {"moved": self._redrive()}
        return None

    def _start_sync_execution(self, request: dict[str, Any]) -> Answer:
        machine = next((name for name in self._definitions if machine_arn(name) == request["stateMachineArn"]), None)
        if machine is None:
            return 400, {"__type": "StateMachineDoesNotExist", "message": "State Machine Does Not Exist"}
        try:
            execution_input = json.loads(request.get("input") or "{}")
        except ValueError:
            return 400, {"__type": "InvalidExecutionInput", "message": "Invalid State Machine Execution Input"}
        return 200, self._execute(machine, execution_input, {}, request.get("name", "")).sync_response()

    def _slowed(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Secrets Manager and S3 are as slow as the world's profile says, and fail as its faults say (the answer)."""
        called = _service_call(environ)
        if called is None:
            return None
        (service, operation), start, status = called, time.time(), 200
        try:
            time.sleep(self._world.seconds(_DELAYS.get(called, "")))
            fault = self._world.take_fault(service, operation) or {}
            if fault.get("kind") == "slow":
                time.sleep(fault["seconds"])
            elif fault:
                time.sleep(SILENCE_SECONDS if fault["kind"] == "silent" else 0)
                status = fault.get("status") or 500
                _body(environ)  # or the next request on this connection would begin with it
                return _respond(start_response, status, {"__type": "InternalServiceError", "message": "on demand"})
            return None
        finally:
            self._world.record(service, operation, start, status)

    def _redrive(self) -> int:
        moved = 0
        for name, dead_letter_name in DEAD_LETTER_QUEUES.items():
            dead_letters, queue = self._queues[dead_letter_name], self._queues[name]
            with dead_letters._messages_lock:
                messages, dead_letters._messages = dead_letters._messages, []
                dead_letters.pending_messages.clear()
            with queue._messages_lock:
                for message in messages:
                    message.visible_at = 0
                    queue.add_message(message)  # its receive count still marks it as moved, not as sent twice
                    message.approximate_receive_count = 0
            moved += len(messages)
        return moved

    def server(self) -> BaseWSGIServer:
        """The HTTP server, listening but not yet serving."""
        server = make_server("127.0.0.1", self.plan.ports.aws, self, threaded=True, request_handler=_Handler)
        server.daemon_threads = True  # type: ignore[attr-defined]
        return server


class _Handler(MotoRequestHandler):
    """Connections that stay open, as AWS's do, and answer at once: Nagle's algorithm would cost 40 ms a call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0  # buffered, the "100 Continue" that boto3 awaits before an upload would stay here for a second

    def run_wsgi(self) -> None:
        """One request. Werkzeug's own closes every connection, since it does not know whether a body was read whole."""
        if "Transfer-Encoding" in self.headers:
            return super().run_wsgi()
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = {**self.make_environ(), "wsgi.input": io.BytesIO(body)}
        try:
            answer = Response.from_app(self.server.app, environ)
        except Exception:
            log.exception("%s", self.command)
            answer = Response(status=500)
        content = answer.get_data()
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    def log_request(self, *_: Any) -> None:
        """Nothing: bodies and names of messages do not belong in a log."""


# --- pages ------------------------------------------------------------------------------------------------------------


def _summary(execution: Execution, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": execution.name,
        "machine": execution.machine,
        **message,
        "status": execution.status,
        "start": execution.start,
        "stop": execution.stop,
        "error": execution.error,
        "cause": execution.cause,
        "timeline": [state.as_json() for state in list(execution.timeline)],
    }


def _details(execution: Execution, message: dict[str, Any]) -> dict[str, Any]:
    return {**_summary(execution, message), "input": execution.input, "output": execution.output}


def _message_id(body: str) -> str | None:
    """WhatsApp's id of a queued message; None where the body is none of ours."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _counts(queue: Queue) -> dict[str, int]:
    with queue._messages_lock:
        in_flight = len(queue.pending_messages)
        return {"visible": len(queue._messages) - in_flight, "in_flight": in_flight}


def _respond(start_response: StartResponse, status: int, value: Any, content_type: str = "") -> Iterable[bytes]:
    body = json.dumps(value, default=str).encode()
    headers = [("Content-Type", content_type or "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
    return [body]


def _body(environ: Environ) -> bytes:
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


def _service_call(environ: Environ) -> tuple[str, str] | None:
    """Service and operation, for the services whose delays and faults the world holds."""
    if environ.get("HTTP_X_AMZ_TARGET") == "secretsmanager.GetSecretValue":
        return "secrets", "get"
    signature = environ.get("HTTP_AUTHORIZATION", "") + environ["QUERY_STRING"]
    if "/s3/aws4_request" in signature.replace("%2F", "/") and environ["REQUEST_METHOD"] in {"GET", "PUT"}:
        return "s3", environ["REQUEST_METHOD"].lower()
    return None


def _function_arns(definition: str) -> dict[str, str]:
    """`${FetchFees}` -> the ARN of the function `fetch_fees`."""
    prefix = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    placeholders = set(re.findall(r"\$\{(\w+)\}", definition))
    return {name: prefix + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in placeholders}


def read_definitions(folder: Path = DEFINITIONS) -> dict[str, str]:
    """Every state machine of the product, by name."""
    return {path.name.removesuffix(".asl.json"): path.read_text("utf-8") for path in folder.glob("*.asl.json")}


def main() -> None:
    parser = argparse.ArgumentParser(description="AWS on this machine, for one run of the local stack.")
    parser.add_argument("--plan", type=Path, required=True)
    die_with_parent()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # in every thread: they are waited for below
    aws = Aws(Plan.load(parser.parse_args().plan), read_definitions())
    server = aws.server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws.start()
    signal.sigwait(stop_signals)
    os._exit(0)  # executions in hand are not waited for: their messages go with the queues


if __name__ == "__main__":
    main()
