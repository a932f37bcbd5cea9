"""`/-/openapi.json`: the fragments of all mounts of a listener as one OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from api.process.version import quintet_version

if TYPE_CHECKING:
    from api.http.mounts import Mount

LOCAL = "#/$defs/"
_TOKEN: list[dict[str, list[str]]] = [{"operatorToken": []}]
_ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}


def _answers(*statuses: int, kind: str = "application/json") -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status in statuses:
        if status < 400:
            answers[str(status)] = {"description": "Done", "content": {kind: {"schema": {}}}}
        else:
            content = {"application/json": {"schema": _ERROR}}
            answers[str(status)] = {"description": "Refused", "content": content}
    return answers


def _get(summary: str, answers: dict[str, Any], *, token: bool = True) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": answers}
    if token:
        operation["security"] = _TOKEN
    return {"get": operation}


def _query(name: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "query", "required": True, "schema": schema}


_STOP = {
    "type": "object",
    "required": ["path"],
    "additionalProperties": False,
    "properties": {"path": {"type": "string", "examples": ["/conferencing/rooms/spreed:lobby"]}},
}

PATHS: dict[str, object] = {
    "/-/healthz": _get("Whether the process lives", _answers(200), token=False),
    "/-/readyz": _get("Whether clients may be sent here", _answers(200, 503), token=False),
    "/-/openapi.json": _get("This document", _answers(200), token=False),
    "/-/metrics": _get("Prometheus text", _answers(200, 401, 429, kind="text/plain")),
    "/-/actors": _get("The live actor tree", _answers(200, 401, 429)),
    "/-/people": {
        "get": {
            **_get("Who is on a chat site, and who is banned", _answers(200, 401, 404, 429, 503))[
                "get"
            ],
            "parameters": [_query("realm", "barertc"), _query("name", "site")],
        }
    },
    "/-/actors/stop": {
        "post": {
            "summary": "Stop one actor",
            "security": _TOKEN,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _STOP}}},
            "responses": _answers(202, 400, 401, 404, 409, 413, 429),
        }
    },
}


def document(mounts: Iterable[Mount]) -> dict[str, Any]:
    """Return one document; every operation is tagged with its dialect.

    What a fragment defines beside a schema (`$defs`) becomes a component named for the dialect.
    """
    paths: dict[str, Any] = {}
    components = Components()
    schemes: dict[str, object] = {"operatorToken": {"type": "http", "scheme": "bearer"}}
    for mount in mounts:
        schemes |= mount.security_schemes
        for path, operations in (mount.openapi or {}).items():
            item = paths.setdefault(path, {})
            for method, operation in dict(operations).items():  # type: ignore[call-overload]
                tagged = isinstance(operation, dict) and method != "parameters"
                found = {**operation, "tags": [mount.dialect]} if tagged else operation
                item[method] = components.hoisted(found, mount.dialect)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quintet", "version": quintet_version()},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "securitySchemes": schemes,
        },
    }


class Components:
    """The schemas that several operations share, each under a name of its own."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}

    def hoisted(self, part: Any, dialect: str) -> Any:
        """Return a part of a document with its `$defs` moved here."""
        match part:
            case {"$defs": dict(defined), **rest}:
                return _renamed(rest, self._take(defined, dialect))
            case dict():
                return {key: self.hoisted(each, dialect) for key, each in part.items()}
            case list() | tuple():
                return [self.hoisted(each, dialect) for each in part]
        return part

    def _take(self, defined: dict[str, Any], dialect: str) -> dict[str, str]:
        """Take definitions in; one model may come in two forms, for requests and for answers."""
        form = repr(sorted(defined.items()))
        names = {name: self._name(f"{dialect}.{name}", form) for name in defined}
        for name, schema in defined.items():
            self.schemas[names[name]] = _renamed(schema, names)
        return names

    def _name(self, name: str, form: str) -> str:
        taken = sum(1 for known, _ in self._names if known == name)
        return self._names.setdefault((name, form), f"{name}.{taken + 1}" if taken else name)


def _renamed(part: Any, names: dict[str, str]) -> Any:
    match part:
        case {"$ref": str(ref), **rest} if ref.startswith(LOCAL):
            return {"$ref": f"#/components/schemas/{names[ref.removeprefix(LOCAL)]}", **rest}
        case dict():
            return {key: _renamed(each, names) for key, each in part.items()}
        case list() | tuple():
            return [_renamed(each, names) for each in part]
    return part
