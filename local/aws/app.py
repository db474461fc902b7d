"""The WSGI application: pages of our own, StartSyncExecution, and moto for every other request."""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from local.aws.account import Account
from local.aws.faults import Call, Environ, Faults
from local.event_log import CONTENT_TYPE
from local.plan import machine_arn
from local.world.client import WorldClient

AMZ_JSON = "application/x-amz-json-1.0"


class App:
    """All requests to the port of AWS."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._faults = Faults(WorldClient(account.plan.world_url))
        self._moto = DomainDispatcherApplication(create_backend_app)
        find = lru_cache(maxsize=256)(self._moto.get_backend_for_host)  # moto lists its folders each time: 1 ms
        self._moto.get_backend_for_host = find  # type: ignore[method-assign]

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._own_response(environ)
        if response is None and (call := Call.of(environ)):
            response = self._failure(environ, call)
        return (response or self._moto)(dict(environ), start_response)

    def _own_response(self, environ: Environ) -> Response | None:
        account = self._account
        if environ.get("HTTP_X_AMZ_TARGET") == "AWSStepFunctions.StartSyncExecution":
            return self._start_sync_execution(Request(dict(environ)).get_json(force=True))
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/").split("/"):
            case "GET", ["ready"]:
                return page({"ready": True})
            case "GET", ["executions"]:
                return page(account.executions.summaries())
            case "GET", ["executions", "events"]:
                return Response(account.executions.events.stream(), content_type=CONTENT_TYPE)
            case "GET", ["executions", name]:
                details = account.executions.details(name)
                return page(details) if details else page({"message": "not among the latest executions"}, 404)
            case "GET", ["queues"]:
                return page(account.queues.counts())
            case "GET", ["pipes"]:
                return page({name: consumer.is_paused for name, consumer in account.pipes.items()})
            case "POST", ["pipes", machine, ("stop" | "start") as action]:
                if machine not in account.pipes:
                    return page({"message": f"no pipe starts {machine}; there are: {', '.join(account.pipes)}"}, 404)
                account.pipes[machine].is_paused = action == "stop"
                return page({"stopped": account.pipes[machine].is_paused})
            case "POST", ["queues", "forget-duplicates"]:
                account.queues.forget_duplicates()
                return page({"forgotten": True})
            case "POST", ["redrive"]:
                return page({"moved": account.queues.redrive()})
        return None

    def _start_sync_execution(self, request: dict[str, Any]) -> Response:
        arn = request["stateMachineArn"]
        machine = next((name for name in self._account.definitions if machine_arn(name) == arn), None)
        if machine is None:
            return page(
                {"__type": "StateMachineDoesNotExist", "message": "State Machine Does Not Exist"}, 400, AMZ_JSON
            )
        try:
            execution_input = json.loads(request.get("input") or "{}")
        except ValueError:
            message = "Invalid State Machine Execution Input"
            return page({"__type": "InvalidExecutionInput", "message": message}, 400, AMZ_JSON)
        execution = self._account.execute(machine, execution_input, name=request.get("name", ""))
        return page(execution.sync_response(), content_type=AMZ_JSON)

    def _failure(self, environ: Environ, call: Call) -> Response | None:
        met = self._faults.meet(call)
        if met.status == 200:
            return None
        if met.is_done:
            Response.from_app(self._moto, dict(environ))
        content_type = AMZ_JSON if environ.get("HTTP_X_AMZ_TARGET") else "application/json"
        return page({"__type": "InternalServiceError", "message": "injected fault"}, met.status, content_type)


def page(value: Any, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(json.dumps(value, default=str), status, content_type=content_type)
