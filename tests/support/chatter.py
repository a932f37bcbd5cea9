"""Somebody at the chat page: a browser tab with a name, and what they can see in it."""

from __future__ import annotations

import itertools

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.person import Person, type_into

KEY = "a key for the tests"
CHAT = f"""dialects = ["barertc"]
[barertc]
title = "The tea room"
permit_nsfw = true
admin_api_key = "{KEY}"
[barertc.jwt]
enabled = true
strict = false
[[barertc.channels]]
id = "lobby"
name = "Lobby"
welcome_messages = ["Welcome to the lobby."]
[[barertc.channels]]
id = "offtopic"
name = "Off topic"
permit_photos = false
[[barertc.channels]]
id = "vip"
name = "VIP lounge"
vip = true
"""
"""A listener with the chat alone: guests may come in, and people with a token."""

# Whether so many frames more have been decoded of the picture of that name since it was asked
# first, and there is something to be seen: it is not black.
DECODES = """
async ([name, frames]) => {
  const tile = [...document.querySelectorAll('#stage article')].find((t) => t.ariaLabel === name);
  const video = tile?.querySelector('video');
  if (!video?.videoWidth) return false;
  const [track] = video.srcObject.getVideoTracks();
  let decoded = 0;
  for (const connection of made.connections)
    for (const one of (await connection.getStats()).values())
      if (one.type === 'inbound-rtp' && one.trackIdentifier === track.id)
        decoded = one.framesDecoded ?? 0;
  video.watchedFrom ??= decoded;
  const brush = Object.assign(document.createElement('canvas'), { width: 8, height: 6 })
    .getContext('2d');
  brush.drawImage(video, 0, 0, 8, 6);
  const bright = brush.getImageData(0, 0, 8, 6).data.some((value, at) => at % 4 < 3 && value > 64);
  return bright && decoded >= video.watchedFrom + frames;
}
"""

# What is announced is shown for five seconds, in which a busy machine may not come to look.
HEARD = """
window.heard = [];
new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes)
    if (target.id === 'toasts') heard.push(...[...addedNodes].map((toast) => toast.textContent));
}).observe(document, { childList: true, subtree: true });
"""

_numbers = itertools.count(1)


def fresh(text: str) -> str:
    """Return a text that nobody has written yet: who comes in is shown what was said last."""
    return f"{text} [{next(_numbers)}]"


def token(url: str, name: str, claims: dict[str, object]) -> str:
    """Have the server sign a login token, as a web site does."""
    body = {"APIKey": KEY, "Claims": {"sub": name, **claims}}
    answer = httpx.post(f"{url}api/authenticate", json=body, timeout=60.0)
    answer.raise_for_status()
    return str(answer.json()["JWT"])


class Chatter(Person):
    """A tab of its own, at the chat page."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        super().__init__(page, url, name)
        self.url = url
        page.add_init_script(HEARD)

    def enters(self, path: str = "", *, polling: bool = False) -> None:
        """From the address to the channel that is shown first."""
        self.open(path)
        self.types("Your name", self.name)
        if polling:
            self.page.get_by_label("Without WebSocket").press("Space")
        self.page.keyboard.press("Tab")
        self.press("Enter the chat")
        self.is_in()

    def enters_with_token(self, **claims: object) -> None:
        """Come with a token of the web site, which lets one in at once."""
        self.open(f"?jwt={token(self.url, self.name, claims)}")
        self.is_in()

    def is_in(self) -> None:
        expect(self.page.locator("#site")).to_be_visible()
        expect(self.row(self.name)).to_have_count(1)  # on a phone it is shown by a tap only

    def says(self, *lines: str) -> None:
        """Write a message of so many lines, key by key."""
        self.types("Message", lines[0])
        for line in lines[1:]:
            self.page.keyboard.press("Shift+Enter")
            self.page.keyboard.type(line)
        self.page.keyboard.press("Enter")

    def types(self, label: str, text: str) -> None:
        """Click into a field and type over what is in it, key by key."""
        type_into(self.page.get_by_label(label, exact=True), text)

    @property
    def log(self) -> Locator:
        """The messages that are shown now."""
        return self.page.locator(".log:not([hidden])")

    def reads(self, text: str) -> Locator:
        """Wait until a message with that text is shown, and return it."""
        message = self.log.locator("li").filter(has_text=text).last
        expect(message).to_be_visible()
        return message

    def reads_nothing_like(self, text: str) -> None:
        expect(self.log.locator("li").filter(has_text=text)).to_have_count(0)

    def row(self, name: str) -> Locator:
        """The row of somebody in the list of people."""
        return self.page.locator("#people-list li").filter(
            has=self.page.get_by_title(f"@{name}", exact=True)
        )

    def camera_of(self, name: str) -> Locator:
        return self.row(name).locator(".camera-button")

    def goes_to(self, conversation: str) -> None:
        self.page.locator("#rooms").get_by_role("button", name=conversation).click()

    def chooses(self, name: str, action: str) -> None:
        """Open the card of somebody and press a button on it."""
        self.row(name).locator(".name-button").click()
        self.page.locator("#menu").get_by_role("button", name=action, exact=True).click()

    def confirms(self, button: str) -> None:
        self.page.locator("#ask").get_by_role("button", name=button, exact=True).click()

    def starts_camera(self, *options: str) -> None:
        """Start the camera with these of its options, for the first time."""
        self.press("Start camera")
        dialog = self.page.locator("#camera-settings")
        expect(dialog).to_be_visible()
        for option in options:
            dialog.get_by_label(option).press("Space")
            expect(dialog.get_by_label(option)).to_be_checked()
        dialog.get_by_role("button", name="Start camera").click()
        expect(dialog).to_be_hidden()
        expect(self.page.get_by_role("article", name="You", exact=True)).to_be_visible()

    def closes_camera_of(self, name: str) -> None:
        """Close a picture by the button on it."""
        self.page.locator("#stage").get_by_role("button", name=f"Close webcam of {name}").click()

    def watches(self, name: str, *, nick: str = "", frames: int = 5) -> None:
        """Wait until so many more frames of somebody's webcam have been decoded."""
        self.page.evaluate(
            "document.querySelectorAll('#stage video').forEach((v) => delete v.watchedFrom)"
        )
        self.page.wait_for_function(DECODES, arg=[nick or name, frames], timeout=60_000)

    def watches_nobody(self) -> None:
        expect(self.page.locator("#stage article:not(.own)")).to_have_count(0)

    def hears(self, text: str) -> None:
        """Wait until something was announced since the page was opened."""
        self.page.wait_for_function(
            "(text) => heard.some((said) => said.includes(text))", arg=text, timeout=60_000
        )

    def sets_status(self, name: str) -> None:
        """Choose a status by typing its name."""
        field = self.page.get_by_label("Your status")
        for _ in range(5):
            field.press_sequentially(name)
            if field.evaluate("(field) => field.selectedOptions[0].text").startswith(name):
                return
            self.page.wait_for_timeout(1_200)  # a second between two keys begins another name
        raise AssertionError(f"{name} cannot be chosen")
