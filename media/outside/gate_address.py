"""The address of an RTMP or RTSP server, as others write it and as FFmpeg gets it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

PORTS = {"rtmp": 1935, "rtmps": 443, "rtsp": 554, "rtsps": 322}
MAX_URL = 4096
UNWRITTEN = re.compile(r"[^\x21-\x7e]")  # RFC 3986 has no such characters in URLs
WHITELISTS = {"rtmp": "rtmp,tcp", "rtsp": "rtp,udp,tcp"}


@dataclass(frozen=True, slots=True)
class GateAddress:
    """`scheme` is "rtmp" or "rtsp", with `secured` over TLS. `rest` begins with the path."""

    scheme: str
    secured: bool
    host: str
    port: int
    credentials: str  # as they are written, with the @
    rest: str

    def through(self, port: int) -> str:
        """Return the URL by which FFmpeg comes to a port of ours instead."""
        return f"{self.scheme}://{self.credentials}127.0.0.1:{port}{self.rest}"

    def options(self) -> dict[str, str]:
        """Return what else FFmpeg is given: the protocols, and the true name of an RTMP server."""
        options = {"protocol_whitelist": WHITELISTS[self.scheme]}
        if self.scheme == "rtmp":
            host = f"[{self.host}]" if ":" in self.host else self.host
            scheme = "rtmps" if self.secured else "rtmp"
            options["rtmp_tcurl"] = f"{scheme}://{host}:{self.port}/{rtmp_app(self.rest)}"
        return options


def read_address(url: str) -> GateAddress:
    """Read a rtmp(s) or rtsp(s) URL. Raises NotReachable where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unknown() from None
    scheme = parts.scheme
    if scheme not in PORTS or not parts.hostname or len(url) > MAX_URL or UNWRITTEN.search(url):
        raise _unknown()
    credentials, at, _ = parts.netloc.rpartition("@")
    return GateAddress(
        scheme=scheme.removesuffix("s"),
        secured=scheme.endswith("s"),
        host=parts.hostname,
        port=port or PORTS[scheme],
        credentials=credentials + at,
        rest=url[url.index("//") + 2 + len(parts.netloc) :],
    )


def rtmp_app(rest: str) -> str:
    """Return which part of a path and query FFmpeg takes for the application, as it does.

    That is the first name, or the first two where there are three (an instance of one); before
    `slist=` it is all of the path.
    """
    path, _, query = rest.partition("?")
    if "slist=" in query:
        return path[1:]
    if rest.startswith("/ondemand/"):
        return "ondemand"
    names = rest[1:].split("/")
    if len(names) > 2 and ":" not in names[1]:
        return "/".join(names[:2])
    return names[0]


def _unknown() -> NotReachable:
    return NotReachable(OutsideTrouble.NOT_ALLOWED, "it is no address of an RTMP or RTSP server")
