"""The document of a listener: fragments joined, shared schemas named once."""

from __future__ import annotations

from typing import Any

from quart import Blueprint

from api.http.mounts import Mount
from api.operator.openapi import document
from api.operator.orders.openapi import ORDER_PATHS
from tests.support.serving import plain_refusal


def operation(form: str) -> dict[str, Any]:
    schema = {
        "type": "array",
        "items": {"$ref": "#/$defs/Outer"},
        "$defs": {
            "Outer": {"properties": {"inner": {"$ref": "#/$defs/Inner"}}},
            "Inner": {"type": form},
        },
    }
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


def mount(dialect: str, paths: dict[str, object]) -> Mount:
    return Mount(dialect, Blueprint(dialect, __name__), (), (), plain_refusal, paths)


def resolved(whole: dict[str, Any], part: Any) -> Any:
    if isinstance(part, dict) and "$ref" in part:
        found = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(whole, found)
    if isinstance(part, dict):
        return {key: resolved(whole, each) for key, each in part.items()}
    return part


def test_definitions_become_components_and_their_forms_stay_apart() -> None:
    paths: dict[str, object] = {
        "/a": {"get": operation("string"), "post": operation("string")},
        "/b": {"get": operation("number")},
    }
    whole = document([mount("one", paths)])
    for path, form in (("/a", "string"), ("/b", "number")):
        answer = whole["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        assert "$defs" not in answer["schema"]
        assert resolved(whole, answer["schema"]["items"]) == {
            "properties": {"inner": {"type": form}}
        }
    assert set(whole["components"]["schemas"]) == {
        "one.Outer", "one.Inner", "one.Outer.2", "one.Inner.2",
    }  # fmt: skip
    assert whole["paths"]["/a"]["get"]["tags"] == ["one"]


def test_every_order_has_a_name_of_its_own_and_examples_of_all_answers() -> None:
    named: list[str] = []
    for operations in document([mount("operator", ORDER_PATHS)])["paths"].values():
        for method, operation in operations.items():
            named.append(operation["operationId"])
            taken = {each["name"] for each in operation["parameters"]}
            assert ("X-Operator" in taken) is (method != "get")
            for status, response in operation["responses"].items():
                if status != "204":
                    assert response["content"]["application/json"]["example"]
    assert len(named) == len(set(named)) == 9
