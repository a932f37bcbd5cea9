"""Devices on a PeerJS broker, in a thread of its own: for tests that drive a browser."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import trio

from actors.core import Message, Ref
from actors.device.events import Called, DeviceEvent
from actors.device.line import LocalLine
from actors.device.medium import MediumWanted
from actors.device.messages import AnswerCall, CallPeer, EndConnection, ShowCall
from actors.device.peer import DevicePeer
from actors.device.services import DeviceServices, PeerSpec
from actors.device.socket import SocketFacts, open_socket
from actors.member.messages import End, RefuseSecond
from actors.signalling.switchboard import Switchboard
from actors.words.keys import MemberKey, peers_realm
from media.contract.datagrams import DatagramPortWanted
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.support.devices import LIMITS, LOOPBACK, Shown
from tests.support.peerjs import Broker, broker_server

PATIENCE = 30.0


class DeviceBroker:
    """Runs while the block lasts; `call` runs a coroutine function next to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._main), name="devices")
        self._token: trio.lowlevel.TrioToken
        self._scope: trio.CancelScope
        self.broker: Broker
        self.engine: LocalEngine
        self.shown = Shown()
        self.stray_errors = 0

    def __enter__(self) -> DeviceBroker:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        trio.from_thread.run_sync(self._scope.cancel, trio_token=self._token)
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self.stray_errors == 0

    def call(self, step: Callable[..., Awaitable[Any]], *args: object) -> Any:
        return trio.from_thread.run(step, *args, trio_token=self._token)

    @property
    def url(self) -> str:
        return self.broker.serving.url

    def device(self, id: str) -> str:
        """Open a peer; return the token it goes by."""
        return str(self.call(self._open, id))

    def socket(self, kind: str) -> SocketFacts:
        facts: SocketFacts = self.call(self._socket, f"{kind}-{uuid4()}")
        return facts

    def ring(self, token: str, target: str, *media: MediumWanted) -> str:
        """Have a device call somebody; return the id of the call."""
        return str(self.ask(token, CallPeer(target, media)))

    def rung(self, token: str) -> str:
        """Wait until a device is called; return the id of the call."""
        return self.until(token, Called).connection

    def answer(self, call: str, *media: MediumWanted) -> None:
        self.ask(call, AnswerCall(media))

    def end(self, call: str) -> None:
        self.call(self._tell, call, EndConnection())

    def leave(self, token: str) -> None:
        self.call(self._tell, token, End("the test is over"))
        self.until_ended(token)

    def show(self, call: str) -> Any:
        return self.ask(call, ShowCall())

    def ask(self, id: str, request: Any) -> Any:
        return self.call(self._ask, id, request)

    def until(self, id: str, kind: type[DeviceEvent]) -> Any:
        """Return the first event of a kind, waiting for it."""
        return self.call(self._until, id, kind)

    def until_ended(self, id: str) -> None:
        self.call(self._until_ended, id)

    async def _open(self, id: str) -> str:
        services, token = self.broker.services, f"pt-{uuid4()}"
        switchboard = Switchboard(services.directory, services.absent)
        key = MemberKey(peers_realm("peerjs"), id)
        own = DeviceServices(
            self.engine,
            self.shown,
            lambda: LIMITS,
            lambda spec: LocalLine(switchboard, spec.key, "test", lambda: 5.0),
        )
        peer = partial(DevicePeer, own, PeerSpec(key, token, "test"))
        await services.directory.open_member(key, peer, RefuseSecond())
        return token

    async def _socket(self, id: str) -> SocketFacts:
        wanted = DatagramPortWanted("127.0.0.1", allow=LOOPBACK)
        return await open_socket(self.broker.system.registry, self.engine, id, wanted, 5)

    async def _ask(self, id: str, request: Any) -> Any:
        actor: Ref[Any] = self.shown.actors[id]
        return await actor.ask(request, within=PATIENCE)

    async def _tell(self, id: str, message: Message) -> None:
        self.shown.actors[id].tell(message)

    async def _until(self, id: str, kind: type[DeviceEvent]) -> DeviceEvent:
        with trio.fail_after(PATIENCE):
            while True:
                for event in self.shown.of(id):
                    if isinstance(event, kind):
                        return event
                await trio.sleep(0.01)

    async def _until_ended(self, id: str) -> None:
        with trio.fail_after(PATIENCE):
            while id not in self.shown.ends:
                await trio.sleep(0.01)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as self._scope:
            async with (
                open_media_loop() as loop,
                open_local_engine(loop, IceConfig(("127.0.0.1",))) as self.engine,
                broker_server(self._folder) as self.broker,
            ):
                try:
                    self._ready.set()
                    await trio.sleep_forever()
                finally:
                    self.stray_errors = loop.stray_errors
