"""The port of AWS: our own CloudFormation and Invoke, pages, roles enforced, and moto for everything else."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from local.plan import ACCOUNT, REGION
from local.rehearsal.emulator.account import Account
from local.rehearsal.emulator.functions import named
from local.rehearsal.emulator.signatures import caller
from local.rehearsal.emulator.types.base import client
from local.step_functions.errors import InvokeError

INVOKE = "/2015-03-31/functions/"
SETTINGS = "/2016-08-19/account-settings"


class App:
    """The WSGI application."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._moto = DomainDispatcherApplication(create_backend_app)
        find = lru_cache(maxsize=512)(self._moto.get_backend_for_host)  # moto lists its folders each time
        self._moto.get_backend_for_host = find  # type: ignore[method-assign]

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(dict(environ))
        key, service = caller(environ.get("HTTP_AUTHORIZATION", ""))
        response = self._refusal(request, key, service) or self._own(request, service)
        environ["wsgi.input"].seek(0)  # read above
        return (response or self._moto)(dict(environ), start_response)

    def _refusal(self, request: Request, key: str, service: str) -> Response | None:
        """An answer if the caller is a function's role that may not do this."""
        identity = self._account.functions.identities.get(key)
        if identity is None:
            return None  # CloudFormation or an operator
        action, resource = _asked(request, service)
        if self._account.policies.allow(identity.role, action, resource):
            return None
        if service == "s3":
            return Response("<Error><Code>AccessDenied</Code></Error>", status=403, content_type="application/xml")
        return _json({"__type": "AccessDeniedException", "message": f"{action} on {resource}"}, 403)

    def _own(self, request: Request, service: str) -> Response | None:
        account, path = self._account, request.path
        if service == "cloudformation":
            return account.cloudformation.handle(request)
        if service == "lambda" and request.method == "POST" and path.endswith("/invocations"):
            return self._invoke(unquote(path.removeprefix(INVOKE).removesuffix("/invocations")), request)
        if service == "lambda" and path == SETTINGS:
            limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
            return _json({"AccountLimit": limits, "AccountUsage": {}})
        if request.headers.get("X-Amz-Target") == "AWSStepFunctions.StartSyncExecution":
            return self._start_sync(request)
        match request.method, *path.strip("/").split("/"):
            case "GET", "ready":
                return _json({"ready": True})
            case "GET", "executions":
                return _json(account.executions.summaries())
            case "GET", "executions", name:
                return _json(account.executions.details(name) or {})
            case "GET", "rehearsal":
                return _json(self._seen())
        return None

    def _seen(self) -> dict[str, Any]:
        """What happened in the account: for the checks at the end."""
        account = self._account
        return {
            "decisions": [asdict(item) for item in account.policies.decisions],
            "refused": [reason for gate in account.gates for reason in gate.refused],
            "memory": account.functions.memory(),
            "resources": {
                name: [[item.type, item.made.id] for item in stack.resources.values()]
                for name, stack in account.cloudformation.stacks.items()
            },
            "retained": [item for stack in account.cloudformation.deleted for item in stack.retained],
        }

    def _start_sync(self, request: Request) -> Response:
        given = json.loads(request.get_data())
        arn = given["stateMachineArn"]
        execution = self._account.execute(arn, json.loads(given.get("input", "{}")), name=given.get("name", ""))
        return _json(execution.sync_response() | {"stateMachineArn": arn})

    def _invoke(self, function: str, request: Request) -> Response:
        name = function + (f":{qualifier}" if (qualifier := request.args.get("Qualifier")) else "")
        try:
            result = self._account.invoke_api(name, request.get_data() or b"{}")
        except InvokeError as error:
            return _json({"message": error.message, "__type": error.code}, error.status)
        response = Response(result.payload, content_type="application/json")
        if result.failed:
            response.headers["X-Amz-Function-Error"] = "Unhandled"
        return response


def _asked(request: Request, service: str) -> tuple[str, str]:
    """(action, ARN) of a request of a function."""
    # A batch needs the permission of the single call.
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2].removesuffix("Batch")
    prefix = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    if service == "s3":
        host = request.host.partition(":")[0]
        path = unquote(request.path).lstrip("/")
        if ".s3." in host:
            path = f"{host.partition('.s3.')[0]}/{path}"
        action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
        return f"s3:{action.get(request.method, request.method)}", f"arn:aws:s3:::{path}"
    if service == "lambda":
        name, qualifier = named(unquote(request.path.removeprefix(INVOKE).removesuffix("/invocations")))
        suffix = f":{qualifier}" if qualifier else ""
        return "lambda:InvokeFunction", f"{prefix}:function:{name}{suffix}"
    if service == "cloudformation":
        form = dict(parse_qsl(request.get_data(as_text=True)))
        return f"cloudformation:{form.get('Action')}", form.get("StackName", "*")
    if request.mimetype == "application/x-www-form-urlencoded":
        form = dict(parse_qsl(request.get_data(as_text=True)))
        return f"{service}:{form.get('Action')}", "*"
    given = json.loads(request.get_data() or b"{}")
    if service == "states":
        return f"states:{target}", str(given.get("stateMachineArn", "*"))
    if service == "monitoring":
        return f"cloudwatch:{target}", "*"
    if service == "sqs":
        return f"sqs:{target}", f"{prefix}:{given.get('QueueUrl', '').rpartition('/')[2]}"
    if service == "secretsmanager":
        return f"secretsmanager:{target}", _secret_arn(str(given.get("SecretId", "")))
    return f"{service}:{target}", "*"


def _secret_arn(name: str) -> str:
    """The whole ARN, which ends in six characters that the service makes up."""
    return name if name.startswith("arn:") else str(client("secretsmanager").describe_secret(SecretId=name)["ARN"])


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
