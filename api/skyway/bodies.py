"""Bodies of the REST API, in and out. The same models validate and are published as OpenAPI.

Names are those of the wire (seed, definitions). As with the original, null is as good as left out,
and fields that are in no schema are passed over: published clients send some.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

UINT16 = 2**16 - 1
INT64 = 2**63 - 1
MOST_KBPS = 1_000_000


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    return value


Port = Annotated[int, Field(ge=1, le=UINT16)]
Text = Annotated[str, Field(max_length=1024)]
Token = Annotated[
    str,
    Field(min_length=1, max_length=1024, json_schema_extra={"format": "byte"}),
    AfterValidator(_base64),
]


class Body(BaseModel):
    """What a request brings."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class PeerCredential(Body):
    timestamp: Annotated[int, Field(ge=-INT64 - 1, le=INT64)]
    ttl: Annotated[int, Field(ge=600, le=90_000)]
    authToken: Token  # noqa: N815  wire


class PeerOptions(Body):
    """POST /peers"""

    key: Text
    domain: Text
    peer_id: str | None = None
    turn: bool | None = True
    credential: PeerCredential | None = None


class NoOptions(Body):
    """POST /data and POST /media/rtcp: an empty object."""


class RedirectTarget(Body):
    """Where to send to; one of the addresses is needed, and `ip_v4` is taken where both are."""

    ip_v4: str | None = None
    ip_v6: str | None = None
    port: Port


class DcInit(Body):
    ordered: bool | None = None
    maxPacketLifeTime: Annotated[int, Field(ge=0, le=UINT16)] | None = None  # noqa: N815  wire
    maxRetransmits: Annotated[int, Field(ge=0, le=UINT16)] | None = None  # noqa: N815  wire
    protocol: str | None = None
    negotiated: bool | None = None
    id: Annotated[int, Field(ge=0, le=UINT16 - 1)] | None = None
    priority: str | None = None


class ConnectOptions(Body):
    metadata: str | dict[str, Any] | None = None
    serialization: str | None = None
    dcInit: DcInit | None = None  # noqa: N815  wire


class DataFeed(Body):
    data_id: str | None = None


class PeerConnectOptions(Body):
    """POST /data/connections"""

    peer_id: str
    token: str
    options: ConnectOptions | None = None
    target_id: str
    params: DataFeed | None = None
    redirect_params: RedirectTarget | None = None


class DataConnectionPutOptions(Body):
    """PUT /data/connections/{data_connection_id}"""

    feed_params: DataFeed | None = None
    redirect_params: RedirectTarget | None = None


class NewMediaOptions(Body):
    """POST /media"""

    is_video: bool


class MediumParameters(Body):
    """One medium; `band_width` (kbit/s), `codec` and `media_id` are needed where it is sent."""

    band_width: Annotated[int, Field(ge=0, le=MOST_KBPS)] | None = None
    codec: str | None = None
    media_id: str | None = None
    rtcp_id: str | None = None
    payload_type: Annotated[int, Field(ge=0, le=127)] | None = None
    sampling_rate: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


class PeerCallConstraints(Body):
    video: bool
    videoReceiveEnabled: bool | None = None  # noqa: N815  wire
    audio: bool
    audioReceiveEnabled: bool | None = None  # noqa: N815  wire
    video_params: MediumParameters | None = None
    audio_params: MediumParameters | None = None
    metadata: str | dict[str, Any] | None = None


class MediaRedirects(Body):
    video: RedirectTarget | None = None
    video_rtcp: RedirectTarget | None = None
    audio: RedirectTarget | None = None
    audio_rtcp: RedirectTarget | None = None


class PeerCallOptions(Body):
    """POST /media/connections"""

    peer_id: str
    token: str
    target_id: str
    constraints: PeerCallConstraints
    redirect_params: MediaRedirects | None = None


class MediaConnectionAnswerOptions(Body):
    """POST /media/connections/{media_connection_id}/answer"""

    constraints: PeerCallConstraints
    redirect_params: MediaRedirects | None = None


class MediaConnectionPliRequestOptions(RedirectTarget):
    """POST /media/connections/{media_connection_id}/pli: where the medium is redirected to."""


# --- answers


class BrokenField(BaseModel):
    field: str
    message: str


class BrokenFields(BaseModel):
    errors: list[BrokenField]


class ErrorAnswer(BaseModel):
    """Every error, of whichever status."""

    command_type: str
    params: BrokenFields


class PeerParameters(BaseModel):
    peer_id: str
    token: str


class PeerResponse(BaseModel):
    command_type: Literal["PEERS_CREATE"] = "PEERS_CREATE"
    params: PeerParameters


class CredentialParameters(BaseModel):
    credential: PeerCredential


class CredentialResponse(BaseModel):
    command_type: Literal["PEERS_CREDENTIAL_UPDATE"] = "PEERS_CREDENTIAL_UPDATE"
    params: CredentialParameters


class CallParameters(BaseModel):
    media_connection_id: str


class DataParameters(BaseModel):
    data_connection_id: str


class PeerEventMessage(BaseModel):
    event: Literal["OPEN", "CONNECTION", "CALL", "CLOSE", "EXPIRESIN", "ERROR"]
    params: PeerParameters
    call_params: CallParameters | None = None
    data_params: DataParameters | None = None
    remainingSec: int | None = None  # noqa: N815  wire
    error_message: str | None = None


class PeerStatusMessage(BaseModel):
    peer_id: str
    disconnected: bool


class Bound(BaseModel):
    """Where a socket takes datagrams: its port, and one address."""

    port: int
    ip_v4: str | None = None
    ip_v6: str | None = None


class DataSockParameters(Bound):
    data_id: str


class MediaParameters(Bound):
    media_id: str


class MediaRtcpParameters(Bound):
    rtcp_id: str


class ConnectParameters(BaseModel):
    data_connection_id: str
    data_port: int


class PeerConnectResponse(BaseModel):
    command_type: Literal["PEERS_CONNECT"] = "PEERS_CONNECT"
    params: ConnectParameters


class DataConnectionPutResponse(BaseModel):
    command_type: Literal["DATA_CONNECTION_PUT"] = "DATA_CONNECTION_PUT"
    data_id: str | None = None


class DataConnectionEventMessage(BaseModel):
    event: Literal["OPEN", "CLOSE", "ERROR"]
    error_message: str | None = None


class DataConnectionStatusMessage(BaseModel):
    remote_id: str
    buffersize: int
    label: str
    metadata: str
    open: bool
    reliable: bool
    serialization: str
    type: Literal["DATA"] = "DATA"


class PeerCallResponse(BaseModel):
    command_type: Literal["PEERS_CALL"] = "PEERS_CALL"
    params: CallParameters


class AnswerParameters(BaseModel):
    video_id: str | None = None
    audio_id: str | None = None


class MediaConnectionAnswerResponse(BaseModel):
    command_type: Literal["MEDIA_CONNECTION_ANSWER"] = "MEDIA_CONNECTION_ANSWER"
    params: AnswerParameters


class StreamOptions(BaseModel):
    is_video: bool
    stream_params: MediaParameters | None = None


class MediaConnectionEventMessage(BaseModel):
    event: Literal["READY", "STREAM", "CLOSE", "ERROR"]
    stream_options: StreamOptions | None = None
    close_options: dict[str, Any] | None = None
    error_message: str | None = None


class SentStream(BaseModel):
    media_id: str
    ssrc: int


class MediaConnectionStatusMessage(BaseModel):
    open: bool
    metadata: str
    remote_id: str
    ssrc: list[SentStream] | None = None
