"""JSON patches of rooms, within bounds of what they copy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonpatch import JsonPatchException
from jsonpointer import JsonPointerException

from api.owt.json_text import TooManyValues, read_json, weight
from api.owt.management.patching import patched
from api.owt.rooms import InvalidRoom

ROOM = {"name": "one", "roles": [{"role": "a"}, {"role": "b"}]}


def apply(*operations: dict[str, Any], most_bytes: int = 1000, most_values: int = 100) -> Any:
    return patched(json.loads(json.dumps(ROOM)), json.dumps(operations), most_bytes, most_values)


def test_operations_follow_each_other() -> None:
    found = apply(
        {"op": "test", "path": "/name", "value": "one"},
        {"op": "copy", "from": "/roles/0", "path": "/roles/-"},
        {"op": "replace", "path": "/roles/2/role", "value": "c"},
        {"op": "remove", "path": "/roles/1"},
        {"op": "move", "from": "/name", "path": "/title"},
        {"op": "add", "path": "/x", "value": {"y": None}},
    )
    assert found == {"title": "one", "roles": [{"role": "a"}, {"role": "c"}], "x": {"y": None}}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": "", "value": 5}],
        [{"op": "replace", "path": "", "value": 5}, {"op": "replace", "path": "", "value": {}}],
        [{"op": "add", "path": "/x", "value": "x" * 1000}],
        [{"op": "copy", "from": "", "path": "/x"}] * 12,
        [{"op": "copy", "from": "/name", "path": "/roles/-"}] * 101,
        [{"op": "add", "path": "/x", "value": "x" * 400}]
        + [{"op": "copy", "from": "/x", "path": "/y"}] * 3,
    ],
)
def test_what_grows_too_large_is_refused(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidRoom):
        apply(*operations)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "copy", "from": "/none", "path": "/x"},
        {"op": "copy", "path": "/x"},
        {"op": "copy", "from": "none", "path": "/x"},
        {"op": "add", "path": "/x"},
        {"op": "test", "path": "/name", "value": "two"},
        {"op": "move", "from": "/roles", "path": "/roles/0"},
    ],
)
def test_what_does_not_apply_is_the_librarys_error(operation: dict[str, Any]) -> None:
    with pytest.raises((JsonPatchException, JsonPointerException)):
        apply(operation)


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, (1, 0)), ("abc", (1, 3)), ([], (1, 0)), ([1, ["a"]], (4, 1)), ({"ab": {"c": 1}}, (3, 3))],
)
def test_the_weight_of_a_value(value: object, found: tuple[int, int]) -> None:
    assert weight(value, 100) == found


def test_a_body_has_so_many_values_and_no_more() -> None:
    assert read_json(b"[1,2,3]", 4) == [1, 2, 3]
    for text in (b"[1,2,3]", b'{"a":[1],"b":2}'):
        with pytest.raises(TooManyValues):
            read_json(text, 3)
