"""The REST API as a fragment of an OpenAPI 3.1 document, from the models that validate it."""

from __future__ import annotations

from pydantic import BaseModel

from api.skyway import bodies

JSON = "application/json"
_ERRORS = {
    400: "Fields that are missing or wrong, all of them",
    403: "Not to be done: a wrong key, domain or token, or what is in use",
    404: "Not there",
    405: "Another method is needed",
    408: "Nothing has come in time",
    413: "The body is too large",
    503: "Busy, full, or no port is free",
}


def _schema(model: type[BaseModel]) -> dict[str, object]:
    return model.model_json_schema(by_alias=True)


def _content(model: type[BaseModel]) -> dict[str, object]:
    return {JSON: {"schema": _schema(model)}}


def _parameter(name: str, place: str) -> dict[str, object]:
    return {"name": name, "in": place, "required": True, "schema": {"type": "string"}}


_TOKEN = _parameter("token", "query")


def _operation(
    summary: str,
    status: int,
    answer: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    *,
    token: bool = False,
) -> dict[str, object]:
    done: dict[str, object] = {"description": "Done"}
    if answer is not None:
        done["content"] = _content(answer)
    responses: dict[str, object] = {str(status): done}
    for number, words in _ERRORS.items():
        responses[str(number)] = {"description": words, "content": _content(bodies.ErrorAnswer)}
    operation: dict[str, object] = {"summary": summary, "responses": responses}
    if token:
        operation["parameters"] = [_TOKEN]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    return operation


def _below(name: str, **methods: object) -> dict[str, object]:
    return {"parameters": [_parameter(name, "path")], **methods}


_DC, _MC = "data_connection_id", "media_connection_id"
PATHS: dict[str, object] = {
    "/peers": {"post": _operation("Create a peer", 201, bodies.PeerResponse, bodies.PeerOptions)},
    "/peers/{peer_id}": _below(
        "peer_id",
        delete=_operation("End a peer with its connections and their ports", 204, token=True),
    ),
    "/peers/{peer_id}/credential": _below(
        "peer_id",
        put=_operation(
            "Renew a credential", 200, bodies.CredentialResponse, bodies.PeerCredential, token=True
        ),
    ),
    "/peers/{peer_id}/events": _below(
        "peer_id",
        get=_operation("Wait for the next event", 200, bodies.PeerEventMessage, token=True),
    ),
    "/peers/{peer_id}/status": _below(
        "peer_id",
        get=_operation("How a peer stands", 200, bodies.PeerStatusMessage, token=True),
    ),
    "/data": {
        "post": _operation(
            "Open a UDP port for data", 201, bodies.DataSockParameters, bodies.NoOptions
        )
    },
    "/data/{data_id}": _below("data_id", delete=_operation("Close a port for data", 204)),
    "/data/connections": {
        "post": _operation(
            "Connect to a peer", 202, bodies.PeerConnectResponse, bodies.PeerConnectOptions
        )
    },
    f"/data/connections/{{{_DC}}}": _below(
        _DC,
        delete=_operation("End a data connection", 204),
        put=_operation(
            "Change where data comes from and goes to",
            200,
            bodies.DataConnectionPutResponse,
            bodies.DataConnectionPutOptions,
        ),
    ),
    f"/data/connections/{{{_DC}}}/events": _below(
        _DC, get=_operation("Wait for the next event", 200, bodies.DataConnectionEventMessage)
    ),
    f"/data/connections/{{{_DC}}}/status": _below(
        _DC,
        get=_operation("How a data connection stands", 200, bodies.DataConnectionStatusMessage),
    ),
    "/media": {
        "post": _operation(
            "Open a UDP port for RTP", 201, bodies.MediaParameters, bodies.NewMediaOptions
        )
    },
    "/media/{media_id}": _below("media_id", delete=_operation("Close a port for RTP", 204)),
    "/media/rtcp": {
        "post": _operation(
            "Open a UDP port for RTCP", 201, bodies.MediaRtcpParameters, bodies.NoOptions
        )
    },
    "/media/rtcp/{rtcp_id}": _below("rtcp_id", delete=_operation("Close a port for RTCP", 204)),
    "/media/connections": {
        "post": _operation("Call a peer", 202, bodies.PeerCallResponse, bodies.PeerCallOptions)
    },
    f"/media/connections/{{{_MC}}}": _below(_MC, delete=_operation("End a media connection", 204)),
    f"/media/connections/{{{_MC}}}/answer": _below(
        _MC,
        post=_operation(
            "Answer a call",
            202,
            bodies.MediaConnectionAnswerResponse,
            bodies.MediaConnectionAnswerOptions,
        ),
    ),
    f"/media/connections/{{{_MC}}}/pli": _below(
        _MC,
        post=_operation(
            "Ask the other side for a keyframe of what is redirected to an address",
            201,
            bodies.NoOptions,
            bodies.MediaConnectionPliRequestOptions,
        ),
    ),
    f"/media/connections/{{{_MC}}}/events": _below(
        _MC, get=_operation("Wait for the next event", 200, bodies.MediaConnectionEventMessage)
    ),
    f"/media/connections/{{{_MC}}}/status": _below(
        _MC,
        get=_operation("How a media connection stands", 200, bodies.MediaConnectionStatusMessage),
    ),
}
