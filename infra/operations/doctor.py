"""`make doctor`: looks at every part of an environment, and says for each what to do."""

from collections.abc import Iterable, Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from infra.operations.checks import CHECKS, Check
from infra.operations.environment import Environment
from infra.operations.findings import Finding

PERMISSIONS: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def examine(environment: Environment, checks: Iterable[Check] = CHECKS) -> Iterator[Finding]:
    """The findings of all checks. One that cannot be made is a finding itself, and hides no other."""
    for check in checks:
        try:
            yield from check(environment)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            todo = f"allow your role {error.operation_name}" if code in PERMISSIONS else "try again"
            yield Finding(_subject(check), f"{error.operation_name} was refused: {code}", todo)
        except BotoCoreError as error:
            yield Finding(_subject(check), type(error).__name__, "check AWS_REGION and the credentials of your shell")


def show(findings: Iterable[Finding], console: Console) -> int:
    """Prints each finding; 0 if all is well, 1 if something is to be looked at."""
    troubled = 0
    for finding in findings:
        mark = "[green]ok       [/]" if finding.is_well else "[red]look here[/]"
        console.print(f"{mark}  {escape(finding.subject)}: {escape(finding.text)}")
        if not finding.is_well:
            troubled += 1
            console.print(f"             -> {escape(finding.next)}")
    console.print(f"{troubled} to look at" if troubled else "All is well.")
    return 1 if troubled else 0


def _subject(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
