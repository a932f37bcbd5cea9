"""JSON patches (RFC 6902) of rooms, applied within bounds. Pure."""

from __future__ import annotations

import json
from typing import Any, cast

import jsonpatch
from jsonpointer import JsonPointer

from api.owt.json_text import weight
from api.owt.rooms import InvalidRoom

Document = dict[str, Any]
TOO_LARGE = "Room validation failed: it is too large, or no room"


def patched(document: Document, patch: str, most_bytes: int, most_values: int) -> Document:
    """Return the document, which is changed, with a patch applied: a list of operations in JSON.

    All that it copies together has at most `most_values` values and `most_bytes` characters, or a
    few lines would double a document again and again. Raises InvalidRoom for more, or where the
    result is larger than `most_bytes`; JsonPatchException, JsonPointerException.
    """
    found: Any = document
    values_left, bytes_left = most_values, most_bytes
    for operation in json.loads(patch):
        if operation["op"] == "copy" and isinstance(operation.get("from"), str):
            copied = JsonPointer(operation["from"]).resolve(found)
            values, characters = weight(copied, values_left)
            values_left, bytes_left = values_left - values, bytes_left - characters
            if values_left < 0 or bytes_left < 0:
                raise InvalidRoom(TOO_LARGE)
        found = jsonpatch.JsonPatch([operation]).apply(found, in_place=True)
        if not isinstance(found, dict):
            raise InvalidRoom(TOO_LARGE)
    if len(json.dumps(found)) > most_bytes:
        raise InvalidRoom(TOO_LARGE)
    return cast("Document", found)
