"""The bodies of orders. `reason` is shown to people, as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

REASON_LENGTH = 500
LONGEST_CLOSING = 31_536_000.0  # a year

Kind = Literal["audio", "video"]


class OperatorOrder(BaseModel):
    """What all orders have in common: nothing is converted, nothing is unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Reasoned(OperatorOrder):
    """An order that people are told the reason of."""

    reason: str = Field(
        "", max_length=REASON_LENGTH, description="Shown to people.", examples=["See you tomorrow"]
    )


class CloseOrder(Reasoned):
    """How long a room is closed; left out, as long as `operator.closed_seconds` says."""

    seconds: float | None = Field(
        None, gt=0, le=LONGEST_CLOSING, description="For how long.", examples=[600.0]
    )


class CloseNameOrder(CloseOrder):
    """Which room is closed, whether or not anybody is in it."""

    realm: str = Field(max_length=200, examples=["spreed"])
    name: str = Field(max_length=2000, description="As people call it.", examples=["tea"])


class PutOutOrder(Reasoned):
    """Why somebody is put out."""


class MuteOrder(OperatorOrder):
    """Which stream is muted, or heard again, and what of it."""

    stream: str = Field(max_length=200, description="Its id.", examples=["611a1dfa"])
    muted: bool = Field(True, description="False: its media flows again.")
    kinds: Annotated[
        list[Kind],
        Field(min_length=1, max_length=2, fail_fast=True, description="What of it."),
    ] = ["audio", "video"]


class StopOrder(OperatorOrder):
    """Which actor is stopped."""

    path: str = Field(max_length=10_000, examples=["/conferencing/rooms/spreed:Room%3Alobby"])
