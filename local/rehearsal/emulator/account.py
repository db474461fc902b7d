"""The emulated account: what was deployed runs, connected as the templates say and held to its roles."""

from local import moto_patches  # before anything of moto.stepfunctions

# isort: split
import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from moto.awslambda.exceptions import UnknownFunctionException
from moto.core.config import default_user_config
from moto.sqs.models import sqs_backends

from infra.catalog import Authorization, Route
from local.aws.consumers import Consumer, Record, event_source_mapping, pipe
from local.aws.executions import ExecutionLog
from local.http_api import http_api
from local.lambda_service.invocation import Result, TooManyRequests
from local.plan import ACCOUNT, REGION, Plan
from local.rehearsal.emulator import certificates, registry
from local.rehearsal.emulator.cloudformation import CloudFormation
from local.rehearsal.emulator.delivery import LogDelivery, log_execution
from local.rehearsal.emulator.functions import Functions, named, secrets_of
from local.rehearsal.emulator.internet import AWS, Internet
from local.rehearsal.emulator.policies import Policies, pattern
from local.rehearsal.emulator.servers import CacheGate, DatabaseGate, make_users
from local.rehearsal.emulator.types.base import client, use_endpoint
from local.rehearsal.emulator.types.data import CACHE_DOMAIN, DATABASE_DOMAIN
from local.step_functions.errors import FunctionError, InvokeError
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from local.world.http_server import Request, Response, listen

RETRY_SECONDS: Final = 3  # until a message is received again after a failure; on AWS: the visibility timeout
EXECUTIONS_AT_ONCE: Final = 20
PARAMETER: Final = re.compile(r"\{\w+\}")  # of a path: stands for any text


class Account:
    """Everything that runs; `loop` is that of functions and network."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop, services: dict[str, tuple[str, str]]) -> None:
        moto_patches.apply()
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        use_endpoint(plan.aws_url)
        self.plan, self._loop = plan, loop
        registry.start(registry.Registry(self._invoke_as_aws))
        self.policies = Policies()
        self.executions = ExecutionLog()
        self.cloudformation = CloudFormation(self.reconcile)
        self._consumers: dict[str, Consumer] = {}
        self._api = http_api(self._invoke_for_api, [])
        self._started: list[asyncio.Server] = []
        self.internet = Internet(plan, self._serve_api, services)
        databases = [f"*.{DATABASE_DOMAIN}", f"*.{CACHE_DOMAIN}"]
        folder = plan.folder
        self._authority, self._certificate = certificates.make(folder, [*self.internet.names, *databases])
        self.functions: Functions
        self.gates: list[Any] = []
        self.logs = LogDelivery(plan.folder / "logs")

    async def start(self) -> None:
        """Open the ports of the network."""
        self.functions = Functions(self.plan, self._authority)
        shared = (
            self._certificate,
            self.policies,
            lambda: secrets_of(self.functions.identities),
            lambda key: self.functions.identities[key].role,
        )
        primary = DatabaseGate(False, self.plan.ports.postgres, *shared)
        replica = DatabaseGate(True, self.plan.ports.replica, *shared)
        cache = CacheGate(self.plan.ports.redis, *shared)
        self.gates = [primary, replica, cache]
        for gate in self.gates:
            self._started.append(await gate.start())
        self._started.append(await self.internet.start(self._certificate))
        self._started.append(await listen(self._serve_api, self.plan.ports.http_api))
        self.functions.routes = self._routes
        self.logs.start()

    def _routes(self, inside: bool) -> list[list[Any]]:
        """[host, port there, port here]: what each side of the network reaches."""
        if not inside:
            names = [*self.internet.names, registry.RESPONSES_HOST]
            return [[name, 443, self.internet.port] for name in names]
        primary, replica, cache = self.gates
        found = registry.account()
        databases = [
            [item.host, item.port, (replica if item.is_replica else primary).port] for item in found.databases.values()
        ]
        ports = (6379, self.plan.ports.redis)  # the second: as the node itself names it to cluster clients
        caches = [[item.host, port, cache.port] for item in found.caches.values() for port in ports]
        node = [["127.0.0.1", self.plan.ports.redis, cache.port]]
        return [
            *databases,
            *caches,
            *node,
            [f"s3.{AWS}", 443, self.internet.port],
            [f"*.s3.{AWS}", 443, self.internet.port],
        ]

    # --- what was deployed -----------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Run what the stacks say now: the routes, the pipes, the event source mappings."""
        self.policies.forget()
        make_users(self.plan.ports.redis, registry.account().cache_users.values())
        self._loop.call_soon_threadsafe(self.functions.stop_deleted)
        self._api = http_api(self._invoke_for_api, self._deployed_routes())
        wanted = {**self._pipes(), **self._mappings()}
        for name in [name for name in self._consumers if name not in wanted]:
            self._consumers.pop(name).stop()
        for name, make in wanted.items():
            if name not in self._consumers:
                self._consumers[name] = make()
                self._consumers[name].start()

    def _deployed_routes(self) -> list[Route]:
        parts = registry.account().http_api
        found = []
        for route in parts.get("route", {}).values():
            method, _, path = route["RouteKey"].partition(" ")
            integration = parts["integration"][route["Target"].removeprefix("integrations/")]
            iam = route.get("AuthorizationType") == "AWS_IAM"
            authorization = Authorization.IAM if iam else Authorization.NONE
            found.append(Route(method, path, integration["IntegrationUri"], authorization))
        return found

    def _pipes(self) -> dict[str, Callable[[], Consumer]]:
        pipes = client("pipes")
        found: dict[str, Callable[[], Consumer]] = {}
        for listed in pipes.list_pipes()["Pipes"]:
            described = pipes.describe_pipe(Name=listed["Name"])
            found[json.dumps(["pipe", described["Source"], described["Name"]])] = partial(self._pipe, described)
        return found

    def _pipe(self, described: dict[str, Any]) -> Consumer:
        source, role = described["Source"], described["RoleArn"]
        backend = sqs_backends[ACCOUNT][REGION]

        def execute(records: list[Record]) -> bool:
            target = client("pipes").describe_pipe(Name=described["Name"])["Target"]
            for action, resource in (
                ("sqs:ReceiveMessage", source),
                ("sqs:DeleteMessage", source),
                ("sqs:GetQueueAttributes", source),
                ("states:StartSyncExecution", target),
            ):
                if not self.policies.allow(role, action, resource):
                    return False
            return self.execute(target, records, records[0]).status == "SUCCEEDED"

        return pipe(
            backend,
            backend.get_queue(source.rpartition(":")[2]),
            execute,
            at_once=EXECUTIONS_AT_ONCE,
            retry_seconds=RETRY_SECONDS,
        )

    def _mappings(self) -> dict[str, Callable[[], Consumer]]:
        return {
            json.dumps(["mapping", item["EventSourceArn"], item["FunctionName"]]): partial(self._mapping, item)
            for item in registry.account().event_sources.values()
        }

    def _mapping(self, item: dict[str, Any]) -> Consumer:
        backend, source = sqs_backends[ACCOUNT][REGION], item["EventSourceArn"]

        def invoke(event: dict[str, Any]) -> Any:
            name, _ = named(item["FunctionName"])
            role = client("lambda").get_function_configuration(FunctionName=name)["Role"]
            for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
                if not self.policies.allow(role, action, source):
                    raise InvokeError("AccessDeniedException", f"{action} on {source}", 403)
            return self._invoke(item["FunctionName"], event)

        return event_source_mapping(
            backend, backend.get_queue(source.rpartition(":")[2]), invoke, retry_seconds=RETRY_SECONDS
        )

    # --- executions ------------------------------------------------------------------------------------------------

    def execute(self, machine_arn: str, input: Any, record: Record | None = None, name: str = "") -> Execution:
        """Run the deployed definition of a state machine, with its role."""
        described = client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)
        role, full = described["roleArn"], described["name"]

        def invoke(function: str, payload: Any) -> Any:
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
            if not self.policies.allow(role, "lambda:InvokeFunction", arn):
                raise InvokeError("AccessDeniedException", f"{role} may not invoke {arn}", 403)
            return self._invoke(function, payload)

        def send(arguments: dict[str, Any]) -> dict[str, Any]:
            queue = str(arguments["QueueUrl"]).rpartition("/")[2]
            if not self.policies.allow(role, "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"):
                raise PermissionError("sqs:SendMessage")
            return dict(client("sqs").send_message(**arguments))

        execution = run(
            described["definition"],
            input,
            invoke,
            name=name or None,
            machine=full.split("-", 2)[2].replace("-", "_"),
            on_start=lambda started: self.executions.add(started, record),
            send_message=send,
            qualified=True,
        )
        log_execution(full, execution)
        return execution

    # --- functions -------------------------------------------------------------------------------------------------

    def _invoke(self, function: str, payload: Any) -> Any:
        """For state machines and mappings: the function's result, or how it failed."""
        result = self._wait(function, json.dumps(payload).encode())
        value = json.loads(result.payload) if result.payload else None
        if result.failed:
            raise FunctionError(value if isinstance(value, dict) else {"errorMessage": str(value)})
        return value

    def _invoke_as_aws(self, function: str, payload: bytes) -> bytes:
        """For CloudFormation."""
        return self._wait(function, payload).payload

    def invoke_api(self, function: str, payload: bytes) -> Result:
        """Lambda's Invoke."""
        return self._wait(function, payload)

    def _wait(self, function: str, payload: bytes) -> Result:
        future = asyncio.run_coroutine_threadsafe(self.functions.invoke(function, payload), self._loop)
        try:
            return future.result()
        except TooManyRequests:
            raise InvokeError("TooManyRequestsException", "Rate Exceeded.", 429) from None
        except UnknownFunctionException:
            raise InvokeError("ResourceNotFoundException", f"Function not found: {function}", 404) from None

    # --- HTTP API --------------------------------------------------------------------------------------------------

    async def _serve_api(self, request: Request) -> Response:
        return await self._api(request)

    async def _invoke_for_api(self, function: str, payload: bytes) -> Result:
        arn = function.partition("/functions/")[2].removesuffix("/invocations") or function
        event = json.loads(payload)["requestContext"]["http"]
        if not self._api_may_call(arn, event["method"], event["path"]):
            return Result.error("AccessDenied", f"no permission for API Gateway on {arn}")
        return await self.functions.invoke(arn, payload)

    def _api_may_call(self, function: str, method: str, path: str) -> bool:
        wanted = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:"
        for item in registry.account().permissions.values():
            if item["FunctionName"] == function and item["Principal"] == "apigateway.amazonaws.com":
                allowed = PARAMETER.sub("*", item["SourceArn"].split("/", 1)[1])  # <stage>/<method>/<path>
                asked = f"$default/{method}{path}"
                if item["SourceArn"].startswith(wanted) and pattern(allowed).fullmatch(asked):
                    return True
        return False
