"""The phone: choices of old messages, several parents, files, keyboard."""

from playwright.sync_api import Page, expect

from local.parent import Parent, text
from local.send_message import send_message
from local.stack_client import StackClient
from tests.browser.conftest import OpenPage

RUVIMBO = "263772100008"


def say(page: Page, words: str) -> None:
    page.locator("#words").fill(words)
    page.keyboard.press("Enter")


def test_a_button_of_an_old_message_works(open_page: OpenPage) -> None:
    page = open_page(f"/console?with={RUVIMBO}")
    replies = page.locator(".message.theirs")
    say(page, "balance")
    expect(replies).to_have_count(1)
    button = replies.first.locator(".choice", has_text="Menu")
    for number, words in enumerate(["hi", "What time does school start?", "hi"], start=2):
        say(page, words)
        expect(replies).to_have_count(number)
    button.click()
    expect(replies).to_have_count(5)
    expect(page.locator(".message.mine").last).to_contain_text("Menu")
    expect(replies.last.locator(".open-list")).to_be_visible()


def test_a_list_is_opened_and_a_row_chosen_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/console?with=263772100004")
    say(page, "hi")
    page.locator(".open-list").last.focus()
    page.keyboard.press("Enter")
    row = page.locator("dialog[open] .row").first
    expect(row).to_be_visible()
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(".message.theirs").last).to_contain_text("Billed")


def test_what_another_parent_receives_is_counted_beside_the_name(open_page: OpenPage, running: StackClient) -> None:
    page = open_page("/console?with=263772100004")
    send_message(running, Parent("+263772100002", name="Tendai Ncube"), text("hi"))
    person = page.locator(".person[data-address='263772100002']")
    expect(person.locator(".unread")).to_have_text("1")
    person.click()
    expect(page.locator(".owner-name")).to_contain_text("Tendai Ncube")
    expect(page.locator(".message.mine")).to_contain_text("hi")
    expect(page.locator(".message.theirs .open-list")).to_be_visible()
    expect(person.locator(".unread")).to_be_hidden()


def test_a_voice_note_and_a_picture_are_answered(open_page: OpenPage) -> None:
    page = open_page("/console?with=263772100003")
    for number, (kind, shown) in enumerate([("sample-voice", "audio"), ("sample-picture", "img.photo")], start=1):
        page.locator(".attach summary").click()
        page.locator(f"[data-kind={kind}]").click()
        expect(page.locator(f".message.mine {shown}")).to_be_visible()
        expect(page.locator(".message.theirs")).to_have_count(number)


def test_a_reaction_is_shown_on_the_message(open_page: OpenPage) -> None:
    page = open_page("/console?with=263772100011")
    say(page, "hi")
    reply = page.locator(".message.theirs").last
    reply.hover()
    reply.locator(".react summary").click()
    reply.locator("[data-react='👍']").click()
    expect(reply.locator(".reaction")).to_have_text("👍")
