"""Before the call: choosing a room, a name and devices, and what may go wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserType, expect

from tests.browser.conftest import FAKE_DEVICES, FLAGS, Newcomer
from tests.support.programs import need
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

REFUSE_CAMERA = """
const media = MediaDevices.prototype, real = media.getUserMedia;
media.getUserMedia = function (wish) {
  return wish.video ? Promise.reject(new DOMException("", refusal)) : real.call(this, wish);
};
"""


@pytest.fixture
def denying_browser(_chromium: BrowserType) -> Iterator[Browser]:
    """Chromium of somebody who has said no to camera and microphone."""
    flags = [*FLAGS, FAKE_DEVICES, "--use-fake-ui-for-media-stream=deny"]
    with _chromium.launch(executable_path=need("chromium"), args=flags) as browser:
        yield browser


def test_the_front_page_makes_a_room(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open("")
    ada.picture("front-page")
    ada.press("Make a new room")
    expect(ada.page.get_by_text("You are about to enter")).to_be_visible()
    assert re.search(r"/[a-z0-9]{6,}$", ada.page.url)


def test_the_front_page_leads_to_a_named_room(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open("")
    ada.types("Room name", "Café Müller/back room?")
    ada.press("Go there")
    heading = ada.page.get_by_role("heading", name="Café Müller/back room?", exact=True)
    expect(heading).to_be_visible()


def test_name_and_picture_are_there_before_joining(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open("mirror")
    ada.page.wait_for_function("() => document.getElementById('preview').videoWidth > 0")
    expect(ada.page.get_by_role("combobox", name="Camera")).to_have_value(re.compile(".+"))
    ada.picture("lobby")
    ada.enter_name()
    ada.press("Join")
    expect(ada.page.locator("#call")).to_be_visible()
    ada.open("mirror")
    expect(ada.page.get_by_label("Your name")).to_have_value("Ada")


def test_a_remembered_camera_that_is_gone_is_replaced_by_another(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.page.add_init_script("localStorage.setItem('quintet.video', 'unplugged since')")
    ada.open("gone")
    ada.page.wait_for_function("() => document.getElementById('preview').videoWidth > 0")


def test_the_microphone_moves_the_meter(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    ada.open("meter")
    ada.page.wait_for_function(
        "() => getComputedStyle(document.querySelector('#meter i:nth-child(3)')).transform"
        ".match(/[0-9.]+/g)[3] > 0.3"
    )


def test_without_camera_and_microphone_one_can_still_join(
    newcomer: Newcomer, bare_browser: Browser
) -> None:
    ada, clara = newcomer("Ada", within=bare_browser), newcomer("Clara")
    ada.open("bare")
    expect(ada.page.get_by_text("No camera was found.")).to_be_visible()
    expect(ada.page.get_by_text("No microphone was found.")).to_be_visible()
    ada.picture("no-camera")
    ada.join("bare")
    clara.join("bare")
    ada.sees_moving("Clara")
    expect(clara.tile("Ada").get_by_role("img", name="Microphone off")).to_be_visible()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "The browser may not use your camera."),
        ("NotReadableError", "Your camera is in use by another program."),
    ],
)
def test_a_refused_camera_is_explained_and_the_microphone_kept(
    newcomer: Newcomer, error: str, words: str
) -> None:
    ada = newcomer("Ada")
    ada.page.add_init_script(f"window.refusal = '{error}';" + REFUSE_CAMERA)
    ada.open("refused")
    expect(ada.page.locator("#media-problem")).to_contain_text(words)
    expect(ada.page.get_by_role("button", name="Mute", exact=True)).to_be_visible()
    ada.join("refused")


def test_devices_that_the_browser_may_not_use_are_not_said_to_be_missing(
    newcomer: Newcomer, denying_browser: Browser, bare_browser: Browser
) -> None:
    ada = newcomer("Ada", within=denying_browser)
    ada.open("denied")
    expect(ada.page.locator("#media-problem")).to_contain_text("may not use your camera")
    for kind in ("Camera", "Microphone"):
        devices = ada.page.get_by_role("combobox", name=kind)
        expect(devices).to_have_text("Listed once the browser may use it")
    clara = newcomer("Clara", within=bare_browser)
    clara.open("denied")
    expect(clara.page.get_by_role("combobox", name="Camera")).to_have_text("No camera found")


def test_a_page_without_https_explains_the_missing_camera_and_still_joins(
    newcomer: Newcomer, server: ServerProcess
) -> None:
    ada = newcomer("Ada", url=f"http://meeting.example:{server.port}/")
    clara = newcomer("Clara")
    ada.open("insecure")
    expect(ada.page.locator("#media-problem")).to_contain_text("not opened over HTTPS")
    expect(ada.page.get_by_role("combobox", name="Camera")).to_have_text("Only with HTTPS")
    ada.join("insecure")
    ada.page.set_viewport_size({"width": 320, "height": 256})  # too little for the link itself
    ada.press("Copy link")
    ada.page.locator("#open-chat").click()
    ada.page.keyboard.press("Control+V")
    expect(ada.page.get_by_label("Message to everybody")).to_have_value(ada.page.url)
    clara.join("insecure")
    ada.sees_moving("Clara")
    ada.says("I can only watch.")
    clara.page.locator("#open-chat").click()
    clara.sees_in_chat("I can only watch.")
