"""What differs between the measured servers on the wire: where to connect, and what to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from bench.link import Link

OFFER_BYTES = 1500


class Wire(Protocol):
    """How one kind of server is spoken to."""

    def connect(self, port: int, number: int) -> tuple[Link, str]:
        """Open a websocket that is ready to be called; return it with the id others call it by."""

    def join(self, link: Link, room: str) -> None:
        """Enter a room; nothing for a server without rooms."""

    def offer(self, me: str, to: str) -> bytes:
        """Return the message, OFFER_BYTES long, that hands `to` a session description."""


class Spreed:
    """Quintet's Spreed dialect: the server gives out the id, in its first message."""

    def connect(self, port: int, number: int) -> tuple[Link, str]:
        link = Link(port, "/ws")
        return link, json.loads(link.receive())["Data"]["Id"]

    def join(self, link: Link, room: str) -> None:
        hello = {"Version": "1.0.0", "Ua": "bench", "Name": room, "Type": ""}
        link.send(json.dumps({"Type": "Hello", "Hello": hello, "Iid": "1"}).encode())
        while (answer := json.loads(link.receive())).get("Iid") != "1":
            pass  # others who come and go
        if answer["Data"]["Type"] != "Welcome":
            raise ConnectionError(f"not let into the room: {answer['Data']}")

    def offer(self, me: str, to: str) -> bytes:
        return _padded(
            lambda sdp: {
                "Type": "Offer",
                "Offer": {"Type": "Offer", "To": to, "Offer": {"type": "offer", "sdp": sdp}},
            }
        )


class PeerJs:
    """PeerServer: the client chooses its id; there are no rooms."""

    def connect(self, port: int, number: int) -> tuple[Link, str]:
        name = f"client-{number}"
        link = Link(port, f"/peerjs?key=peerjs&id={name}&token=t{number}&version=1.5.5")
        if json.loads(link.receive())["type"] != "OPEN":
            raise ConnectionError("not registered")
        return link, name

    def join(self, link: Link, room: str) -> None:
        pass

    def offer(self, me: str, to: str) -> bytes:
        return _padded(
            lambda sdp: {
                "type": "OFFER",
                "src": me,
                "dst": to,
                "payload": {"type": "media", "sdp": {"type": "offer", "sdp": sdp}},
            }
        )


def _padded(document: Callable[[str], object]) -> bytes:
    """Fill the message up to OFFER_BYTES with lines as a session description has them."""
    line = "a=rtpmap:111 opus/48000/2\r\n"
    start = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    empty = len(json.dumps(document(start)))
    lines, rest = divmod(OFFER_BYTES - empty, len(json.dumps(line)) - 2)
    message = json.dumps(document(start + line * lines + "x" * rest)).encode()
    if len(message) != OFFER_BYTES:
        raise ValueError(f"an offer of {len(message)} bytes")
    return message
