"""Session descriptions of calls: SDP text to `CallDescription`, and back (RFC 8866, RFC 3264).

Plain RTP/AVP only. No name is looked up: a host that is no numeric address is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from actors.words.calls import CallDescription, CallSection
from media.contract.codec import Codec
from media.contract.plans import HIGHEST_PAYLOAD_TYPE, HIGHEST_PORT, Remote
from media.contract.session import Direction

MOST_BYTES = 65_536
MOST_SECTIONS = 16
MOST_CODECS = 64
LONGEST_FMTP = 512
HIGHEST_BANDWIDTH = 10_000_000  # kbit/s; more is not said in earnest
TAKEN = ("RTP/AVP", "RTP/AVPF")
SECURE = ("RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
EVENTS = "telephone-event"
WITHOUT_RTPMAP = {0: "pcmu", 8: "pcma", 9: "g722"}  # RFC 3551, section 6
_DIRECTIONS = {direction.value: direction for direction in Direction}
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}")
_MEDIA = re.compile(r"(\S{1,32}) ([0-9]{1,5})(?:/[0-9]{1,5})? (\S{1,64}) (.+)")
_RTPMAP = re.compile(r"([0-9]{1,3}) +([^\s/]{1,32})/([0-9]{1,7})(?:/([0-9]{1,2}))?")
_FMTP = re.compile(r"([0-9]{1,3}) +(.+)")


class BadSession(Exception):
    """A description that is not understood (400), or not possible here (488), as `status` says."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


@dataclass(slots=True)
class _Section:
    kind: str
    port: int
    protocol: str
    formats: list[str]
    host: str = ""
    direction: Direction = Direction.BOTH
    bandwidth: int = 0
    rtcp: tuple[str, int] | None = None
    rtpmap: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtp: dict[int, str] = field(default_factory=dict)

    @property
    def rejected(self) -> bool:
        taken = self.kind in ("audio", "video") and self.protocol.upper() in TAKEN
        return self.port == 0 or not taken


def read(text: bytes) -> CallDescription:
    """Return what a description says. Sections that cannot be taken are as rejected: no codecs.

    Raises BadSession; with the status 488 where nothing but RTP/SAVP is offered.
    """
    sections = _sections(text)
    if not sections:
        raise BadSession("no media", 488)
    rejected = [section for section in sections if section.rejected]
    if len(rejected) == len(sections) and any(
        section.port and section.protocol.upper() in SECURE for section in rejected
    ):
        raise BadSession("RTP/AVP only", 488)
    return CallDescription(tuple(_told(section) for section in sections))


def write(
    description: CallDescription,
    host: str,
    session_id: int,
    version: int,
    answering: bytes = b"",
) -> bytes:
    """Return the text; `host` is ours, `version` rises with each change (RFC 3264, section 8).

    `answering` is the offer that is answered: what of it is rejected is repeated as it was.
    """
    try:
        offered = _sections(answering) if answering else []
    except BadSession:
        offered = []
    lines = ["v=0", f"o=- {session_id} {version} {_net(host)}", "s=-", f"c={_net(host)}", "t=0 0"]
    for index, section in enumerate(description.sections):
        theirs = offered[index] if index < len(offered) else None
        lines += _section_lines(section, host, theirs)
    return ("\r\n".join(lines) + "\r\n").encode()


def _net(host: str) -> str:
    return f"IN IP{6 if ':' in host else 4} {host}"


def _section_lines(section: CallSection, host: str, theirs: _Section | None) -> list[str]:
    remote = section.remote
    protocol = theirs.protocol if theirs else "RTP/AVP"
    if remote is None or not section.codecs:
        formats = " ".join(theirs.formats) if theirs else "0"
        return [f"m={section.kind} 0 {protocol} {formats}"]
    types = [codec.payload_type for codec in section.codecs]
    if section.digits is not None:
        types.append(section.digits)
    lines = [f"m={section.kind} {remote.rtp[1]} {protocol} {' '.join(map(str, types))}"]
    if remote.rtp[0] != host:
        lines.append(f"c={_net(remote.rtp[0])}")
    if section.bandwidth:
        lines.append(f"b=AS:{section.bandwidth}")
    if remote.rtcp is not None:
        lines.append(f"a=rtcp:{remote.rtcp[1]} {_net(remote.rtcp[0])}")
    for codec in section.codecs:
        name = codec.name if codec.name == "opus" else codec.name.upper()
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        lines.append(f"a=rtpmap:{codec.payload_type} {name}/{codec.clock_rate}{channels}")
        if codec.fmtp:
            lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
    if section.digits is not None:
        lines.append(f"a=rtpmap:{section.digits} {EVENTS}/{_events_rate(section, theirs)}")
        lines.append(f"a=fmtp:{section.digits} 0-15")
    if section.kind == "audio":
        lines.append("a=ptime:20")
    return [*lines, f"a={section.direction.value}"]


def _events_rate(section: CallSection, theirs: _Section | None) -> int:
    """Return the clock of telephone-event: theirs, else that of our codecs (RFC 4733, 2.2)."""
    if theirs is not None and section.digits in theirs.rtpmap:
        return theirs.rtpmap[section.digits][1]
    rates = [codec.clock_rate for codec in section.codecs]
    return 8000 if 8000 in rates else rates[0]


def _told(section: _Section) -> CallSection:
    if section.rejected:
        return CallSection(section.kind, direction=Direction.NONE)
    codecs, digits = _codecs(section)
    remote, held = _remote(section)
    direction = section.direction
    if held:  # RFC 3264, section 8.4: who is nowhere takes nothing
        direction = {Direction.BOTH: Direction.SEND, Direction.RECEIVE: Direction.NONE}.get(
            direction, direction
        )
    return CallSection(section.kind, codecs, remote, direction, digits, section.bandwidth)


def _codecs(section: _Section) -> tuple[tuple[Codec, ...], int | None]:
    codecs: list[Codec] = []
    events: list[tuple[int, int]] = []
    seen: set[int] = set()
    for written in section.formats[:MOST_CODECS]:
        if not (written.isascii() and written.isdigit()) or len(written) > 3:
            continue
        kind = int(written)
        if kind > HIGHEST_PAYLOAD_TYPE or kind in seen:
            continue
        seen.add(kind)
        static = WITHOUT_RTPMAP.get(kind) if section.kind == "audio" else None
        name, rate, channels = section.rtpmap.get(kind, (static or "", 8000, 1))
        if name == EVENTS:
            events.append((rate, kind))
        elif name:
            codecs.append(Codec(name, rate, kind, channels, section.fmtp.get(kind, "")))
    # Ours are those of telephony where there are several.
    events.sort(key=lambda event: event[0] != 8000)
    return tuple(codecs), events[0][1] if events else None


def _remote(section: _Section) -> tuple[Remote | None, bool]:
    """Return where its side takes RTP, and whether it says that this is nowhere."""
    try:
        address = ip_address(section.host)
        if address.is_unspecified:
            return None, True
        if address.is_multicast:
            return None, False
        try:
            return Remote((section.host, section.port), section.rtcp), False
        except ValueError:
            return Remote((section.host, section.port)), False
    except ValueError:
        return None, False


def _sections(text: bytes) -> list[_Section]:
    if len(text) > MOST_BYTES:
        raise BadSession("too long")
    lines = [_printable(line) for line in text.decode("utf-8", "replace").splitlines()]
    if not lines or lines[0].strip() != "v=0":
        raise BadSession("no description")
    common = _Section("", 0, "", [])
    sections: list[_Section] = []
    for line in lines[1:]:
        kind, equals, value = line[:1], line[1:2], line[2:].strip()
        if equals != "=":
            continue
        if kind == "m":
            if len(sections) == MOST_SECTIONS:
                raise BadSession("too many sections", 488)
            sections.append(_begun(value, common))
        else:
            _apply(sections[-1] if sections else common, kind, value)
    return sections


def _printable(line: str) -> str:
    return "".join(sign for sign in line if sign.isprintable())


def _begun(value: str, common: _Section) -> _Section:
    found = _MEDIA.fullmatch(value)
    if found is None or not found[1].isascii() or int(found[2]) > HIGHEST_PORT:
        raise BadSession("a section that is none")
    if not _TOKEN.fullmatch(found[1]) or not found[3].isascii():
        raise BadSession("a section that is none")
    section = _Section(found[1].lower(), int(found[2]), found[3], found[4].split()[:MOST_CODECS])
    section.host, section.direction = common.host, common.direction
    section.bandwidth = common.bandwidth
    return section


def _apply(section: _Section, kind: str, value: str) -> None:
    if kind == "c":
        words = value.split()
        section.host = words[2].partition("/")[0] if len(words) > 2 else ""
    elif kind == "b":
        name, _, figure = value.partition(":")
        if re.fullmatch(r"[0-9]{1,12}", figure, re.ASCII):
            kilobits = int(figure) if name == "AS" else -(-int(figure) // 1000)
            if name in ("AS", "TIAS") and kilobits <= HIGHEST_BANDWIDTH:
                section.bandwidth = kilobits
    elif kind == "a":
        _attribute(section, *value.partition(":")[::2])


def _attribute(section: _Section, name: str, value: str) -> None:
    if name in _DIRECTIONS:
        section.direction = _DIRECTIONS[name]
    elif name == "rtpmap" and len(section.rtpmap) < MOST_CODECS:
        found = re.match(_RTPMAP, value)
        if found and found[0].isascii() and int(found[3]) and _TOKEN.fullmatch(found[2]):
            channels = max(1, int(found[4] or 1))
            section.rtpmap[int(found[1])] = (found[2].lower(), int(found[3]), channels)
    elif name == "fmtp" and len(section.fmtp) < MOST_CODECS:
        found = re.match(_FMTP, value)
        if found and found[2].isascii() and len(found[2]) <= LONGEST_FMTP:
            section.fmtp[int(found[1])] = found[2].strip()
    elif name == "rtcp":
        words = value.split()
        if words and re.fullmatch(r"[0-9]{1,5}", words[0], re.ASCII):
            port = int(words[0])
            host = words[3] if len(words) > 3 else section.host
            section.rtcp = (host, port) if 0 < port <= HIGHEST_PORT else None
