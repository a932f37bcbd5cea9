"""Bodies of the REST API about streams out. Without `protocol`, the address says it.

A null for `protocol` or `parameters` is a key that was left out, as the original has it.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, RootModel, model_validator

from actors.words.broadcasts import IN_FILES, Outlet, StartBroadcast
from actors.words.streams import OutputChange
from api.owt.management.bodies import (
    BitrateUpdate,
    Body,
    Exact,
    FramerateUpdate,
    IntervalUpdate,
    MediaOptions,
    ResolutionUpdate,
    SourceUpdate,
)

Protocol = Literal["rtmp", "rtsp", "hls", "dash"]
SCHEMES = {
    "rtmp": ("rtmp", "rtmps"),
    "rtsp": ("rtsp", "rtsps"),
    "hls": ("http", "https", "file", ""),  # "" is a path
    "dash": ("http", "https", "file", ""),
}
PLAYLISTS = {"hls": ".m3u8", "dash": ".mpd"}
Seconds = Annotated[float, Field(ge=1, le=60)]  # of a segment
Window = Annotated[int, Field(ge=1, le=100)]  # segments in a playlist


class HlsParameters(Exact):
    method: Literal["PUT", "POST"]
    hlsTime: Seconds  # noqa: N815
    hlsListSize: Window  # noqa: N815


class DashParameters(Exact):
    method: Literal["PUT", "POST"]
    dashSegDuration: Seconds  # noqa: N815
    dashWindowSize: Window  # noqa: N815


class StreamingOutRequest(Body):
    """POST …/streaming-outs"""

    protocol: Protocol | None = None
    url: Annotated[str, Field(min_length=1, max_length=4096, repr=False)]
    parameters: HlsParameters | DashParameters | None = None
    media: MediaOptions

    @property
    def order(self) -> StartBroadcast:
        media = self.media
        return StartBroadcast(
            self.outlet,
            media.audio.wanted if media.audio else None,
            media.video.wanted if media.video else None,
        )

    @property
    def outlet(self) -> Outlet:
        protocol = self.protocol or guessed(self.url)
        assert protocol is not None  # noqa: S101  validated
        match self.parameters:
            case HlsParameters() as given:
                return Outlet(protocol, self.url, given.method, given.hlsTime, given.hlsListSize)
            case DashParameters() as given:
                figures = given.dashSegDuration, given.dashWindowSize
                return Outlet(protocol, self.url, given.method, *figures)
        return Outlet(protocol, self.url)

    @model_validator(mode="after")
    def _fits(self) -> StreamingOutRequest:
        protocol = self.protocol or guessed(self.url)
        if protocol is None:
            raise ValueError("the protocol is not to be seen from the address")
        fitting: dict[str, type[Exact]] = {"hls": HlsParameters, "dash": DashParameters}
        if self.parameters is not None and type(self.parameters) is not fitting.get(protocol):
            raise ValueError("the parameters are of another protocol")
        _check(self.url, protocol)
        return self


class StreamingOutUpdates(
    RootModel[
        Annotated[
            list[
                SourceUpdate | ResolutionUpdate | FramerateUpdate | BitrateUpdate | IntervalUpdate
            ],
            Field(max_length=64, fail_fast=True),
        ]
    ]
):
    """PATCH …/streaming-outs/{id}; unlike recordings, it cannot be held."""

    @property
    def changes(self) -> tuple[OutputChange, ...]:
        return tuple(update.change for update in self.root)


def guessed(url: str) -> str | None:
    """Return the protocol of an address, None where it is not to be seen."""
    scheme, path = _scheme_and_path(url)
    for protocol in ("rtmp", "rtsp"):
        if scheme in SCHEMES[protocol]:
            return protocol
    return next((it for it, end in PLAYLISTS.items() if path.lower().endswith(end)), None)


def _check(url: str, protocol: str) -> None:
    """Raise ValueError for an address that this protocol cannot go to."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("an address has no spaces and no control characters")
    scheme, path = _scheme_and_path(url)
    if scheme not in SCHEMES[protocol]:
        raise ValueError("the address has another scheme")
    if scheme not in ("", "file"):
        parts = urlsplit(url)
        parts.port  # noqa: B018  is read
        if not parts.hostname:
            raise ValueError("the address has no host")
    if protocol in IN_FILES and path.rpartition("/")[2] in ("", ".", ".."):
        raise ValueError("the address has no name of a file")


def _scheme_and_path(url: str) -> tuple[str, str]:
    """Raises ValueError for no address."""
    if "://" not in url and url[:5].lower() != "file:":
        return "", url
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.path
