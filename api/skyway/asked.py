"""What bodies ask of actors: every field looked at, every problem told at once. Pure.

`Asked` gathers what is wrong (400) and where nothing may be sent (403), and raises it at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from actors.device.credentials import Credential
from actors.device.messages import MediumWanted
from actors.signalling.frames import is_id
from api.skyway import bodies
from api.skyway.errors import Found, RestRefused, refuse_if, unspecified
from api.skyway.wire import metadata_text
from media.contract.datagrams import MessageFormat
from media.contract.plans import Address, ChannelWanted

MayRedirect = Callable[[Address], bool]
SERIALIZATIONS: dict[str, tuple[MessageFormat, str]] = {
    "BINARY": (MessageFormat.BINARY, "binary"),
    "BINARY_UTF8": (MessageFormat.BINARY, "binary-utf8"),
    "JSON": (MessageFormat.JSON, "json"),
    "NONE": (MessageFormat.RAW, "raw"),
}
"""What a data connection's messages hold, and what PeerJS calls it."""

SHOWN = {theirs: ours for ours, (_, theirs) in SERIALIZATIONS.items()}
G711_A_LAW = 8  # the payload type by which the two laws of G.711 are told apart
KINDS = ("video", "audio")


class Asked:
    """What is wrong with a request so far."""

    def __init__(self, may_redirect: MayRedirect = lambda to: True) -> None:
        self.problems: list[Found] = []
        self._forbidden: list[Found] = []
        self._may_redirect = may_redirect

    def check(self) -> None:
        """Raise RestRefused where something is wrong."""
        refuse_if(self.problems)
        refuse_if(self._forbidden, 403)

    def wrong(self, field: str, words: str = "is invalid value") -> None:
        self.problems.append((field, f"{field} {words}"))

    def peer_id(self, field: str, value: str) -> str:
        """Take an id that a peer may have."""
        if not value:
            self.problems.append(unspecified(field))
        elif not is_id(value) or value.startswith("/"):
            self.wrong(field)
        return value

    def text(self, field: str, value: str) -> str:
        """Take a text that is needed."""
        if not value:
            self.problems.append(unspecified(field))
        return value

    def address(self, target: bodies.RedirectTarget | None) -> Address | None:
        """Take where to send to: a literal address, in its shortest form."""
        if target is None:
            return None
        field = "ip_v4" if target.ip_v4 or not target.ip_v6 else "ip_v6"
        text = target.ip_v4 or target.ip_v6
        if not text:
            self.problems.append(unspecified(field))
            return None
        host = _literal(text, 4 if field == "ip_v4" else 6)
        if host is None:
            self.wrong(field, f"is no IPv{field[-1]} address")
            return None
        return str(host), target.port

    def redirect(self, target: bodies.RedirectTarget | None) -> Address | None:
        """Take where to send to, if anything may be sent there."""
        to = self.address(target)
        if to is not None and not self._may_redirect(to):
            field = "ip_v6" if ":" in to[0] else "ip_v4"
            self._forbidden.append((field, f"nothing may be sent to {to[0]}"))
        return to

    def metadata(self, value: str | dict[str, object] | None) -> str:
        """Take metadata, as JSON text."""
        try:
            return metadata_text(value)
        except (ValueError, RecursionError):
            self.wrong("metadata")
            return ""

    def channel(self, init: bodies.DcInit | None) -> ChannelWanted:
        """Take what a data channel is to be like; `priority` has no effect."""
        init = init or bodies.DcInit()
        if init.maxPacketLifeTime is not None and init.maxRetransmits is not None:
            for field in ("maxPacketLifeTime", "maxRetransmits"):
                self.wrong(field, "cannot be used with the other limit")
            return ChannelWanted()
        if init.negotiated and init.id is None:
            self.problems.append(unspecified("id"))
            return ChannelWanted()
        negotiated = bool(init.negotiated)
        try:
            return ChannelWanted(
                protocol=init.protocol or "",
                ordered=init.ordered is not False,
                max_retransmits=init.maxRetransmits,
                max_lifetime=init.maxPacketLifeTime,
                negotiated=negotiated,
                id=init.id if negotiated else None,
            )
        except ValueError:
            self.wrong("protocol" if init.protocol else "id")
            return ChannelWanted()

    def serialization(self, value: str | None) -> tuple[MessageFormat, str]:
        """Take how messages are packed: left out, it is BINARY, as the published API says."""
        found = SERIALIZATIONS.get(value or "BINARY")
        if found is None:
            self.wrong("serialization")
        return found or SERIALIZATIONS["BINARY"]

    def media(
        self, constraints: bodies.PeerCallConstraints, redirects: bodies.MediaRedirects | None
    ) -> tuple[MediumWanted, ...]:
        """Take what is sent and received of a call."""
        to = redirects or bodies.MediaRedirects()
        return (
            self._medium("video", constraints.video, constraints.videoReceiveEnabled,
                         constraints.video_params, to.video, to.video_rtcp),
            self._medium("audio", constraints.audio, constraints.audioReceiveEnabled,
                         constraints.audio_params, to.audio, to.audio_rtcp),
        )  # fmt: skip

    def _medium(
        self,
        kind: str,
        sends: bool,
        receives: bool | None,
        params: bodies.MediumParameters | None,
        to: bodies.RedirectTarget | None,
        rtcp_to: bodies.RedirectTarget | None,
    ) -> MediumWanted:
        if params is None:
            if sends:
                self.problems.append(unspecified(f"{kind}_params"))
            params = bodies.MediumParameters()
        elif sends:
            for field in ("band_width", "codec", "media_id"):
                if getattr(params, field) in (None, ""):
                    self.problems.append(unspecified(field))
        wants = receives if receives is not None else sends or to is not None
        return MediumWanted(
            kind,
            socket=(params.media_id or None) if sends else None,
            receives=wants,
            codecs=self._codecs(kind, params),
            payload_type=params.payload_type,
            clock_rate=params.sampling_rate,
            bitrate=params.band_width or 0,
            rtcp_socket=params.rtcp_id or None,
            redirect=self.redirect(to),
            rtcp_redirect=self.redirect(rtcp_to),
        )

    def _codecs(self, kind: str, params: bodies.MediumParameters) -> tuple[str, ...]:
        name = (params.codec or "").lower()
        if not name:
            return ()
        if kind == "audio" and name == "g711":
            return ("pcma",) if params.payload_type == G711_A_LAW else ("pcmu",)
        if name in (("opus",) if kind == "audio" else ("vp8", "h264")):
            return (name,)
        self.wrong("codec")
        return ()


def named_sockets(media: tuple[MediumWanted, ...]) -> tuple[tuple[str, str, str], ...]:
    """Return the sockets of a call: the field that names each, its kind, and its id."""
    found = []
    for medium in media:
        if medium.socket is not None:
            found.append(("media_id", "vi" if medium.kind == "video" else "au", medium.socket))
        if medium.rtcp_socket is not None:
            found.append(("rtcp_id", "rc", medium.rtcp_socket))
    return tuple(found)


def credential_of(given: bodies.PeerCredential) -> Credential:
    return Credential(given.timestamp, given.ttl, given.authToken)


def _literal(text: str, version: int) -> IPv4Address | IPv6Address | None:
    """Read an address without a name or a zone; one of IPv4 within IPv6 is that of IPv4."""
    try:
        host = ip_address(text)
    except ValueError:
        return None
    if host.version != version or "%" in text:
        return None
    return getattr(host, "ipv4_mapped", None) or host


__all__ = ["KINDS", "SHOWN", "Asked", "RestRefused", "credential_of", "named_sockets"]
