"""The steps of a rehearsal, one after the other."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console
from sqlalchemy import create_engine, text

from infra.operations.cloud_logs import CloudLogs
from infra.operations.doctor import examine
from infra.operations.environment import Environment
from infra.operations.found import Found
from infra.paths import ROOT
from infra.settings import Settings
from local.child import ServerError
from local.plan import REGION, Plan, Ports
from local.rehearsal import checks, parents, releases
from local.rehearsal.cdk import Cdk, CdkFailed
from local.rehearsal.checks import check
from local.rehearsal.emulation import AS_ON_RDS, Emulation
from local.rehearsal.report import Report
from local.stack_client import StackClient
from local.world.sample import SampleSchool, load

TODAY: Final = date(2026, 11, 23)  # a Monday in term: what the school's rules take as today
EXPECTED: Final = frozenset({"alarm e-mail", "quota Pipes"})  # no address is set; moto has no quotas of Pipes
DELIVERY_SECONDS: Final = 20  # of logs
STATELESS: Final = ("monitoring", "bot", "data")  # the network stays with the database: docs/operations.md
LEFT_BY_DELETION: Final = ("AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::KMS::Key")


class Deployed(Environment):
    """The environment in the emulated account; its WhatsApp is the simulated one."""

    def __init__(self, name: str, plan: Plan) -> None:
        super().__init__(name)
        self._plan = plan

    def function_settings(self, name: str) -> dict[str, str]:
        return super().function_settings(name) | {"WHATSAPP_API_URL": self._plan.whatsapp_api_url}


class Rehearsal:
    """One environment, from an empty account to its removal."""

    def __init__(self, env: str, folder: Path, console: Console) -> None:
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        self.settings = Settings.load(env, context["environments"], context["presets"])
        self.env, self.folder = env, folder
        self.plan = Plan.create(folder, Ports.free(), profile="zero", today=TODAY)
        self.emulation = Emulation(self.plan, self.settings)
        self.cdk = Cdk(self.plan, env, folder / "cdk.log")
        self.running = StackClient(self.plan)
        self.report = Report(console)

    def run(self, *, releases: bool = True) -> None:
        """All steps; without `releases`, only the first deployment and what it answers. Raises what goes wrong."""
        with self._emulated():
            self.deploy()
            self.answer()
            self.look()
            self.operators()
            if releases:
                self.release()
                self.destroy()
        self.report.show()

    @contextmanager
    def _emulated(self) -> Iterator[None]:
        with self.report.step("an empty account") as found:
            self.emulation.__enter__()
            found.append("moto, PostgreSQL, Redis, simulated WhatsApp, school and OpenAI")
        try:
            for statement in AS_ON_RDS:
                self._sql(statement, user="postgres")
            yield
        finally:
            self.emulation.stop()

    # --- first deployment ------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        with self.report.step("cdk bootstrap") as found:
            self.cdk.bootstrap()
            found.append(f"{self._resources('CDKToolkit')} resources")
        with self.report.step("cdk deploy --all") as found:
            self.cdk.deploy()
            stacks = [f"school-{self.env}-{name}" for name in ("network", "data", "bot", "monitoring")]
            found.append(f"{sum(map(self._resources, stacks))} resources in {len(stacks)} stacks")
        with self.report.step("secrets, sample school") as found:
            for name, value in self.plan.secret_values.items():
                real = name.replace("/local/", f"/{self.env}/")
                self._client("secretsmanager").put_secret_value(SecretId=real, SecretString=value)
            url = f"postgresql+pg8000://postgres@127.0.0.1:{self.plan.ports.postgres}/school"
            found.append(f"{load(url, SampleSchool.of(self.plan))} students")

    def answer(self) -> None:
        for name, step in (
            ("hi", parents.menu),
            ("balance", parents.balance),
            ("gate pass", parents.gate_pass),
            ("a question", parents.question),
            ("a payment notice", parents.payment),
        ):
            with self.report.step(name) as found:
                found.append(step(self.running))

    def look(self) -> None:
        """What the emulator cannot enforce, and the operators' own tools."""
        seen, notes = self.emulation.seen(), self.emulation.notes()
        for name, text_ in (
            ("permissions", checks.permissions(seen)),
            ("variables", checks.variables(notes)),
            ("network", checks.sides(notes, self.env)),
            ("logs", checks.logs(self.plan.folder / "logs")),
            ("memory", checks.memory(seen)),
        ):
            with self.report.step(name) as found:
                found.append(text_)

    def operators(self) -> None:
        """Their own tools, against what was deployed."""
        with self.report.step("make doctor, make trace") as found, self._shell():
            findings = list(examine(Deployed(self.env, self.plan)))
            troubled = {item.subject for item in findings if not item.is_well} - EXPECTED
            check(not troubled, "the doctor finds", *sorted(troubled))
            found.append(f"{len(findings)} lines of the doctor, none to look at but {', '.join(sorted(EXPECTED))}")
            run = next(item for item in self.running.aws("GET", "/executions") if _answered(item))
            traced = self._eventually(lambda: CloudLogs(Environment(self.env)).find(run["message_id"]))
            check(
                bool(traced.executions and traced.executions[0].states and traced.lines),
                f"the trace of {run['message_id']} is incomplete: {traced}",
            )
            found.append(f"a message traced to {len(traced.executions[0].states)} states, {len(traced.lines)} lines")

    @contextmanager
    def _shell(self) -> Iterator[None]:
        """The variables of an operator's shell."""
        variables = {
            "AWS_ENDPOINT_URL": self.plan.aws_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "operator",
            "AWS_SECRET_ACCESS_KEY": "operator",
        }
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _eventually(self, look: Callable[[], Found]) -> Found:
        """What a look finds once the logs have been delivered."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        while True:
            found = look()
            if (found.executions and found.lines) or time.monotonic() > deadline:
                return found
            time.sleep(1)

    # --- the next release, and the one before ----------------------------------------------------------------------

    def release(self) -> None:
        with self.report.step("a changed release") as found:
            tree = releases.changed(self.folder / "release")
            with parents.Crowd(self.running) as crowd:
                self.cdk.deploy(tree)
            found.append(crowd.check())
            self._check_release(changed=True)
            found.append("function, layer, state machine and migration are the new ones")
        with self.report.step("the release before, again") as found:
            with parents.Crowd(self.running, offset=1000) as crowd:
                self.cdk.deploy()
            found.append(crowd.check())
            self._check_release(changed=False)
            found.append("the schema stays")
        self.look()

    def _check_release(self, *, changed: bool) -> None:
        arn = f"arn:aws:states:{REGION}:123456789012:stateMachine:school-{self.env}-{releases.MACHINE}"
        definition = self._client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"]
        check((releases.MARK in definition) is changed, "the state machine is not that of the release")
        log = self.plan.log(f"school-{self.env}-{releases.FUNCTION.replace('_', '-')}").read_text()
        check(releases.MARK in log, "the changed function never ran")
        check(bool(self._sql(f"SELECT to_regclass('{releases.TABLE}')")), "the migration did not run")

    # --- removal ---------------------------------------------------------------------------------------------------

    def destroy(self) -> None:
        stacks = [f"school-{self.env}-{name}" for name in STATELESS]
        if self.settings.protected:
            with self.report.step("cdk destroy while protected") as found:
                try:
                    self.cdk.destroy(*stacks)
                except CdkFailed:
                    found.append("refused")
                else:
                    raise checks.CheckFailed("a protected environment was deleted")
            with self.report.step("protection off") as found:
                self.cdk.deploy(releases.unprotected(self.folder / "unprotected"))
                found.append("deployed")
        with self.report.step("cdk destroy") as found:
            self.cdk.destroy(*stacks)
            found.append(self._check_what_stays())

    def _check_what_stays(self) -> str:
        retained = Counter(kind for kind, _, _ in self.emulation.seen()["retained"])
        missing = [kind for kind in LEFT_BY_DELETION if not retained[kind]]
        check(not missing, "nothing is left of", *missing)
        self._client("s3").head_bucket(Bucket=self._bucket())
        check(bool(self._sql("SELECT count(*) FROM message_log")), "the database is empty")
        left = [name for name in ("sqs", "pipes", "lambda") if self._listed(name)]
        check(not left, "not deleted:", *left)
        return "stays: " + ", ".join(f"{count} {kind.rpartition('::')[2]}" for kind, count in sorted(retained.items()))

    def _listed(self, service: str) -> list[Any]:
        client = self._client(service)
        if service == "sqs":
            return list(client.list_queues().get("QueueUrls", []))
        if service == "pipes":
            return list(client.list_pipes()["Pipes"])
        return list(client.list_functions()["Functions"])

    # --- helpers ---------------------------------------------------------------------------------------------------

    def _bucket(self) -> str:
        return f"school-{self.env}-documents-123456789012-{REGION}"

    def _resources(self, stack: str) -> int:
        return len(self.emulation.seen()["resources"].get(stack, []))

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.plan.aws_url,
            region_name=REGION,
            aws_access_key_id="operator",
            aws_secret_access_key="operator",  # noqa: S106 - nothing checks it
            config=Config(retries={"total_max_attempts": 2}, read_timeout=60),
        )

    def _sql(self, statement: str, user: str = "postgres") -> Any:
        engine = create_engine(f"postgresql+pg8000://{user}@127.0.0.1:{self.plan.ports.postgres}/school")
        try:
            with engine.begin() as connection:
                result = connection.execute(text(statement))
                return result.scalar() if result.returns_rows else None
        finally:
            engine.dispose()


def _answered(run: Mapping[str, Any]) -> bool:
    """Whether it is the execution of a parent's message, which functions name in their logs."""
    return run["machine"] == "conversation" and str(run.get("message_id")).startswith("wamid.")


FAILURES: Final = (CdkFailed, checks.CheckFailed, ServerError, ClientError, OSError)


def main(env: str, folder: Path, console: Console, *, releases: bool) -> int:
    """0 if the rehearsal passes; otherwise what went wrong is printed, with the logs to read."""
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    rehearsal = Rehearsal(env, folder, console)
    try:
        rehearsal.run(releases=releases)
    except FAILURES as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        console.print(f"Logs: {folder / 'logs'}, {folder / 'cdk.log'}", markup=False)
        return 1
    return 0
