"""Requests as bytes and what they mean, answers and events as bytes. Pure.

Every broken field of a request is reported at once, by its own name without those above it, as
published clients show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from actors.device import events
from api.skyway import bodies
from api.skyway.errors import Found, RestRefused, refuse_if, unspecified

B = TypeVar("B", bound=bodies.Body)

DIALECT = "skyway"
LONGEST_METADATA = 16_384  # bytes of JSON
_KINDS = {
    "string_type": "non-string",
    "int_type": "non-integer",
    "int_from_float": "non-integer",
    "int_parsing": "non-integer",
    "bool_type": "non-boolean",
    "model_type": "non-object",
    "model_attributes_type": "non-object",
    "dict_type": "non-object",
}
_RANGES = {"greater_than_equal", "less_than_equal", "int_parsing_size"}


def parse(model: type[B], body: bytes, within: str = "") -> B:
    """Read a body, whatever its content type; `within` is the field that all of it is.

    Raises RestRefused.
    """
    if not body.strip():
        raise RestRefused(400, unspecified("body"))
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        refuse_if(_problem(each, within) for each in found)
        raise


def _problem(error: ErrorDetails, within: str) -> Found:
    path = [str(part) for part in error["loc"]]
    if not path:
        if error["type"] == "json_invalid":
            return "body", "body is not JSON"
        return "body", "body is non-object value"
    if "metadata" in path:
        return "metadata", "metadata is neither a string nor an object"
    name = path[-1]
    field = "credential" if within or path[0] == "credential" else name
    return field, f"{name} {_words(error)}"


def _words(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "missing" or (error["input"] is None and kind in _KINDS):
        return "field is not specified"
    if kind in _KINDS:
        return f"is {_KINDS[kind]} value"
    if kind in _RANGES:
        return "is out of range"
    return "is too long" if kind == "string_too_long" else "is invalid value"


def metadata_text(metadata: str | dict[str, Any] | None) -> str:
    """Return metadata as JSON text, "" for none. Raises ValueError for what no JSON can say."""
    if metadata is None or metadata == "":
        return ""
    text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > LONGEST_METADATA:
        raise ValueError("metadata is too long")
    return text


def shown_metadata(text: str) -> str:
    """Return metadata as a status has it: a text as it is, all else as its JSON, "" for none."""
    try:
        value = json.loads(text) if text else ""
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else "" if value is None else text


def encode(answer: BaseModel) -> bytes:
    """Return a body; what it does not have is left out."""
    return answer.model_dump_json(exclude_none=True).encode()


def error_body(command_type: str, problems: tuple[Found, ...]) -> bytes:
    listed = [bodies.BrokenField(field=field, message=message) for field, message in problems]
    return encode(
        bodies.ErrorAnswer(command_type=command_type, params=bodies.BrokenFields(errors=listed))
    )


# --- events


def peer_event(event: events.DeviceEvent, peer_id: str, token: str) -> bytes:
    """Return an event of a peer. Every one has `params`: published clients need them in all."""
    shown: dict[str, Any] = {}
    match event:
        case events.Opened():
            name = "OPEN"
        case events.Connected(connection):
            name = "CONNECTION"
            shown["data_params"] = bodies.DataParameters(data_connection_id=connection)
        case events.Called(connection):
            name = "CALL"
            shown["call_params"] = bodies.CallParameters(media_connection_id=connection)
        case events.CredentialExpires(seconds):
            name, shown["remainingSec"] = "EXPIRESIN", seconds
        case events.PeerFailed(trouble):
            name, shown["error_message"] = "ERROR", trouble.value
        case events.Closed():
            name = "CLOSE"
        case _:
            raise TypeError(f"no event of a peer: {type(event).__name__}")
    params = bodies.PeerParameters(peer_id=peer_id, token=token)
    return encode(bodies.PeerEventMessage(event=name, params=params, **shown))  # type: ignore[arg-type]


def data_event(event: events.DeviceEvent) -> bytes:
    """Return an event of a data connection."""
    match event:
        case events.Opened():
            shown = bodies.DataConnectionEventMessage(event="OPEN")
        case events.ConnectionFailed(words):
            shown = bodies.DataConnectionEventMessage(event="ERROR", error_message=words)
        case events.Closed():
            shown = bodies.DataConnectionEventMessage(event="CLOSE")
        case _:
            raise TypeError(f"no event of a data connection: {type(event).__name__}")
    return encode(shown)


def media_event(event: events.DeviceEvent, where: bodies.MediaParameters | None) -> bytes:
    """Return an event of a media connection; `where` is the socket that `StreamShown` names."""
    match event:
        case events.CallReady():
            shown = bodies.MediaConnectionEventMessage(event="READY")
        case events.StreamShown(kind, _):
            options = bodies.StreamOptions(is_video=kind == "video", stream_params=where)
            shown = bodies.MediaConnectionEventMessage(event="STREAM", stream_options=options)
        case events.ConnectionFailed(words):
            shown = bodies.MediaConnectionEventMessage(event="ERROR", error_message=words)
        case events.Closed():
            shown = bodies.MediaConnectionEventMessage(event="CLOSE")
        case _:
            raise TypeError(f"no event of a media connection: {type(event).__name__}")
    return encode(shown)


# --- which operation a request is of


def command_of(method: str, path: str) -> str:
    """Return the command_type of the errors of a request that has reached no operation."""
    return next(_commands(method, [part for part in path.split("/") if part]), "UNKNOWN")


def _commands(method: str, parts: list[str]) -> Iterator[str]:
    top, rest = (parts[0], parts[1:]) if parts else ("", [])
    last = rest[-1] if rest else ""
    verb = {"POST": "CREATE", "DELETE": "DELETE", "PUT": "PUT"}.get(method, "CREATE")
    if top == "peers":
        named = {"credential": "CREDENTIAL_UPDATE", "events": "EVENTS", "status": "STATUS"}
        known = named.get(last) if len(rest) > 1 else None
        yield f"PEERS_{known or ('DELETE' if rest else 'CREATE')}"
    elif top in ("data", "media"):
        name = top.upper()
        if rest[:1] == ["connections"]:
            named = {"events": "EVENTS", "status": "STATUS"}
            if top == "media":
                named |= {"answer": "ANSWER", "pli": "PLI"}
            known = named.get(last) if len(rest) > 2 else None
            usual = verb if len(rest) < 2 or verb != "CREATE" else "DELETE"
            yield f"{name}_CONNECTION_{known or usual}"
        elif top == "media" and rest[:1] == ["rtcp"]:
            yield f"RTCP_{'DELETE' if len(rest) > 1 else 'CREATE'}"
        else:
            yield f"{name}_{'DELETE' if rest else 'CREATE'}"
