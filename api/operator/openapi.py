"""`/-/openapi.json`: the fragments of all mounts of a listener as one OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from api.operator.orders.openapi import ORDER_PATHS
from api.operator.overview.openapi import JSON, LOOKS, answers, body, look
from api.process.version import quintet_version

if TYPE_CHECKING:
    from api.http.mounts import Mount

LOCAL = "#/$defs/"


def _open(id_: str, summary: str, answer: dict[str, Any], *errors: int) -> dict[str, Any]:
    """Return a GET that takes no token."""
    return {"operationId": id_, "summary": summary, "responses": answers({"200": answer}, *errors)}


_NOT_READY = {
    "description": "It starts or drains",
    "content": {JSON: {"schema": {"type": "object"}, "example": {"status": "draining"}}},
}
_METRICS = look("getMetrics", "Prometheus text", "")
_METRICS["responses"]["200"] = body("quintet_ready 1.0\n", "text/plain")

PATHS: dict[str, object] = {
    "/-/healthz": {"get": _open("getHealth", "Whether the process lives", body({"status": "ok"}))},
    "/-/readyz": {
        "get": {
            "operationId": "getReadiness",
            "summary": "Whether clients may be sent here",
            "responses": {"200": body({"status": "ready"}), "503": _NOT_READY},
        }
    },
    "/-/openapi.json": {
        "get": _open("getOpenApi", "This document", body({"openapi": "3.1.0", "paths": {}}))
    },
    "/-/metrics": {"get": _METRICS},
    **LOOKS,
    **ORDER_PATHS,
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
