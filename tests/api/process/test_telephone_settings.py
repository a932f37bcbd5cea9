"""The telephone as the configuration has it: none without an address, an error for one in use."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from api.http.credentials import CredentialGuard
from api.process.listeners import StartError
from api.process.telephone import call_plan, telephone_of
from api.settings import settings_of
from api.sip.tally import SipCollector, SipTally
from tests.support.server_process import ServerProcess

GUARD = CredentialGuard(10, 60.0)


def test_without_an_address_there_is_no_telephone() -> None:
    with telephone_of(settings_of({}), GUARD) as telephone:
        assert telephone is None


def test_an_address_in_use_is_told_before_anything_is_served() -> None:
    with telephone_of(settings_of({"sip": {"bind": "udp:127.0.0.1:0"}}), GUARD) as telephone:
        assert telephone is not None
        name = telephone.sockets[0].name
        with (
            pytest.raises(StartError, match=f"cannot listen on {name}: "),
            telephone_of(settings_of({"sip": {"bind": ["tcp:[::1]:0", name]}}), GUARD),
        ):
            pass


def test_rooms_have_no_more_calls_than_there_are() -> None:
    sip = settings_of({"sip": {"calls": 20, "rtp_ports": [4000, 4999]}}).sip
    plan = call_plan(sip)
    assert (plan.ports, plan.most, plan.per_room) == ((4000, 4999), 20, 20)


def test_what_is_counted_is_told_as_metrics() -> None:
    tally, registry = SipTally(), CollectorRegistry()
    registry.register(SipCollector(tally, lambda: {"calls": 2, "connections": 1, "registered": 0}))
    tally.message(b"INVITE sip:a SIP/2.0\r\n")
    tally.message(b"SIP/2.0 200 OK\r\n")
    tally.message(b"\xff\xfe of somebody's making\r\n")
    tally.calls["in", "hung_up"] += 1
    text = generate_latest(registry).decode()
    for line in (
        "quintet_sip_calls 2.0",
        'quintet_sip_calls_ended_total{direction="in",end="hung_up"} 1.0',
        'quintet_sip_messages_total{kind="INVITE"} 1.0',
        'quintet_sip_messages_total{kind="other"} 1.0',
        'quintet_sip_messages_total{kind="response"} 1.0',
    ):
        assert f"{line}\n" in text


OPTIONS = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.slow
def test_a_server_answers_telephones_once_it_is_ready(tmp_path: Path) -> None:
    config = '[sip]\nbind = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]\nallow = ["127.0.0.1"]\n'
    with ServerProcess(tmp_path, config=config) as server:
        (listening,) = [json.loads(line) for line in server.output if "sip.listening" in line]
        port = int(re.fullmatch(r"udp:127\.0\.0\.1:(\d+)", listening["binds"][0])[1])  # type: ignore[index]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as telephone:
            telephone.settimeout(5)
            telephone.sendto(OPTIONS, ("127.0.0.1", port))
            assert telephone.recv(4000).startswith(b"SIP/2.0 200")
        assert server.stop() == 0
