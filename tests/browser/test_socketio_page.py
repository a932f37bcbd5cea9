"""socket.io-client 2.2 in a real Chromium, on a page of another origin, as the OWT sample is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from playwright.sync_api import Browser

from tests.support.npm import npm_packages
from tests.support.socketio_server import Host, socketio_host

pytestmark = pytest.mark.browser

SCRIPT = """
window.talk = (url, transports) => new Promise((resolve, reject) => {
    const told = [];
    const socket = io(url, {reconnection: true, 'force new connection': true, transports});
    socket.on('connect_error', error => reject(error));
    socket.on('echo', text => {
        told.push(['echo', text, socket.io.engine.transport.name]);
        socket.on('disconnect', reason => resolve([...told, ['disconnect', reason]]));
        socket.emit('disconnect me');
    });
    const after = () => socket.emit('echo', 'é😀'.repeat(1000));
    socket.emit('echo', 'login', (...answer) => {
        told.push(['first', ...answer]);
        if (transports.length === 1) after();
    });
    socket.io.engine.on('upgrade', after);
});
"""


@contextmanager
def served(**sections: Any) -> Iterator[Host]:
    """Serve in a thread of its own, for a browser that is driven without Trio."""
    ready: list[Host] = []
    begun = threading.Event()
    tokens: list[trio.lowlevel.TrioToken] = []
    scope = trio.CancelScope()

    async def main() -> None:
        tokens.append(trio.lowlevel.current_trio_token())
        with scope:
            async with socketio_host(**sections) as host:
                ready.append(host)
                begun.set()
                await trio.sleep_forever()

    thread = threading.Thread(target=lambda: trio.run(main))
    thread.start()
    try:
        assert begun.wait(60)
        yield ready[0]
    finally:
        trio.from_thread.run_sync(scope.cancel, trio_token=tokens[0])
        thread.join(60)


@pytest.mark.parametrize(
    "transports", [["polling"], ["polling", "websocket"], ["websocket"]], ids="-".join
)
def test_a_page_of_another_origin_talks_and_is_disconnected(
    browser: Browser, transports: list[str]
) -> None:
    library = npm_packages("socket.io-client@2.2.0") / "socket.io-client" / "dist" / "socket.io.js"
    with served() as host, browser.new_context() as context, context.new_page() as tab:
        tab.goto(host.url.replace("127.0.0.1", "localhost") + "/socket.io/")  # any page will do
        tab.add_script_tag(path=library)
        tab.add_script_tag(content=SCRIPT)
        told = tab.evaluate("([url, transports]) => talk(url, transports)", [host.url, transports])
        [connection] = host.seen
    assert told == [
        ["first", "ok", "login"],
        ["echo", "é😀" * 1000, transports[-1]],
        ["disconnect", "io server disconnect"],
    ]
    assert connection.closed == "disconnected"
    assert "Chrome" in connection.user_agent
