"""Every private name of aiortc and aioice that the seam touches is there, and does its work.

A newer version that fails here needs a look at media/webrtc/aiortc_seam.py before the pin moves.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging

import aioice.ice
import pylibsrtp
import pytest
import trio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import CODECS, HEADER_EXTENSIONS
from aiortc.exceptions import InvalidStateError
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcdtlstransport import State as DtlsState
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.sdp import SessionDescription

from media.contract.plans import ChannelWanted
from media.contract.session import Direction, State, TrackWanted
from media.local_engine import LocalEngine
from media.udp.datagrams import DATAGRAM_BYTES
from media.webrtc.aiortc_channels import messages_unsent
from media.webrtc.aiortc_descriptions import MALFORMED
from media.webrtc.aiortc_dtls import BUFFER_BYTES, LONGEST_PACKET
from media.webrtc.aiortc_seam import UNUSED, Peer
from media.webrtc.aiortc_sections import MID_EXTENSION, private
from media.webrtc.bridge import MediaLoop
from media.webrtc.peer_facts import IceConfig, PeerListener
from tests.support.sessions import open_pair


@pytest.fixture
async def plain(media_loop: MediaLoop):
    """Give aiortc's own connection, and close it."""

    async def make() -> RTCPeerConnection:
        return RTCPeerConnection(RTCConfiguration(iceServers=[]))

    connection = await media_loop.call(make, within=10)
    yield connection
    await media_loop.call(connection.close, within=5)


def peer_of(loop: MediaLoop, settings: IceConfig) -> Peer:
    def nobody(*_: object) -> None:
        pass

    return Peer(settings, (), loop.readers, PeerListener(nobody, nobody, nobody, nobody))


@pytest.mark.parametrize(
    "name",
    [
        "createDtlsTransport",
        "createSctpTransport",
        "createTransceiver",
        "connect",
        "validate_description",
    ],
)
def test_the_connection_has_the_methods_that_are_used_or_replaced(name: str):
    private = f"_RTCPeerConnection__{name}"
    assert callable(getattr(RTCPeerConnection, private))
    source = inspect.getsource(RTCPeerConnection)
    assert f"self.__{name}(" in source, "it calls its own by that name, so that ours is found"


async def test_a_transport_offers_what_is_reached_into(plain, media_loop: MediaLoop):
    async def look() -> None:
        transceiver = plain.addTransceiver("video")
        transport = transceiver.receiver.transport
        assert transport._tx_srtp is transport._rx_srtp is None
        connection = transport.transport._connection
        assert isinstance(connection, aioice.ice.Connection)
        assert connection._nominated == {}
        assert connection._protocols == []
        assert connection._queue.qsize() == 0
        assert connection.stun_server is None
        assert list(inspect.signature(connection.data_received).parameters) == ["data", "component"]
        gather = inspect.signature(connection.get_component_candidates).parameters
        assert list(gather)[:2] == ["component", "addresses"]

    await media_loop.call(look, within=10)


def test_checks_pass_where_they_are_watched():
    connection, protocol = aioice.ice.Connection, aioice.ice.StunProtocol
    check = list(inspect.signature(connection.check_incoming).parameters)
    assert check == ["self", "message", "addr", "protocol"]
    received = inspect.getsource(connection.request_received)
    authentic = received.index("check_message_integrity")
    assert authentic < received.index("self.check_incoming(message, addr, protocol)")
    assert "self.check_incoming(*early_check)" in inspect.getsource(connection.connect)
    assert "integrity_key" in inspect.signature(protocol.request).parameters
    for asking in (connection.check_start, connection.query_consent):
        source = inspect.getsource(asking)
        assert source.count("pair.protocol.request(") == source.count("integrity_key=self.remote")
    candidate = aioice.Candidate("1", 1, "udp", 1, "127.0.0.1", 9, "host")
    assert candidate._network_host == candidate.host
    assert connection(ice_controlling=True)._remote_candidates == []


async def test_a_transceiver_offers_what_is_reached_into(plain, media_loop: MediaLoop):
    async def look() -> None:
        transceiver = plain.addTransceiver("video")
        assert transceiver._bundled is False
        assert transceiver._offerDirection is None
        assert transceiver._preferred_codecs == []
        assert transceiver._codecs == []
        assert transceiver._headerExtensions == []
        assert transceiver._get_mline_index() is None
        assert isinstance(transceiver.sender._ssrc, int)
        for part in UNUSED:
            assert hasattr(transceiver.receiver, f"_RTCRtpReceiver__{part}")
        for method in ("send", "stop"):
            assert inspect.iscoroutinefunction(getattr(transceiver.sender, method))
        for method in ("receive", "stop"):
            assert inspect.iscoroutinefunction(getattr(transceiver.receiver, method))

    await media_loop.call(look, within=10)


def test_what_is_taken_from_receivers_is_used_by_their_media_half_only():
    for name in ("__init__", "_handle_rtp_packet"):
        source = inspect.getsource(getattr(RTCRtpReceiver, name))
        assert any(f"self.__{part}" in source for part in UNUSED)
    for name in ("stop", "setTransport", "_set_rtcp_ssrc", "getStats"):
        source = inspect.getsource(getattr(RTCRtpReceiver, name))
        assert not any(f"self.__{part}" in source for part in UNUSED)


async def test_srtp_sessions_encrypt_in_place_of_the_transport(engine: LocalEngine):
    pair = await open_pair(engine)
    await pair.connected()
    sender, receiver = (p._peer._transport for p in (pair.first, pair.second))
    packet = b"\x80\x60\x00\x01" + bytes(8) + b"payload"
    protected = sender._tx_srtp.protect(packet)
    assert receiver._rx_srtp.unprotect(protected) == packet
    report = b"\x80\xc9\x00\x01" + bytes(4)
    assert receiver._rx_srtp.unprotect_rtcp(sender._tx_srtp.protect_rtcp(report)) == report
    pair_in_use = sender.transport._connection._nominated[1]
    assert pair_in_use.remote_addr[0] == "127.0.0.1"
    assert callable(pair_in_use.protocol.transport.sendto)


async def test_media_goes_through_the_session_before_send_returns(
    media_loop: MediaLoop, engine: LocalEngine
):
    pair = await open_pair(engine)
    await pair.connected()
    before = (await pair.first.stats()).packets_sent
    pair.first._peer.send_rtp(b"\x80\x60\x00\x01" + bytes(8) + b"payload")
    assert (await pair.first.stats()).packets_sent == before + 1
    early = peer_of(media_loop, IceConfig())
    for send in (early.send_rtp, early.send_rtcp):
        with pytest.raises(OSError):
            send(bytes(12))
    assert early.traffic.dropped == 2


async def test_srtp_has_room_for_whatever_a_socket_reads_whole(engine: LocalEngine):
    pair = await open_pair(engine)
    await pair.connected()
    sender, receiver = (p._peer._transport for p in (pair.first, pair.second))
    assert BUFFER_BYTES > DATAGRAM_BYTES
    packet = b"\x80\x60\x00\x01" + bytes(8) + bytes(DATAGRAM_BYTES - 12)
    assert receiver._rx_srtp.unprotect(sender._tx_srtp.protect(packet)) == packet
    assert LONGEST_PACKET >= DATAGRAM_BYTES
    longest = b"\x80\x60\x00\x02" + bytes(LONGEST_PACKET - 4)
    assert len(sender._tx_srtp.protect(longest)) <= BUFFER_BYTES
    with pytest.raises(ValueError):
        sender._tx_srtp.protect(longest + b"x")


def test_a_transport_sets_up_srtp_where_its_buffers_are_widened():
    source = inspect.getsource(RTCDtlsTransport.start)
    assert source.index("self._do_handshake()") < source.index("self._setup_srtp()")
    session = pylibsrtp.Session()
    assert len(session._buffer) == len(session._cdata) == 1500
    assert "len(self._cdata)" in inspect.getsource(session._Session__process)


async def test_all_sections_share_one_transport(media_loop: MediaLoop):
    async def look() -> None:
        peer = peer_of(media_loop, IceConfig(("127.0.0.1",)))
        peer.want([TrackWanted(kind, Direction.SEND) for kind in ("audio", "video")])
        peer.want_channels()
        peer.want_channels()
        offer = await peer.offer()
        assert len(peer.sockets) == 1
        assert offer.count("m=") == 3
        await peer.close()

    await media_loop.call(look, within=5)


async def test_offers_hold_no_retransmission_format_and_only_wanted_codecs(media_loop: MediaLoop):
    async def look() -> str:
        peer = peer_of(media_loop, IceConfig(("127.0.0.1",)))
        peer.want([TrackWanted("video", Direction.SEND, ("vp8",))])
        offer = await peer.offer()
        await peer.close()
        return offer

    offer = await media_loop.call(look, within=5)
    assert "rtx" not in offer
    assert "H264" not in offer
    assert "VP8/90000" in offer
    assert f"{MID_EXTENSION}\r\n" in offer


async def test_an_unoffered_transceiver_does_not_break_an_answer(plain, media_loop: MediaLoop):
    # aiortc compares its direction with None otherwise; the seam sets one for that.
    async def break_it() -> None:
        other = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        other.addTransceiver("audio")
        await other.setLocalDescription(await other.createOffer())
        plain.addTransceiver("audio")
        plain.addTransceiver("video")
        try:
            await plain.setRemoteDescription(
                RTCSessionDescription(other.localDescription.sdp, "offer")
            )
            with pytest.raises(ValueError):
                await plain.setLocalDescription(await plain.createAnswer())
        finally:
            await other.close()

    await media_loop.call(break_it, within=10)


def test_the_codecs_and_extensions_that_are_known():
    names = {kind: {codec.name.lower() for codec in codecs} for kind, codecs in CODECS.items()}
    assert names["audio"] == {"opus", "g722", "pcmu", "pcma"}
    assert names["video"] == {"vp8", "h264", "rtx"}
    assert MID_EXTENSION in {extension.uri for extension in HEADER_EXTENSIONS["video"]}


@pytest.mark.parametrize(
    "text",
    [
        "m=audio x",
        "m=audio 9 UDP/TLS/RTP/SAVPF 72",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=fmtp:5 x=1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=setup:nonsense",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=extmap:x",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=ssrc:x",
    ],
)
def test_the_parser_raises_nothing_else_over_malformed_text(text: str):
    with pytest.raises(MALFORMED):
        SessionDescription.parse(f"v=0\r\n{text}\r\n")


def test_the_loggers_that_would_show_descriptions_are_quiet():
    for name in ("aiortc.rtcpeerconnection", "aiortc.rtcicetransport", "aioice.ice"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


async def test_a_closed_connection_says_so_by_the_error_that_is_caught(media_loop: MediaLoop):
    async def look() -> None:
        peer = peer_of(media_loop, IceConfig(("127.0.0.1",)))
        await peer.close()
        with pytest.raises(InvalidStateError):
            await peer.createOffer()

    await media_loop.call(look, within=5)


async def test_a_data_channel_reports_what_is_unsent(engine: LocalEngine):
    pair = await open_pair(engine)
    mine, _ = await pair.channel(ChannelWanted("data"))
    channel = pair.first.channels._channels[mine].channel
    assert channel.readyState == "open"
    assert channel.bufferedAmount == 0
    assert pair.first.state is State.CONNECTED


async def test_a_transceiver_can_be_given_a_place_and_be_forgotten(
    media_loop: MediaLoop, plain: RTCPeerConnection
):
    async def check() -> None:
        one = plain.addTransceiver("audio")
        other = plain.addTransceiver("video")
        private(plain, "transceivers").reverse()
        assert plain.getTransceivers() == [other, one]
        one._set_mid("7")
        one._set_mline_index(3)
        assert (one.mid, one._get_mline_index()) == ("7", 3)
        assert private(plain, "remoteDtls") == private(plain, "remoteIce") == {}
        plain.createDataChannel("x")
        assert plain.sctp is not None
        assert plain.sctp.mid is None
        await plain.sctp.stop()
        assert plain.sctp.state == "closed"

    await media_loop.call(check, within=5)


async def test_messages_that_have_not_left_can_be_counted(
    engine: LocalEngine, media_loop: MediaLoop
):
    pair = await open_pair(engine)
    await pair.connected()
    await pair.channel(ChannelWanted("one"))
    channel = pair.first.channels._first()  # type: ignore[attr-defined]
    assert messages_unsent(channel) == 0
    seen: list[int] = []

    def send() -> None:
        for _ in range(3):
            channel.send(bytes(50_000))
        seen.append(messages_unsent(channel))

    media_loop.soon(send)
    with trio.fail_after(30):
        while not seen or messages_unsent(channel):
            await trio.sleep(0.01)
    assert seen == [3]


async def test_a_message_that_comes_after_the_end_of_dtls_goes_nowhere(
    engine: LocalEngine, media_loop: MediaLoop
):
    pair = await open_pair(engine)
    await pair.connected()
    await pair.channel(ChannelWanted("one"))
    channel = pair.first.channels._first()  # type: ignore[attr-defined]

    async def send_too_late() -> None:
        channel.send(b"this one leaves")
        channel.transport.transport._set_state(DtlsState.CLOSED)  # as a close from afar would
        channel.send(b"this one cannot")
        while messages_unsent(channel):
            await asyncio.sleep(0)

    await media_loop.call(send_too_late, within=5)
    gc.collect()  # an error that nobody took is told of when its task goes
    assert media_loop.stray_errors == 0
