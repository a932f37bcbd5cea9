"""The API document has every path that is served, with the models that validate."""

from __future__ import annotations

import json
import re

from api.auvious.openapi import PATHS, SECURITY_SCHEMES
from tests.support.apps import app_rules


def test_every_path_and_method_is_documented() -> None:
    served = {
        (re.sub(r"<[^>]*>", "{id}", rule.rule), method.lower())
        for rule in app_rules("auvious")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("//")
        and not rule.websocket
        and not rule.endpoint.endswith("_astray")  # they answer 404 and 405
    }
    documented = {
        (path, method)
        for path, item in json.loads(json.dumps(PATHS)).items()
        for method in item
        if method != "parameters"
    }
    assert served == documented


def test_the_document_names_fields_as_the_wire_does() -> None:
    document = json.dumps(PATHS)
    for name in ("keepAliveSeconds", "serverKeepAliveReminderOn", "userEndpointId", "masks"):
        assert name in document
    assert "keep_alive" not in document
    assert SECURITY_SCHEMES.keys() == {"auviousToken"}
