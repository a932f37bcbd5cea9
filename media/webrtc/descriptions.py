"""Session descriptions as text: what has to be looked at, or changed, before aiortc reads them.

aiortc reads the rest and writes its own. Pure functions; nothing here knows a connection.
Terms: a *section* begins with `m=`; the *tagged* section is the first of the BUNDLE group, whose
transport all others share (RFC 9143).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from media.contract.errors import BadDescription
from media.webrtc.lenient import tidied, without_free_text

MAX_BYTES = 131_072
MAX_SECTIONS = 64
KINDS = frozenset({"audio", "video", "application"})
M_LINE = re.compile(r"m=(audio|video|application) [0-9]{1,5} [A-Z/]+( [A-Za-z0-9-]+)+", re.ASCII)
BUNDLE = "a=group:BUNDLE"
TRANSPORT = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")
MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,255}", re.ASCII)  # fits a header extension
BOTH_WAYS = "a=sendrecv"
NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)  # int() takes other digits, and raises over 4,300
SCTP_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
DIRECTIONS = frozenset({BOTH_WAYS, "a=sendonly", "a=recvonly", "a=inactive"})
ICE_PART = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)
RID = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)
MAX_LAYERS = 4  # of one section
SIZES_BY_NAME = ("qhf", "lmh", ("low", "mid", "high"), ("low", "medium", "high"))  # as is common
RID_EXTENSIONS = (
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
)


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One `m=` section: its lines, that one first, without line ends."""

    lines: tuple[str, ...]

    @property
    def kind(self) -> str:
        return self.lines[0][2:].split(" ", 1)[0]

    @property
    def mid(self) -> str:
        return self.value("a=mid:")

    @property
    def rejected(self) -> bool:
        """Whether nothing is to go this way: port 0, but for what only comes bundled."""
        return self.lines[0].split(" ")[1:2] == ["0"] and "a=bundle-only" not in self.lines

    @property
    def sends(self) -> bool:
        """Whether whoever wrote this may send; of one that was read."""
        return not {BOTH_WAYS, "a=sendonly"}.isdisjoint(self.lines)

    @property
    def receives(self) -> bool:
        return not {BOTH_WAYS, "a=recvonly"}.isdisjoint(self.lines)

    def value(self, prefix: str) -> str:
        """Return what follows `prefix` on the first line that starts with it, else nothing."""
        return next((line[len(prefix) :] for line in self.lines if line.startswith(prefix)), "")

    def values(self, prefix: str) -> list[str]:
        return [line[len(prefix) :] for line in self.lines if line.startswith(prefix)]

    def without(self, *prefixes: str) -> MediaSection:
        return MediaSection(tuple(line for line in self.lines if not line.startswith(prefixes)))

    def extension(self, uri: str) -> int:
        """Return the id of a header extension, 0 without it or with one that cannot be."""
        for value in self.values("a=extmap:"):
            words = value.split(" ")
            number = words[0].split("/")[0]
            if words[1:2] == [uri] and NUMBER.fullmatch(number) and 0 < int(number) < 256:
                return int(number)
        return 0

    def ssrc(self) -> int | None:
        """Return the announced SSRC of the media itself: the first one."""
        first = self.value("a=ssrc:").split(" ", 1)[0]
        return int(first) if NUMBER.fullmatch(first) and int(first) < 1 << 32 else None


@dataclass(frozen=True, slots=True)
class SessionText:
    """A description in its parts."""

    head: tuple[str, ...]
    sections: tuple[MediaSection, ...]

    @property
    def rejected(self) -> frozenset[str]:
        """The mids of the sections that are rejected."""
        return frozenset(section.mid for section in self.sections if section.rejected)

    @property
    def tagged(self) -> MediaSection:
        live = {s.mid: s for s in self.sections if not s.rejected}
        group = next((line for line in self.head if line.startswith(BUNDLE)), "")
        named = [mid for mid in group.split()[1:] if mid in live]
        return live[named[0]] if named else next(iter(live.values()), self.sections[0])

    def __str__(self) -> str:
        lines = [*self.head, *(line for section in self.sections for line in section.lines)]
        return "\r\n".join(lines) + "\r\n"


def split(sdp: str) -> SessionText:
    """Split a description into its parts. Raises BadDescription for what is none, or too large."""
    if len(sdp) > MAX_BYTES:
        raise BadDescription("the description is too large")
    lines = [line for line in sdp.replace("\r\n", "\n").split("\n") if line]
    if not lines or lines[0] != "v=0":
        raise BadDescription("not a session description")
    lines = without_free_text(lines)
    if not all(len(line) > 1 and line[1] == "=" and line.isprintable() for line in lines):
        raise BadDescription("a line that is none")
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if not 1 <= len(starts) <= MAX_SECTIONS:
        raise BadDescription("no sections, or too many")
    ends = [*starts[1:], len(lines)]
    sections = [MediaSection(tuple(lines[a:b])) for a, b in zip(starts, ends, strict=True)]
    return SessionText(tuple(lines[: starts[0]]), tuple(sections))


def read(sdp: str, before: SessionText | None = None) -> SessionText:
    """Split a remote description, and check what everything else relies on.

    `before` is what the other side said last: its sections stay, and where all are rejected now, so
    does its transport. Raises BadDescription for sections of other kinds, those without a mid or
    not bundled, and without ICE credentials, fingerprint, RTCP multiplexing or a port of SCTP; of
    rejected ones, only kind and mid count (RFC 8829, section 5.3.1).
    """
    text = split(sdp)
    _check(text)
    if before is not None:
        _check_continues(text, before)
    text = replace(text, sections=tuple(MediaSection(tidied(it.lines)) for it in text.sections))
    return _with_directions(_with_one_transport(text, before))


def take_candidates(text: SessionText) -> tuple[SessionText, list[str]]:
    """Remove all candidates; return them, too, but those of the tagged section only."""
    sections = [s.without("a=candidate:", "a=end-of-candidates") for s in text.sections]
    return replace(text, sections=tuple(sections)), text.tagged.values("a=candidate:")


def accept_simulcast(offer: SessionText, answer: str) -> str:
    """Have the offerer send the layers of each simulcast section.

    An answer that says nothing of layers would get the first, which may be the smallest.
    """
    lines = answer.replace("\r\n", "\n").strip("\n").split("\n")
    layers = {section.mid: added for section in offer.sections if (added := _layer_lines(section))}
    result: list[str] = []
    for line in lines:
        result.append(line)
        if line.startswith("a=mid:"):
            result += layers.get(line.removeprefix("a=mid:"), ())
    return "\r\n".join(result) + "\r\n"


def offered_layers(section: MediaSection) -> tuple[str, ...]:
    """Return the layers of an offered section that the answer asks for, in their order.

    Where names tell the largest and none is paused (RFC 8853, section 5.1), or where packets do not
    tell their layer, that one alone: it comes at once and adapts, while Chromium leaves the last
    layers of a picture out that it finds small (three below 960x540, two below 480x270). Else all
    of them, MAX_LAYERS at most, to be compared as they come. Of alternatives the first counts.
    """
    layers, paused = _named_layers(section)
    if len(layers) > 1:
        known = any(set(layers) <= set(order) for order in SIZES_BY_NAME)
        if (known and not paused) or not section.extension(RID_EXTENSIONS[0]):
            return (_largest_by_name(layers),)
    return tuple(layers[:MAX_LAYERS])


def chosen_layer(section: MediaSection) -> str | None:
    """Return which layer of an offered section is called the largest, None if it has none."""
    layers = offered_layers(section)
    return _largest_by_name(list(layers)) if layers else None


def _named_layers(section: MediaSection) -> tuple[list[str], bool]:
    """Return the layers that are offered, and whether one of them is paused."""
    found = re.search(r"\bsend ([^ ]+)", section.value("a=simulcast:"))
    firsts = [alternatives.split(",")[0] for alternatives in (found[1].split(";") if found else ())]
    offered = {value.split(" ", 1)[0] for value in section.values("a=rid:") if " send" in value}
    layers = dict.fromkeys(name.lstrip("~") for name in firsts)
    kept = [name for name in layers if name in offered and RID.fullmatch(name)]
    return kept, any(name.startswith("~") for name in firsts)


def _largest_by_name(layers: list[str]) -> str:
    """Return the layer whose name is known for the largest, else the most preferred: the first."""
    for order in SIZES_BY_NAME:
        if set(layers) <= set(order):
            return max(layers, key=order.index)
    return layers[0]


def _layer_lines(section: MediaSection) -> list[str]:
    """Return the lines that ask for the layers."""
    layers = offered_layers(section)
    if not layers:
        return []
    extensions = [
        f"a=extmap:{words[0].split('/')[0]} {words[1]}"
        for value in section.values("a=extmap:")
        if len(words := value.split(" ")) > 1 and words[1] in RID_EXTENSIONS
    ]
    asked = [f"a=rid:{layer} recv" for layer in layers]
    return [*extensions, *asked, f"a=simulcast:recv {';'.join(layers)}"]


def _check(text: SessionText) -> None:
    mids = [section.mid for section in text.sections]
    named = [mid for section in text.sections for mid in section.values("a=mid:")]
    if not all(map(MID.fullmatch, mids)) or len(set(named)) != len(mids) or len(named) > len(mids):
        raise BadDescription("a section without a mid of its own")
    live = set(mids) - text.rejected
    groups = [line.split()[1:] for line in text.head if line.startswith(BUNDLE)]
    if (
        len(groups) > 1
        or (len(live) > 1 and not groups)
        or (groups and not live <= set(groups[0]) <= set(mids))
    ):
        raise BadDescription("not all sections are bundled")
    if sum(section.kind == "application" for section in text.sections) > 1:
        raise BadDescription("more than one section for data channels")
    for section in text.sections:
        if not M_LINE.fullmatch(section.lines[0]):
            raise BadDescription("a section of unknown kind")
        media = section.kind != "application" and not section.rejected
        if media and "a=rtcp-mux" not in section.lines:
            raise BadDescription("RTCP is not multiplexed")
        channels = section.kind == "application" and not section.rejected
        if channels and not _has_sctp_port(section):
            raise BadDescription("data channels without a port")


def _check_continues(text: SessionText, before: SessionText) -> None:
    """Let sections neither move nor go (RFC 8829, 5.2.2); a new one may take the place of one."""
    places = {it.mid: (at, it.kind) for at, it in enumerate(before.sections) if not it.rejected}
    here = [(it.mid, (at, it.kind)) for at, it in enumerate(text.sections) if not it.rejected]
    moved = any(places.get(mid, place) != place for mid, place in here)
    if moved or len(text.sections) < len(before.sections):
        raise BadDescription("sections in another order than before")


def _has_sctp_port(section: MediaSection) -> bool:
    """Tell whether SCTP has a port (RFC 8841, section 5.1), in the older form, too."""
    _, _, protocol, first = section.lines[0].split(" ")[:4]
    told = [first] if protocol == "DTLS/SCTP" else section.values("a=sctp-port:")
    return bool(told) and all(SCTP_PORT.fullmatch(port) and int(port) < 1 << 16 for port in told)


def _with_directions(text: SessionText) -> SessionText:
    """Say what goes without saying: a section goes both ways (RFC 8866, section 6.7)."""
    sections = [
        section
        if DIRECTIONS.intersection(section.lines)
        else MediaSection((*section.lines, BOTH_WAYS))
        for section in text.sections
    ]
    return replace(text, sections=tuple(sections))


def _with_one_transport(text: SessionText, before: SessionText | None) -> SessionText:
    """Give every section the transport lines of the tagged one, or else of the head."""
    lines = _standing_transport(before) if text.tagged.rejected else _transport(text)
    head = tuple(line for line in text.head if not line.startswith(TRANSPORT))
    sections = [MediaSection((*s.without(*TRANSPORT).lines, *lines)) for s in text.sections]
    return SessionText(head, tuple(sections))


def _transport(text: SessionText) -> list[str]:
    tagged = text.tagged
    lines: list[str] = []
    for prefix in TRANSPORT:
        mine = [line for line in tagged.lines if line.startswith(prefix)]
        mine = mine or [line for line in text.head if line.startswith(prefix)]
        if not mine:
            raise BadDescription(f"without {prefix[2:-1]}")
        lines += mine
    user, password = (line.split(":", 1)[1] for line in lines[:2])
    if not ICE_PART.fullmatch(user) or not ICE_PART.fullmatch(password):
        raise BadDescription("ICE credentials")
    return lines


def _standing_transport(before: SessionText | None) -> list[str]:
    """Return the transport there is; who left the role to us (actpass) has got the passive one."""
    if before is None:
        raise BadDescription("every section is rejected")
    lines = [line for line in before.tagged.lines if line.startswith(TRANSPORT)]
    return ["a=setup:passive" if line == "a=setup:actpass" else line for line in lines]
