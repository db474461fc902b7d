"""A queue, WhatsApp and the stores around one state machine, with a fault in the task of one state.

The functions are the fakes of `tests/statemachines/`; here they also claim, log and send, so that a message that is
delivered again finds what its earlier runs have left behind.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from functions.domain.messages import STAFF_LETTER
from functions.domain.people import Person
from infra.catalog import MESSAGE_RECEIVES
from infra.state_machine_definition import LAMBDA_INVOKE, tasks
from local.step_functions.errors import FunctionError
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from tests.domain.a_school import VISITOR
from tests.statemachines import test_conversation, test_payment
from tests.statemachines.definitions import definition_of

MARK = "--"  # between a function's name and the state that calls it


class Kind(Enum):
    """How a task fails."""

    ERROR_BEFORE = "error before the effect"
    ERROR_AFTER = "error after the effect"
    DIES_BEFORE = "process dies before the effect"
    DIES_AFTER = "process dies after the effect"
    TIMEOUT_AFTER = "time-out after the effect"

    @property
    def has_effect(self) -> bool:
        return self in (Kind.ERROR_AFTER, Kind.DIES_AFTER, Kind.TIMEOUT_AFTER)

    @property
    def error(self) -> Exception:
        if self in (Kind.ERROR_BEFORE, Kind.ERROR_AFTER):
            return ValueError("a bug")
        name = "Sandbox.Timedout" if self == Kind.TIMEOUT_AFTER else "Runtime.ExitError"
        return FunctionError({"errorType": name, "errorMessage": ""})


@dataclass
class Fault:
    """A task fails: `times` calls of the state, after the first `skip` ones."""

    state: str
    kind: Kind | Exception  # an exception: as the function itself raises it, before its effect
    times: int = 10_000
    skip: int = 0

    def meets(self, state: str) -> bool:
        """Whether this call fails; counts it."""
        if state != self.state or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass
class WhatsApp:
    """What it has accepted: (what it answers, part). Delivery statuses of all of it come before the next delivery."""

    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def accept(self, answer_to: str, part: str) -> None:
        self.accepted[answer_to, part] += 1

    def answered(self) -> set[str]:
        return {answer_to for answer_to, _ in self.accepted}


@dataclass
class Stores:
    """Claims and message log by the product's rules."""

    claims: dict[str, str] = field(default_factory=dict)
    log: set[str] = field(default_factory=set)

    def claim(self, name: str, run: str) -> str | None:
        """`done` or `busy`; None when the claim is this run's."""
        found = self.claims.setdefault(name, run)
        return None if found == run else "done" if found == "done" else "busy"

    def release(self, name: str, run: str) -> None:
        if self.claims.get(name) == run:
            del self.claims[name]

    def finish(self, name: str) -> None:
        self.claims[name] = "done"

    def expire_claims(self) -> None:
        """A claim ends by itself long before the queue delivers the message again."""
        self.claims = {name: found for name, found in self.claims.items() if found == "done"}

    def record_statuses(self, whatsapp: WhatsApp) -> None:
        for answer_to in whatsapp.answered():
            self.log.add(answer_to)
            self.finish(answer_to)


class Conversation(test_conversation.Functions):
    """Every function of the conversation, with the effects that last."""

    def __init__(self, person: Person, found: Mapping[str, Any], parts: int) -> None:
        super().__init__(person, **found)
        self.stores, self.whatsapp, self.parts = Stores(), WhatsApp(), parts
        self.notified: set[str] = set()

    def Understand(self, event: Any) -> Any:  # noqa: N802
        found, name = super().Understand(event), event["message"]["id"]
        step = self.stores.claim(name, event["run"]) if not event["looked_up"] else None
        if step is None and not event["looked_up"] and event["receive_count"] > 1 and name in self.stores.log:
            step = "done"
        return found | {"next": step, "plan": None, "fetch": None, "prefetch": None} if step else found

    def OpenOfficeRequest(self, event: Any) -> Any:  # noqa: N802
        return super().OpenOfficeRequest(event) | {"notified": event["message"]["id"] in self.notified}

    def StaffCommand(self, event: Any) -> Any:  # noqa: N802
        found, name = super().StaffCommand(event), event["message"]["id"]
        return found | {"letter": None, "delivered": "message"} if f"{name}{STAFF_LETTER}" in self.stores.log else found

    def WriteToParent(self, event: Any) -> Any:  # noqa: N802
        self.whatsapp.accept(f"{event['message']['id']}{STAFF_LETTER}", "letter")
        return super().WriteToParent(event)

    def SendReply(self, event: Any) -> Any:  # noqa: N802
        """A reply of several parts stops after the first one, once."""
        sent, name = super().SendReply(event), event["message"]["id"]
        if event.get("problem") == "unexpected":
            self.whatsapp.accept(name, "apology")
            return sent
        begun = (event.get("sent") or {}).get("parts_sent", 0)
        end = self.parts if begun else 1
        for part in range(begun, end):
            self.whatsapp.accept(name, f"part {part}")
        return sent if end == self.parts else {"status": "incomplete", "parts_sent": end, "reply_id": "wamid.reply"}

    def RecordConversation(self, event: Any) -> Any:  # noqa: N802
        recorded, name = super().RecordConversation(event), event["message"]["id"]
        self.stores.finish(name)
        if event["sent"]:
            self.stores.log.add(name)
        return recorded

    def ReleaseClaim(self, event: Any) -> Any:  # noqa: N802
        if (event["request"] or {}).get("notified"):
            self.notified.add(event["message_id"])
        self.stores.release(event["message_id"], event["run"])
        return {"answered": event["message_id"] in self.stores.log}


class Payment(test_payment.Functions):
    """Every function of the payment machine, with the effects that last."""

    def __init__(self) -> None:
        super().__init__()
        self.stores, self.whatsapp = Stores(), WhatsApp()

    def PrepareReceipts(self, event: Any) -> Any:  # noqa: N802
        return self._claimed(super().PrepareReceipts(event), event, "record_payment")

    def PrepareExpiredReceipt(self, event: Any) -> Any:  # noqa: N802
        return self._claimed(super().PrepareExpiredReceipt(event), event, "done")

    def _claimed(self, prepared: Any, event: Any, nothing_left: str) -> Any:
        """Without the guardians who have their receipt."""
        step = self.stores.claim(prepared["claim"], event["run"])
        left = [item for item in prepared["recipients"] if item["id"] not in self.stores.log]
        if step or not left:
            return prepared | {"next": step or nothing_left, "recipients": [], "fetch": None}
        return prepared | {"recipients": left}

    def SendReceipt(self, event: Any) -> Any:  # noqa: N802
        sent = super().SendReceipt(event)
        self.whatsapp.accept(event["recipient"]["id"], "receipt")
        return sent

    def RecordReceipt(self, event: Any) -> Any:  # noqa: N802
        self.stores.log.add(event["recipient"]["id"])
        return super().RecordReceipt(event)

    def RecordPayment(self, event: Any) -> Any:  # noqa: N802
        self.stores.finish(event["claim"])
        return super().RecordPayment(event)

    def ReleaseClaim(self, event: Any) -> Any:  # noqa: N802
        self.stores.release(event["message_id"], event["run"])
        return {"answered": event["message_id"] in self.stores.log}


@dataclass(frozen=True)
class Scenario:
    """What a person writes, or the school, so that `state` is reached."""

    machine: str
    state: str
    text: str = "hi"
    person: Person = VISITOR
    found: Mapping[str, Any] = field(default_factory=dict)  # what caches and limits have
    school_api: str = "rest"
    parts: int = 1
    skip: int = 0  # calls of the state that go well before the fault
    before: Callable[[], Fault] | None = None  # another fault without which the state is not reached
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.machine}: {self.state}" + (f", call {self.skip + 1}" if self.skip else "")


@dataclass
class Outcome:
    """Of one message: its runs, what WhatsApp accepted, whether the queue still has it."""

    runs: list[Execution]
    whatsapp: WhatsApp
    notifications: int
    moved: set[str]  # deduplication ids of notices sent to the payments queue
    stores: Stores

    @property
    def waits(self) -> bool:
        """In its queue, or with the dead letters that an operator sends in again."""
        return self.runs[-1].status != "SUCCEEDED"

    def reached(self, state: str) -> bool:
        return any(state in execution.names for execution in self.runs)


def simulate(scenario: Scenario, kind: Kind, times: int) -> Outcome:
    """Deliver the message until a run succeeds, or as often as the queue does; then once more, as WhatsApp may."""
    faults = [Fault(scenario.state, kind, times, scenario.skip)]
    if scenario.before:
        faults.append(scenario.before())
    fakes: Conversation | Payment
    if scenario.machine == "payment":
        fakes = Payment()
    else:
        fakes = Conversation(scenario.person, scenario.found, scenario.parts)
    moved: set[str] = set()

    def invoke(name: str, payload: Any) -> Any:
        function, _, state = name.partition(MARK)
        return _under(faults, state.replace("_", " "), lambda: fakes(function, payload))

    def send_message(arguments: dict[str, Any]) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            moved.add(arguments["MessageDeduplicationId"])
            return {"MessageId": "1", "MD5OfMessageBody": "", "SequenceNumber": "1"}

        return dict(_under(faults, "Move payment notice", effect))

    definition = _by_state(scenario)
    body = json.dumps(scenario.body or _message(scenario))
    runs: list[Execution] = []

    def deliver(count: int) -> None:
        record = {"body": body, "attributes": {"ApproximateReceiveCount": str(count)}}
        runs.append(run(definition, [record], invoke, machine=scenario.machine, pace=0, send_message=send_message))
        fakes.stores.record_statuses(fakes.whatsapp)
        fakes.stores.expire_claims()

    for count in range(1, MESSAGE_RECEIVES + 1):
        deliver(count)
        if runs[-1].status == "SUCCEEDED":
            deliver(1)
            break
    notifications = len(fakes.notifications) if isinstance(fakes, Conversation) else 0
    return Outcome(runs, fakes.whatsapp, notifications, moved, fakes.stores)


def task_states(machine: str) -> list[str]:
    return [name for name, _ in tasks(json.loads(definition_of(machine)))]


def _message(scenario: Scenario) -> dict[str, Any]:
    person = scenario.person
    return test_conversation.message(scenario.text, timestamp=int(time.time()), phone=person.phone)


def _by_state(scenario: Scenario) -> str:
    """The definition in which each function's name also names the state that calls it."""
    definition = json.loads(definition_of(scenario.machine, scenario.school_api))
    for name, state in tasks(definition):
        if state["Resource"] == LAMBDA_INVOKE:
            state["Arguments"]["FunctionName"] += MARK + name.replace(" ", "_")
    return json.dumps(definition)


def _under(faults: list[Fault], state: str, effect: Callable[[], Any]) -> Any:
    """The task's result, or its failure before or after the effect."""
    for fault in _meeting(faults, state):
        if isinstance(fault.kind, Exception):
            raise fault.kind
        if fault.kind.has_effect:
            effect()
        raise fault.kind.error
    return effect()


def _meeting(faults: list[Fault], state: str) -> Iterator[Fault]:
    return (fault for fault in faults if fault.meets(state))
