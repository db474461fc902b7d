"""The pictures of the console: `make screenshots` makes them with a stack of its own.

Those that documents show go to docs/images/, the others to .local/screenshots/, to be looked at after a change.
"""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from functions.adapters.school_config import FOLDER as CONFIG
from functions.adapters.school_config import load
from local.console.tour import STEPS
from local.parent import Parent, text
from local.plan import Plan, Ports
from local.school_date import day_inside_a_term, real_date
from local.send_message import send_message
from local.stack import ROOT, Stack
from local.stack_client import StackClient
from local.world.sample import SampleSchool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES: Final = ROOT / "docs" / "images"
OTHERS: Final = ROOT / ".local" / "screenshots"
IN_DOCUMENTS: Final = ("console", "console-scan", "console-retry", "console-world", "console-phone")
LARGEST: Final = 300_000  # bytes
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS: Final = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        school = load(CONFIG)
        today = day_inside_a_term(school, real_date(school))
        plan = Plan.create(Path(folder), Ports.free(), profile="realistic", today=today)
        with Stack(plan), _browser() as browser:
            someone = Parent(SampleSchool.of(plan).demo_parents[-1].phone)
            for words in ("hi", "gate pass"):  # so that the pictures show processes that run already
                send_message(StackClient(plan), someone, text(words))
            take(browser, plan.public_url)


@contextmanager
def _browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


def take(browser: "Browser", url: str) -> None:
    """Go through the tour and take a picture wherever there is something to see."""
    page = _page(browser, url, 1440, 900)
    perform(page, "hi")
    page.wait_for_selector(".open-list")
    _settle(page)
    perform(page, "pass")
    page.wait_for_selector(".file-card img")
    _settle(page)
    save(page, "console")
    perform(page, "scan")
    page.frame_locator(".guard iframe").locator("body", has_text="VALID").wait_for()
    _settle(page)
    save(page, "console-scan")
    page.keyboard.press("Escape")
    perform(page, "break")
    page.locator(".message.theirs", has_text="cannot be reached").wait_for()
    _settle(page)
    save(page, "console-retry", full_page=True)
    page.goto(f"{url}/console/world")
    page.wait_for_selector(".box.broken")
    save(page, "console-world")
    page.goto(f"{url}/console/numbers")
    save(page, "console-numbers")
    page.goto(f"{url}/console")
    perform(page, "retry")
    _take_narrow(browser, url)
    _take_dark(browser, url)


def _take_narrow(browser: "Browser", url: str) -> None:
    page = _page(browser, url, 390, 844)
    page.locator("#tour-toggle").click()
    _settle(page)
    save(page, "console-phone")
    page.locator(".to-run").last.click()
    _settle(page)
    save(page, "console-phone-run", full_page=True)
    for name in ("runs", "numbers", "world"):
        page.goto(f"{url}/console/{name}")
        save(page, f"console-phone-{name}", full_page=True)


def _take_dark(browser: "Browser", url: str) -> None:
    page = _page(browser, url, 1440, 900, color_scheme="dark")
    page.locator(".to-run").last.click()
    _settle(page)
    save(page, "console-dark")
    for name in ("runs", "world"):
        page.goto(f"{url}/console/{name}")
        save(page, f"console-dark-{name}", full_page=True)


def _page(browser: "Browser", url: str, width: int, height: int, **more: Any) -> "Page":
    page = browser.new_context(viewport={"width": width, "height": height}, **more).new_page()
    page.goto(url)
    page.wait_for_selector(".machine")
    return page


def perform(page: "Page", key: str) -> None:
    """Click the button of a step of the tour."""
    number = next(index for index, step in enumerate(STEPS) if step.key == key)
    page.locator(f".step[data-step='{number}']").click()
    page.locator(f".tour-step[data-step='{number}'] [data-perform]").click()


def _settle(page: "Page") -> None:
    """Until the run has ended and its times are drawn."""
    page.locator("#run-subtitle .badge.running").wait_for(state="hidden")
    time.sleep(1.5)


def save(page: "Page", name: str, **options: Any) -> None:
    """As PNG with a palette: a third of the size."""
    folder = IMAGES if name in IN_DOCUMENTS else OTHERS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    image = Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")
    image.quantize(256, kmeans=4, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB")
    if size > LARGEST:
        sys.exit(f"{path.name} is larger than {LARGEST / 1000:.0f} kB")


if __name__ == "__main__":
    main()
