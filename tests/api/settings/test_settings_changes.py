"""What a running server takes over from a changed file, and what needs a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings, settings_of

TLS = {"tls_certfile": "/a.pem", "tls_keyfile": "/a.key"}


def settings(**tables: Any) -> Settings:
    return settings_of(tables)


@pytest.mark.parametrize(
    ("tables", "applied", "need_restart"),
    [
        ({}, (), ()),
        ({"log": {"level": "debug", "file": "/x"}}, ("log.level", "log.file"), ()),
        ({"log": {"format": "json"}}, (), ("log.format",)),
        ({"limits": {"rooms": 5}}, ("limits.rooms",), ()),
        ({"limits": {"trusted_proxies": ["::1"]}}, ("limits.trusted_proxies",), ()),
        ({"spreed": {"token_file": "/t"}}, ("spreed.token_file",), ()),
        ({"spreed": {"title": "T"}}, (), ("spreed.title",)),
        ({"spreed": {"users": {"enabled": True}}}, (), ("spreed.users.enabled",)),
        ({"listeners": [{"bind": "[::1]:1"}]}, (), ("listeners[0].bind",)),
        ({"skyway": {"peers": 5, "udp_bind": "::1"}}, ("skyway.peers",), ("skyway.udp_bind",)),
        ({"listeners": [{}, {"bind": "h:1"}]}, (), ("listeners",)),
        (
            {"listeners": [{**TLS}]},
            (),
            ("listeners[0].tls_certfile", "listeners[0].tls_keyfile"),
        ),
        (
            {"operator": {"token": "t"}, "limits": {"rooms": 5}},
            ("limits.rooms",),
            ("operator.token",),
        ),
    ],
)
def test_each_change_is_applied_or_needs_a_restart(
    tables: dict[str, Any], applied: tuple[str, ...], need_restart: tuple[str, ...]
) -> None:
    old, new = settings(), settings(**tables)
    found = old.reloadable_diff(new)
    assert (found.applied, found.need_restart) == (applied, need_restart)
    assert not found.need_restart or old.with_reloadable(new) != new
    assert old.with_reloadable(new).reloadable_diff(new).applied == ()


def test_a_certificate_of_a_tls_listener_is_taken_over() -> None:
    old = settings(listeners=[TLS])
    new = settings(listeners=[TLS | {"tls_certfile": "/b.pem"}])
    assert old.reloadable_diff(new).applied == ("listeners[0].tls_certfile",)
    assert old.with_reloadable(new).listeners[0].tls_certfile == Path("/b.pem")


def test_what_needs_a_restart_stays_as_it_was() -> None:
    old, new = settings(), settings(spreed={"title": "New"}, limits={"rooms": 7})
    merged = old.with_reloadable(new)
    assert (merged.spreed.title, merged.limits.rooms) == ("Quintet", 7)
