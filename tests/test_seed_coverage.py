"""Every operation of the published APIs is listed; what is due is served and shown by a test."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import app_rules

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS: list[dict[str, Any]] = tomllib.loads(
    (ROOT / "tests" / "seed_operations.toml").read_text(encoding="utf-8")
)["operations"]
COUNTS = {"spreed": 7, "owt": 35, "barertc": 4, "auvious": 5, "skyway": 22}
DUE = [operation for operation in OPERATIONS if operation["status"] == "due"]


def title(operation: dict[str, Any]) -> str:
    return f"{operation['method']} {operation['path']}"


def shape(path: str) -> str:
    """Forget the names of parameters and a final slash: `/a/{id}/` and `/a/<key>` are one shape."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path).rstrip("/")


@cache
def served(dialect: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (method, shape(rule.rule)) for rule in app_rules(dialect) for method in rule.methods or ()
    )


@cache
def functions_in(file: str) -> frozenset[str]:
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_list_has_every_operation_of_every_dialect() -> None:
    assert Counter(operation["dialect"] for operation in OPERATIONS) == COUNTS
    assert len(OPERATIONS) == 73


def test_no_operation_is_listed_twice() -> None:
    seen = Counter((operation["method"], shape(operation["path"])) for operation in OPERATIONS)
    assert [operation for operation, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
def test_entry_is_well_formed(operation: dict[str, Any]) -> None:
    assert operation["status"] in {"due", "planned"}
    assert operation["method"] in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert operation["path"].startswith("/")
    assert operation["summary"].endswith(".")
    known = {"dialect", "method", "path", "summary", "status", "tests"}
    assert operation.keys() <= known


@pytest.mark.parametrize("operation", DUE, ids=title)
def test_due_operation_has_a_route(operation: dict[str, Any]) -> None:
    assert (operation["method"], shape(operation["path"])) in served(operation["dialect"])


@pytest.mark.parametrize("operation", DUE, ids=title)
def test_due_operation_has_tests_that_exist(operation: dict[str, Any]) -> None:
    assert operation.get("tests"), "no test is named"
    for test in operation["tests"]:
        file, _, name = test.partition("::")
        assert name in functions_in(file), f"{test} does not exist"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("/api/v1/sessions/{id}/", "/api/v1/sessions/<session_id>"),
        ("/static/img/buddy/{flags}/{imageid}/{idx}", "/static/img/buddy/<f>/<image>/<path:idx>"),
    ],
)
def test_a_route_is_recognised_by_its_shape(ours: str, theirs: str) -> None:
    assert shape(ours) == shape(theirs)


def test_a_catch_all_route_serves_no_operation() -> None:
    assert shape("/<path:room>") != shape("/api/v1/config")
