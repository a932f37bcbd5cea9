"""Bodies of the REST API, in and out. The same models validate and are published as OpenAPI."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

INT32 = 2**31 - 1
LONGEST_ID = 255
# Ids stand in MQTT topics, where + # and / have a meaning of their own.
_ID = re.compile(r"[^+#/\x00-\x1f\x7f-\x9f]*")


def _endpoint_id(value: str | None) -> str | None:
    if value is not None and _ID.fullmatch(value) is None:
        raise ValueError("must not contain + # / or control characters")
    return value


EndpointId = Annotated[str, Field(max_length=LONGEST_ID), AfterValidator(_endpoint_id)]
Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
Seconds = Annotated[int, Field(ge=1, le=INT32)]


class Command(BaseModel):
    """Unknown fields are accepted: published clients send some that are in no schema."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class RegisterUserEndpoint(Command):
    """POST /rtc-api/users/endpoints, and …/register"""

    id: EndpointId | None = Field(None, alias="userEndpointId")
    keep_alive: Seconds = Field(alias="keepAliveSeconds")
    remind: bool | None = Field(False, alias="serverKeepAliveReminderOn")


class KeepUserEndpointAlive(Command):
    """POST /rtc-api/users/endpoints/keepalive"""

    id: str = Field(alias="userEndpointId", min_length=1)


class UnregisterUserEndpoint(Command):
    """POST /rtc-api/users/endpoints/unregister"""

    id: str = Field(alias="userEndpointId", min_length=1)
    reason: str | None = None


class SendEventToUser(Command):
    """POST /rtc-api/users/endpoints/sendEvent"""

    user: Id = Field(alias="userId")
    organization: str | None = Field(None, alias="organizationId")
    endpoint: str | None = Field(None, alias="userEndpointId")
    event: dict[str, Any]
    masks: Annotated[list[str], Field(fail_fast=True)] | None = None
    qos: int | None = 0


class RegisterResult(BaseModel):
    id: str


class Problems(BaseModel):
    """400: field → what is wrong with it."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str] = Field(init=False)


class EndpointView(BaseModel):
    """One's own endpoint; our own addition."""

    id: str
    keepAliveSeconds: float  # noqa: N815  wire
    serverKeepAliveReminderOn: bool  # noqa: N815  wire
    expiresInSeconds: float  # noqa: N815  wire
    subscribers: int
    waitingEvents: int  # noqa: N815  wire


class WaitingEvent(BaseModel):
    """An event that was not acknowledged yet, with its masks applied."""

    sequence: int
    qos: int
    event: dict[str, Any]


class EndpointDetails(EndpointView):
    events: list[WaitingEvent]


class IceServer(BaseModel):
    urls: list[str]
    username: str = ""
    credential: str = ""


class IceServers(BaseModel):
    iceServers: list[IceServer]  # noqa: N815  wire


class TokenAnswer(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105  the name of a scheme
    expires_in: int
    refresh_token: str | None = None
    scope: str
    jti: str
    sub: str
    organization: str


class TokenError(BaseModel):
    error: str
    error_description: str


class KeySet(BaseModel):
    keys: list[dict[str, str]]
