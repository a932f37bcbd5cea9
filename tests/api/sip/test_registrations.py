"""Registrations with a registrar of ours, in virtual time."""

from __future__ import annotations

from api.sip.agent import AgentSettings, Registration
from api.sip.auth import DigestServer, DigestVerdict
from api.sip.flows import Flow
from api.sip.messages import encode, header, number, parse, response_to
from tests.api.sip.wired_agents import Line, Wire


class Registrar:
    """Stands on the wire in place of an agent; takes REGISTER only, with digest."""

    def __init__(self, seconds: int = 600, least: int = 0, challenges: bool = True) -> None:
        self.host = "192.0.2.50"
        self.agent = self
        self.bound: dict[str, float] = {}
        self.times: list[float] = []
        self.silent = False
        self.status = 0
        self._seconds = seconds
        self._least = least
        self._digest = DigestServer("reg", {"room": "p"}.get) if challenges else None
        self._out: list[tuple[Flow, bytes]] = []

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        request = parse(data)
        if self.silent:
            return
        response = response_to(request, self._judge(request, now), to_tag="t")  # type: ignore[arg-type]
        if response.code == 401 and self._digest:
            response.headers.setlist("WWW-Authenticate", self._digest.challenge(now))
        if response.code == 423:
            response.headers.set("Min-Expires", str(self._least))
        if response.code == 200:
            seconds = min(number(request, "Expires") or 0, self._seconds)
            contact = header(request, "Contact")
            self.bound = {contact: now + seconds} if seconds else {}
            self.times.append(now)
            if seconds:
                response.headers.add("Contact", "<sip:other@192.0.2.99>;expires=7")
                response.headers.add("Contact", f"{contact};expires={seconds}")
        self._out.append((flow, encode(response)))

    def _judge(self, request: object, now: float) -> int:
        if self.status:
            return self.status
        shown = request.headers.getlist("Authorization")  # type: ignore[attr-defined]
        if (
            self._digest
            and self._digest.check(shown, "REGISTER", now)[0] is not DigestVerdict.RIGHT
        ):
            return 401
        expires = number(request, "Expires") or 0  # type: ignore[arg-type]
        return 423 if 0 < expires < self._least else 200

    def due(self) -> float:
        return float("inf")

    def outgoing(self) -> list[tuple[Flow, bytes]]:
        sent, self._out = self._out, []
        return sent

    def stands(self, now: float) -> bool:
        return any(until > now for until in self.bound.values())


def wired(registrar: Registrar, seconds: int = 3600) -> tuple[Line, Wire]:
    line = Line("192.0.2.1", AgentSettings(register_seconds=seconds))
    return line, Wire(line, registrar)  # type: ignore[arg-type]


def test_registration_is_refreshed_before_it_expires_and_taken_back() -> None:
    registrar = Registrar()
    line, wire = wired(registrar)
    wire.register(line, registrar.host)
    for _ in range(7200):
        wire.run(1)
        assert registrar.stands(wire.now)
    assert line.registered_told == [("r", True, "")]
    gaps = {
        round(later - at) for at, later in zip(registrar.times, registrar.times[1:], strict=False)
    }
    assert gaps == {540}
    line.agent.unregister("r", wire.now)
    wire.run(1)
    assert not registrar.bound
    assert line.registered_told[1:] == [("r", False, "")]
    sent = len(wire.sent)
    wire.run(7200)
    assert len(wire.sent) == sent
    assert not line.agent._senders
    assert not len(line.agent._registrations) or line.agent._registrations._leaving


def test_longer_expiry_is_taken_up() -> None:
    registrar = Registrar(seconds=9999, least=1800)
    line, wire = wired(registrar, 60)
    wire.register(line, registrar.host)
    wire.run(1)
    assert registrar.stands(wire.now + 1799)


def test_wrong_password_is_tried_again_ever_less_often() -> None:
    registrar = Registrar()
    line, wire = wired(registrar)
    wire.register(line, registrar.host, password="q")
    wire.run(1)
    assert line.registered_told == [("r", False, "401 Unauthorized")]
    wire.run(3600 * 4)
    assert 8 < len(line.registered_told) < 20
    assert line.agent._senders == {}


def test_silent_registrar_is_told_and_found_again() -> None:
    registrar = Registrar()
    line, wire = wired(registrar)
    registrar.silent = True
    wire.register(line, registrar.host)
    wire.run(40)
    assert line.registered_told == [("r", False, "no answer")]
    registrar.silent = False
    wire.run(60)
    assert line.registered_told[-1] == ("r", True, "")
    registrar.status = 503
    wire.run(600)
    assert line.registered_told[-1] == ("r", False, "503 Service Unavailable")


def test_lost_connection_is_told_and_another_flow_goes_on() -> None:
    registrar = Registrar(challenges=False)
    line, wire = wired(registrar)
    flow = Flow("tcp", (line.host, 40000), (registrar.host, 5060))
    wanted = Registration("r", f"sip:{registrar.host};transport=tcp", "room", "p")
    line.agent.register(wanted, flow, wire.now)
    wire.run(1)
    assert [contact for contact in registrar.bound if "transport=tcp" in contact]
    line.agent.lost(flow, wire.now)
    assert line.registered_told[-1] == ("r", False, "connection lost")
    line.agent.register(wanted, Flow("tcp", (line.host, 40001), flow.remote), wire.now)
    wire.run(1)
    assert line.registered_told[-1] == ("r", True, "")
    assert "40001" in next(iter(registrar.bound))


def test_unregister_before_any_answer_sends_the_farewell_all_the_same() -> None:
    registrar = Registrar()
    line, wire = wired(registrar)
    wire.register(line, registrar.host)
    line.agent.unregister("r", wire.now)
    line.agent.unregister("nobody", wire.now)
    wire.run(40)
    assert not registrar.bound
    assert line.registered_told == [("r", False, "")]


def test_registrations_are_limited() -> None:
    line = Line("192.0.2.1", AgentSettings(registrations=1))
    wire = Wire(line)
    wire.register(line, "192.0.2.50")
    wire.register(line, "192.0.2.50", name="s")
    assert line.registered_told == [("s", False, "too many registrations")]
