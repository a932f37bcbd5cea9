"""An RTSP server that answers up to one request, and then does something else. For TcpScript."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

TITLE = b"Caf\xe9"  # in Latin-1, as some cameras have theirs
DESCRIPTION = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=%s\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n" % TITLE
ANSWERS = {
    b"DESCRIBE": b"Content-Length: %d\r\n\r\n%s" % (len(DESCRIPTION), DESCRIPTION),
    b"SETUP": b"Session: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
}
STEP = 160  # samples of a packet


def rtsp_script(
    last: str, then: Callable[[socket.socket], object], *, answered: bool = False
) -> Callable[[socket.socket], None]:
    """Return what it does: it has sound in PCMA, and comes to `then` at a request ("PLAY")."""

    def does(connection: socket.socket) -> None:
        while asked := _request(connection):
            method = asked.split()[0]
            number = asked.split(b"CSeq: ")[1].split(b"\r\n")[0]
            at_last = method == last.encode()
            if not at_last or answered:
                answer = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n" % number
                connection.sendall(answer + ANSWERS.get(method, b"\r\n"))
            if at_last:
                then(connection)
                return

    return does


def sound_packet(number: int) -> bytes:
    """Return 20 ms of silence in PCMA, as a frame of RTSP."""
    header = struct.pack(">BBHII", 0x80, 8, number & 0xFFFF, number * STEP, 7)
    return struct.pack(">cBH", b"$", 0, len(header) + STEP) + header + b"\xd5" * STEP


def _request(connection: socket.socket) -> bytes:
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        if not (data := connection.recv(4096)):
            return b""
        asked += data
    return asked
