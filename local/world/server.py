"""The simulated services in one process, with their delays, faults and pages."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import date, datetime
from math import inf
from typing import Any, Final, Protocol

from functions.adapters.school_config import load
from functions.domain import model_contract
from local.event_log import CONTENT_TYPE
from local.plan import Plan
from local.world.faults import OPERATIONS, Fault, Faults
from local.world.graph_api import GraphApi
from local.world.http_server import Hangup, Request, Response, Silence, listen
from local.world.journal import Call, Journal
from local.world.openai_api import OpenAiApi
from local.world.profile import InvalidSetting, Profile
from local.world.sample import SampleSchool
from local.world.school_api import SchoolApi

MOST_STUDENTS: Final = 20_000
LONGEST_WAIT: Final = 120.0  # seconds, of GET /outbox?wait=
PROXY_PAGE: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Service(Protocol):
    """What a simulated service offers."""

    computes: bool  # its answer takes time to compute, and that counts as part of its delay

    def operation(self, request: Request) -> str:
        """The name of the operation, one of faults.OPERATIONS."""

    def detail(self, request: Request, response: Response | None) -> str:
        """Details for the list of calls: ids, never texts or phone numbers."""

    def answer(self, request: Request, profile: Profile, fault: Fault | None) -> Response | Awaitable[Response]:
        """Do what is asked; `fault` is of a kind that only this service has. Awaited if it takes long."""

    def failure(self, fault: Fault) -> Response:
        """An injected error in the service's own form."""


class World:
    """All services, and the profile, faults and journal that they share."""

    def __init__(self, plan: Plan) -> None:
        self.profile = Profile.load(plan.profile, school_calls_per_minute=plan.school_api_calls_per_minute)
        self.faults = Faults()
        self.journal = Journal()
        self.school = SampleSchool.of(plan)
        self.graph = GraphApi(plan, self.journal)
        self.school_api = SchoolApi(plan, self.school)
        self.openai = OpenAiApi(plan)
        self._config = plan.config
        self._services: dict[str, tuple[Service, str]] = {
            "graph": (self.graph, "whatsapp_seconds"),
            "school": (self.school_api, "school_api_seconds"),
            "openai": (self.openai, "openai_seconds"),
        }

    def prewarm(self) -> Future[Any]:
        """Load the language model in the background; the world is ready before."""
        return self.openai.prewarm(model_contract.instructions(load(self._config), self.school.today))

    async def handle(self, request: Request) -> Response:
        name = request.path.split("/", 2)[1]
        if name in self._services:
            return await self._serve(name, request)
        try:
            return await self._page(request)
        except InvalidSetting as invalid:
            return Response.of({"error": str(invalid), "field": invalid.field, "expected": invalid.expected}, 400)

    async def _serve(self, name: str, request: Request) -> Response:
        service, delay = self._services[name]
        start = time.time()
        operation = service.operation(request)
        fault = self.faults.take(name, operation)
        response: Response | None = None
        answered = False
        try:
            if fault and fault.kind == "close":
                raise Hangup
            seconds = getattr(self.profile, delay) + (fault.seconds if fault and fault.kind == "slow" else 0)
            if seconds and not service.computes:
                await asyncio.sleep(seconds)
            if fault and fault.kind == "silent":
                raise Silence
            given = _injected(service, fault) or service.answer(request, self.profile, fault)
            response = given if isinstance(given, Response) else await given
            if service.computes:
                await asyncio.sleep(max(start + seconds - time.time(), 0))
            if fault and fault.kind == "lost":
                raise Hangup
            answered = True
            return response
        finally:
            status = response.status if response and answered else 0
            call = Call(name, operation, start, time.time(), status, service.detail(request, response))
            self.journal.record_call(call)

    # --- pages -----------------------------------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        match (request.method, *request.path.strip("/").split("/")):
            case ("GET", "ready"):
                return Response.of({"ready": True})
            case ("GET", "today"):
                return Response.of({"today": self.school.today.isoformat()})
            case ("PUT", "today"):
                self._change_school(replace(self.school, today=self._day(_body(request).get("today"))))
                return Response.of({"today": self.school.today.isoformat()})
            case ("GET", "sample"):
                return Response.of(self.school.demo_as_json())
            case ("GET", "school-size"):
                return Response.of({"students": len(self.school.students)})
            case ("PUT", "school-size"):
                self._resize(_body(request).get("students"))
                return Response.of({"students": len(self.school.students)})
            case ("GET", "profile"):
                return Response.of(self.profile.as_json())
            case ("PUT", "profile"):
                self.profile = self._changed_profile(_body(request))
                self.journal.events.publish("profile", self.profile.as_json())
                return Response.of(self.profile.as_json())
            case ("GET", "faults"):
                return Response.of(self.faults.as_json())
            case ("DELETE", "faults", *service):
                self.faults.clear(_service(service[0]) if service else None)
                self.journal.events.publish("faults", self.faults.as_json())
                return Response.of(self.faults.as_json())
            case ("PUT", "faults", service):
                self.faults.put(service, Fault.read(_service(service), _body(request)))
                self.journal.events.publish("faults", self.faults.as_json())
                return Response.of(self.faults.as_json())
            case ("POST", "faults", service, "take"):
                fault = self.faults.take(_service(service), str(_body(request).get("operation")))
                return Response.of(asdict(fault) if fault else None)
            case ("GET", "calls"):
                after, before = (_number(request.query, *item) for item in (("after", 0), ("before", inf)))
                return Response.of(self.journal.calls_between(after, before))
            case ("POST", "calls"):
                self.journal.record_call(_call(_body(request)))
                return Response.of({"recorded": True})
            case ("DELETE", "calls"):
                self.journal.calls.clear()
                return Response.of([])
            case ("GET", "events"):
                return Response(200, content_type=CONTENT_TYPE, stream=self._events())
            case ("GET", "outbox"):
                return await self._outbox(request.query)
            case ("DELETE", "outbox"):
                self.journal.outbox.clear()
                return Response.of([])
            case ("GET", "media", name) if name in self.graph.delivered:
                media = self.graph.delivered[name]
                return Response(200, media.content, media.mime_type)
            case ("POST", "media"):
                return Response.of({"id": self.graph.receive(request.body, request.headers.get("content-type", ""))})
            case ("PUT", "recipients", name):
                self.graph.set_recipient(name, _body(request))
                return Response.of({"recipient": "set"})
            case ("DELETE", "recipients"):
                self.graph.recipients.clear()
                return Response.of({})
            case ("POST", "inbound"):
                self.graph.open_window(_body(request))
                return Response.of({"recorded": True})
            case ("PUT", "recordings", digest):
                self.openai.know_recording(digest, _body(request))
                return Response.of({"recording": "known"})
            case ("POST", "payments"):
                return Response.of(self.school_api.book(_body(request)))
            case ("PUT", "templates"):
                self.graph.set_templates(_body(request))
                return Response.of(self.graph.templates)
        return Response.of({"error": f"no page {request.method} {request.path}"}, 404)

    async def _events(self) -> AsyncIterator[bytes]:
        """Calls, messages and changes of profile and faults, from now on."""
        stream = self.journal.events.stream()
        while True:
            yield await asyncio.to_thread(next, stream)

    def _resize(self, students: object) -> None:
        """Replace the school by one with so many students."""
        if not isinstance(students, int) or not 100 <= students <= MOST_STUDENTS:
            raise InvalidSetting("students", f"a number from 100 to {MOST_STUDENTS}")
        self._change_school(SampleSchool.of_size(students, self.school.today, self.school.seed, self.school.config))

    def _change_school(self, school: SampleSchool) -> None:
        self.school = self.school_api.school = school

    def _day(self, value: object) -> date:
        """A date in ISO form; None stands for the real one."""
        if value is None:
            return datetime.now(load(self._config).timezone).date()
        with suppress(ValueError):
            return date.fromisoformat(str(value))
        raise InvalidSetting("today", "a date as 2026-11-23, or null for the real one")

    def _changed_profile(self, values: Mapping[str, Any]) -> Profile:
        single = dict(values)
        profile = self.profile
        if "name" in single:
            ceiling = profile.school_calls_per_minute
            profile = Profile.load(str(single.pop("name")), school_calls_per_minute=ceiling)
        return profile.changed(single)

    async def _outbox(self, query: Mapping[str, str]) -> Response:
        for name in query:
            if name not in ("to", "after", "in_reply_to", "wait"):
                raise InvalidSetting(name, "one of to, after, in_reply_to, wait")
        found = await self.journal.messages(
            to=query.get("to", "").strip(" +") or None,
            after=_number(query, "after", 0),
            in_reply_to=query.get("in_reply_to"),
            wait=min(_number(query, "wait", 0), LONGEST_WAIT),
        )
        return Response.of([asdict(message) for message in found])

    def stop(self) -> None:
        self.graph.stop()
        self.openai.stop()


def _injected(service: Service, fault: Fault | None) -> Response | None:
    """The response of a fault that no service has to interpret."""
    if fault and fault.kind == "status":
        return service.failure(fault)
    if fault and fault.kind == "html":
        return Response.html(PROXY_PAGE, fault.status or 200)
    if fault and fault.kind == "json":
        return Response.of(fault.body, fault.status or 200)
    return None


def _service(name: str) -> str:
    if name not in OPERATIONS:
        raise InvalidSetting("service", "one of " + ", ".join(OPERATIONS))
    return name


def _body(request: Request) -> Any:
    try:
        value = request.json
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidSetting("body", "a JSON object")
    return value


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    with suppress(ValueError):
        value = float(query.get(name, default))
        if value >= 0:
            return value
    raise InvalidSetting(name, "a number of seconds from 0")


def _call(values: Mapping[str, Any]) -> Call:
    """A call that another part of the stack saw: POST /calls {"service", "operation", "start", "end", "status"}."""
    try:
        return Call(
            _service(str(values.get("service"))),
            str(values["operation"]),
            float(values["start"]),
            float(values["end"]),
            int(values.get("status", 200)),
            str(values.get("detail", "")),
        )
    except (KeyError, TypeError, ValueError):
        raise InvalidSetting("body", "service, operation, start and end (Unix seconds), status, detail") from None


async def serve(world: World, port: int, until: asyncio.Event, started: Callable[[], object] = lambda: None) -> None:
    """Serve until the event is set."""
    server = await listen(world.handle, port)
    started()
    try:
        await until.wait()
    finally:
        server.close()
        world.stop()


@contextmanager
def running(plan: Plan) -> Iterator[World]:
    """The simulated services in a thread of this process, for tests."""
    world = World(plan)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        await serve(world, plan.ports.world, stop, lambda: started.set_result((asyncio.get_running_loop(), stop)))

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="world", daemon=True)
    thread.start()
    loop, stop = started.result(10)
    try:
        yield world
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
