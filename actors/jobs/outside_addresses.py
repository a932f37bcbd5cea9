"""Addresses outside that a management API names: which are taken, and what is shown of them. Pure.

Whether one may be reached is found out by the process that goes there: names lead anywhere.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from actors.streams.services import StreamingPlan
from actors.words.media_refusals import AddressUnfit
from media.contract.streaming import OutsideAddress

PULLED = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "file")  # what sources are read by
LONGEST = 4096


def check_address(url: str, schemes: tuple[str, ...] = PULLED) -> None:
    """Raise AddressUnfit for what is no whole address of one of these schemes."""
    _split(url, schemes)


def outside_address(
    url: str, plan: StreamingPlan, schemes: tuple[str, ...] = PULLED
) -> OutsideAddress:
    """Return an address with what may be reached. Raises AddressUnfit."""
    if _split(url, schemes).scheme == "file" and plan.folder is None:
        raise AddressUnfit("files are not read here: streaming.folder is not set")
    folder = "" if plan.folder is None else str(plan.folder)
    return OutsideAddress(url, plan.networks, folder)


def shown_address(url: str) -> str:
    """Return what logs may show: scheme, host and port, and nothing that may be secret."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return ""
    host = parts.hostname or ""
    return f"{parts.scheme}://[{host}]{port}" if ":" in host else f"{parts.scheme}://{host}{port}"


def _split(url: str, schemes: tuple[str, ...]) -> SplitResult:
    if len(url) > LONGEST or any(char <= " " or char == "\x7f" for char in url):
        raise AddressUnfit("an address has no spaces and no control characters, and is not so long")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  is read, and may be none
    except ValueError:
        raise AddressUnfit("this is no address") from None
    if parts.scheme not in schemes:
        raise AddressUnfit(f"an address begins with {', '.join(f'{it}:' for it in schemes)}")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise AddressUnfit("a file is named by its whole path: file:///…")
    elif not parts.hostname:
        raise AddressUnfit("an address names a host")
    return parts
