"""The file that touches private names of aiortc and aioice (pinned, contract-tested).

It leaves those of transceivers to `aiortc_sections.py`, of codecs and texts to `aiortc_codecs.py`
and `aiortc_descriptions.py`, of keys to `aiortc_dtls.py`, of data channels to
`aiortc_channels.py`, of checks to `aioice_checks.py`.

aiortc does here what it is good at: descriptions, ICE, DTLS, SCTP. Its media half is taken out:
decrypted RTP and RTCP go, as bytes, to the peer's listener, and `send_rtp` encrypts bytes and has
them on the wire before it returns. All sections share one transport.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Set
from typing import Any

from aioice import Candidate as IceCandidate
from aioice.ice import Connection, server_reflexive_candidate
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.sdp import SessionDescription

from media.contract.errors import WrongState
from media.contract.plans import ChannelWanted
from media.contract.session import IceServer, TrackWanted
from media.webrtc.aioice_checks import OtherSide, watch_answers, watch_checks
from media.webrtc.aiortc_channels import lose_what_comes_too_late
from media.webrtc.aiortc_codecs import capabilities, keep_parameters
from media.webrtc.aiortc_descriptions import checked
from media.webrtc.aiortc_dtls import UNTAKEN, Certificate, widen_buffers
from media.webrtc.aiortc_sections import forget_replaced, hold_places, negotiated, private
from media.webrtc.bitrate_lines import with_bitrates
from media.webrtc.candidates import MAX_CANDIDATES, DeniedNetworks, RemoteCandidate
from media.webrtc.ice_sockets import IceSocketProtocol, open_ice_sockets
from media.webrtc.peer_facts import IceConfig, NegotiatedSection, PeerListener, PeerTraffic
from media.webrtc.readers import Readers
from media.webrtc.udp_socket import UdpSocket

MAX_SSRCS = 1024  # of one peer: libsrtp keeps something of each for as long as the session lasts
REFLEXIVE_SECONDS = 3.0  # that a STUN server gets; a description waits for it
RECEIVE_WINDOW = 1 << 20  # of aiortc's SCTP
WAITING_DATAGRAMS = 256  # of DTLS, which the handshake or SCTP has not taken yet
UNUSED = ("jitter_buffer", "nack_generator", "remote_bitrate_estimator")  # 100 KiB a receiver

# They log addresses at INFO and whole descriptions at DEBUG: neither may reach a log.
logging.getLogger("aiortc").setLevel(logging.WARNING)
logging.getLogger("aioice").setLevel(logging.WARNING)


class Peer(RTCPeerConnection):
    """An aiortc connection that carries media as bytes. Made and used on the loop only.

    Methods in camelCase are aiortc's own, used or replaced.
    """

    def __init__(
        self,
        settings: IceConfig,
        servers: Iterable[IceServer],
        readers: Readers,
        listener: PeerListener,
    ) -> None:
        super().__init__(_configuration(servers))
        private(self, "certificates")[:] = [Certificate.generateCertificate()]
        self.traffic = PeerTraffic()
        self.sockets: list[UdpSocket] = []
        self._bitrates: dict[RTCRtpTransceiver, int] = {}  # that the other side may send
        self._addresses: set[tuple[str, int]] = set()  # of the other side, that were told
        self._ssrcs: set[bytes] = set()  # heard of, and authentic
        self._settings = settings
        self.denied = DeniedNetworks(settings.remote_deny)
        self._readers = readers
        self._listener = listener
        self.channels_refused = False  # by either side: there will be none
        self._transport: RTCDtlsTransport | None = None
        self.on("connectionstatechange", self._tell_state)
        self.on("iceconnectionstatechange", self._tell_reachable)

    # --- negotiation -----------------------------------------------------------------------

    def want(self, tracks: Iterable[TrackWanted]) -> None:
        """Add sections to the next offer, or for the next offered sections of their kinds.

        Raises NoCommonCodec if none of the codecs wanted for one is known; none is added then.
        """
        known = [(it, capabilities(it.kind, it.codecs, it.fmtp)) for it in tracks]
        for track, codecs in known:
            transceiver = self.addTransceiver(track.kind, track.direction.value)
            transceiver.setCodecPreferences(codecs)
            transceiver._offerDirection = "inactive"  # aiortc asks, though it may not be offered
            self._bitrates[transceiver] = track.bitrate

    def want_channels(self) -> None:
        """Add a section for data channels to the next offer."""
        if self.sctp is None:
            private(self, "createSctpTransport")()

    async def offer(self) -> str:
        """Gather candidates and return an offer. Raises WrongState."""
        try:
            await self.setLocalDescription(await self.createOffer())
        except InvalidStateError as error:
            raise WrongState("no offer can be made now") from error
        return self._told()

    async def answer(
        self, offer: str, candidates: Iterable[RemoteCandidate], rejected: Set[str] = frozenset()
    ) -> str:
        """Take an offer without candidates and these, gather ours and return the answer.

        `rejected` are the mids of sections that only stand in for rejected ones. Raises WrongState,
        BadDescription and NoCommonCodec before anything has changed.
        """
        sections = self._checked(offer, "offer", rejected).media
        wanted = self.getTransceivers()
        hold_places(self, sections, rejected)
        await self.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        forget_replaced(self, sections)
        await self._refuse_channels(rejected)
        for transceiver in self.getTransceivers():
            if transceiver not in wanted:
                transceiver.direction = "inactive"
            # One codec in the answer: then what comes is what was negotiated.
            transceiver._codecs = transceiver._codecs[:1]
            keep_parameters(transceiver, sections)
        # Before aiortc begins to connect, which then goes twenty milliseconds faster.
        for candidate in candidates:
            await self.add_candidate(candidate)
        await self.setLocalDescription(await self.createAnswer())
        return self._told()

    async def take_answer(
        self, answer: str, candidates: Iterable[RemoteCandidate], rejected: Set[str] = frozenset()
    ) -> None:
        """Take the answer to the last offer, without candidates, and these; see `answer`."""
        self._checked(answer, "answer", rejected)
        for candidate in candidates:
            await self.add_candidate(candidate)
        await self.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await self._refuse_channels(rejected)

    async def add_candidate(self, candidate: RemoteCandidate) -> bool:
        """Try a remote address, each one once; False if there are as many as may be.

        Not one that is denied. That there are no more is never told: aioice would give up.
        """
        connection, address = self._connection, (candidate.host, candidate.port)
        if connection is None or address in self._addresses or self.denied.has(candidate.host):
            return True
        if len(self._addresses) >= MAX_CANDIDATES:
            return False
        self._addresses.add(address)
        await connection.add_remote_candidate(
            IceCandidate(
                foundation=candidate.foundation,
                component=1,
                transport="udp",
                priority=candidate.priority,
                host=candidate.host,
                port=candidate.port,
                type=candidate.type,
            )
        )
        return True

    def sections(self) -> list[NegotiatedSection]:
        """Return the audio and video sections in the order of the description."""
        return negotiated(self, self._bitrates)

    def _told(self) -> str:
        bitrates = {str(it.mid): limit for it, limit in self._bitrates.items()}
        return with_bitrates(self.localDescription.sdp, bitrates)

    def open_channel(self, wanted: ChannelWanted) -> RTCDataChannel:
        """Open a data channel. Raises ValueError for wishes that contradict each other.

        Raises WrongState where the section for them was rejected.
        """
        if self.channels_refused:
            raise WrongState("data channels were rejected")
        return self.createDataChannel(
            wanted.label,
            maxPacketLifeTime=wanted.max_lifetime,
            maxRetransmits=wanted.max_retransmits,
            ordered=wanted.ordered,
            protocol=wanted.protocol,
            negotiated=wanted.negotiated,
            id=wanted.id,
        )

    def _checked(self, sdp: str, kind: str, rejected: Set[str]) -> SessionDescription:
        return checked(self, sdp, kind, rejected, no_channels=self.channels_refused)

    async def _refuse_channels(self, rejected: Set[str]) -> None:
        """Have no data channels, once their section was rejected."""
        sctp: Any = self.sctp
        if sctp is not None and sctp.mid in rejected and not self.channels_refused:
            self.channels_refused = True
            sctp.start = _nothing
            await sctp.stop()

    @property
    def unfinished_bytes(self) -> int:
        """What is kept of messages on data channels whose rest did not come yet.

        aiortc tells the other side when this is too much, but keeps more all the same.
        """
        sctp: Any = self.sctp
        return 0 if sctp is None else RECEIVE_WINDOW - int(sctp._advertised_rwnd)

    # --- media -----------------------------------------------------------------------------

    def send_rtp(self, packet: bytes) -> None:
        """Encrypt and send one packet. Raises OSError for one that could not leave; counted."""
        srtp = self._transport._tx_srtp if self._transport is not None else None
        self._transmit(None if srtp is None else srtp.protect, packet)

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send one compound packet, else as `send_rtp` does."""
        srtp = self._transport._tx_srtp if self._transport is not None else None
        self._transmit(None if srtp is None else srtp.protect_rtcp, packet)

    def _transmit(self, protect: Callable[[bytes], bytes] | None, packet: bytes) -> None:
        connection, traffic = self._connection, self.traffic
        pair = connection._nominated.get(1) if connection is not None else None
        if pair is None or protect is None:
            traffic.dropped += 1
            raise OSError("not connected")
        try:
            data = protect(packet)
        except UNTAKEN as error:  # its sequence number is too old, or it is too long
            traffic.dropped += 1
            traffic.too_long += isinstance(error, ValueError)
            raise OSError("libsrtp does not take it") from error
        way: Any = pair.protocol.transport
        # Our sockets count what they drop, and say so. One at a TURN server does neither.
        if way.sendto(data, pair.remote_addr) is False:
            raise OSError("the kernel does not take it")
        traffic.packets_sent += 1
        traffic.bytes_sent += len(data)

    def _heard(self) -> None:
        self.traffic.heard = time.monotonic()

    def _received(self, data: bytes, arrival: float) -> None:
        """Take one datagram that is not STUN."""
        traffic = self.traffic
        traffic.packets_received += 1
        traffic.bytes_received += len(data)
        transport = self._transport
        srtp = transport._rx_srtp if transport is not None else None
        if srtp is None or len(data) < 12 or not 128 <= data[0] <= 191:
            self._received_dtls(data)
            return
        is_rtcp = 192 <= data[1] <= 223  # RFC 5761, section 4
        ssrc = data[4:8] if is_rtcp else data[8:12]
        if ssrc not in self._ssrcs and len(self._ssrcs) >= MAX_SSRCS:
            traffic.dropped += 1
            return
        try:
            packet = srtp.unprotect_rtcp(data) if is_rtcp else srtp.unprotect(data)
        except UNTAKEN:  # not from who it says it is, a copy, or too long
            traffic.dropped += 1
            return
        self._ssrcs.add(ssrc)
        traffic.heard = arrival
        (self._listener.rtcp if is_rtcp else self._listener.rtp)(packet, arrival)

    def _received_dtls(self, data: bytes) -> None:
        connection = self._connection
        is_dtls = bool(data) and 20 <= data[0] <= 63  # RFC 7983
        if connection is None or not is_dtls or connection._queue.qsize() >= WAITING_DATAGRAMS:
            self.traffic.dropped += 1
        else:
            connection._queue.put_nowait((data, 1))

    @property
    def _connection(self) -> Connection | None:
        return self._transport.transport._connection if self._transport is not None else None

    def _tell_state(self) -> None:
        if self.connectionState == "connected":  # so the other side has the keys
            self._heard()
        self._listener.state(self.connectionState)

    def _tell_reachable(self) -> None:
        if self.iceConnectionState == "completed":
            self._listener.reachable()

    # --- what aiortc calls of itself -------------------------------------------------------

    def _RTCPeerConnection__createDtlsTransport(self) -> RTCDtlsTransport:
        """Make the one transport: on our sockets, with datagrams that come to us first."""
        parent: Any = super()
        transport: RTCDtlsTransport = parent._RTCPeerConnection__createDtlsTransport()
        connection: Any = transport.transport._connection
        gather_relayed = connection.get_component_candidates
        other_side = OtherSide(connection)

        def may_come_from(address: tuple[Any, ...]) -> bool:
            known = other_side.is_at(address)
            self.traffic.dropped += not known
            return known

        def protocol_for() -> IceSocketProtocol:
            loop = asyncio.get_running_loop()
            return IceSocketProtocol(connection, loop, self._received, may_come_from, self.traffic)

        async def gather(component: int, addresses: list[str]) -> list[IceCandidate]:
            for protocol, udp in open_ice_sockets(self._settings, self._readers, protocol_for):
                connection._protocols.append(protocol)
                self.sockets.append(udp)
            found = [protocol.local_candidate for protocol in connection._protocols]
            found += await _reflexive(connection)
            found += await gather_relayed(component, [])
            for protocol in connection._protocols:
                watch_answers(protocol, self._heard)
                if not isinstance(protocol, IceSocketProtocol):
                    other_side.heed_alone(protocol)
            return found

        widen_buffers(transport)
        watch_checks(connection, self._heard, self.denied.has)
        connection.get_component_candidates = gather
        connection.data_received = lambda data, _: self._received(data, time.monotonic())
        self._transport = transport
        return transport

    async def _RTCPeerConnection__connect(self) -> None:
        """Connect, in a task of its own that nobody waits for."""
        parent: Any = super()
        try:
            await parent._RTCPeerConnection__connect()
        except (InvalidStateError, ConnectionError):
            if self.signalingState != "closed":  # else it was closed meanwhile: that is all
                raise

    def _RTCPeerConnection__createTransceiver(self, *args: Any, **kwargs: Any) -> RTCRtpTransceiver:
        """Make a transceiver that neither encodes nor decodes."""
        parent: Any = super()
        transceiver: RTCRtpTransceiver = parent._RTCPeerConnection__createTransceiver(
            *args, **kwargs
        )
        sender: Any = transceiver.sender
        receiver: Any = transceiver.receiver
        sender.send = sender.stop = receiver.receive = receiver.stop = _nothing
        for part in UNUSED:
            setattr(receiver, f"_RTCRtpReceiver__{part}", None)
        # There is one transport: none must be taken for a spare one and stopped.
        transceiver._bundled = True
        return transceiver

    def _RTCPeerConnection__createSctpTransport(self) -> None:
        parent: Any = super()
        parent._RTCPeerConnection__createSctpTransport()
        if self.sctp is not None:
            self.sctp._bundled = True
            lose_what_comes_too_late(self.sctp)


async def _nothing(*_: object) -> None:
    """Stand in for what the media half of aiortc would do."""


def _configuration(servers: Iterable[IceServer]) -> RTCConfiguration:
    # An empty list has to be said: by default aiortc asks a server on the internet.
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(list(server.urls), server.username or None, server.credential or None)
            for server in servers
        ],
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
    )


async def _reflexive(connection: Connection) -> list[IceCandidate]:
    """Ask the STUN server how it sees us; IPv4 only, as aioice does."""
    server = connection.stun_server
    sockets = [p for p in connection._protocols if ":" not in p.local_candidate.host]
    if server is None or not sockets:
        return []
    tasks = [asyncio.ensure_future(server_reflexive_candidate(p, server)) for p in sockets]
    done, late = await asyncio.wait(tasks, timeout=REFLEXIVE_SECONDS)
    for task in late:
        task.cancel()
    return [task.result()[0] for task in done if task.exception() is None]
