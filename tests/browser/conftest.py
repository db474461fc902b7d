"""The console of a running stack, in a real Chromium. What the browser calls an error fails a test."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from local.child import start, stop
from local.console.screenshots import CHROMIUM, OPTIONS
from local.plan import Plan, Ports
from local.stack import ROOT, Stack
from local.stack_client import StackClient
from tests.conftest import eventually

TODAY: Final = date(2026, 11, 23)  # a Monday in term 3
SECONDS: Final = 20  # to wait for something on the page
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("console")
    plan = Plan.create(
        folder, Ports.free(), profile="zero", today=TODAY, retry_seconds=2, school_api_calls_per_minute=6000
    )
    with Stack(plan) as started:
        yield started


@pytest.fixture
def running(console: Stack) -> Iterator[StackClient]:
    """The stack with nothing wrong."""
    found = StackClient(console.plan)
    yield found
    found.world("DELETE", "/faults")
    found.world("PUT", "/profile", {"name": "zero"})


# Of the package, not of the session: while Playwright runs, no other test of the process can have an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("No Chromium: apt-get install chromium")
        pytest.skip("No Chromium on this machine: apt-get install chromium")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=OPTIONS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Browser, running: StackClient) -> Iterator[OpenPage]:
    """`open_page("/console", width=390, dark=True)`; errors that `expected` names are none."""
    errors: list[str] = []
    contexts = []

    def open_page(path: str = "/", *, width: int = 1440, height: int = 900, expected: str = "", **more: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=running.plan.public_url, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS * 1000)

        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and not (expected and expected in message.text):
                errors.append(f"{message.text} at {message.location}")

        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request", lambda request: errors.append(request.url) if _is_foreign(request.url, running.plan) else None
        )
        page.goto(path)
        page.wait_for_selector("#live[data-state=live]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def _is_foreign(url: str, plan: Plan) -> bool:
    return not url.startswith((plan.public_url, "data:", "blob:"))


@pytest.fixture
def restart_console(console: Stack) -> Callable[[], None]:
    """End the console's process and start another, as a restart of the stack does."""

    def restart() -> None:
        stop(console._processes["console"])
        command = [sys.executable, "-m", "local.console", "--plan", str(console.plan.folder / "plan.json")]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        console._processes["console"] = start(command, console.plan.log("console"), environment=environment)
        eventually(lambda: console._get(f"http://127.0.0.1:{console.plan.ports.console}/console/ready"), 30)

    return restart
