"""Bodies of strangers: a list with a million wrong entries is refused at the first."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import api
from api.owt.coercion import _to_list
from api.settings.fields import Section

TOLD = {  # what we say, not what we are told
    "BrokenFields", "EndpointDetails", "IceServers", "IceServer", "KeySet",
    "MediaConnectionStatusMessage",
}  # fmt: skip
MANY_VALUED = {"list", "set", "frozenset", "tuple", "dict", "generator"}


def subclasses(cls: type) -> Iterator[type]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def models() -> list[type[BaseModel]]:
    """Return every model of the house but those of the configuration, which is the operator's."""
    for module in pkgutil.walk_packages(api.__path__, "api."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {each for each in subclasses(BaseModel) if each.__module__.startswith("api.")}
    return sorted(
        filter(_is_told, found),
        key=lambda each: (each.__module__, each.__name__),
    )


def _is_told(model: type[BaseModel]) -> bool:
    name, answers = model.__name__, model.__module__.endswith(".answers")
    return not (issubclass(model, Section) or answers or name in TOLD or name.endswith("Answer"))


def unbounded(schema: Any, bounded: bool = False) -> Iterator[str]:
    """Yield kinds of collections that go on after a wrong entry, and have typed entries."""
    if isinstance(schema, dict):
        kind = (
            schema["type"] if isinstance(schema.get("type"), str) else ""
        )  # or a field of that name
        before = schema.get("function", {}) if kind == "function-before" else {}
        bounded = bounded or (isinstance(before, dict) and before.get("function") is _to_list)
        if kind in MANY_VALUED and not (bounded or schema.get("fail_fast")):
            entries = schema.get("items_schema") or schema.get("values_schema") or {}
            if entries.get("type") not in (None, "any"):
                yield kind
        if kind in MANY_VALUED:
            bounded = False
        for key, each in schema.items():
            if key not in ("metadata", "cls", "serialization", "schema_serializer"):
                yield from unbounded(each, bounded)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from unbounded(each, bounded)


def test_there_are_models() -> None:
    names = {each.__name__ for each in models()}
    assert {"SendEventToUser", "PatchEntries", "RoomDocument"} <= names


@pytest.mark.parametrize("model", models(), ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_a_list_in_a_body_is_refused_at_its_first_wrong_entry(model: type[BaseModel]) -> None:
    assert list(unbounded(model.__pydantic_core_schema__)) == []
