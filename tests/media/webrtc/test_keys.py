"""DTLS with peers of all kinds, and how its failures are told from those of ICE."""

from __future__ import annotations

import datetime

import pytest
import trio
from aiortc import RTCCertificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from media.contract.errors import BadDescription
from media.contract.plans import ChannelWanted
from media.contract.session import Failure, MessageReceived, SessionWanted, State
from media.local_engine import LocalEngine
from media.webrtc import aiortc_seam
from media.webrtc.aiortc_dtls import Certificate
from tests.support.sessions import SENDS, TAKES, Told, negotiate, open_pair

RSA_ONLY = b"ECDHE-RSA-AES128-GCM-SHA256"
ECDSA_ONLY = b"ECDHE-ECDSA-AES128-GCM-SHA256"


def rsa_certificate() -> RTCCertificate:
    """Return what browsers generate for RSASSA-PKCS1-v1_5, and GStreamer by itself."""
    key = rsa.generate_private_key(65_537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    return Certificate(key, builder.sign(key, hashes.SHA256()))


class Older(Certificate):
    """A certificate of somebody who knows one cipher suite only."""

    ciphers = ECDSA_ONLY

    def _create_ssl_context(self, srtp_profiles):
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(self.ciphers)
        return context


def give(monkeypatch: pytest.MonkeyPatch, *certificates: RTCCertificate) -> None:
    """Have the next sessions use these."""
    left = [*certificates]
    generate = Certificate.generateCertificate
    monkeypatch.setattr(
        aiortc_seam.Certificate,
        "generateCertificate",
        staticmethod(lambda: left.pop(0) if left else generate()),
    )


@pytest.mark.parametrize("server", [True, False], ids=["DTLS server", "DTLS client"])
async def test_a_peer_with_an_rsa_certificate_connects(
    server: bool, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    # Who offers leaves the role to the other side, which then is the client.
    ours, theirs = Certificate.generateCertificate(), rsa_certificate()
    give(monkeypatch, *((theirs, ours) if server else (ours, theirs)))
    pair = await open_pair(engine)
    await pair.connected()
    mine, _ = await pair.channel(ChannelWanted("alive"))
    await pair.first.send(mine, "well")
    await pair.second_told.until(MessageReceived)


async def failed(told: Told) -> Failure | None:
    return (await told.state(State.FAILED)).failure


async def test_no_common_cipher_is_a_failure_of_dtls(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    give(monkeypatch, rsa_certificate(), Older(*_parts(Certificate.generateCertificate())))
    pair = await open_pair(engine)
    assert await failed(pair.first_told) is Failure.DTLS
    assert "DTLS" in (await pair.first_told.state(State.FAILED)).reason
    # The other side gets an alert, or hears nothing any more.
    assert await failed(pair.second_told) is Failure.DTLS
    assert (await engine.stats()).failures == {Failure.DTLS: 2}


async def test_another_fingerprint_than_was_told_is_a_failure_of_dtls(engine: LocalEngine):
    told = (Told(), Told())
    one = await engine.open_session("one", SessionWanted(SENDS), told[0])
    two = await engine.open_session("two", SessionWanted(TAKES), told[1])
    offer = (await one.create_offer()).sdp
    await one.accept_answer((await two.accept_offer(_with_false_fingerprints(offer))).sdp)
    assert await failed(told[1]) is Failure.DTLS


async def test_one_fingerprint_is_told_in_offers_and_answers(engine: LocalEngine):
    """libdatachannel took the last of three for the one to expect, and now and then hashed another.

    It does so where DTLS begins before it has stored the answer.
    """
    one = await engine.open_session("one", SessionWanted(SENDS), Told())
    two = await engine.open_session("two", SessionWanted(TAKES), Told())
    offer = (await one.create_offer()).sdp
    for told in (offer, (await two.accept_offer(offer)).sdp):
        hashes_told = [line.split()[0] for line in told.splitlines() if "a=fingerprint" in line]
        assert hashes_told == ["a=fingerprint:sha-256"] * told.count("m=")


async def test_who_was_reached_and_agrees_on_nothing_in_time_is_a_failure_of_dtls(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    async def waits_for_ever(_: object) -> None:
        await aiortc_seam.asyncio.sleep(60)

    monkeypatch.setattr(aiortc_seam.RTCDtlsTransport, "_do_handshake", waits_for_ever)
    told = (Told(), Told())
    hurried = SessionWanted(TAKES, connect_seconds=1.0)
    one = await engine.open_session("one", SessionWanted(SENDS), told[0])
    two = await engine.open_session("two", hurried, told[1])
    await negotiate(one, two)
    assert await failed(told[1]) is Failure.DTLS
    assert (await told[1].state(State.FAILED)).reason == "no agreement on keys (DTLS) in time"


async def test_who_is_never_reached_is_a_failure_of_ice(engine: LocalEngine):
    told = (Told(), Told())
    hurried = SessionWanted(TAKES, connect_seconds=0.5)
    one = await engine.open_session("one", SessionWanted(SENDS), told[0])
    two = await engine.open_session("two", hurried, told[1])
    offer = (await one.create_offer()).sdp
    await one.close()
    await two.accept_offer(offer)
    assert await failed(told[1]) is Failure.ICE


async def test_a_fingerprint_that_cannot_be_checked_is_refused_at_once(engine: LocalEngine):
    told = Told()
    one = await engine.open_session("one", SessionWanted(SENDS), told)
    two = await engine.open_session("two", SessionWanted(TAKES), told)
    offer = (await one.create_offer()).sdp
    with pytest.raises(BadDescription, match="no fingerprint of SHA-256"):
        await two.accept_offer(offer.replace("sha-256", "sha-1"))
    await trio.lowlevel.checkpoint()


def _parts(certificate: RTCCertificate) -> tuple:
    return certificate._key, certificate._cert


def _with_false_fingerprints(sdp: str) -> str:
    lines = [
        line[: line.rindex(":") + 1] + "00" if line.startswith("a=fingerprint:") else line
        for line in sdp.splitlines()
    ]
    return "\r\n".join(lines) + "\r\n"
