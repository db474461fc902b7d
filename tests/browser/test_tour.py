"""The tour, by clicking, as someone who has never seen the product."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage


def perform(page: Page, step: int) -> None:
    page.locator(f".step[data-step='{step}']").click()
    page.locator(f".tour-step[data-step='{step}'] [data-perform]").click()


def test_from_hi_to_the_retry(open_page: OpenPage) -> None:
    page = open_page("/")
    replies = page.locator(".message.theirs")
    badge = page.locator("#run-subtitle .badge")

    perform(page, 0)
    expect(page.locator(".open-list")).to_have_count(1)
    expect(page.locator(".ticks.read")).to_have_count(1)
    expect(badge).to_have_text("done")
    lit = page.locator("g.state.done")
    expect(lit.first).to_be_visible()

    perform(page, 1)
    expect(replies).to_have_count(2)
    expect(replies.last).to_contain_text("Fully paid")
    expect(page.locator(".waterfall-head")).to_contain_text("other services, the floor")

    perform(page, 2)
    expect(page.locator(".file-card img")).to_be_visible()
    expect(replies.last).to_contain_text("Valid until")

    perform(page, 3)
    guard = page.frame_locator(".guard iframe")
    expect(guard.locator("body")).to_contain_text("VALID")
    expect(page.locator(".scan-place rect")).to_be_visible()
    page.keyboard.press("Escape")

    perform(page, 4)
    expect(replies.last).to_contain_text("cannot be reached")
    expect(replies.last).to_contain_text("as of")
    expect(page.locator("#troubles")).to_contain_text("School's API")
    expect(page.locator("g.state.caught").first).to_be_visible()
    failed = page.locator(".bar-row.bad", has_text="billed-fees")
    expect(failed.first).to_contain_text("HTTP 500")
    assert failed.count() > 1  # tried again

    page.locator("g.state.caught").last.click()
    expect(page.locator("#inspector .error").first).to_contain_text("SchoolApiUnavailable")
    expect(page.locator("#inspector")).to_contain_text("functions/")

    perform(page, 5)
    expect(page.locator("#troubles")).to_be_hidden()
    page.locator("[data-say=hi]").click()
    expect(replies).to_have_count(5)
