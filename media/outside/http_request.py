"""One GET over checked connections: redirects followed, the status as a reason."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpcore
import httpx

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

MAX_REDIRECTS = 5
MAX_URL = 4096
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REASONS = {
    401: OutsideTrouble.UNAUTHORISED,
    403: OutsideTrouble.UNAUTHORISED,
    404: OutsideTrouble.NOT_FOUND,
    410: OutsideTrouble.NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a GET gave: `url` is where it came from in the end, without credentials."""

    url: str
    length: int | None  # of the body, where it is said
    ranges: bool  # whether parts can be asked for
    body: httpcore.Response

    def close(self) -> None:
        self.body.close()


class HttpRequests:
    """The requests of one input. Credentials of its address go to that origin and nowhere else."""

    def __init__(self, url: str, pool: httpcore.ConnectionPool) -> None:
        address = parsed(url)
        self._origin = origin_of(address)
        self._credentials = _basic(address)
        self._pool = pool

    def get(self, url: str, start: int = 0, end: int | None = None) -> HttpAnswer:
        """Ask for a file, or for bytes of it from `start` to before `end`. Close the answer.

        Raises NotReachable.
        """
        target = parsed(url)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(target, start, end)
            location = _header(response, b"location")
            if response.status not in REDIRECTS or location is None:
                return _answer(target, response, start, end)
            response.close()
            target = parsed(location, target)
        raise NotReachable(OutsideTrouble.REFUSED, "the server redirects without an end")

    def _ask(self, url: httpx.URL, start: int, end: int | None) -> httpcore.Response:
        headers = [
            (b"Host", url.netloc),
            (b"User-Agent", b"Quintet"),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
        ]
        if start or end is not None:
            last = "" if end is None else end - 1
            headers.append((b"Range", f"bytes={start}-{last}".encode()))
        if self._credentials and origin_of(url) == self._origin:
            headers.append((b"Authorization", self._credentials))
        where = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        try:
            return self._pool.handle_request(
                httpcore.Request(
                    b"GET", where, headers=headers, extensions={"timeout": {"pool": 0.0}}
                )
            )
        except (httpcore.TimeoutException, httpcore.NetworkError):
            raise NotReachable(OutsideTrouble.UNREACHABLE, "the server gives no answer") from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            raise NotReachable(OutsideTrouble.REFUSED, "the server does not speak HTTP") from None


def parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return an http(s) URL, which may be relative to `base`; raises NotReachable for others."""
    try:
        found = base.join(url) if base is not None else httpx.URL(url)
        good = found.scheme in ("http", "https") and found.host and len(str(found)) <= MAX_URL
    except (httpx.InvalidURL, ValueError):
        good = False
    if not good:
        raise NotReachable(OutsideTrouble.NOT_ALLOWED, "it leads to something other than HTTP")
    return found


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}[url.scheme]


def bare(url: httpx.URL) -> str:
    """Return a URL without credentials."""
    return str(url.copy_with(username=None, password=None, fragment=None))


def _basic(url: httpx.URL) -> bytes:
    if not url.userinfo:
        return b""
    user, _, password = url.userinfo.partition(b":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return b"Basic " + base64.b64encode(pair)


def _header(response: httpcore.Response, name: bytes) -> str | None:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[0].decode("latin-1").strip() if found else None


def _answer(url: httpx.URL, response: httpcore.Response, start: int, end: int | None) -> HttpAnswer:
    """Return what a response is; closes it where that is an error."""
    trouble = None
    if response.status >= 300:
        reason = REASONS.get(response.status, OutsideTrouble.REFUSED)
        trouble = NotReachable(reason, f"the server answers with HTTP status {response.status}")
    elif response.status != 206 and (start or end is not None):
        trouble = NotReachable(OutsideTrouble.REFUSED, "the server gives no parts of files")
    elif (_header(response, b"content-encoding") or "identity").lower() != "identity":
        trouble = NotReachable(OutsideTrouble.UNREADABLE, "the server compresses what it sends")
    if trouble is not None:
        response.close()
        raise trouble
    length = _header(response, b"content-length") or ""
    return HttpAnswer(
        url=bare(url),
        length=int(length) if length.isascii() and length.isdigit() else None,
        ranges=(_header(response, b"accept-ranges") or "").lower() == "bytes",
        body=response,
    )
