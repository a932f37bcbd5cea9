"""The API document has every path that is served, with the models that validate."""

from __future__ import annotations

import json

from api.barertc.openapi import paths_below
from tests.support.apps import app_rules

PATHS = paths_below(("/", "/barertc/"))


def test_every_path_is_documented() -> None:
    served = {rule.rule for rule in app_rules("barertc") if "/api/" in rule.rule}
    assert served == set(PATHS)
    assert all(path.startswith("/barertc/") for path in paths_below(("/barertc/",)))


def test_the_document_names_fields_as_the_wire_does() -> None:
    document = json.dumps(PATHS)
    for name in ("APIKey", "JWTToken", "Blocklist", "Usernames", "BeforeID", "msgID", "Kick"):
        assert f'"{name}"' in document
    for name in ("api_key", "before_id"):
        assert f'"{name}"' not in document


def test_every_post_tells_its_errors() -> None:
    for path, operation in json.loads(json.dumps(PATHS)).items():
        if path.endswith("statistics"):
            continue
        assert {"200", "400", "413"} <= set(operation["post"]["responses"]), path
        assert operation["post"]["requestBody"]["content"]["application/json"]["schema"]
