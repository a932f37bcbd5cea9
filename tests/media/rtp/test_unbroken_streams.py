"""Whatever is attached, detached, switched, paused and lost: a receiver sees one whole stream."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp import rtcp
from media.rtp.router import Router
from tests.support.examples import examples
from tests.support.rtp import Receiver, Sender, Time, a_sink, a_source, read, rtp, vp8

SOURCES = 3

Step = tuple[str, int, int]  # what, which source, how


@dataclass
class Publisher:
    """Sends frames of three packets; some get lost or held up on their way to the router."""

    number: int
    sequence: int
    timestamp: int
    picture: int
    sent: int = 0
    lost: int = 0
    held: list[bytes] = field(default_factory=list)
    ever_held: set[bytes] = field(default_factory=set)
    probes_held: int = 0
    key_wanted: int = 0

    def frame(self, sender: Sender) -> list[bytes]:
        keyframe = sender.keyframes > self.key_wanted
        self.key_wanted = sender.keyframes
        self.picture += 1
        self.timestamp += 3000
        packets = []
        for part in range(3):
            self.sent += 1
            mark = bytes([self.number]) + self.sent.to_bytes(4)
            payload = vp8(self.picture, mark, keyframe=keyframe, start=part == 0)
            packets.append(self._packet(payload, marker=part == 2))
        return packets

    def probe(self) -> bytes:
        return self._packet(b"", padding=100)

    def _packet(self, payload: bytes, *, marker: bool = False, padding: int = 0) -> bytes:
        self.sequence += 1
        return rtp(
            self.sequence,
            self.timestamp,
            payload,
            ssrc=self.number,
            marker=marker,
            padding=padding,
        )


class Call:
    """A router with three publishers and one subscriber."""

    def __init__(self, starts: list[int], first_sequence: int) -> None:
        self.time = Time()
        self.router = Router(self.time)
        self.receiver = Receiver()
        self.senders = [Sender() for _ in range(SOURCES)]
        self.sources = []
        self.publishers = []
        for number, (sender, start) in enumerate(zip(self.senders, starts, strict=True)):
            source = a_source(f"{number}", sender=sender, time=self.time, ssrc=number)
            self.router.add_source(source)
            self.sources.append(source)
            self.publishers.append(Publisher(number, start, start * 65_537, start))
        self.router.add_sink(
            a_sink(receiver=self.receiver, time=self.time, first_sequence=first_sequence)
        )

    def do(self, step: Step) -> None:
        what, which, how = step
        publisher = self.publishers[which]
        self.time.now += 0.01
        self.router.tick(self.time.now)
        match what:
            case "frame":
                for part, packet in enumerate(publisher.frame(self.senders[which])):
                    self.carry(publisher, packet, how >> part & 1, how >> part & 8)
            case "probe":
                self.carry(publisher, publisher.probe(), how & 1, how & 2)
            case "release":
                held, publisher.held = publisher.held, []
                for packet in held:
                    self.sources[which].feed(packet, self.time.now)
            case "attach":
                self.router.attach(f"{which}", "screen")
            case "detach":
                self.router.detach("screen")
            case "pause":
                self.router.pause("screen")
            case "resume":
                self.router.resume("screen")

    def carry(self, publisher: Publisher, packet: bytes, lost: int, held: int) -> None:
        if lost:
            publisher.lost += 1
        elif held:
            publisher.held.append(packet)
            if packet[0] & 0x20:
                publisher.probes_held += 1
            else:
                publisher.ever_held.add(read(packet).payload[7:12])
        else:
            self.sources[publisher.number].feed(packet, self.time.now)


def calls() -> st.SearchStrategy[Call]:
    start = st.one_of(st.integers(0, 65535), st.integers(65500, 65535))
    return st.builds(Call, st.lists(start, min_size=SOURCES, max_size=SOURCES), start)


def steps(how: st.SearchStrategy[int], *what: str) -> st.SearchStrategy[list[Step]]:
    kinds = st.sampled_from(["frame"] * 8 + ["attach", *what])
    return st.lists(st.tuples(kinds, st.integers(0, SOURCES - 1), how), max_size=120)


def widened(data: list[bytes]) -> list[int]:
    """Return the sequence numbers of packets as far as they are apart from the first one."""
    numbers: list[int] = []
    for packet in data:
        sequence = read(packet).sequence
        before = numbers[-1] if numbers else sequence
        numbers.append(before + (sequence - before + 0x8000 & 0xFFFF) - 0x8000)
    return numbers


def check_media(data: list[bytes]) -> None:
    """Check what holds in order of sending: time, pictures, and keyframes at each change."""
    previous = None
    for packet in map(read, data):
        if not packet.payload:
            continue
        which, number = packet.payload[7], int.from_bytes(packet.payload[8:12])
        picture = int.from_bytes(packet.payload[2:4]) & 0x7FFF
        starts_key = packet.payload[0] == 0x90 and not packet.payload[6] & 1
        if previous is None:
            assert starts_key
        else:
            before, before_picture, before_which, before_number = previous
            later = (packet.timestamp - before.timestamp + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
            assert later >= 0
            ahead = (picture - before_picture + 0x4000 & 0x7FFF) - 0x4000
            assert (ahead == 0) == (later == 0)
            if which != before_which:
                assert starts_key
                assert ahead == 1
                assert later > 0
            elif number != before_number + 1 and starts_key:
                assert ahead >= 1  # after a pause, or a loss
            else:
                assert ahead in (0, 1) or number > before_number + 1
        previous = packet, picture, which, number


def probes_held(call: Call) -> int:
    return sum(publisher.probes_held for publisher in call.publishers)


@settings(max_examples=examples(150), deadline=None)
@given(calls(), steps(st.just(0), "detach", "pause", "resume", "probe"))
def test_without_loss_no_number_is_left_out_or_used_twice(call: Call, do: list[Step]) -> None:
    for step in do:
        call.do(step)
    numbers = widened(call.receiver.data)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    check_media(call.receiver.data)


@settings(max_examples=examples(150), deadline=None)
@given(calls(), steps(st.integers(0, 63), "detach", "pause", "resume", "probe", "release"))
def test_with_loss_each_gap_is_a_packet_that_never_came(call: Call, do: list[Step]) -> None:
    for step in do:
        call.do(step)
    data = call.receiver.data
    numbers = widened(data)
    assert len(set(numbers)) == len(numbers)
    in_order = [packet for _, packet in sorted(zip(numbers, data, strict=True))]
    check_media(in_order)
    if numbers:
        gaps = max(numbers) - min(numbers) + 1 - len(numbers)
        held = {mark for publisher in call.publishers for mark in publisher.ever_held}
        came = {read(packet).payload[7:12] for packet in data}
        lost = sum(publisher.lost for publisher in call.publishers)
        assert 0 <= gaps <= lost + len(held - came) + probes_held(call)


@settings(max_examples=examples(80), deadline=None)
@given(calls(), steps(st.integers(0, 63), "detach", "pause", "resume", "probe", "release"))
def test_what_is_sent_again_is_what_was_sent(call: Call, do: list[Step]) -> None:
    for step in do:
        call.do(step)
    by_number = {read(packet).sequence: packet for packet in call.receiver.data}
    before = len(call.receiver.data)
    sink = call.router._sinks["screen"]
    sink.feed_rtcp(rtcp.write_nack(1, 77, sorted(by_number)), call.time.now + 1)
    again = call.receiver.data[before:]
    assert all(by_number[read(packet).sequence] == packet for packet in again)
    assert len(again) == len(by_number)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(0, 65535))
def test_no_bytes_make_a_source_or_a_sink_raise(garbage: list[bytes], start: int) -> None:
    call = Call([start, 0, 0], start)
    call.do(("attach", 0, 0))
    call.do(("frame", 0, 0))
    whole = rtp(start + 5, 0, vp8(1, b"picture"), ssrc=0)
    sink = call.router._sinks["screen"]
    for data in garbage:
        for packet in (data, whole[: len(data)], whole[:12] + data, data + whole[len(data) :]):
            call.sources[0].feed(packet, 1.0)
            call.sources[0].feed_rtcp(packet, 1.0)
            sink.feed_rtcp(packet, 1.0)
            sink.feed_rtcp(b"\x81\xcd" + (len(packet) // 4).to_bytes(2) + packet, 1.0)
    call.router.tick(1005.0)
    call.router.stats()
