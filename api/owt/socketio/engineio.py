"""One Engine.IO session, versions 3 and 4, between its transports: a pure state machine.

It begins on polling or on a websocket, may move from the first to the second once, and ends for one
reason. Times are handed in as seconds of one clock; nothing here waits. What a transport has to do
is asked for: `poll_ready`, `take`, `over`. Messages of the layer above are `4…` packets (UTF-8).
Follows the engine.io-protocol documents; where they are silent, what socket.io 2.2 was seen to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

import msgspec

from api.http.carriers.unsent import Unsent
from api.http.sockets import SourceFull
from api.owt.socketio.payload import BadPacket

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
TOO_SLOW = "too_slow"
PROBE_PING, PROBE_PONG = b"2probe", b"3probe"
POLL_SECONDS = 40.0  # a poll waits no longer: connections in between are cut when they are idle
PROBING_POLL_SECONDS = 0.1  # nor while the client moves to a websocket


class Transport(Enum):
    """What carries a session."""

    POLLING = "polling"
    WEBSOCKET = "websocket"


class OutboxFull(Exception):
    """More is unsent than may be."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Times in seconds; `outbox_*` bound what is unsent; `message_bytes` is told to clients."""

    ping_seconds: float = 25.0
    ping_timeout_seconds: float = 5.0
    outbox_messages: int = 2048
    outbox_bytes: int = 16_777_216
    message_bytes: int = 1_048_576

    @property
    def patience(self) -> float:
        """How long the far side may be silent."""
        return self.ping_seconds + self.ping_timeout_seconds


class Engine:
    """One session. `closed` is the reason of its end, "" while it is open."""

    __slots__ = (
        "_heard_at", "_limits", "_outbox", "_ping_at", "_poll_since", "_polled_at", "_pong_by",
        "_taken_by", "closed", "probing", "transport", "version",
    )  # fmt: skip

    def __init__(
        self, version: int, transport: Transport, limits: EngineLimits, now: float
    ) -> None:
        self.version = version
        self.transport = transport
        self.closed = ""
        self.probing = False
        self._limits = limits
        self._outbox: Unsent[bytes] = Unsent(limits.outbox_messages, limits.outbox_bytes)
        self._poll_since: float | None = None  # a poll waits
        self._polled_at = self._heard_at = now
        self._ping_at = now + limits.ping_seconds if version == 4 else inf
        self._pong_by = inf
        self._taken_by = inf  # when a closed session is forgotten, told or not

    def greeting(self, sid: str) -> bytes:
        """Return the first packet, which tells the client how things are done here."""
        polling = self.transport is Transport.POLLING
        facts = {
            "sid": sid,
            "upgrades": ["websocket"] if polling else [],
            "pingInterval": round(self._limits.ping_seconds * 1000),
            "pingTimeout": round(self._limits.ping_timeout_seconds * 1000),
        }
        if self.version == 4:
            facts["maxPayload"] = self._limits.message_bytes
        return OPEN + msgspec.json.encode(facts)

    # In.

    def hear(self, packet: bytes, now: float) -> bytes | None:
        """Take one packet; return the message in it, if it is one. Raises BadPacket."""
        if self.closed:
            if packet == CLOSE:
                self._taken_by = now
            return None
        self._heard_at, self._pong_by = now, inf
        kind = packet[:1]
        if kind == MESSAGE:
            return packet[1:]
        if kind == CLOSE:
            self.close("client_left", now, told=True)
        elif kind == PING and self.version == 3:
            self.send(PONG + packet[1:], now)
        elif not (kind == NOOP or (kind == PONG and self.version == 4)):
            raise BadPacket("a packet out of place")
        return None

    # Out.

    def send(self, packet: bytes, now: float, source: str = "") -> None:
        """Queue a packet; nothing once closed. Raises OutboxFull, and is closed by that.

        Raises SourceFull where a source has its part of what is unsent.
        """
        if self.closed:
            return
        if source and not self._outbox.has_room_for(source, len(packet)):
            raise SourceFull
        if not self._outbox.has_room(len(packet)):
            self.close(TOO_SLOW, now, told=True)
            raise OutboxFull
        self._outbox.add(packet, len(packet), source=source)

    @property
    def waiting(self) -> int:
        """The bytes that wait for a poll."""
        return self._outbox.unsent if self.transport is Transport.POLLING else 0

    def drop(self) -> None:
        """Forget what is unsent."""
        self._outbox.clear()

    def take(self) -> list[bytes]:
        """Return everything unsent, which is sent by that."""
        return self._outbox.take_all()

    # Polling.

    @property
    def poll_seconds(self) -> float:
        """How long a poll may wait when there is nothing to send."""
        return PROBING_POLL_SECONDS if self.probing else POLL_SECONDS

    def begin_poll(self, now: float) -> bool:
        """Note that a poll waits; False, and the session is closed, if another does already."""
        if self._poll_since is not None:
            self.close("two_polls", now)
            return False
        self._poll_since = now
        return True

    def poll_ready(self, now: float) -> bool:
        """Tell whether the waiting poll is to be answered."""
        waited = now - (now if self._poll_since is None else self._poll_since)
        return bool(
            self._outbox
            or self.closed
            or self.transport is Transport.WEBSOCKET
            or waited >= self.poll_seconds
        )

    def end_poll(self, now: float) -> list[bytes]:
        """Return the answer to the waiting poll: at least one packet.

        The last packet of all goes alone: clients forget what comes together with it.
        """
        self._poll_since, self._polled_at = None, now
        if self.transport is Transport.WEBSOCKET:
            return [NOOP]  # the queue belongs to the websocket
        packets = self.take() or [NOOP]
        if self.closed:
            if packets[-1] == CLOSE and len(packets) > 1:
                self._outbox.add(packets.pop(), len(CLOSE))
            else:
                self._taken_by = now
        return packets

    def lose_poll(self, now: float) -> None:
        """Note that the client left while its poll waited."""
        self._poll_since = None
        self.close("client_left", now, told=True)

    # The way from polling to a websocket.

    def begin_probe(self) -> bool:
        """Begin to move to a websocket; False where there is nothing to move, or no second time."""
        if self.closed or self.probing or self.transport is Transport.WEBSOCKET:
            return False
        self.probing = True
        return True

    def end_probe(self) -> None:
        """Stay on polling: the websocket came to nothing."""
        self.probing = False

    def upgrade(self, now: float) -> bool:
        """Move to the websocket that was probed; False if the session ended meanwhile."""
        if self.closed or not self.probing:
            return False
        self.probing = False
        self.transport = Transport.WEBSOCKET
        self._heard_at = now
        return True

    # Time, and the end.

    def tick(self, now: float, *, busy: bool = False) -> None:
        """Ping when it is time, and end what is silent or does not read.

        `busy`: we are behind with what the far side sent, so that its silence tells nothing.
        """
        if self.closed:
            return
        patience = self._limits.patience
        silent = now > self._pong_by if self.version == 4 else now - self._heard_at > patience
        if silent and not busy:
            self.close("ping_timeout", now)
        elif self._has_unread(now - patience):
            self.close(TOO_SLOW, now, told=True)
        elif now >= self._ping_at:
            self._ping_at = now + self._limits.ping_seconds
            self._pong_by = min(self._pong_by, now + self._limits.ping_timeout_seconds)
            self.send(PING, now)

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of all waiting for the far side."""
        self._heard_at += seconds
        self._polled_at += seconds
        self._pong_by += seconds
        self._taken_by += seconds

    def _has_unread(self, since: float) -> bool:
        """Tell whether the client does not fetch what there is, and has not polled since then."""
        polling = self.transport is Transport.POLLING and self._poll_since is None
        return polling and bool(self._outbox) and self._polled_at < since

    def close(self, reason: str, now: float, *, told: bool = False) -> None:
        """End the session; a client on polling hears of it with its next poll, unless `told`."""
        if self.closed:
            return
        self.closed = reason
        self.probing = False
        if told:
            self.take()
        elif self.transport is Transport.POLLING:
            self._outbox.add(CLOSE, len(CLOSE))
        polling = self.transport is Transport.POLLING and not told
        self._taken_by = now + (self._limits.ping_timeout_seconds if polling else 0.0)

    def over(self, now: float) -> bool:
        """Tell whether the session may be forgotten: closed, and told so or not to be reached."""
        return bool(self.closed) and now >= self._taken_by and self._poll_since is None
