"""Every operation of the document, driven against the server: its answers fit their schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from api.http.mounts import Place
from api.operator.openapi import document
from api.owt.dialect import OWT
from api.owt.management.openapi import PATHS
from tests.api.owt.test_rest_live import ANALYTIC, BROADCAST, RECORDING, STREAM, ScriptedRoom
from tests.support.owt import SUPER, owt_server
from tests.support.scripted_calls import CALL

STREAM_PATCH = [{"op": "replace", "path": "/media/audio/status", "value": "active"}]
BODIES: dict[str, Any] = {
    "POST /services": {"name": "another", "key": "key"},
    "POST /rooms": {"name": "room"},
    "PUT /rooms/{room}": {"name": "renamed"},
    "PATCH /rooms/{room}": [{"op": "replace", "path": "/name", "value": "again"}],
    "POST /rooms/{room}/tokens": {"user": "ann", "role": "viewer"},
    "PATCH /rooms/{room}/participants/{id}": [],
    "PATCH /rooms/{room}/streams/{id}": STREAM_PATCH,
    "PATCH /rooms/{room}/recordings/{id}": STREAM_PATCH,
    "POST /rooms/{room}/recordings": {"media": {"audio": {"from": STREAM.id}, "video": False}},
    "POST /rooms/{room}/streaming-ins": {
        "connection": {"url": "rtsp://camera"},
        "media": {"audio": "auto", "video": True},
    },
    "POST /rooms/{room}/streaming-outs": {
        "url": "rtmp://203.0.113.7/a/b",
        "media": {"audio": {"from": STREAM.id}, "video": False},
    },
    "POST /rooms/{room}/analytics": {
        "algorithm": "motion",
        "media": {"video": {"from": STREAM.id}},
    },
    "PATCH /rooms/{room}/streaming-outs/{id}": [
        {"op": "replace", "path": "/media/audio/from", "value": STREAM.id}
    ],
    "POST /rooms/{room}/sipcalls": {
        "peerURI": "sip:ann@sip.example.org",
        "mediaIn": {"audio": True, "video": False},
        "mediaOut": {"audio": {"from": STREAM.id}, "video": False},
    },
    "PATCH /rooms/{room}/sipcalls/{id}": [
        {"op": "replace", "path": "/output/media/audio/from", "value": STREAM.id}
    ],
}
IDS = {
    "participants": "Ann-1",
    "streams": STREAM.id,
    "recordings": RECORDING.id,
    "streaming-ins": STREAM.id,
    "streaming-outs": BROADCAST.id,
    "sipcalls": CALL.id,
    "analytics": ANALYTIC.id,
}
OPERATIONS = [
    (path, method)
    for path, operations in PATHS.items()
    for method in operations  # type: ignore[attr-defined]
    if method != "parameters"
]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
async def test_an_operation_answers_as_documented(path: str, method: str, tmp_path: Path) -> None:
    async with owt_server(tmp_path) as server:
        whole = document([OWT.open(server.services)(Place(root=False, secure=False))])
        manager = server.manager()
        service = await server.manager(SUPER).ask("POST", "/services", {"name": "n", "key": "k"})
        room = (await manager.create_room())["_id"]
        await server.live(room, ScriptedRoom())
        kind = path.split("/")[4] if path.count("/") > 4 else "services"
        target = path.format(room=room, id=IDS.get(kind, service.json()["_id"]))
        operation = whole["paths"][path][method]
        short = path.removeprefix("/v1.1").removeprefix("/v1")
        body = BODIES.get(f"{method.upper()} {short}", {} if "requestBody" in operation else None)
        asker = server.manager(SUPER) if path.startswith("/services") else manager
        answer = await asker.ask(method.upper(), target, body)
        described = operation["responses"][str(answer.status_code)]["content"]
        content_type = answer.headers["content-type"].partition(";")[0]
        if "requestBody" in operation:
            _check(whole, operation["requestBody"]["content"]["application/json"], body)
        if content_type == "application/json":
            _check(whole, described[content_type], answer.json())
        assert content_type in described
        expected = 501 if "200" not in operation["responses"] else 200
        assert answer.status_code == expected, answer.text


def _check(whole: dict[str, Any], content: dict[str, Any], instance: Any) -> None:
    jsonschema.Draft202012Validator(
        {**content["schema"], "components": whole["components"]}
    ).validate(instance)
