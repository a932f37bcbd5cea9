"""Where calls may go: nobody makes a bill, or scans a network, through us."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.words.calls import CallEnd, CallRefused
from api.sip.destinations import Destination, Destinations

ALLOWED = ("pbx.example.org", "10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
TRUNK = "sip:account@provider.example;transport=tcp"
ALL = Destinations(ALLOWED, TRUNK)


@pytest.mark.parametrize(
    ("dialled", "uri", "host", "port", "transport"),
    [
        ("sip:bob@pbx.example.org", "sip:bob@pbx.example.org", "pbx.example.org", 5060, None),
        ("bob@pbx.example.org", "sip:bob@pbx.example.org", "pbx.example.org", 5060, None),
        ("sip:bob@PBX.example.org:5070", "sip:bob@PBX.example.org:5070", "pbx.example.org", 5070,
         None),
        ("sips:bob@pbx.example.org", "sips:bob@pbx.example.org", "pbx.example.org", 5061, "tls"),
        ("sip:pbx.example.org", "sip:pbx.example.org", "pbx.example.org", 5060, None),
        ("sip:a@10.1.2.3;transport=TCP;lr;maddr=8.8.8.8", "sip:a@10.1.2.3;transport=tcp",
         "10.1.2.3", 5060, "tcp"),
        ("sip:a:secret@10.1.2.3;transport=tls", "sip:a@10.1.2.3;transport=tls", "10.1.2.3", 5061,
         "tls"),
        ("sip:a@[2001:DB8:0::1]", "sip:a@[2001:DB8:0::1]", "2001:db8::1", 5060, None),
        ("+49 (30) 1234-5", None, "", 0, None),
        ("+49(30)1234-5", "sip:+493012345@provider.example;transport=tcp", "provider.example",
         5060, "tcp"),
        ("110", "sip:110@provider.example;transport=tcp", "provider.example", 5060, "tcp"),
        ("tel:+49-30-1234;phone-context=x", "sip:+49301234@provider.example;transport=tcp",
         "provider.example", 5060, "tcp"),
        ("sip:1@provider.example", "sip:1@provider.example", "provider.example", 5060, None),
    ],
)  # fmt: skip
def test_what_is_dialled_leads_to(
    dialled: str, uri: str | None, host: str, port: int, transport: None
) -> None:
    if uri is None:
        with pytest.raises(CallRefused) as caught:
            ALL.find(dialled)
        assert caught.value.why is CallEnd.NOT_FOUND
    else:
        assert ALL.find(dialled) == Destination(uri, host, port, transport)


@pytest.mark.parametrize(
    ("dialled", "why"),
    [
        ("sip:bob@192.0.2.8", CallEnd.NOT_ALLOWED),
        ("sip:bob@127.0.0.1", CallEnd.NOT_ALLOWED),
        ("sip:bob@[::ffff:127.0.0.1]", CallEnd.NOT_ALLOWED),
        ("sip:bob@[::1]", CallEnd.NOT_ALLOWED),
        ("", CallEnd.NOT_FOUND),
        ("sip:", CallEnd.NOT_FOUND),
        ("mailto:a@b", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org\n", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org;transport=sctp", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org:0", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org:99999", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org?Route=%3Csip:x%3E", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org, sip:x@y", CallEnd.NOT_FOUND),
        ("sip:" + "a" * 600 + "@pbx.example.org", CallEnd.NOT_FOUND),
        ("sip:ü@pbx.example.org", CallEnd.NOT_FOUND),
        ("sip:bob@pbx.example.org;self=1", CallEnd.NOT_FOUND),  # a name that sipmessage uses
    ],
)
def test_what_is_no_uri_or_not_allowed_is_refused(dialled: str, why: CallEnd) -> None:
    with pytest.raises(CallRefused) as caught:
        ALL.find(dialled)
    assert caught.value.why is why
    assert "bob" not in str(caught.value)


def test_without_a_list_only_the_trunk_is_called() -> None:
    trunk = Destinations((), TRUNK)
    assert trunk.find("110").host == "provider.example"
    for other in ("sip:a@pbx.example.org", "sip:a@10.0.0.1"):
        with pytest.raises(CallRefused):
            trunk.find(other)
    assert trunk.permits("provider.example", "198.51.100.1")
    assert not trunk.permits("pbx.example.org", "198.51.100.1")


def test_without_a_trunk_numbers_go_to_the_server_of_the_room() -> None:
    without = Destinations(ALLOWED, "")
    assert without.find("110", "pbx.example.org:5070").uri == "sip:110@pbx.example.org:5070"
    with pytest.raises(CallRefused, match="no trunk"):
        without.find("110")


def test_a_name_that_is_not_on_the_list_may_lead_to_an_address_that_is() -> None:
    found = ALL.find("sip:a@desk.example")
    assert ALL.permits(found.host, "10.0.0.1")
    assert not ALL.permits(found.host, "8.8.8.8")
    assert ALL.permits("pbx.example.org", "8.8.8.8")


@pytest.mark.parametrize(
    ("asked", "server", "same"),
    [
        ("sip:1@a.example", "sip:x@a.example", True),
        ("sip:1@a.example;transport=tcp", "sip:x@a.example", True),
        ("sips:1@a.example", "sip:x@a.example", True),
        ("sip:1@a.example:5070", "sip:x@a.example:5070", True),
        ("sip:1@a.example:5070", "sip:x@a.example", False),
        ("sip:1@a.example:5061", "sip:x@a.example", False),
        ("sip:1@b.example", "sip:x@a.example", False),
        ("sip:1@a.example:5061;transport=tcp", "sip:x@a.example;transport=tls", False),
        ("sip:1@a.example", "sips:x@a.example", False),
    ],
)
def test_a_password_is_for_its_server_alone(asked: str, server: str, same: bool) -> None:
    to = Destinations(("a.example", "b.example"), "")
    assert to.find(asked).same_server(to.server(server)) is same


@given(
    st.text(max_size=60)
    | st.builds("sip:{}@{}{}".format, st.text(max_size=9), st.text(max_size=20), st.text())
    | st.builds("sip:a@{}".format, st.ip_addresses(v=4).map(str))
)
def test_whatever_is_dialled_is_refused_or_may_be_called(dialled: str) -> None:
    with suppress(CallRefused):
        found = ALL.find(dialled)
        assert found.uri.isprintable()
        try:
            address = ip_address(found.host)
        except ValueError:
            return
        assert any(address in ip_network(net) for net in ALLOWED if ":" in net or "/" in net)
