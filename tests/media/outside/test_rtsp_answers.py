"""What an RTSP server sends: passed on as it is, but for what would send FFmpeg elsewhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.rtsp_answers import MAX_BODY, MAX_HEAD, MAX_LINE, RtspAnswers

SERVER = "192.0.2.7"
OPTIONS = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP\r\n\r\n"
DESCRIBED = (
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-length: 26\r\n\r\nv=0\r\n\r\nRTSP/1.0 302 Not\r\n$\r\n"
)
SETUP = b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n\r\n"
ANNOUNCE = b"ANNOUNCE rtsp://a/b RTSP/1.0\nCSeq: 7\nContent-Length: 0\n\n"
NOT_FOUND = b"RTSP/1.0 404 Not Found\r\n\r\n"
UNAUTHORISED = b'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="a"\r\n\r\n'


def frame(size: int, channel: int = 0) -> bytes:
    return b"$" + bytes([channel]) + size.to_bytes(2, "big") + b"$\r\nRTSP/1.0 302 x\r\n"[:1] * size


def fed(data: bytes, *cuts: int) -> tuple[bytes, RtspAnswers]:
    """Return what is passed on of data that comes in pieces."""
    answers = RtspAnswers(SERVER)
    edges = [0, *sorted(cuts), len(data)]
    return b"".join(answers.feed(data[a:b]) for a, b in pairwise(edges)), answers


MESSAGES = st.sampled_from(
    [OPTIONS, DESCRIBED, SETUP, ANNOUNCE, NOT_FOUND, frame(8), frame(300, 1), b"\r\n"]
)


@given(st.data())
def test_everything_passes_byte_for_byte_however_it_is_split(data: st.DataObject) -> None:
    stream = b"".join(data.draw(st.lists(MESSAGES, max_size=8)))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    assert fed(stream, *cuts)[0] == stream


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_anything_passes_in_order_or_is_refused(junk: bytes, cuts: list[int]) -> None:
    try:
        passed, _ = fed(junk, *cuts)
    except NotReachable:
        return
    kept = iter(junk)
    assert b"source" in passed or all(each in kept for each in passed)


@pytest.mark.parametrize(
    "message",
    [
        b"RTSP/1.0 302 Moved\r\nLocation: rtsp://10.0.0.1/\r\n\r\n",
        b"RTSP/1.0 301 \r\n",
        b"RTSP/1.0 305\n",
        b"RTSP/2.0   399 x\r\n",
        b"REDIRECT rtsp://a/b RTSP/1.0\r\nLocation: rtsp://10.0.0.1/\r\n\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", OPTIONS, DESCRIBED, frame(12)], ids=len)
def test_being_sent_elsewhere_ends_it(before: bytes, message: bytes) -> None:
    with pytest.raises(NotReachable) as ended:
        fed(before + message)
    assert ended.value.reason is OutsideTrouble.NOT_ALLOWED


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 OK\r\n",
        b"RTSP/1.0 0302 OK\r\n",
        b" RTSP/1.0 302 OK\r\n",
        b"302 rtsp://a RTSP/1.0\r\n",
        b"RTSP/1.0 200 OK\r\n$\0\0\n",
        b"RTSP/1.0 200 OK\r\nCon\rtent-Length: 4\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -4\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: +4\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 4x\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n" % (MAX_BODY + 1),
        b"RTSP/1.0 200 OK\r\nA: \0\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * (MAX_HEAD // 5),
        b"R" * (MAX_HEAD + 1),
        b"RTSP/1.0 200 OK\r\nContent-Length:" + b" " * MAX_LINE + b"4\r\n",
        b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP;a=" + b"b" * MAX_LINE + b"\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_what_could_be_read_in_two_ways_ends_it(data: bytes) -> None:
    with pytest.raises(NotReachable) as ended:
        fed(data)
    assert ended.value.reason is OutsideTrouble.REFUSED


@pytest.mark.parametrize(
    ("header", "passed"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP;unicast;interleaved=0-1"),
        ("RTP/AVP/TCP;source=10.0.0.1;interleaved=0-1", "RTP/AVP/TCP;interleaved=0-1"),
        (
            "RTP/AVP;unicast; destination=10.0.0.1;Source=10.0.0.1;server_port=5-6",
            "RTP/AVP;source=192.0.2.7;unicast;server_port=5-6",
        ),
        ("RTP/AVP/UDP;server_port=5-6", "RTP/AVP/UDP;source=192.0.2.7;server_port=5-6"),
        ("RTP/TCP/UDP;server_port=5-6", "RTP/TCP/UDP;source=192.0.2.7;server_port=5-6"),
        ("RTP/AVP/TCPX;server_port=5-6", "RTP/AVP/TCPX;source=192.0.2.7;server_port=5-6"),
        (
            "RTP/AVP;source=10.0.0.1,RTP/AVP/TCP;source=10.0.0.1",
            "RTP/AVP;source=192.0.2.7,RTP/AVP/TCP",
        ),
    ],
)
@pytest.mark.parametrize("name", ["Transport: ", "tRANSPORT:"])
def test_udp_goes_to_the_server_and_nowhere_else(name: str, header: str, passed: str) -> None:
    message = f"RTSP/1.0 200 OK\r\n{name}{{}}\r\nSession: 7\r\n\r\n"
    given, _ = fed(message.format(header).encode())
    assert given == message.format(passed).encode()


def test_frames_that_ffmpeg_would_read_as_messages_are_left_out() -> None:
    assert fed(frame(7) + OPTIONS + frame(0) + frame(8))[0] == OPTIONS + frame(8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (OPTIONS, None),
        (OPTIONS + NOT_FOUND, OutsideTrouble.NOT_FOUND),
        (UNAUTHORISED, OutsideTrouble.UNAUTHORISED),
        (UNAUTHORISED + DESCRIBED, None),
        (b"RTSP/1.0 403 Forbidden\r\n\r\n", OutsideTrouble.UNAUTHORISED),
        (b"RTSP/1.0 503 Busy\r\n\r\n", OutsideTrouble.REFUSED),
        (SETUP + frame(12) + NOT_FOUND, None),
    ],
)
def test_the_last_answer_says_why_it_failed(data: bytes, reason: OutsideTrouble | None) -> None:
    refusal = fed(data)[1].refusal()
    assert (refusal and refusal.reason) is reason


def test_a_server_takes_what_was_set_up_once_it_agrees_to_begin() -> None:
    agreed = b"RTSP/1.0 200 OK\r\nSession: 7\r\n\r\n"
    begun = OPTIONS + agreed + SETUP + SETUP
    assert not fed(begun)[1].takes
    assert not fed(begun + UNAUTHORISED)[1].takes
    assert fed(begun + agreed)[1].takes
