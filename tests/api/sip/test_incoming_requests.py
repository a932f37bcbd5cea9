"""Single requests to the user agent: what is answered, and that nothing malformed hurts a call."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.words.calls import (
    CallEnd,
    LegConfirmed,
    LegEnded,
    LegKeyframe,
    LegOffered,
    LegRings,
)
from api.sip.agent import SipLeg
from api.sip.description import write
from api.sip.flows import Flow
from tests.api.sip.wired_agents import Line, audio, pair, talking

OFFER = write(audio("192.0.2.7"), "192.0.2.7", 1, 1)
SECURE = OFFER.replace(b"RTP/AVP", b"RTP/SAVP")
FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.7", 5060))


class Raw:
    """A telephone that says exactly what it is told to."""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line or Line("192.0.2.1")
        self.now = 50.0
        self.branch = 0

    def say(
        self, method: str, *headers: str, body: bytes = b"", kind: str = "application/sdp",
        to_tag: str = "", cseq: int = 1, branch: str = "", from_tag: str = "f", call: str = "c1",
    ) -> list[bytes]:  # fmt: skip
        """Send a request; return what the agent sends then."""
        self.branch += 1
        tagged = f";tag={to_tag}" if to_tag else ""
        lines = [
            f"{method} sip:room@192.0.2.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{branch or self.branch};rport",
            f"From: \"Ann\" <sip:ann:pw@192.0.2.7>;tag={from_tag}",
            f"To: <sip:room@192.0.2.1>{tagged}",
            f"Call-ID: {call}", f"CSeq: {cseq} {method}",
            *([f"Content-Type: {kind}"] if body else []), *headers,
        ]  # fmt: skip
        if not any(line.startswith("Contact") for line in headers):
            lines.append("Contact: <sip:ann@192.0.2.7:5060>")
        data = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
        return self.give(data)

    def give(self, data: bytes) -> list[bytes]:
        self.now += 0.01
        self.line.agent.receive(data, FLOW, self.now)
        return self.drain()

    def drain(self) -> list[bytes]:
        self.line.agent.tick(self.now)
        return [sent for _, sent in self.line.agent.outgoing()]

    def call(self) -> str:
        """Begin a call that stands; return the agent's tag."""
        self.say("INVITE", body=OFFER)
        self.line.invitations[-1].leg.answer(audio("192.0.2.1"))
        (answer,) = self.drain()
        found = re.search(rb"To: .*;tag=([0-9a-f]+)", answer)
        assert found
        self.say("ACK", to_tag=found[1].decode())
        return found[1].decode()


def status(sent: list[bytes]) -> int:
    return int(sent[-1].split(b" ")[1])


@pytest.mark.parametrize(
    ("method", "headers", "body", "kind", "code", "has"),
    [
        ("INVITE", (), OFFER, "application/sdp", 100, b""),
        ("INVITE", (), b"", "", 100, b""),
        ("INVITE", (), SECURE, "application/sdp", 488, b"Accept: application/sdp"),
        ("INVITE", (), b"x", "text/plain", 415, b"Accept: application/sdp"),
        ("INVITE", (), b"x", "application/sdp", 400, b""),
        ("INVITE", ("Content-Encoding: gzip",), OFFER, "application/sdp", 415, b""),
        ("INVITE", ("Contact: <tel:+1234>",), OFFER, "application/sdp", 400, b""),
        ("INVITE", ("Require: 100rel, timer",), OFFER, "application/sdp", 420,
         b"Unsupported: 100rel"),
        ("INVITE", ("Max-Forwards: 0",), OFFER, "application/sdp", 483, b""),
        ("INVITE", ("Supported: timer", "Session-Expires: 30"), OFFER, "application/sdp", 422,
         b"Min-SE: 90"),
        ("OPTIONS", (), b"", "", 200, b"Allow: INVITE, ACK, CANCEL, BYE"),
        ("REFER", (), b"", "", 405, b"Allow: INVITE"),
        ("SUBSCRIBE", (), b"", "", 405, b"Allow: INVITE"),
        ("REGISTER", (), b"", "", 405, b"Allow: INVITE"),
        ("NONSENSE", (), b"", "", 405, b"Allow: INVITE"),
        ("BYE", (), b"", "", 481, b""),
        ("UPDATE", (), b"", "", 481, b""),
        ("CANCEL", (), b"", "", 481, b""),
    ],
)  # fmt: skip
def test_requests_outside_a_call(
    method: str, headers: tuple[str, ...], body: bytes, kind: str, code: int, has: bytes
) -> None:
    sent = Raw().say(method, *headers, body=body, kind=kind)
    assert status(sent) == code
    assert has in sent[-1]


@pytest.mark.parametrize(
    ("method", "headers", "body", "kind", "code"),
    [
        ("OPTIONS", (), b"", "", 200),
        ("INFO", (), b"", "", 200),
        ("INFO", (), b"<x/>", "application/media_control+xml", 200),
        ("INFO", (), b"Signal=1", "application/dtmf-relay", 200),
        ("INFO", (), b"x", "text/plain", 415),
        ("REFER", ("Refer-To: <sip:x@y>",), b"", "", 603),
        ("NOTIFY", (), b"", "", 405),
        ("UPDATE", (), b"", "", 200),
        ("UPDATE", ("Supported: timer", "Session-Expires: 20"), b"", "", 422),
        ("INVITE", (), SECURE, "application/sdp", 488),
        ("INVITE", (), b"x", "text/plain", 415),
        ("INVITE", (), OFFER, "application/sdp", 200),  # nothing changes
    ],
)
def test_requests_within_a_call(
    method: str, headers: tuple[str, ...], body: bytes, kind: str, code: int
) -> None:
    raw = Raw()
    mark = raw.call()
    sent = raw.say(method, *headers, body=body, kind=kind, to_tag=mark, cseq=2)
    assert status(sent) == code
    keyframes = [event for event in raw.line.told if isinstance(event, LegKeyframe)]
    assert len(keyframes) == (kind == "application/media_control+xml")
    assert status(raw.say("BYE", to_tag=mark, cseq=3)) == 200
    assert raw.line.told[-1] == LegEnded(CallEnd.HUNG_UP)
    assert status(raw.say("BYE", to_tag=mark, cseq=4)) == 481


def test_who_calls_is_told_without_secrets() -> None:
    raw = Raw()
    raw.say("INVITE", body=OFFER)
    (invited,) = raw.line.invitations
    assert (invited.peer, invited.display) == ("sip:ann@192.0.2.7", "Ann")
    assert not any(word in repr(invited) for word in ("ann@", "room", "4000"))


def test_order_of_requests_is_kept() -> None:
    raw = Raw()
    mark = raw.call()
    assert status(raw.say("OPTIONS", to_tag=mark, cseq=9)) == 200
    assert status(raw.say("BYE", to_tag=mark, cseq=9)) == 500
    assert status(raw.say("BYE", to_tag=mark, cseq=5)) == 500
    assert status(raw.say("BYE", to_tag=mark, cseq=10, from_tag="other")) == 481
    assert status(raw.say("BYE", to_tag=mark, cseq=10)) == 200


def test_second_copy_of_an_invite_is_a_loop() -> None:
    raw = Raw()
    assert status(raw.say("INVITE", body=OFFER)) == 100
    assert status(raw.say("INVITE", body=OFFER)) == 482
    assert len(raw.line.invitations) == 1


def test_invite_without_offer_is_answered_by_ours() -> None:
    raw = Raw()
    raw.say("INVITE")
    (invited,) = raw.line.invitations
    assert invited.offer is None
    invited.leg.answer(audio("192.0.2.1"))
    (answer,) = raw.drain()
    assert b"m=audio 4000" in answer
    found = re.search(rb"To: .*;tag=([0-9a-f]+)", answer)
    assert found
    raw.say("ACK", to_tag=found[1].decode(), body=OFFER)
    assert raw.line.told == [LegConfirmed(audio("192.0.2.7"))]
    raw = Raw()
    raw.say("INVITE")
    raw.line.invitations[0].leg.answer(audio("192.0.2.1"))
    found = re.search(rb"To: .*;tag=([0-9a-f]+)", raw.drain()[0])
    assert found
    sent = raw.say("ACK", to_tag=found[1].decode())
    assert sent[0].startswith(b"BYE ")
    assert raw.line.told == [LegEnded(CallEnd.NO_COMMON_CODEC, "no answer in the ACK")]


def test_offer_while_one_is_open_is_put_off() -> None:
    raw = Raw()
    mark = raw.call()
    other = OFFER.replace(b"4000", b"4004")
    assert status(raw.say("INVITE", to_tag=mark, cseq=2, body=other)) == 100
    assert isinstance(raw.line.told[-1], LegOffered)
    sent = raw.say("INVITE", to_tag=mark, cseq=3, body=other)
    assert status(sent) == 500
    assert b"Retry-After" in sent[-1]
    assert status(raw.say("CANCEL", cseq=2, to_tag=mark, branch="999")) == 481
    assert status(raw.say("BYE", to_tag=mark, cseq=4)) == 487  # of the offer, after the 200


def test_bye_before_the_answer_ends_the_call() -> None:
    raw = Raw()
    raw.say("INVITE", body=OFFER)
    raw.line.invitations[0].leg.ring()
    found = re.search(rb"To: .*;tag=([0-9a-f]+)", raw.drain()[0])
    assert found
    sent = raw.say("BYE", to_tag=found[1].decode(), cseq=2)
    assert [message.split(b" ")[1] for message in sent] == [b"200", b"487"]
    assert raw.line.told == [LegEnded(CallEnd.CANCELLED)]


def test_routes_and_target_are_followed() -> None:
    raw = Raw()
    raw.say("INVITE", "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>",
            "Contact: <sip:ann@198.51.100.1:5070;x=y>", body=OFFER)  # fmt: skip
    leg = raw.line.invitations[0].leg
    leg.answer(audio("192.0.2.1"))
    found = re.search(rb"To: .*;tag=([0-9a-f]+)", raw.drain()[0])
    assert found
    mark = found[1].decode()
    raw.say("ACK", to_tag=mark)
    moved = "Contact: <sip:ann@198.51.100.2>"
    raw.say("UPDATE", moved, to_tag=mark, cseq=2)
    leg.hang_up()
    (bye,) = raw.drain()
    assert bye.startswith(b"BYE sip:ann@198.51.100.2 SIP/2.0")
    routes = re.findall(rb"Route: <sip:(p[12])", bye)
    assert routes == [b"p1", b"p2"]


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("302 Moved", CallEnd.REDIRECTED), ("600 Busy", CallEnd.BUSY),
        ("410 Gone", CallEnd.NOT_FOUND),
        ("408 Timeout", CallEnd.UNANSWERED), ("407 Who?", CallEnd.NOT_ALLOWED),
        ("606 No", CallEnd.NO_COMMON_CODEC), ("503 Full", CallEnd.UNREACHABLE),
        ("599 \u00e4\u0007Odd", CallEnd.FAILED),
    ],
)  # fmt: skip
def test_final_answers_end_a_call_out(answer: str, end: CallEnd) -> None:
    raw, leg = dialled()
    reply(raw, answer)
    (told,) = raw.line.told
    assert isinstance(told, LegEnded)
    assert told.why is end
    assert told.detail.isascii()
    assert told.detail[:3] == answer[:3]
    assert leg.phase.value == "gone"


def test_early_media_and_a_forked_answer() -> None:
    raw, leg = dialled()
    invite = raw.invite  # type: ignore[attr-defined]
    reply(raw, "183 Early", tag="a", body=OFFER)
    reply(raw, "183 Early", tag="a", body=OFFER)
    reply(raw, "180 Ringing", tag="a")
    assert raw.line.told == [LegRings(audio("192.0.2.7"))]
    assert reply(raw, "200 OK", tag="a", body=OFFER)[0].startswith(b"ACK ")
    sent = reply(raw, "200 OK", tag="b", body=OFFER)
    assert [message.split(b" ")[0] for message in sent] == [b"ACK", b"BYE"]
    assert all(b";tag=b" in message for message in sent)
    assert [message[:3] for message in reply(raw, "200 OK", tag="a", body=OFFER)] == [b"ACK"]
    assert leg.phase.value == "standing"
    assert b"INVITE" in invite


def dialled() -> tuple[Raw, SipLeg]:
    raw = Raw()
    leg = raw.line.agent.dial(
        "sip:bob@192.0.2.7", FLOW, None, "sip:room@192.0.2.1", audio("192.0.2.1"), 60, raw.now
    )
    leg.listen(raw.line.told.append)
    (raw.invite,) = raw.drain()  # type: ignore[attr-defined]
    return raw, leg


def reply(raw: Raw, answer: str, tag: str = "a", body: bytes = b"") -> list[bytes]:
    """Answer the agent's INVITE."""
    lines = raw.invite.decode().split("\r\n")  # type: ignore[attr-defined]
    kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in lines if line.startswith("To:"))
    typed = ["Content-Type: application/sdp"] if body else []
    said = [f"SIP/2.0 {answer}", *kept, f"{to};tag={tag}", "Contact: <sip:bob@192.0.2.7>", *typed]
    head = "\r\n".join([*said, f"Content-Length: {len(body)}", "", ""])
    return raw.give(head.encode() + body)


def recorded() -> list[bytes]:
    one, other, wire = pair()
    leg, _ = talking(wire, one, other)
    leg.timer.refresh_at = wire.now
    wire.run(1)
    leg.hang_up()
    wire.run(1)
    return [data for _, _, data in wire.sent]


RECORDED = recorded()
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "double", "word"]), st.integers(0, 700), st.integers(0, 255)
    ),
    min_size=1, max_size=6,
)  # fmt: skip
WORDS = (
    b"\r\n", b";tag=", b"Contact: *\r\n", b"Route: <sip:x;lr>\r\n", b"%00", b"\xff", b"<", b'"',
    b"Session-Expires: 1\r\n", b"Require: x\r\n", b"0", b"99999999999", b"sip:", b"INVITE",
)  # fmt: skip


def mutated(data: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    for what, place, value in mutations:
        at = place % (len(data) + 1)
        if what == "set":
            data = data[:at] + bytes([value]) + data[at + 1 :]
        elif what == "cut":
            data = data[:at] + data[at + value % 40 :]
        elif what == "double":
            data = data[:at] + data[max(0, at - value) :]
        else:
            data = data[:at] + WORDS[value % len(WORDS)] + data[at:]
    return data


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), MUTATIONS), max_size=8), st.booleans())
def test_malformed_messages_of_a_live_call_do_not_hurt_it(
    messages: list[tuple[int, list[tuple[str, int, int]]]], caller: bool
) -> None:
    one, other, wire = pair()
    talking(wire, one, other)
    victim, sender = (one, other) if caller else (other, one)
    live = [data for _, host, data in wire.sent if host == sender.host] + RECORDED
    flow = Flow("udp", (victim.host, 5060), (sender.host, 5060))
    for index, mutations in messages:
        data = mutated(live[index % len(live)], mutations)
        ends_it = b"BYE" in data
        victim.agent.receive(data, flow, wire.now)
        victim.agent.tick(wire.now)
        if not ends_it:
            assert not victim.of(LegEnded)
    wire.run(30)
    assert victim.of(LegEnded) == [] or any(b"BYE" in data for _, _, data in wire.sent)


@given(st.binary(max_size=300))
def test_any_datagram_is_taken(data: bytes) -> None:
    raw = Raw()
    raw.call()
    raw.give(data)
    raw.give(b"INVITE sip:a@b SIP/2.0\r\n" + data)
    assert raw.line.told == [LegConfirmed(None)]
