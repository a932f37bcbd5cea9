"""Where devices may have data and media sent, in every way that an address can be written."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from actors.device.services import DeviceLimits, leads_into
from media.contract.datagrams import ChannelRelay, MessageFormat
from media.contract.plans import Remote


@pytest.mark.parametrize(
    ("networks", "host", "may"),
    [
        (("127.0.0.0/8",), "127.0.0.1", True),
        (("127.0.0.0/8",), "::ffff:127.0.0.1", True),
        (("::/0",), "::ffff:127.0.0.1", False),
        (("::/0",), "::ffff:7f00:1", False),
        (("::/0",), "2001:db8::1", True),
        (("192.0.2.0/24",), "0.0.0.0", False),
        (("0.0.0.0/0",), "::1", False),
        ((), "127.0.0.1", False),
    ],
)
def test_where_something_may_be_sent(networks: tuple[str, ...], host: str, may: bool) -> None:
    limits = DeviceLimits(redirect_allow=tuple(map(ip_network, networks)))
    assert limits.may_redirect((host, 4000)) is may


@pytest.mark.parametrize("host", ["::1%lo", "fe80::1%example.com", "localhost", "127.1", ""])
def test_what_may_be_a_name_is_no_address(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        leads_into((ip_network("::/0"), ip_network("0.0.0.0/0")), (host, 4000))
    with pytest.raises(ValueError, match=r"."):
        ChannelRelay(MessageFormat.RAW, redirect=(host, 4000))


def test_an_address_is_kept_as_it_is_sent_to() -> None:
    mapped = Remote(("::ffff:192.0.2.1", 4000), ("2001:DB8::0", 4001))
    assert mapped == Remote(("192.0.2.1", 4000), ("2001:db8::", 4001))
