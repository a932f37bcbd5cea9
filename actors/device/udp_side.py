"""The program's side of a call: its sockets, and the UDP ports that what comes is sent on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from actors.device import medium
from actors.device.connection import DeviceConnection
from actors.device.medium import MediumWanted
from actors.device.services import DeviceLimits
from actors.device.socket import SocketFacts, SocketKind
from actors.words.device_refusals import SocketUnknown
from media.contract.datagrams import Network
from media.contract.errors import MediaError, UnknownPort
from media.contract.paths import PathFailure, PathTrouble
from media.contract.plans import Address, PortFacts, PortWanted
from media.contract.session import SessionStats, Track
from media.contract.stats import SinkStats, SourceStats

_KINDS = {"audio": SocketKind.AUDIO, "video": SocketKind.VIDEO}


class UdpSide:
    """Belongs to one call, in whose handlers and teardown it is used.

    The ports are the engine's as `<id of the call>/<kind>`.
    """

    __slots__ = ("_call", "_engine", "_media", "_ports", "_sockets", "_tracks")

    def __init__(self, call: DeviceConnection) -> None:
        self._call = call
        self._engine = call.spec.services.engine
        self._media: dict[str, MediumWanted] = {}
        self._sockets: dict[str, SocketFacts] = {}
        self._tracks: dict[str, Track] = {}
        self._ports: dict[str, str] = {}  # the sinks of those that are open, by kind

    @property
    def media(self) -> Mapping[str, MediumWanted]:
        """What was claimed, by kind, less what may not be redirected any more."""
        return self._media

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What was negotiated, by kind, of what goes either way."""
        return self._tracks

    @property
    def ports(self) -> int:
        """How many ports send on what comes."""
        return len(self._ports)

    async def claim(self, media: Mapping[str, MediumWanted]) -> None:
        """Have the sockets used by the call; all of them, or none.

        The text of a refusal is the field at fault: "video.socket", "audio.rtcp_redirect" and their
        like. Raises RedirectForbidden, SocketUnknown, SocketInUse, Busy.
        """
        for kind, wanted in media.items():
            self._call.check_redirect(wanted.redirect, f"{kind}.redirect")
            self._call.check_redirect(wanted.rtcp_redirect, f"{kind}.rtcp_redirect")
        claimed = False
        try:
            await self._use_media_sockets(media)
            await self._use_rtcp_sockets(media)
            self._media = dict(media)
            claimed = True
        finally:
            if not claimed:
                self._sockets.clear()
                for id_ in tuple(self._call.sockets):
                    await self._call.release_socket(id_, keep=True)

    async def connect(self, tracks: Iterable[Track]) -> PathFailure | None:
        """Have media flow as it was negotiated; return what of it cannot, if any.

        Raises MediaError where no port can be opened; SocketUnknown, Busy.
        """
        self._tracks = medium.negotiated(tracks)
        for kind, track in self._tracks.items():
            wanted = self._media.get(kind)
            sends = None if wanted is None else medium.redirected(wanted, track)
            if sends is None:
                continue
            port = PortWanted(medium.listens_on(sends.remote.rtp[0]), mux=True, sends=sends)
            facts = await self._engine.open_port(self._port(kind), port)
            self._ports[kind] = facts.sink or ""
        failures = await self._engine.wire(medium.paths(self._media, self._tracks, self._ports))
        if self._ports:
            await self._use_rtcp_sockets(self._media)
        # A sink that is gone has gone with the session, and a socket that has ended is silent.
        return next((it for it in failures if it.why in _LASTING), None)

    async def keep_within(self, allow: tuple[Network, ...]) -> None:
        """End redirects that lead out of these networks. Raises MediaError, Busy."""
        limits = replace(self._call.spec.services.limits(), redirect_allow=allow)
        changed = {kind: _within(wanted, limits) for kind, wanted in self._media.items()}
        if changed == self._media:
            return
        self._media = changed
        for kind in list(self._ports):
            await self._redirect_less(kind)
        with suppress(SocketUnknown):  # it has ended by itself
            await self._use_media_sockets(changed)
            await self._use_rtcp_sockets(changed)

    def kind_at(self, address: Address) -> str | None:
        """Return which medium is sent to an address, or comes to a socket there; video first."""
        for kind in sorted(self._media, reverse=True):
            wanted = self._media[kind]
            facts = self._sockets.get(wanted.socket or "")
            # The host of a socket may be told otherwise than it is bound; a port has one socket.
            if address == wanted.redirect or (facts and facts.address[1] == address[1]):
                return kind
        return None

    def forget(self, socket: str) -> None:
        """Go on without a socket that has ended by itself."""
        self._media = {kind: _without(wanted, socket) for kind, wanted in self._media.items()}

    async def measure(self, stats: SessionStats) -> list[dict[str, object]]:
        """Return the figures of each medium that goes either way, as plain data.

        `in` is from the other side, and goes on from `redirect_port` as `redirected`; what comes to
        the socket is `fed`, and goes to the other side as `out`. `foreign` are packets at the
        socket of another payload type than the program has named, or of another stream: none of
        them goes on. Bytes are those of payload, `bitrate` is in bits per second.
        """
        found: list[dict[str, object]] = []
        for kind, track in self._tracks.items():
            wanted = self._media.get(kind)
            socket = wanted.socket if wanted is not None else None
            fed = await self._facts(socket)
            sends = await self._facts(self._port(kind) if kind in self._ports else None)
            source = next((it for it in stats.sources if it.id == track.source), None)
            sink = next((it for it in stats.sinks if it.id == track.sink), None)
            found.append(
                {
                    "kind": kind,
                    "codec": track.codec,
                    "in": _flow(source),
                    "out": _flow(sink),
                    "fed": _flow(fed.received if fed else None),
                    "redirected": _flow(sends.sent if sends else None),
                    "socket": socket,
                    "foreign": fed.received.counts.foreign if fed and fed.received else 0,
                    "redirect_port": sends.address[1] if sends else None,
                }
            )
        return found

    async def close_ports(self) -> None:
        """Close the ports; it never raises."""
        for kind in list(self._ports):
            await self._close_port(kind)

    # --- inside

    async def _use_media_sockets(self, media: Mapping[str, MediumWanted]) -> None:
        for kind, wanted in media.items():
            if wanted.socket is not None:
                self._sockets[wanted.socket] = await self._call.use_socket(
                    wanted.socket,
                    _KINDS[kind],
                    f"{kind}.socket",
                    codec=medium.sent_codec(wanted),
                    feedback=wanted.rtcp_redirect,
                )

    async def _use_rtcp_sockets(self, media: Mapping[str, MediumWanted]) -> None:
        for id_, streams in medium.rtcp_streams(media, self._ports).items():
            kind = next(kind for kind, wanted in media.items() if wanted.rtcp_socket == id_)
            field = f"{kind}.rtcp_socket"
            await self._call.use_socket(id_, SocketKind.RTCP, field, streams=streams)

    async def _redirect_less(self, kind: str) -> None:
        """Have a port send to no more than is still wanted."""
        sends = medium.redirected(self._media[kind], self._tracks[kind])
        if sends is None:
            await self._close_port(kind)
        else:
            await self._engine.change_port(self._port(kind), None, sends)

    async def _close_port(self, kind: str) -> None:
        del self._ports[kind]
        with suppress(MediaError):
            await self._engine.close_port(self._port(kind))

    async def _facts(self, port: str | None) -> PortFacts | None:
        if port is None:
            return None
        try:
            return await self._engine.port_facts(port)
        except UnknownPort:  # it has just ended
            return None

    def _port(self, kind: str) -> str:
        return f"{self._call.spec.id}/{kind}"


_LASTING = (PathTrouble.CODEC_MISMATCH, PathTrouble.BUG)


def _flow(stream: SourceStats | SinkStats | None) -> dict[str, object] | None:
    """Return what flows in one direction; None where nothing may."""
    if stream is None:
        return None
    counts = stream.counts
    flow = {"packets": counts.packets, "bytes": counts.octets, "bitrate": round(stream.bitrate)}
    if isinstance(stream, SourceStats):
        return {
            **flow,
            "lost": stream.lost,
            "fraction_lost": stream.fraction_lost,
            "jitter": stream.jitter,
        }
    told = stream.receiver
    return {
        **flow,
        "fraction_lost": told.fraction_lost,
        "jitter": told.jitter,
        "round_trip": told.round_trip,
    }


def _within(wanted: MediumWanted, limits: DeviceLimits) -> MediumWanted:
    """Return a medium less what may not be sent where it leads."""
    rtp, rtcp = (
        to if to is not None and limits.may_redirect(to) else None
        for to in (wanted.redirect, wanted.rtcp_redirect)
    )
    return replace(wanted, redirect=rtp, rtcp_redirect=rtcp)


def _without(wanted: MediumWanted, socket: str) -> MediumWanted:
    rtp, rtcp = (id_ if id_ != socket else None for id_ in (wanted.socket, wanted.rtcp_socket))
    return replace(wanted, socket=rtp, rtcp_socket=rtcp)
