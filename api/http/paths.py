"""Whose path is this? The prefixes dialects reserve on a listener, and what lies below them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

if TYPE_CHECKING:
    from api.http.mounts import Mount


class Paths:
    """The reserved prefixes of all mounts of one listener.

    A prefix ends at a path segment: `/api` reserves `/api` and `/api/x`, not `/apiary`.
    """

    def __init__(self, mounts: Sequence[Mount], rules: Map) -> None:
        found = [(_bare(prefix), mount) for mount in mounts for prefix in mount.prefixes]
        found.sort(key=lambda pair: len(pair[0]), reverse=True)  # the longest prefix wins
        self._owned = [(prefix, prefix + "/", mount) for prefix, mount in found if prefix]
        prefixes = ["", *(prefix for prefix, _, _ in self._owned)]
        self._maps = {prefix: _map_below(prefix, rules) for prefix in prefixes}

    def owner(self, path: str) -> tuple[str, Mount] | None:
        """Return the prefix that `path` lies below and the mount that reserved it."""
        for prefix, start, mount in self._owned:
            if path == prefix or path.startswith(start):
                return prefix, mount
        return None

    def problem(self, prefix: str, path: str, method: str) -> MethodNotAllowed | NotFound | None:
        """Tell whether the routes below `prefix` alone take this request: None, 404 or 405."""
        adapter = self._maps[prefix].bind("")
        other = path[:-1] if path.endswith("/") else path + "/"
        problem: MethodNotAllowed | NotFound = NotFound()
        for form in (path, other):  # a wrong method is noticed in the form of the route only
            try:
                adapter.match(form, method=method)
            except MethodNotAllowed as error:
                problem = error
            except (NotFound, RequestRedirect):
                continue
            else:
                return None
        return problem

    def allowed(self, prefix: str, path: str) -> set[str]:
        """Return the methods that the routes below `prefix` alone take at this path; "" has all.

        A route without arguments goes before those that take the same path among others.
        """
        adapter = self._maps[prefix].bind("")
        other = path[:-1] if path.endswith("/") else path + "/"
        for form in (path, other):
            with suppress(MethodNotAllowed, NotFound, RequestRedirect):
                found, _ = adapter.match(form, method="OPTIONS", return_rule=True)
                alike = [each for each in adapter.map.iter_rules() if each.rule == found.rule]
                return {method for each in alike for method in each.methods or ()}
        return set()


def is_below(prefix: str, rule: Rule) -> bool:
    """Tell whether a route belongs to a prefix (a catch-all page does not)."""
    return rule.rule == prefix or rule.rule.startswith(prefix + "/")


def _map_below(prefix: str, rules: Map) -> Map:
    chosen = [
        Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods)
        for rule in rules.iter_rules()
        if not rule.websocket and is_below(prefix, rule)
    ]
    return Map(chosen, strict_slashes=False, merge_slashes=False, converters=rules.converters)


def _bare(prefix: str) -> str:
    return prefix.rstrip("/")
