"""The section [operator] of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.settings.fields import Seconds, Secret, Section


class OperatorSettings(Section):
    """Who may see the insides of the server, how much is measured, how long his orders hold."""

    token: Secret = ""
    stream_metrics: bool = False
    closed_seconds: Seconds = 600.0
    put_out_days: Annotated[float, Field(gt=0)] = 30.0  # as long as a token of Spreed is good
