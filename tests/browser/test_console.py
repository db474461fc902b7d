"""Runs, faults, restart, accessibility, narrow screens."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from infra.node import MODULES, install_packages
from local.parent import Parent, text
from local.school_date import change_today
from local.send_message import send_message
from local.stack_client import StackClient
from tests.browser.conftest import TODAY, OpenPage
from tests.conftest import eventually

pytestmark = pytest.mark.usefixtures("npm_packages")
PAGES = ["/", "/console/runs", "/console/numbers", "/console/world"]


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """Those of package-lock.json are in node_modules/."""
    install_packages()


def test_a_fault_is_switched_on_shown_on_the_picture_and_ended(open_page: OpenPage, running: StackClient) -> None:
    page = open_page("/console/world")
    form = page.locator("form.fault:has(input[value=openai])").first
    form.locator("label", has_text="errors").click()
    expect(page.locator(".trouble-line")).to_contain_text("OpenAI: answers HTTP 500")
    expect(page.locator(".box.broken", has_text="OpenAI")).to_be_visible()
    assert running.world("GET", "/faults")["openai"][0]["status"] == 500
    page.locator("form.fault:has(input[value=openai])").first.locator("label", has_text="works").click()
    expect(page.locator(".trouble-line")).to_have_text("Everything works.")
    assert not running.world("GET", "/faults").get("openai")


def test_a_preset_and_a_slider_change_the_delays(open_page: OpenPage, running: StackClient) -> None:
    page = open_page("/console/world")
    page.locator(".presets button", has_text="everything is slow").click()
    expect(page.locator(".slider", has_text="OpenAI").locator("output")).to_have_text("8 s")
    page.locator(".presets button", has_text="zero").click()
    slider = page.locator(".slider", has_text="WhatsApp").locator("input[type=range]")
    expect(page.locator(".slider", has_text="OpenAI").locator("output")).to_have_text("0 s")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".slider", has_text="WhatsApp").locator("output")).to_have_text("0.05 s")
    assert eventually(lambda: running.world("GET", "/profile")["whatsapp_seconds"]) == 0.05


def test_a_message_waits_while_the_pipe_is_paused(open_page: OpenPage) -> None:
    world = open_page("/console/world")
    world.get_by_role("button", name="Pause the pipe of conversation").click()
    expect(world.locator(".trouble-line")).to_contain_text("the pipe of conversation is paused")
    chat = open_page("/console?with=263772100006")
    chat.locator("#words").fill("hi")
    chat.keyboard.press("Enter")
    expect(chat.locator(".ticks.read")).to_have_count(1)
    expect(chat.locator(".message.theirs")).to_have_count(0)
    world.get_by_role("button", name="Start the pipe of conversation").click()
    expect(chat.locator(".message.theirs")).to_have_count(1)


def test_the_date_is_changed_while_everything_runs(open_page: OpenPage, running: StackClient) -> None:
    world = open_page("/console/world")
    world.locator("input[name=date]").fill("2026-05-20")
    world.get_by_role("button", name="Change the date").click()
    expect(world.locator(".toast")).to_contain_text("2026-05-20")
    outcome = send_message(running, Parent("+263772100007", name="Kudzai Marufu"), text("balance"))
    assert "Term 2, 2026" in str(outcome.replies)
    change_today(running, TODAY)


def test_a_run_is_found_and_its_link_opens_the_same_run(open_page: OpenPage, running: StackClient) -> None:
    outcome = send_message(running, Parent("+263772100007", name="Kudzai Marufu"), text("balance"))
    page = open_page("/console/runs")
    page.locator("input[name=q]").fill(outcome.message_id)
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("+263772100007")
    address = rows.first.locator("a").get_attribute("href")
    shared = open_page(address)
    expect(shared.locator("#run-subtitle")).to_contain_text("+263772100007")
    expect(shared.locator(".phone .owner")).to_contain_text("Kudzai Marufu")
    assert outcome.execution is not None
    visited = {state["name"] for state in outcome.execution["timeline"]}
    expect(shared.locator("g.state.done")).to_have_count(len(visited))


def test_the_state_machine_can_be_looked_into_by_keyboard(open_page: OpenPage, running: StackClient) -> None:
    outcome = send_message(running, Parent("+263772100007"), text("hi"))
    assert outcome.execution is not None
    page = open_page(f"/console/runs/{outcome.execution['name']}")
    expect(page.locator("g.state.done").first).to_be_visible()
    task = next(state["name"] for state in outcome.execution["timeline"] if state["function"])
    page.get_by_role("button", name=f"{task}, Task", exact=False).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#inspector h3")).to_have_text(task)
    expect(page.locator("#inspector pre").first).to_contain_text(outcome.message_id)
    page.keyboard.press("Escape")
    expect(page.locator("#inspector")).to_be_hidden()


def test_a_stale_tab_says_that_the_stack_was_restarted_and_reconnects(
    open_page: OpenPage, restart_console: Callable[[], None]
) -> None:
    page = open_page("/console?with=263772100012", expected="Failed to load resource")
    restart_console()
    expect(page.locator("#notice")).to_contain_text("was restarted")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.locator("#notice button").click()
    page.wait_for_selector(".machine")
    expect(page.locator("#notice")).to_be_hidden()
    page.locator(".person[data-address='263772100012']").click()
    expect(page.locator(".owner-name")).to_contain_text("Thandiwe Nyathi")
    page.locator("[data-say=hi]").click()
    expect(page.locator(".message.theirs").last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_page: OpenPage, running: StackClient, path: str, scheme: str) -> None:
    send_message(running, Parent("+263772100006", name="Tatenda Mutasa"), text("gate pass"))
    page = open_page(path, color_scheme=scheme)
    if path == "/":
        page.wait_for_selector(".machine")
        page.locator(".person[data-address='263772100006']").click()
        page.locator(".file-card").last.wait_for()
        page.locator("[data-say=hi]").click()
        expect(page.locator("#run-subtitle .badge")).to_have_text("done")
    page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = {
        item["id"]: [node["target"] for node in item["nodes"][:4]]
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    }
    assert serious == {}


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_the_screen(open_page: OpenPage, path: str, width: int) -> None:
    page = open_page(path, width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
