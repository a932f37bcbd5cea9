"""Our chat page on every screen, in every script, in light and dark: all of it can be reached."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewChatter
from tests.support.axe import serious_findings
from tests.support.chatter import CHAT, Chatter
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAMILY = "👨\u200d👩\u200d👧"
MARYAM = "مریم می\u200cخواهد"  # two words, the second with a joiner that keeps letters apart
YUKI = f"雪子{'の長い名前' * 5}"
LONG = "A channel with a title that is longer than any phone is wide " * 3
SITE = CHAT.replace('"The tea room"', f'"غرفة الشاي – お茶の部屋 {FAMILY} {LONG}"').replace(
    '"Off topic"', f'"{LONG}"'
)
SCREENS = {"phone": (360, 640), "lying": (640, 360), "zoomed": (320, 256), "desk": (1280, 800)}
VIEWS = [("lying", "light"), ("zoomed", "light"), ("desk", "light"), ("phone", "dark")]
CHECKED = {"zoomed", "desk", "phone"}
NAMELESS = """
[...document.querySelectorAll("button")]
  .filter((button) => button.checkVisibility({ visibilityProperty: true }))
  .filter((button) => !button.innerText.trim() && !button.title)
  .map((button) => button.outerHTML)
"""
CUT = "([text, limit]) => import('./static/quintet/chat/dom.js').then((m) => m.line(text, limit))"


def is_in_view(element: Locator) -> bool:
    """Tell whether all of it is on the screen, without scrolling."""
    return bool(
        element.evaluate("""(element) => {
          const { left, right, top, bottom } = element.getBoundingClientRect();
          return left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
        }""")
    )


def goes_to_pane(page: Page, name: str) -> None:
    """Show a part of the page, where one is shown at a time."""
    tab = page.locator("#tabs").get_by_role("button", name=name, exact=True)
    if tab.is_visible():
        tab.click()


def on_each_screen(somebody: Chatter, name: str, look: Callable[[Page], None]) -> None:
    """Look at a page on all screens, light or dark, and have axe look on some of them."""
    page = somebody.page
    for screen, scheme in VIEWS:
        width, height = SCREENS[screen]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": height})
        look(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(NAMELESS) == []
        if screen in CHECKED:
            somebody.picture(f"chat-{name}-{screen}-{scheme}")
            assert serious_findings(page) == []


def look_at_login(page: Page) -> None:
    assert is_in_view(page.get_by_label("Your name"))
    assert is_in_view(page.get_by_role("button", name="Enter the chat"))
    page.get_by_label("Without WebSocket").click(trial=True)


def look_at_talk(page: Page) -> None:
    goes_to_pane(page, "Chat")
    for control in ("Stop camera", "Mute microphone", "Camera settings", "Send message"):
        assert is_in_view(page.get_by_role("button", name=control))
    assert is_in_view(page.get_by_label("Message", exact=True))
    for control in (f"Silence {FAMILY}", f"Close webcam of {FAMILY}"):
        page.locator("#stage").get_by_role("button", name=control).click(trial=True)
    page.get_by_role("button", name="Camera settings").click()
    for control in ("Cancel", "Done"):
        assert is_in_view(page.get_by_role("dialog").get_by_role("button", name=control))
    page.keyboard.press("Escape")


def look_at_rooms(page: Page) -> None:
    goes_to_pane(page, "Channels")
    for control in ("Lobby", LONG.strip(), "Leave"):
        page.locator("#rooms").get_by_role("button", name=control, exact=True).click(trial=True)


def look_at_people(page: Page) -> None:
    goes_to_pane(page, "People")
    for control in (f"Close webcam of {FAMILY}", YUKI):
        page.locator("#people").get_by_role("button", name=control).click(trial=True)


def test_all_is_reached_on_every_screen_and_names_of_all_scripts_stay_whole(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=SITE)
    maryam, family, yuki = (chatter(name, url=server.url) for name in (MARYAM, FAMILY, YUKI))
    family.enters()
    yuki.enters()
    maryam.open("")
    on_each_screen(maryam, "login", look_at_login)
    maryam.page.set_viewport_size({"width": 1280, "height": 800})
    maryam.types("Your name", f"\u202e{MARYAM}\u2069")
    maryam.page.keyboard.press("Enter")
    maryam.is_in()
    expect(maryam.page.locator("#own-name")).to_have_text(MARYAM)
    expect(yuki.row(FAMILY).locator(".face")).to_have_text(FAMILY)
    yuki.says("お茶は**いかが**ですか？" * 8, "", "- Assam", "- `first flush`", "", "> with milk?")
    maryam.says("سلام (دوستان)!")
    said = yuki.reads("سلام").locator(".said p")
    assert said.evaluate("(p) => getComputedStyle(p).unicodeBidi") == "plaintext"
    for somebody in (family, maryam):
        somebody.starts_camera()
    maryam.camera_of(FAMILY).click()
    maryam.watches(FAMILY)
    for name, look in (
        ("talk", look_at_talk), ("rooms", look_at_rooms), ("people", look_at_people),
    ):  # fmt: skip
        on_each_screen(maryam, name, look)
    maryam.chooses(YUKI, "Write a direct message")
    nothing = maryam.log.locator("ol").evaluate("(ol) => getComputedStyle(ol, '::before').content")
    assert nothing == '"Nothing has been said here yet."'
    cut = maryam.page.evaluate(CUT, [FAMILY * 9 + "\u2066" + FAMILY * 9, 12])
    assert cut == FAMILY * 11 + "…"
