"""Datagrams to a page in headless Chromium and back, raw and packed by npm's own binarypack."""

from __future__ import annotations

import random
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from media.contract.datagrams import (
    LONGEST_DATAGRAM,
    ChannelRelay,
    DatagramPortWanted,
    MessageFormat,
)
from media.contract.session import ChannelClosed, ChannelOpened, SessionWanted
from media.udp.port_range import PortRange
from tests.media.conftest import LOOPBACK
from tests.media.portal import EnginePortal
from tests.support.npm import npm_packages
from tests.support.sessions import Told

pytestmark = pytest.mark.browser

HERE = "127.0.0.1"
CHUNK = 16_300  # as `peerjs` cuts
PAGE = """
window.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
window.text = (buffer) => {
    let made = '';
    for (const byte of new Uint8Array(buffer)) made += String.fromCharCode(byte);
    return btoa(made);
};
window.offer = async () => {
    window.pc = new RTCPeerConnection();
    window.channel = pc.createDataChannel('data');
    channel.binaryType = 'arraybuffer';
    window.come = [];
    window.waiting = [];
    channel.onmessage = ({ data }) => {
        const taker = waiting.shift();
        if (taker) taker(data); else come.push(data);
    };
    window.hungUp = new Promise((done) => { channel.onclose = () => done(true); });
    window.opened = new Promise((done) => { channel.onopen = () => done(true); });
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
};
window.accept = async (sdp) => {
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return opened;
};
window.next = () => come.length ? come.shift() : new Promise((done) => waiting.push(done));
window.sendRaw = (data) => channel.send(bytes(data));
window.nextRaw = async () => text(await next());
window.sendPacked = (value) => {
    const whole = binarypack.pack(value);
    const total = Math.ceil(whole.byteLength / 16300);
    if (total === 1) return channel.send(whole);
    for (let n = 0; n < total; n++) {
        const data = whole.slice(n * 16300, (n + 1) * 16300);
        channel.send(binarypack.pack({ __peerData: 1, n, data, total }));
    }
};
window.nextPacked = async () => text(binarypack.unpack(await next()));
"""


@pytest.fixture
def no_media_left_behind() -> None:
    """Let the browser's own threads and sockets be: the engine's are looked at elsewhere."""


@pytest.fixture
def portal() -> Iterator[EnginePortal]:
    with EnginePortal(LOOPBACK) as portal:
        yield portal
        assert portal.loop.stray_errors == 0


class Talk:
    """A page and a program on UDP, with a session between them."""

    def __init__(self, portal: EnginePortal, page: Page, program: socket.socket) -> None:
        self.told = Told()
        self._program = program
        program.setblocking(True)
        program.settimeout(10)
        session = portal.call(portal.engine.open_session, "page", SessionWanted(), self.told)
        facts = portal.call(portal.engine.open_datagram_port, "feed", DatagramPortWanted(HERE))
        self._feed = facts.address
        self.session, self.portal = session, portal
        answer = portal.call(session.accept_offer, page.evaluate("offer()"))
        assert page.evaluate("sdp => accept(sdp)", answer.sdp)

    def relay(self, format: MessageFormat) -> None:
        wanted = ChannelRelay(format, "feed", self._program.getsockname())
        self.portal.call(self.session.relay, wanted)

    def send(self, datagram: bytes) -> None:
        self._program.sendto(datagram, self._feed)

    def receive(self) -> bytes:
        return self._program.recv(70_000)


@pytest.fixture
def talk(portal: EnginePortal, page: Page) -> Iterator[Talk]:
    library = npm_packages("peerjs-js-binarypack@2.1.0") / "peerjs-js-binarypack" / "dist"
    code = (library / "binarypack.cjs").read_text()
    wrapped = f"(module => {{ {code}\n window.binarypack = module.exports; }})({{ exports: {{}} }})"
    page.add_script_tag(content=wrapped)
    with PortRange(0, 0).bind(HERE) as program:
        yield Talk(portal, page, program)


@pytest.mark.parametrize("size", [0, 1, 1_200, 9_000, 60_000, LONGEST_DATAGRAM])
def test_raw_datagrams_go_both_ways(talk: Talk, page: Page, size: int):
    data = random.Random(size).randbytes(size)
    talk.relay(MessageFormat.RAW)
    page.evaluate("data => sendRaw(data)", b64encode(data).decode())
    assert talk.receive() == data
    talk.send(data)
    assert b64decode(page.evaluate("nextRaw()")) == data


@pytest.mark.parametrize("size", [0, 1, 1_200, CHUNK, 60_000, LONGEST_DATAGRAM])
def test_packed_datagrams_go_both_ways(talk: Talk, page: Page, size: int):
    data = random.Random(size).randbytes(size)
    talk.relay(MessageFormat.BINARY)
    page.evaluate("data => sendPacked(bytes(data).buffer)", b64encode(data).decode())
    assert talk.receive() == data
    talk.send(data)
    assert b64decode(page.evaluate("nextPacked()")) == data


def test_values_come_as_json_and_closing_is_heard(talk: Talk, page: Page):
    talk.relay(MessageFormat.BINARY)
    for value, datagram in (("'grüße'", "grüße".encode()), ("[1, null, 0.5]", b"[1,null,0.5]")):
        page.evaluate(f"sendPacked({value})")
        assert talk.receive() == datagram
    talk.portal.call(talk.told.until, ChannelOpened)
    page.evaluate("sendPacked({ __peerData: { type: 'close' } })")
    assert page.evaluate("hungUp")
    talk.portal.call(talk.told.until, ChannelClosed)
