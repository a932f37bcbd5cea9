"""Which methods a path takes is told truly: one that only takes POST does not promise GET."""

from __future__ import annotations

import re

import pytest
import trio
from werkzeug.routing import Rule

from api.dialects import BUILT
from api.http.app import App
from tests.support.apps import app_of

NO_SUCH_PATH = {"peerjs", "skyway"}
"""Dialects all of whose paths take GET, or are told apart by themselves."""


def path_of(rule: Rule) -> str:
    """Return a path that this route takes."""
    return re.sub(r"<[^>]*>", "x", rule.rule)


def methods_by_path(rules: list[Rule]) -> dict[str, set[str]]:
    """Return what the routes of each path take, under one name for both forms of slashes."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        if not rule.websocket:
            found.setdefault(path_of(rule).rstrip("/"), set()).update(rule.methods or ())
    return found


async def promises_of(app: App, path: str) -> set[str]:
    """Return the methods that the answers to OPTIONS and to a wrong GET name."""
    client = app.test_client()
    wrong = await client.get(path)
    answers = [await client.options(path), *([wrong] if wrong.status_code == 405 else [])]
    return {method for one in answers for method in one.headers.get("Allow", "").split(", ")}


@pytest.mark.parametrize("dialect", list(BUILT))
def test_a_path_that_does_not_take_get_does_not_promise_it(dialect: str) -> None:
    app = app_of(dialect)
    promised = {
        path: trio.run(promises_of, app, path)
        for path, methods in methods_by_path(list(app.url_map.iter_rules())).items()
        if path and "GET" not in methods
    }
    assert {path: told for path, told in promised.items() if told & {"GET", "HEAD"}} == {}
    assert dialect in NO_SUCH_PATH or any("POST" in told for told in promised.values())
