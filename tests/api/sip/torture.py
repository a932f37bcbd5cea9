"""Read tests/data/sip/torture.txt, the messages of RFC 4475."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "data/sip/torture.txt"
SDP = (
    "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\na=rtpmap:31 LPC\r\n"
)


@dataclass(frozen=True)
class TortureMessage:
    name: str
    verdict: str  # "taken", or a status
    data: bytes


def torture_messages() -> list[TortureMessage]:
    """Return all of them, as they are on the wire."""
    parts = re.split(r"^=== (\S+) (\S+) (\S+)\n", FILE.read_text(), flags=re.MULTILINE)[1:]
    return [
        TortureMessage(parts[at], parts[at + 2], _on_the_wire(parts[at + 3]))
        for at in range(0, len(parts), 4)
    ]


def _on_the_wire(text: str) -> bytes:
    text = re.sub(r"@(\d+):([^@]+)@", lambda found: int(found[1]) * found[2], text)
    text = text.replace("@SP@", " ").replace("\n", "\r\n")
    text = text.replace("@SDP@\r\n", SDP)
    data = re.sub(
        rb"\\(?:x([0-9A-F]{2})|(\\))",
        lambda found: bytes([int(found[1], 16)]) if found[1] else b"\\",
        text.encode(),
    )
    body = data.partition(b"\r\n\r\n")[2]
    return data.replace(b"@LENGTH@", str(len(body)).encode())
