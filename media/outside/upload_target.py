"""A target that takes files by HTTP: one address for the listing, the others beside it."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import httpx
import trio

from media.contract.streaming import OutsideTrouble
from media.outside.async_http import outside_transport
from media.outside.errors import NotReachable
from media.outside.places import Places
from media.outside.upload_answers import TargetTrouble, trouble_in

METHODS = ("PUT", "POST")
MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".ts": "video/mp2t",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}
SILENT_SHARE = 2 / 3  # of the time of an attempt, in which nothing happens
MAX_ANSWER_BYTES = 65_536  # of an answer; what is longer costs its connection

# Both log whole addresses, httpx of each request, which may hold credentials.
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)


def media_type(name: str) -> str:
    """Return the Content-Type of a file of HLS or DASH."""
    suffix = name[name.rfind(".") :] if "." in name else ""
    return MEDIA_TYPES.get(suffix, "application/octet-stream")


def open_client(places: Places) -> httpx.AsyncClient:
    """Return a client for uploads, which connects to what is allowed and keeps nothing of a target.

    The caller closes it.
    """
    return httpx.AsyncClient(
        transport=outside_transport(places),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


class UploadTarget:
    """Sends one file a call. Credentials in the address go as Basic ones, its query with each file.

    The client must not follow redirects, which end it here. Raises NotReachable for an address that
    is none of HTTP.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, method: str) -> None:
        if method not in METHODS:
            raise ValueError(f"files are sent by {' or '.join(METHODS)}")
        self._client = client
        self._method = method
        self._auth, self._url = _address(url)
        self._rest_until = -math.inf  # as the target has asked for
        self._rest_trouble: TargetTrouble | None = (
            None  # with which it did, until it is asked again
        )

    async def send(self, name: str | None, body: bytes, kind: str, seconds: float) -> None:
        """Send a file, or without `name` the listing; `kind` is its type. Raises TargetTrouble.

        That takes `seconds` at most. A target that has asked for a pause gets it, whatever it is
        for.
        """
        with trio.move_on_after(seconds):
            await trio.sleep_until(self._rest_until)
            self._rest_trouble = None
            status, retry_after = await self._ask(self._method, name, seconds, body, kind)
            if 200 <= status < 300:
                return
            trouble = trouble_in(status, retry_after)
            if trouble.rest:
                self._rest_until = trio.current_time() + trouble.rest
                self._rest_trouble = trouble
            raise trouble
        raise self._rest_trouble or TargetTrouble(
            OutsideTrouble.SILENT, "the target has not taken it in time"
        )

    async def delete(self, name: str, seconds: float) -> int:
        """Delete a file; returns the HTTP status, 0 where there was none. Raises nothing."""
        with trio.move_on_after(seconds):
            try:
                return (await self._ask("DELETE", name, seconds))[0]
            except TargetTrouble:
                return 0
        return 0

    async def _ask(
        self, method: str, name: str | None, seconds: float, body: bytes = b"", kind: str = ""
    ) -> tuple[int, str]:
        """Return the status of an answer, and its Retry-After."""
        headers = {"Accept-Encoding": "identity"}
        if kind:
            headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
        url = self._url if name is None else _beside(self._url, name)
        silent = seconds * SILENT_SHARE
        request = self._client.build_request(method, url, headers=headers, timeout=silent)
        if kind:
            whole, extensions = _WholeBody(body), request.extensions
            request = httpx.Request(method, url, headers=request.headers, stream=whole)
            request.extensions = extensions  # its time-outs
        try:
            response = await self._client.send(
                request, stream=True, auth=self._auth, follow_redirects=False
            )
            try:
                await _read_to_its_end(response)
            finally:
                await response.aclose()
        except NotReachable as error:
            over = error.reason is not OutsideTrouble.UNREACHABLE
            raise TargetTrouble(error.reason, error.detail, over=over) from None
        except httpx.ConnectError:
            raise _unreachable("nothing answers at the target") from None
        except httpx.TimeoutException:
            raise _unreachable("the target has not answered in time") from None
        except (httpx.HTTPError, OSError):  # its text may hold the address
            raise _unreachable("the connection to the target was lost") from None
        return response.status_code, response.headers.get("retry-after", "")


def _unreachable(detail: str) -> TargetTrouble:
    return TargetTrouble(OutsideTrouble.UNREACHABLE, detail)


def _address(url: str) -> tuple[httpx.BasicAuth | None, httpx.URL]:
    """Return the credentials of an address, and what is left of it."""
    try:
        whole = httpx.URL(url)
    except httpx.InvalidURL:
        whole = httpx.URL("")
    if whole.scheme not in ("http", "https") or not whole.host:
        raise NotReachable(OutsideTrouble.REFUSED, "the address of the target is none of HTTP")
    auth = httpx.BasicAuth(whole.username, whole.password) if whole.userinfo else None
    return auth, whole.copy_with(userinfo=b"", fragment="")


def _beside(url: httpx.URL, name: str) -> httpx.URL:
    """Return the address of a file in the same folder, with the same query."""
    path, mark, query = url.raw_path.partition(b"?")
    folder = path[: path.rfind(b"/") + 1]
    return url.copy_with(raw_path=folder + quote(name).encode("ascii") + mark + query)


async def _read_to_its_end(response: httpx.Response) -> None:
    """Read an answer, for the sake of the connection; of a long one not all."""
    read = 0
    with trio.CancelScope() as scope:  # from inside, so that no generator is left half-run
        async for part in response.aiter_raw():
            read += len(part)
            if read > MAX_ANSWER_BYTES:
                scope.cancel()


class _WholeBody(httpx.AsyncByteStream):
    """The body of a request. Not httpx's own, a generator that is left half-run when cancelled."""

    def __init__(self, data: bytes) -> None:
        self._parts = [data]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop()
