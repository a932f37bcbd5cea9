"""Participants who are told apart by colour and tone, and what the others see and hear of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from tests.support.owt_page import PATIENCE, SCRIPT, Application, Tab

Document = dict[str, Any]
WITHIN = (0.2, 0.5, 0.8)  # where in a region its colour is looked at
LOUDNESS = 0.2
TOLERANCE = 56  # of 255: what browsers and codecs leave of a colour


class Look(NamedTuple):
    """What one sends: a colour (red, green, blue), and a tone in Hz."""

    colour: tuple[int, int, int]
    hertz: int

    @property
    def options(self) -> Document:
        red, green, blue = self.colour
        colour = f"rgb({red} {green} {blue})"
        return {"colour": colour, "hertz": self.hertz, "loudness": LOUDNESS}


BLACK = (0, 0, 0)
RED, GREEN, BLUE = (
    Look((200, 40, 40), 500),
    Look((40, 170, 60), 900),
    Look((50, 70, 210), 1500),
)
EVERYBODY = (RED, GREEN, BLUE)


class MixTab(Tab):
    """One participant, who can look at places of a picture, and listen for tones."""

    scripts = (SCRIPT, SCRIPT.with_name("owt_mix_page.js"))

    def show(self, look: Look, **options: object) -> str:
        return self.publish(**look.options, **options)

    def request(self, name: str, order: Document) -> Any:
        return self.run("(all) => conference.request(...all)", [name, order])

    def take(self, audio: Document | None = None, video: Document | None = None) -> str:
        media = {"audio": audio or False, "video": video or False}
        return str(self.run("(media) => conference.take(media)", media))

    def timed(self, stream: str, wanted: list[list[Any]]) -> Document:
        """Return {id, ready, shown}: of a subscription, and milliseconds since it was asked for.

        It is shown with the first picture that has these colours.
        """
        media = {"audio": {"from": stream}, "video": {"from": stream}}
        script = "(all) => conference.timed(...all)"
        found: Document = self.run(script, [media, wanted, TOLERANCE])
        return found

    def until_told(self, stream: str, field: str, value: object) -> None:
        """Wait until this was told last of a part of a stream, of a layout the streams in it."""
        self.until(
            "([stream, field, value]) =>"
            " JSON.stringify(conference.update(stream, field)) === JSON.stringify(value)",
            [stream, field, value],
        )

    def sees_layout(
        self, subscription: str, layout: Iterable[Document], looks: Mapping[str, Look]
    ) -> None:
        """Wait until the colours of the streams stand in their regions, and black in the others."""
        wanted = [
            [x, y, looks[place["stream"]].colour if "stream" in place else BLACK]
            for place in layout
            for x, y in _points(place["region"]["area"])
        ]
        self.sees_colours(subscription, wanted)

    def sees_colours(
        self, subscription: str, wanted: list[list[Any]], tolerance: int = TOLERANCE
    ) -> None:
        """Wait until there are these colours: [[x, y, (red, green, blue)], ...]."""
        try:
            self.until("(all) => conference.shows(...all)", [subscription, wanted, tolerance])
        except Exception as error:
            seen = self.run("(all) => conference.colours(...all)", [subscription, wanted])
            raise AssertionError(f"not {wanted} but {seen}") from error

    def hears_only(
        self, subscription: str, heard: Iterable[Look], silent: Iterable[Look], looks: int = 20
    ) -> list[float]:
        """Wait until these tones are heard and those clearly less, and stay so; return levels."""
        tones = {"heard": [it.hertz for it in heard], "silent": [it.hertz for it in silent]}
        script = """([id, tones, looks, patience]) => Promise.race([
            conference.hearsOnly(id, tones, looks),
            new Promise((resolve, reject) => setTimeout(
                () => reject(new Error(`heard: ${conference.sessions[id].levels}`)), patience))])"""
        return list(self.run(script, [subscription, tones, looks, PATIENCE * 1000]))

    def size(self, subscription: str) -> tuple[int, int]:
        seen = self.run("(id) => conference.seen(id)", subscription)
        return seen["width"], seen["height"]

    def advances(self, subscription: str, size: tuple[int, int], more: int = 15) -> None:
        """Wait until more frames were shown, and they have this size."""
        frames = self.run("(id) => conference.seen(id)", subscription)["frames"]
        self.until(
            "([id, frames, size]) => { const seen = conference.seen(id);"
            " return seen.frames >= frames && seen.width === size[0] && seen.height === size[1]; }",
            [subscription, frames + more, size],
        )

    def colour(self, subscription: str, look: Look) -> list[int]:
        """Return the colour in the middle once it is about that one: a frame may come out empty."""
        deadline = time.monotonic() + PATIENCE
        script = "(id) => conference.colours(id, [[0.5, 0.5]])"
        while True:
            found: list[list[int]] = self.run(script, subscription)
            for colour in found:
                pairs = zip(colour, look.colour, strict=True)
                if all(abs(seen - wanted) < TOLERANCE for seen, wanted in pairs):
                    return colour
            assert time.monotonic() < deadline, found

    def bitrates(self, subscriptions: Iterable[str], frames: int) -> list[float]:
        """Return kbit/s of some pictures, of each over so many frames, at the same time."""
        script = "([ids, frames]) => Promise.all(ids.map((id) => conference.bitrate(id, frames)))"
        return list(self.run(script, [list(subscriptions), frames]))

    def codec(self, subscription: str) -> str:
        """Return the codec of the picture that comes, as the browser calls it: "video/VP8"."""
        return str(self.run("(id) => conference.codec(id)", subscription))


class MixedRoom(Application):
    """The back office of a room with a mixed view."""

    @property
    def mix(self) -> str:
        return f"{self.room}-common"

    def change(self, stream: str, *changes: Document) -> Document:
        path = f"/v1.1/rooms/{self.room}/streams/{stream}"
        found: Document = self.ask("PATCH", path, list(changes)).json()
        return found

    def put_in(self, stream: str) -> None:
        self.change(stream, {"op": "add", "path": "/info/inViews", "value": "common"})

    def take_out(self, stream: str) -> None:
        self.change(stream, {"op": "remove", "path": "/info/inViews", "value": "common"})

    def layout(self) -> list[Document]:
        return list(self.below(f"streams/{self.mix}")["info"]["layout"])


def _points(area: Mapping[str, str]) -> Iterable[tuple[float, float]]:
    left, top, width, height = (
        float(Fraction(area[name])) for name in ("left", "top", "width", "height")
    )
    return ((left + width * x, top + height * y) for x in WITHIN for y in WITHIN)
