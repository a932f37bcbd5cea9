"""The page itself: for screen readers, keyboards, phones and dark rooms."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.person import Person

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NAMED = {"button", "textbox", "combobox", "link", "article", "dialog", "log", "region", "img"}

SMALL_TARGETS = """
[...document.querySelectorAll('button, a, input, select, textarea')]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.id, element.getBoundingClientRect()])
  .filter(([, { width, height }]) => Math.min(width, height) < 44)
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
    ada.picture(f"{scheme}-lobby")
    ada.join(f"{scheme} room")
    clara.join(f"{scheme} room")
    ada.sees_moving("Clara")
    ada.says("Good evening")
    ada.sees_in_chat("Good evening")
    expect(ada.page.get_by_role("log").locator(".pending")).to_have_count(0)
    assert ada.page.evaluate(LOW_CONTRAST) == []
    ada.picture(f"{scheme}-call")
