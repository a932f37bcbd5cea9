"""HTTP from Trio that connects to checked addresses only."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx
import trio

from media.outside.places import Places
from media.outside.trust import system_trust

MAX_CONNECTIONS = 8
MAX_LOOK_UPS = 2  # at a time: one that nobody waits for any more goes on until the resolver ends
IDLE_SECONDS = 30.0


def outside_transport(places: Places, trust: ssl.SSLContext | None = None) -> OutsideTransport:
    """Return a transport for one client of httpx, which closes it.

    It raises what transports of httpx do, and NotReachable for a name that nobody knows or that
    may not be reached. Redirects are the client's: each goes through here again. `trust` says
    whose certificates are good: None for those that the system trusts.
    """
    return OutsideTransport(places, trust)


class OutsideTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over connections to checked addresses; host and certificate keep the name."""

    def __init__(self, places: Places, trust: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or system_trust(),
            network_backend=CheckedTrioNetwork(places),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        where = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method,
            where,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = await self._pool.handle_async_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=AnswerBody(answer))

    async def aclose(self) -> None:
        await self._pool.aclose()


class AnswerBody(httpx.AsyncByteStream):
    """The body of an answer."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


class CheckedTrioNetwork(httpcore.AsyncNetworkBackend):
    """Gives httpcore connections to addresses that were checked, one look-up for each."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._network = httpcore.TrioBackend()
        self._look_ups = trio.CapacityLimiter(MAX_LOOK_UPS)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raise NotReachable for what may not be reached, and what httpcore expects."""
        try:
            with trio.fail_after(float("inf") if timeout is None else timeout):
                addresses = await trio.to_thread.run_sync(
                    self._places.resolve, host, port,
                    abandon_on_cancel=True, limiter=self._look_ups,
                )  # fmt: skip
                for address in addresses[:-1]:
                    try:
                        return await self._network.connect_tcp(address, port, timeout)
                    except httpcore.ConnectError:
                        continue
                return await self._network.connect_tcp(addresses[-1], port, timeout)
        except trio.TooSlowError:
            raise httpcore.ConnectTimeout from None

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Raise the error of httpx that has the name of that of httpcore."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError,
            httpcore.UnsupportedProtocol) as error:  # fmt: skip
        raise getattr(httpx, type(error).__name__)(str(error)) from error
