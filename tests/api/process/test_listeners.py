"""Addresses are bound once, before anything else starts, or not at all."""

from __future__ import annotations

import resource
import socket

import pytest

from api.process.listeners import StartError, bind_all, raise_file_limit
from api.settings import Settings
from tests.support.serving import settings_with


def listening_on(*binds: str) -> Settings:
    return settings_with(listeners=[{"bind": bind, "dialects": ["operator"]} for bind in binds])


def test_port_0_is_reported_as_the_port_that_was_found() -> None:
    [listener] = bind_all(listening_on("127.0.0.1:0"))
    with listener.socket:
        port = listener.socket.getsockname()[1]
        assert port
        assert listener.url == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port)):
            assert not listener.socket.getblocking()


def test_ipv6_addresses_are_bracketed_and_leave_ipv4_alone() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    [four] = bind_all(listening_on("0.0.0.0:0"))
    with four.socket:
        port = four.socket.getsockname()[1]
        [six] = bind_all(listening_on(f"[::]:{port}"))
        with six.socket:
            assert six.url == f"http://[::]:{port}"


def test_one_address_in_use_leaves_none_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{busy}: Address already in use"):
            bind_all(listening_on(f"127.0.0.1:{port}", f"127.0.0.1:{busy}"))
    [again] = bind_all(listening_on(f"127.0.0.1:{port}"))
    again.socket.close()


def test_a_name_that_does_not_resolve_is_named() -> None:
    with pytest.raises(StartError, match=r"cannot listen on no\.such\.name\.invalid:1"):
        bind_all(listening_on("no.such.name.invalid:1"))


def test_the_limit_of_open_files_is_lifted_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
