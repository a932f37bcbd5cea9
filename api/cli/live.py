"""The running server as a command meets it: the operator's paths over HTTP, with the token.

A configured certificate is recognised byte by byte, whatever names it has: what listens on
loopback has to be the server of the configuration before it is told the token.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

SECONDS = 20.0  # for one answer
SILENCE_SECONDS = 60.0  # of the live log, which says something every 15
PER_PAGE = 500
MOST_BYTES = 64 * 1024 * 1024  # of one answer
LONGEST_LINE = 1 << 20  # of the live log

Page = dict[str, Any]


class LiveError(Exception):
    """The running server cannot be asked, or refuses; `exit_code` is that of the command."""

    def __init__(self, text: str, exit_code: int = 1, status: int = 0) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.status = status


class Live:
    """One server at `url`; `user` is who gives orders, in its log.

    Every method raises LiveError. Only `certificate`, where it is given, is taken of a server that
    speaks TLS; else one that the machine trusts.
    """

    def __init__(self, url: str, token: str, user: str, certificate: Path | None = None) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}", "X-Operator": user}
        self._certificate = certificate

    def get(self, path: str, /, **query: object) -> Page:
        """Return the answer to one question; a query of None or "" is left out."""
        return self._ask("GET", path, query)

    def post(self, path: str, body: Page) -> Page:
        """Give an order and return its answer."""
        return self._ask("POST", path, {}, body)

    def delete(self, path: str) -> None:
        """Take something away."""
        self._ask("DELETE", path, {})

    def get_list(self, path: str, name: str, most: int = 0, /, **query: object) -> Page:
        """Return `name` with up to `most` entries (0: all), and `total`, over as many pages as
        that takes."""
        found: list[Any] = []
        total, page = 0, 0
        size = min(most or PER_PAGE, PER_PAGE)
        while not page or (len(found) < total and (not most or len(found) < most)):
            page += 1
            answer = self.get(path, **query, page=page, per_page=size)
            entries = _list_of(answer, name)
            found += entries
            total = int(answer.get("total", len(found)))
            if not entries:
                break
        return {name: found[:most] if most else found, "total": total}

    def events(self, path: str, /, **query: object) -> Iterator[tuple[str, str]]:
        """Yield kind and data of each server-sent event until the server ends them."""
        with self._asking("GET", path, query, None, SILENCE_SECONDS) as response:
            kind, data = "", list[str]()
            while line := response.readline(LONGEST_LINE):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                field, _, value = text.partition(":")
                value = value.removeprefix(" ")
                if not text:
                    if data:
                        yield kind or "message", "\n".join(data)
                    kind, data = "", []
                elif field == "event":
                    kind = value
                elif field == "data":
                    data.append(value)

    def _ask(self, method: str, path: str, query: Page, body: Page | None = None) -> Page:
        with self._asking(method, path, query, body, SECONDS) as response:
            text = response.read(MOST_BYTES)
        if not text:
            return {}
        answer = _object_in(text)
        if answer is None:
            raise LiveError(f"what answers at {self.url} is no Quintet of this version")
        return answer

    @contextmanager
    def _asking(
        self, method: str, path: str, query: Page, body: Page | None, seconds: float
    ) -> Iterator[HTTPResponse]:
        """Send one request and hand out a good answer, whose body is to be read in the block."""
        given = {key: value for key, value in query.items() if value not in (None, "")}
        target = urlsplit(self.url).path + path
        if given:
            target += "?" + urlencode(given, errors="replace")
        headers, document = dict(self._headers), None
        if body is not None:
            headers["Content-Type"] = "application/json"
            document = json.dumps(body).encode()
        connection = self._connection(seconds)
        try:
            self._connect(connection)
            connection.request(method, target, document, headers)
            response = connection.getresponse()
            if response.status >= 300:
                raise self._refusal(response)
            yield response
        except TimeoutError:
            raise LiveError(f"the server at {self.url} does not answer in time") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise LiveError(f"the connection to {self.url} was lost: {reason}") from None
        finally:
            connection.close()

    def _connection(self, seconds: float) -> HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port or 80, timeout=seconds)
        context = ssl.create_default_context()
        if self._certificate is not None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # `_connect` compares it
        return HTTPSConnection(host, parts.port or 443, timeout=seconds, context=context)

    def _connect(self, connection: HTTPConnection) -> None:
        """Connect, and see that it is the server that was meant."""
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise LiveError(f"{self.url}: {error.verify_message}") from None
        except ssl.SSLError:
            raise LiveError(f"{self.url} does not speak TLS as it should") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise LiveError(f"no server at {self.url}: {reason}. Is it running?") from None
        if self._certificate is None:
            return
        try:
            expected = ssl.PEM_cert_to_DER_cert(_first_certificate(self._certificate))
        except OSError as error:
            raise LiveError(f"cannot read {self._certificate}: {error.strerror}") from None
        except ValueError:
            raise LiveError(f"{self._certificate} holds no certificate") from None
        shown = connection.sock
        if not isinstance(shown, ssl.SSLSocket) or shown.getpeercert(binary_form=True) != expected:
            raise LiveError(
                f"{self.url} shows another certificate than {self._certificate}: reload the server"
            )

    def _refusal(self, response: HTTPResponse) -> LiveError:
        """Say in a line why an answer is none."""
        status = response.status
        answer = _object_in(response.read(65_536)) or {}
        if status == 401:
            return LiveError(f"the server at {self.url} does not take this operator's token", 1)
        if status == 429:
            wait = response.headers.get("Retry-After", "some")
            return LiveError(f"too many wrong tokens were tried: wait {wait} s")
        if isinstance(answer.get("message"), str):
            return LiveError(answer["message"], status=status)
        return LiveError(f"what answers at {self.url} is no Quintet of this version", status=status)


def url_of(secure: bool, host: str, port: int) -> str:
    """Return the address of a host and port."""
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def in_path(part: str) -> str:
    """Return an id as one part of a path."""
    return quote(part, safe="", errors="replace")


def _object_in(text: bytes) -> Page | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _list_of(answer: Page, name: str) -> list[Any]:
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _first_certificate(file: Path) -> str:
    """Return the first certificate of a file, which is the server's own. Raises ValueError."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    _, found, rest = file.read_text("ascii", "replace").partition(begin)
    body, closed, _ = rest.partition(end)
    if not found or not closed:
        raise ValueError("no certificate")
    return begin + body + end
