"""The API document has the 22 operations, with the fields of the published one (seed 004)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.skyway.openapi import PATHS
from tests.support.apps import app_rules

DOCUMENT: dict[str, Any] = json.loads(json.dumps(PATHS))
REDIRECT = "ip_v4 ip_v6 port"
MEDIUM = "band_width codec media_id rtcp_id payload_type sampling_rate"
CONSTRAINTS = (
    "video videoReceiveEnabled audio audioReceiveEnabled metadata video_params audio_params "
    + MEDIUM
)
REDIRECTS = f"video video_rtcp audio audio_rtcp {REDIRECT}"
DC_INIT = "ordered maxPacketLifeTime maxRetransmits protocol negotiated id priority"
CREDENTIAL = "timestamp ttl authToken"
DC, MC = "/data/connections/{data_connection_id}", "/media/connections/{media_connection_id}"
FIELDS = {
    ("post", "/peers"): (
        f"key domain peer_id turn credential {CREDENTIAL}", "command_type params peer_id token"),
    ("delete", "/peers/{peer_id}"): (None, None),
    ("put", "/peers/{peer_id}/credential"): (
        CREDENTIAL, f"command_type params credential {CREDENTIAL}"),
    ("get", "/peers/{peer_id}/events"): (
        None, "event params peer_id token call_params media_connection_id data_params "
        "data_connection_id remainingSec error_message"),
    ("get", "/peers/{peer_id}/status"): (None, "peer_id disconnected"),
    ("post", "/data"): ("", f"data_id {REDIRECT}"),
    ("delete", "/data/{data_id}"): (None, None),
    ("post", "/data/connections"): (
        f"peer_id token options metadata serialization dcInit {DC_INIT} target_id params data_id "
        f"redirect_params {REDIRECT}", "command_type params data_connection_id data_port"),
    ("delete", DC): (None, None),
    ("put", DC): (f"feed_params data_id redirect_params {REDIRECT}", "command_type data_id"),
    ("get", f"{DC}/events"): (None, "event error_message"),
    ("get", f"{DC}/status"): (
        None, "remote_id buffersize label metadata open reliable serialization type"),
    ("post", "/media"): ("is_video", f"media_id {REDIRECT}"),
    ("delete", "/media/{media_id}"): (None, None),
    ("post", "/media/rtcp"): ("", f"rtcp_id {REDIRECT}"),
    ("delete", "/media/rtcp/{rtcp_id}"): (None, None),
    ("post", "/media/connections"): (
        f"peer_id token target_id constraints {CONSTRAINTS} redirect_params {REDIRECTS}",
        "command_type params media_connection_id"),
    ("delete", MC): (None, None),
    ("post", f"{MC}/answer"): (
        f"constraints {CONSTRAINTS} redirect_params {REDIRECTS}",
        "command_type params video_id audio_id"),
    ("post", f"{MC}/pli"): (REDIRECT, ""),
    ("get", f"{MC}/events"): (
        None, f"event stream_options is_video stream_params media_id {REDIRECT} close_options "
        "error_message"),
    ("get", f"{MC}/status"): (None, "open metadata remote_id ssrc media_id"),
}  # fmt: skip
STATUSES = {
    "/peers": 201, "/data": 201, "/media": 201, "/media/rtcp": 201, f"{MC}/pli": 201,
    "/data/connections": 202, "/media/connections": 202, f"{MC}/answer": 202,
}  # fmt: skip


def fields_of(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "properties":
                yield from inner
            yield from fields_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from fields_of(inner)


def operations() -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, item in DOCUMENT.items():
        for method in item:
            if method != "parameters":
                yield (method, path), item[method]


def test_every_operation_is_documented_and_served() -> None:
    served = {
        (method.lower(), re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app_rules("skyway")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == FIELDS.keys() == {key for key, _ in operations()}
    assert len(served) == 22


@pytest.mark.parametrize(("key", "operation"), list(operations()), ids=lambda part: str(part)[:60])
def test_fields_are_those_of_the_published_document(
    key: tuple[str, str], operation: dict[str, Any]
) -> None:
    asked, answered = FIELDS[key]
    method, path = key
    assert ("requestBody" in operation) is (asked is not None)
    assert set(fields_of(operation.get("requestBody"))) == set((asked or "").split())
    status = 204 if method == "delete" else STATUSES.get(path, 200) if method == "post" else 200
    done = operation["responses"][str(status)]
    assert ("content" in done) is (answered is not None)
    assert set(fields_of(done)) == set((answered or "").split())
    token = {"name": "token", "in": "query", "required": True, "schema": {"type": "string"}}
    assert operation.get("parameters", []) == ([token] if path.startswith("/peers/") else [])


def test_errors_are_documented_in_their_one_form() -> None:
    for _, operation in operations():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert set(fields_of(answer)) == {
                    "command_type", "params", "errors", "field", "message",
                }  # fmt: skip
        assert {"400", "403", "404", "405", "408"} <= operation["responses"].keys()
