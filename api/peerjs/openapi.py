"""The paths over HTTP as a fragment of an OpenAPI 3.1 document."""

from __future__ import annotations


def _text(description: str, kind: str = "text/html") -> dict[str, object]:
    return {"description": description, "content": {kind: {"schema": {"type": "string"}}}}


def _json(description: str, schema: object) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_INFO = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("name", "description", "website")},
}
_PEERS = {"type": "array", "items": {"type": "string"}}
_KEY = [{"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}]


def _id(*parameters: object) -> dict[str, object]:
    return {
        "get": {
            "summary": "Make up an id for a peer",
            "parameters": list(parameters),
            "responses": {"200": _text("A UUID")},
        }
    }


def _peers(*parameters: object) -> dict[str, object]:
    return {
        "get": {
            "summary": "List the ids of the peers, where peerjs.allow_discovery lets anyone",
            "parameters": list(parameters),
            "responses": {"200": _json("Their ids", _PEERS), "401": _text("Not to be listed")},
        }
    }


PATHS: dict[str, object] = {
    "/peerjs": {
        "get": {"summary": "Say what this is", "responses": {"200": _json("A broker", _INFO)}}
    },
    "/peerjs/id": _id(),
    "/peerjs/peers": _peers(),
    "/peerjs/{key}/id": _id(*_KEY),
    "/peerjs/{key}/peers": _peers(*_KEY),
}
