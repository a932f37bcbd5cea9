"""Our own chat page: words, pictures, names, and what others see of one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import NewChatter
from tests.support.chatter import CHAT, Chatter, fresh
from tests.support.server_process import ServerProcess
from tests.support.web_site import WebSite

pytestmark = pytest.mark.browser


@pytest.fixture
def web_site() -> Iterator[WebSite]:
    with WebSite() as site:
        yield site


def picture(width: int = 400, height: int = 300) -> FilePayload:
    """Return a PNG of two colours, as a file that somebody chooses."""
    image, file = Image.new("RGB", (width, height), "teal"), io.BytesIO()
    image.paste("orange", (0, 0, width // 2, height))
    image.save(file, "PNG")
    return {"name": "tea.png", "mimeType": "image/png", "buffer": file.getvalue()}


def send_picture(somebody: Chatter, file: FilePayload) -> None:
    with somebody.page.expect_file_chooser() as chooser:
        somebody.press("Send a picture")
    chooser.value.set_files(file)


def test_what_is_written_in_a_channel_is_shown_as_markdown(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada"), chatter("Bert")
    ada.enters()
    bert.enters()
    ada.reads("Welcome to the lobby.")
    ada.reads("Bert has joined the room!")
    ada.says("Good **morning**, see <https://example.com/tea> <b onclick=alert(1)>now</b>")
    said = bert.reads("Good morning")
    assert (
        said.locator(".said").evaluate("(element) => element.outerHTML.includes('alert')") is False
    )
    expect(said.locator("strong").first).to_have_text("morning")
    link = said.get_by_role("link")
    expect(link).to_have_attribute("href", "https://example.com/tea")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(bert.page.get_by_label("Message", exact=True)).to_have_value("")
    ada.says("[my bank](https://bank.example@b.example/) ![the pot](http://b.example/pot.png)")
    said = bert.reads("my bank")
    expect(said.get_by_role("link")).to_have_text(["the pot"])  # one leads elsewhere than it looks
    expect(said.get_by_role("link")).to_have_attribute("href", "http://b.example/pot.png")
    expect(said.locator("img")).to_have_count(0)
    bert.page.locator("#leave").click()
    ada.reads("Bert has exited the room!")
    expect(ada.row("Bert")).to_have_count(0)


def test_what_was_missed_is_counted_until_it_is_read(chatter: NewChatter) -> None:
    ada, bert = chatter("Ann"), chatter("Ben")
    ada.enters()
    bert.enters()
    bert.goes_to("Off topic")
    expect(bert.page.get_by_role("heading", name="# Off topic")).to_be_visible()
    expect(bert.page.get_by_role("button", name="Send a picture")).to_be_hidden()
    ada.says("one")
    ada.says("two")
    lobby = bert.page.locator("#channels li").first
    expect(lobby.locator(".count")).to_have_text("2 unread")
    expect(bert.page).to_have_title("(2) The tea room")
    bert.goes_to("Lobby")
    bert.reads("two")
    expect(lobby.locator(".count")).to_be_hidden()
    expect(bert.page).to_have_title("The tea room")


def test_a_direct_message_reaches_one_person_alone(chatter: NewChatter) -> None:
    ada, bert, cleo = chatter("Ada 1"), chatter("Bert 1"), chatter("Cleo 1")
    for somebody in (ada, bert, cleo):
        somebody.enters()
    ada.chooses("Bert 1", "Write a direct message")
    expect(ada.page.get_by_label("Message", exact=True)).to_be_focused()
    ada.says("just for you")
    ada.reads("just for you")
    bert.hears("Ada 1: just for you")
    expect(bert.page.locator("#direct .count")).to_have_text("1 unread")
    bert.goes_to("Ada 1")
    bert.reads("just for you")
    bert.says("so it is")
    ada.reads("so it is")
    cleo.says("did I miss something?")
    bert.goes_to("Lobby")
    bert.reads("did I miss something?")
    expect(cleo.page.locator("#direct li")).to_have_count(0)
    bert.page.locator("#leave").click()
    ada.reads("Bert 1 has exited the room!")
    ada.says("are you there?")
    ada.reads("Could not deliver your message: @Bert 1 appears not to be online.")
    ada.press("Close this conversation")
    expect(ada.page.get_by_label("Message", exact=True)).to_be_focused()
    expect(ada.page.locator("#direct li")).to_have_count(0)


def test_a_picture_is_sent_and_opened_in_full_size(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 2"), chatter("Bert 2")
    ada.enters()
    bert.enters()
    send_picture(ada, picture())
    enlarge = bert.log.get_by_role("button", name="Enlarge picture")
    expect(enlarge).to_be_visible()
    expect(enlarge.locator("img")).to_have_js_property("naturalWidth", 400)  # it is decoded later
    enlarge.press("Enter")
    shown = bert.page.get_by_role("dialog").get_by_role("img")
    expect(shown).to_be_visible()
    bert.picture("chat-picture")
    bert.page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    expect(enlarge).to_be_focused()
    send_picture(ada, {"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    ada.hears("Only PNG, JPEG and GIF pictures can be sent.")
    send_picture(ada, {"name": "x.png", "mimeType": "image/png", "buffer": bytes(8 * 2**20 + 1)})
    ada.hears("This picture is larger than 8 MiB.")


def test_reactions_are_counted_and_taken_back(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 3"), chatter("Bert 3")
    ada.enters()
    bert.enters()
    ada.says("tea is ready")
    said = bert.reads("tea is ready")
    said.get_by_role("button", name="Actions").click()
    bert.press("👍")
    reaction = ada.reads("tea is ready").get_by_role("button", name="👍")
    expect(reaction).to_have_attribute("title", "Bert 3")
    expect(reaction).to_have_attribute("aria-pressed", "false")
    reaction.click()
    expect(said.get_by_role("button", name="👍")).to_have_text("👍 2")
    said.get_by_role("button", name="👍").click()
    expect(reaction).to_have_text("👍 1")
    reaction.click()
    expect(said.get_by_role("button", name="👍")).to_have_count(0)


def test_a_message_is_taken_back_from_everybody(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 4"), chatter("Bert 4")
    ada.enters()
    bert.enters()
    forgotten = fresh("forget that")
    ada.says(forgotten)
    said = bert.reads(forgotten)
    said.get_by_role("button", name="Actions").click()
    expect(bert.page.locator("#menu").get_by_role("button", name="Take back")).to_have_count(0)
    bert.page.keyboard.press("Escape")
    ada.reads(forgotten).get_by_role("button", name="Actions").click()
    ada.press("Take back")
    bert.reads_nothing_like(forgotten)
    ada.reads_nothing_like(forgotten)


def test_names_are_shown_as_they_are_and_never_as_markup(chatter: NewChatter) -> None:
    ada, eve = chatter("Ada 5"), chatter('<b onclick="x">Eve</b>')
    ada.enters()
    eve.enters()
    eve.says("good evening")
    said = ada.reads("good evening")
    expect(said.locator(".said-by b").first).to_have_text(eve.name)
    expect(ada.page.locator("b[onclick]")).to_have_count(0)
    ada.reads(f"{eve.name} has joined the room!")


def test_a_guest_whose_name_is_taken_gets_the_next_one(chatter: NewChatter) -> None:
    ada, other = chatter("Ada 6"), chatter("Ada 6")
    ada.enters()
    other.enters()
    other.hears("The name Ada 6 is taken: you are Ada 6 2 here.")
    expect(other.page.locator("#own-name")).to_have_text("Ada 6 2")
    expect(ada.row("Ada 6 2")).to_be_visible()


def test_a_second_login_with_the_same_token_puts_the_first_one_off(chatter: NewChatter) -> None:
    first, second = chatter("Dora"), chatter("Dora")
    first.enters_with_token(nick="Dora the first")
    expect(first.page.locator("#own-name")).to_have_text("Dora the first")
    second.enters_with_token(nick="Dora the second")
    expect(first.page.get_by_role("heading", name="You have been disconnected")).to_be_focused()
    expect(first.page.get_by_role("alert")).to_contain_text("logged in from another location.")
    second.says("here I am")
    second.reads("here I am")
    expect(second.page.locator("#own-name")).to_have_text("Dora the second")


def test_what_one_is_and_does_is_seen_beside_the_name(chatter: NewChatter) -> None:
    ada, vera = chatter("Ada 7"), chatter("Vera")
    ada.enters()
    vera.enters_with_token(nick="Véra", vip=True, op=True, emoji="🦊 Fox", url="/u/vera")
    row = ada.row("Vera")
    expect(row.locator(".who")).to_have_text("Véra")
    for sign in ("operator", "VIP", "🦊 Fox"):
        expect(row.get_by_role("img", name=sign, exact=True)).to_be_visible()
    vera.sets_status("Out to lunch")
    expect(row.get_by_role("img", name="Out to lunch")).to_be_visible()
    row.locator(".name-button").click()
    facts = ada.page.locator("#menu")
    expect(facts).to_contain_text("Operator, VIP")
    ada.picture("chat-person")
    ada.page.keyboard.press("Escape")
    expect(row.locator(".name-button")).to_be_focused()


def test_somebody_is_found_by_a_part_of_the_name(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 8"), chatter("Bert 8")
    ada.enters()
    bert.enters()
    expect(ada.row("Bert 8")).to_be_visible()
    ada.types("Find somebody", "bert 8")
    expect(ada.row("Ada 8")).to_be_hidden()
    expect(ada.row("Bert 8")).to_be_visible()


def test_who_comes_later_is_shown_what_was_said_last(chatter: NewChatter) -> None:
    ada, late = chatter("Ada 9"), chatter("Late")
    ada.enters()
    ada.says("you will read this")
    ada.reads("you will read this")
    late.enters()
    late.reads("you will read this")


def test_the_page_about_the_chat_is_linked(chatter: NewChatter) -> None:
    ada = chatter("Ada")
    ada.open("")
    ada.page.get_by_role("link", name="About this chat").last.click()
    expect(ada.page.get_by_role("heading").first).to_be_visible()
    assert ada.page.url.endswith("/about")


def test_older_direct_messages_are_read_page_by_page(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    kept = '[barertc.history]\nenabled = true\ndisclaimer = "Kept for <90> days."\n'
    server = own_server(config=f"{CHAT}{kept}")
    dora, emil = chatter("Dora", url=server.url), chatter("Emil", url=server.url)
    dora.enters_with_token()
    emil.enters_with_token()
    dora.chooses("Emil", "Write a direct message")
    dora.reads("Kept for <90> days.")
    for number in range(45):
        dora.says(f"no {number}")
    emil.goes_to("Dora")
    emil.reads("no 44")
    emil.enters_with_token()
    emil.chooses("Dora", "Write a direct message")
    emil.reads("no 44")
    dora.page.locator("#leave").click()
    emil.reads("Dora has exited the room!")
    said = emil.log.locator(".message .said")
    for count in (20, 40, 45):
        expect(said).to_have_count(count)
        emil.log.press("Home")
    assert said.all_inner_texts() == [f"no {number}" for number in range(45)]
    expect(emil.log.locator("li").first).to_have_text("Kept for <90> days.")
    expect(emil.log.locator("li").last).to_have_text("Dora has exited the room!")


def test_a_film_is_shown_below_the_message_that_links_to_it(chatter: NewChatter) -> None:
    ada = chatter("Ada 11")
    film = "<!doctype html><title>film</title><h1>A film about tea</h1>"
    ada.page.route("https://www.youtube.com/**", lambda route: route.fulfill(body=film))
    ada.enters()
    ada.goes_to("Off topic")
    ada.says("look: https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    frame = ada.reads("look:").frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("A film about tea")


def test_beside_other_dialects_it_stands_below_its_own_path(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=CHAT.replace('["barertc"]', '["spreed", "barertc"]', 1))
    ada, paul = chatter("Ada", url=server.url), chatter("Paul", url=server.url)
    ada.enters("barertc/")
    paul.enters("barertc/", polling=True)
    ada.says("we are not at the root")
    paul.reads("we are not at the root")
    paul.page.get_by_role("link", name="About this chat").last.focus()
    assert paul.page.evaluate("document.activeElement.href") == f"{server.url}barertc/about"


def test_lists_of_people_are_never_answered(chatter: NewChatter) -> None:
    ada, sent = chatter("Ada 10"), list[str]()
    ada.page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(text)))
    ada.enters()
    ada.sets_status("Busy")  # on the way there a list may choose others
    bert = chatter("Bert 10")
    bert.enters()
    expect(bert.row("Ada 10").get_by_role("img", name="Busy")).to_be_visible()
    while not any(json.loads(text).get("status") == "busy" for text in sent):
        ada.page.wait_for_timeout(50)  # what one page sent may be told after what another shows
    assert {json.loads(text)["action"] for text in sent} == {"login", "me"}
    sent.clear()
    bert.starts_camera()
    expect(ada.camera_of("Bert 10")).to_be_visible()
    for status in ("Away", "Online", "Gaming"):
        bert.sets_status(status)
        bert.page.wait_for_timeout(1_200)  # a list begins anew to look for what is typed
    expect(ada.row("Bert 10").get_by_role("img", name="Gaming")).to_be_visible()
    assert sent == []


def test_a_report_reaches_the_web_site(
    chatter: NewChatter, own_server: Callable[..., ServerProcess], web_site: WebSite
) -> None:
    hook = f'[[barertc.webhooks]]\nname = "report"\nurl = "{web_site.url}"\n'
    server = own_server(config=CHAT + hook)
    ada, mallory = chatter("Ada", url=server.url), chatter("Mallory", url=server.url)
    ada.enters()
    mallory.enters()
    mallory.says("buy my pills")
    ada.reads("buy my pills").get_by_role("button", name="Actions").click()
    ada.press("Report")
    ada.page.get_by_role("dialog").get_by_label("Comment").press_sequentially("again and again")
    ada.confirms("Report")
    ada.reads("Your report has been delivered successfully.")
    [told] = web_site.told
    assert told["Action"] == "report"
    report = told["Report"]
    assert report["FromUsername"] == "Ada"
    assert report["AboutUsername"] == "Mallory"
    assert report["Comment"] == "again and again"
    assert "buy my pills" in report["Message"]
