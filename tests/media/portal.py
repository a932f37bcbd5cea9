"""An engine in a thread of its own, for tests that cannot be async."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.peer_facts import IceConfig


class EnginePortal:
    """Runs an engine while the block lasts; `call` runs a coroutine function next to it."""

    def __init__(self, ice: IceConfig) -> None:
        self._ice = ice
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._main), name="engine")
        self.engine: LocalEngine
        self.loop: MediaLoop
        self._token: trio.lowlevel.TrioToken
        self._scope: trio.CancelScope

    def __enter__(self) -> EnginePortal:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        trio.from_thread.run_sync(self._scope.cancel, trio_token=self._token)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def call(self, step: Callable[..., Awaitable[Any]], *args: object) -> Any:
        return trio.from_thread.run(step, *args, trio_token=self._token)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as self._scope:
            async with open_media_loop() as self.loop:
                async with open_local_engine(self.loop, self._ice) as self.engine:
                    self._ready.set()
                    await trio.sleep_forever()
