"""The page itself: for screen readers, keyboards, phones and dark rooms."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.axe import serious_findings
from tests.support.person import Person

pytestmark = pytest.mark.browser

PATIENCE = 30.0
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SIZES = [(640, 360), (360, 640), (320, 256), (1280, 800)]
LONG = "a room for everybody who has anything to say about " + "words without end " * 8
NAMED = {"button", "textbox", "combobox", "link", "article", "dialog", "log", "region", "img"}

SMALL_TARGETS = """
[...document.querySelectorAll('button, a, input, select, textarea')]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.id, element.getBoundingClientRect()])
  .filter(([, { width, height }]) => Math.min(width, height) < 44)
"""

# What somebody would hit who aims at the middle of each; null for what is outside of the window.
HIT = """
(selector) => [...document.querySelectorAll(selector)]
  .filter((element) => element.checkVisibility())
  .map((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return null;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return element.contains(hit) ? element.title || element.textContent : hit?.id;
  })
"""

# How far the frame of a field that has the focus reaches into the words above it, in pixels.
FRAME_OVER_LABEL = """
(id) => {
  const field = document.getElementById(id);
  field.focus({ preventScroll: true });
  const { outlineWidth, outlineOffset } = getComputedStyle(field);
  const wide = parseFloat(outlineWidth) + parseFloat(outlineOffset);
  const frame = field.getBoundingClientRect().top - wide;
  return field.labels[0].querySelector("span").getBoundingClientRect().bottom - frame;
}
"""

# Whether a list shows its last item, and times of day stand on one line.
SHOWS_LAST = """
(list) => {
  const bottom = (element) => element.getBoundingClientRect().bottom;
  return bottom(list.querySelector("li:last-child")) <= bottom(list)
    && [...list.querySelectorAll("time")].every((time) => time.getClientRects()[0].height < 30);
}
"""

# Text against the nearest opaque background behind it: the ratio of WCAG 2.2, 1.4.3.
LOW_CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([...c]) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!text || !element.checkVisibility() || element.closest(".tile, :disabled")) continue;
    const a = light(rgba(getComputedStyle(element).color)), b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([element.textContent.trim().slice(0, 30), ratio]);
  }
  return found;
}
"""


def _nameless(person: Person) -> list[str]:
    """List what a screen reader would announce without a name."""
    tree = person.page.locator("body").aria_snapshot()
    roles = re.findall(r"^\s*- (\w+)(?![\w:]* ?\")(.*)$", tree, re.MULTILINE)
    return [role + rest for role, rest in roles if role in NAMED and not rest.startswith(' "')]


def _hits(person: Person, selector: str, wanted: list[str]) -> None:
    """Wait until that is what would be hit: devices come on, and tiles follow a window's size."""
    deadline = time.monotonic() + PATIENCE
    while (found := person.page.evaluate(HIT, selector)) != wanted:
        assert time.monotonic() < deadline, found
        person.page.wait_for_timeout(20)


def test_everything_one_can_meet_has_a_name(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.open("")
    assert _nameless(ada) == []
    ada.open("names")
    assert _nameless(ada) == []
    ada.join("names")
    clara.join("names")
    expect(ada.tile("Clara")).to_be_visible()
    ada.page.locator("#open-chat").click()
    assert _nameless(ada) == []
    ada.press("Lock")
    assert _nameless(ada) == []
    ids = ada.page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_a_call_works_by_keyboard_alone(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open("keys")
    keyboard = ada.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(20):
            keyboard.press("Tab")
            if ada.page.evaluate("document.activeElement.textContent.trim()") == name:
                return
        pytest.fail(f"Tab does not reach {name}")

    tab_to("Join")
    keyboard.press("Enter")
    expect(ada.page.get_by_role("heading", name="keys")).to_be_focused()
    expect(ada.page.get_by_role("button", name="Mute", exact=True)).to_be_visible()
    tab_to("Mute")
    keyboard.press("Space")
    expect(ada.page.get_by_role("button", name="Unmute")).to_be_focused()
    tab_to("Lock")
    keyboard.press("Enter")
    expect(ada.page.get_by_label("New PIN")).to_be_focused()
    keyboard.press("Escape")
    expect(ada.page.get_by_role("button", name="Lock", exact=True)).to_be_focused()
    ada.page.locator("#open-chat").focus()
    keyboard.press("Enter")
    expect(ada.page.get_by_label("Message to everybody")).to_be_focused()
    keyboard.press("Escape")
    expect(ada.page.locator("#open-chat")).to_be_focused()
    tab_to("Leave")
    keyboard.press("Enter")
    expect(ada.page.get_by_role("heading", name="You have left")).to_be_focused()


def test_a_phone_shows_all_of_it_and_every_button_can_be_touched(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada", **PHONE), newcomer("Clara")
    for step in ("front page", "lobby", "call", "chat"):
        if step == "front page":
            ada.open("")
        elif step == "lobby":
            ada.open("pocket")
        elif step == "call":
            ada.join("pocket")
            clara.join("pocket")
            ada.sees_moving("Clara")
        else:
            ada.says("From my pocket")
            ada.sees_in_chat("From my pocket")
        ada.picture(f"phone-{step.replace(' ', '-')}")
        assert ada.page.evaluate(SMALL_TARGETS) == []
        assert ada.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(newcomer: Newcomer, scheme: str) -> None:
    # Without motion: a colour that is still on its way to another one tells nothing.
    still = {"color_scheme": scheme, "reduced_motion": "reduce"}
    ada, clara = newcomer("Ada", **still), newcomer("Clara")
    ada.open("")
    background = ada.page.evaluate("getComputedStyle(document.body).backgroundColor")
    first = int(re.findall(r"\d+", background)[0])
    assert (first < 60) == (scheme == "dark")
    assert ada.page.evaluate(LOW_CONTRAST) == []
    ada.open(f"{scheme} room")
    assert ada.page.evaluate(LOW_CONTRAST) == []
    assert serious_findings(ada.page) == []
    ada.picture(f"{scheme}-lobby")
    ada.join(f"{scheme} room")
    clara.join(f"{scheme} room")
    ada.sees_moving("Clara")
    assert serious_findings(ada.page) == []
    ada.says("Good evening https://example.org")
    expect(ada.page.get_by_role("log").locator("li:not(.pending)")).to_have_count(1)
    assert ada.page.evaluate(LOW_CONTRAST) == []
    assert serious_findings(ada.page) == []
    ada.picture(f"{scheme}-call")
    ada.press("Leave")
    assert ada.page.evaluate(LOW_CONTRAST) == []
    assert serious_findings(ada.page) == []


def test_on_small_screens_join_and_every_button_of_the_call_is_in_view(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open(LONG)
    sizes = [{"width": width, "height": height} for width, height in SIZES]
    for size in (each for each in sizes if each["height"] > 300):
        ada.page.set_viewport_size(size)
        assert ada.page.evaluate(HIT, "#join") == ["Join"]
        assert ada.page.evaluate(FRAME_OVER_LABEL, "name") < 1
    ada.join(LONG)
    for size in sizes:
        ada.page.set_viewport_size(size)
        ada.press("Lock")
        fields = ada.page.evaluate(HIT, "#ask-input, #ask-cancel, #ask-ok")
        assert fields == ["", "Cancel", "Lock"]
        ada.page.keyboard.press("Escape")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    for size in sizes:
        ada.page.set_viewport_size(size)
        _hits(ada, ".dock button, .bar button, #count", [
            "Show the PIN", "Only you", "Mute", "Stop camera", "Share screen", "Unlock",
            "Devices", "Chat", "Leave",
        ])  # fmt: skip
        assert ada.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        ada.page.wait_for_function(f"() => ({HIT})('#copy')[0] === 'Copy link'")
    ada.page.set_viewport_size({"width": 320, "height": 568})  # narrow, and high enough for all
    everything = "#invite-pin, #address, #copy"
    ada.page.wait_for_function(f"() => ({HIT})('{everything}').join() === '2718,,Copy link'")
    expect(ada.page.locator("#call-room")).to_have_attribute("title", LONG.strip())


def test_names_and_words_of_other_scripts_are_shown_as_written(newcomer: Newcomer) -> None:
    names = ("سارة", "田中 さくらのとても長い名前の会議室です", "👨‍👩‍👧 Müller")
    ada, *others = (newcomer(name) for name in ("Ada", *names))
    for person in (*others, ada):
        person.open("العائلة")
        person.press("Stop camera")  # four pictures of four people are much work for two cores
        person.enter_name()
        person.press("Join")
    for name in names:
        shown = ada.tile(name).locator(".name")
        expect(shown).to_have_text(name)
        expect(shown).to_have_attribute("dir", "auto")
    expect(ada.tile(names[2]).locator(".avatar")).to_have_text("👨‍👩‍👧")
    others[0].says("مرحبا (هنا)! https://example.org/صفحة.")
    ada.opens_chat()
    link = ada.page.get_by_role("log").get_by_role("link", name="https://example.org/صفحة")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    said = ada.page.get_by_role("log").locator(".said")
    expect(said).to_have_text("مرحبا (هنا)! https://example.org/صفحة.")
    assert said.evaluate("(element) => getComputedStyle(element).direction") == "rtl"
    others[1].says("お茶はいかがですか？" * 12)
    expect(said).to_have_count(2)
    messages = ada.page.get_by_role("log")
    for scheme in ("light", "dark"):
        ada.page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            ada.page.set_viewport_size({"width": width, "height": height})
            # Turned, it still shows what was said last: a frame later.
            ada.page.wait_for_function(SHOWS_LAST, arg=messages.element_handle())
            ada.picture(f"scripts-{scheme}-{width}x{height}")
    ada.page.set_viewport_size({"width": 320, "height": 256})  # who has gone up, and then sees all
    messages.hover()
    ada.page.mouse.wheel(0, -10_000)
    ada.page.wait_for_function("(log) => log.scrollTop === 0", arg=messages.element_handle())
    ada.page.set_viewport_size({"width": 1280, "height": 800})
    others[1].says("はい" * 40)
    expect(said).to_have_count(3)
    ada.page.set_viewport_size({"width": 320, "height": 256})
    ada.page.wait_for_function(SHOWS_LAST, arg=messages.element_handle())
