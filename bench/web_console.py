"""What the web console holds after thousands of messages: memory of its process, of the page, and how quick both are.

The events are those of an ordinary balance, from many phones, as fast as they can be made; the page looks at one phone.
"""

import gc
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import uvicorn
from playwright.sync_api import Page, sync_playwright

from bench.report import Table, Target
from local.console.app import create_app
from local.console.diagrams import diagram
from local.console.screenshots import CHROMIUM, OPTIONS
from local.console.state import MESSAGES, ConsoleState
from local.plan import Plan, Ports
from local.world.sample import SampleSchool

COUNTS: Final = (100, 2_500, 5_000, 10_000)
PHONES: Final = 500
STATES: Final = 12  # that an ordinary balance passes through
GROWTH_LIMIT: Final = 60.0  # MB that the process may gain from the first count to the last
PAGE_LIMIT: Final = 40.0  # MB of JavaScript's heap


class _Stack:
    """The pages of a stack in which nothing is wrong, from memory."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self._school = plan, SampleSchool.of(plan)

    def world(self, _: str, path: str, *__: Any, **___: Any) -> Any:
        today = {"today": self._school.today.isoformat()}
        return {"/sample": self._school.demo_as_json(), "/today": today, "/faults": {}, "/profile": {}}.get(path, [])

    def aws(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def functions(self) -> dict[str, Any]:
        return {}


def measure(progress: Callable[[int], None]) -> Table:
    table = Table(
        "The console after so many messages",
        ["messages", "events", "process MB", "page MB", "page elements", "page loads ms", "phone opens ms", "targets"],
    )
    with _console() as (state, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=url).new_page()
        page.goto("/console")
        page.wait_for_selector(".machine")
        done, first = 0, 0.0
        for count in COUNTS:
            for number in range(done, count):
                _message(state, number)
                progress(1)
            done = count
            _catch_up(state, page)
            gc.collect()
            memory = psutil.Process().memory_info().rss / 1e6
            first = first or memory
            heap, elements = _of_page(page)
            loads, opens = _load(page), _open(page, count)
            targets = [Target(memory - first, GROWTH_LIMIT, " MB more"), Target(heap, PAGE_LIMIT, " MB page")]
            row = [f"{count:,}", f"{state.feed.latest:,}", f"{memory:.0f}", f"{heap:.1f}", f"{elements:,}"]
            table.add([*row, f"{loads:.0f}", f"{opens:.0f}"], targets)
        browser.close()
    return table


def steps() -> int:
    return COUNTS[-1]


@contextmanager
def _console() -> Iterator[tuple[ConsoleState, str]]:
    """The console in a thread of this process."""
    with tempfile.TemporaryDirectory() as folder:
        state = ConsoleState(Plan.create(Path(folder), Ports.free()))
        state.running = _Stack(state.plan)  # type: ignore[assignment]
        state.load_people()
        port = state.plan.ports.console
        server = uvicorn.Server(uvicorn.Config(create_app(state, lambda _: None), "127.0.0.1", port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield state, f"http://127.0.0.1:{port}"
        server.should_exit = server.force_exit = True
        thread.join(5)


def _message(state: ConsoleState, number: int) -> None:
    """Everything that the console is told about one balance."""
    now, phone, name = time.time(), f"+2637800{number % PHONES:05}", f"run-{number}"
    message_id = f"wamid.{number:08}"
    run = {
        "name": name, "machine": MESSAGES, "message_id": message_id, "status": "RUNNING", "start": now, "stop": None,
        "message": {"type": "text", "phone": phone, "text": "balance"},
    }  # fmt: skip
    state.on_execution(run)
    for item in diagram(MESSAGES).states[:STATES]:
        visit = {"execution": name, "machine": MESSAGES, "name": item.name, "start": now, "ok": True, "attempts": 1}
        state.on_state({**visit, "stop": None})
        state.on_state({**visit, "stop": now + 0.01})
    text = {"type": "text", "text": {"body": "*Term 3*\nBilled: $600.00\nPaid: $600.00\n*Fully paid* ✅ Thank you!"}}
    reply = {"id": f"wamid.r{number:08}", "time": now, "to": phone, "user_id": None, "body": text}
    state.on_message(reply)
    state.on_execution(run | {"status": "SUCCEEDED", "stop": now + 0.3, "intent": "balance"})


def _catch_up(state: ConsoleState, page: Page) -> None:
    """Until the page shows what was published last."""
    state.feed.publish("bubble", {"address": "1", "name": "Last", "preview": str(state.feed.latest), "mine": True})
    page.locator(".person[data-address='1'] .preview", has_text=str(state.feed.latest - 1)).wait_for()


def _of_page(page: Page) -> tuple[float, int]:
    """Megabytes of JavaScript's heap after a collection, and elements of the document."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return heap, int(page.evaluate("document.querySelectorAll('*').length"))


def _load(page: Page) -> float:
    """Milliseconds until another page of the console is there and its picture drawn."""
    began = time.perf_counter()
    other = page.context.new_page()
    other.goto("/console")
    other.wait_for_selector(".machine")
    other.close()
    return (time.perf_counter() - began) * 1000


def _open(page: Page, count: int) -> float:
    """Milliseconds from choosing a phone until its messages are shown."""
    people = page.locator(".person")
    address = people.nth(count % 20).get_attribute("data-address")
    began = time.perf_counter()
    page.locator(f".person[data-address='{address}']").click()
    page.wait_for_selector(f"#phone[data-address='{address}'] #bubbles")
    return (time.perf_counter() - began) * 1000
