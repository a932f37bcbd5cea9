"""What may be reached outside: addresses in every way they can be written, names, local files."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.places import Places


def infos(*addresses: str) -> list[tuple[object, ...]]:
    """Return what a look-up answers."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in addresses]


@pytest.mark.parametrize(
    ("ip", "allows"),
    [
        ("198.51.100.7", True),
        ("10.1.2.3", True),
        ("2606:4700::7", True),
        ("fd12::7", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("0.1.2.3", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("100.100.100.201", True),
        ("fd00:ec2::254", False),
        ("::ffff:168.63.129.16", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("fe80::7", False),
        ("fe80::7%lo", False),
        ("2606:4700::7%lo", False),
        ("fec0::7", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:198.51.100.7", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::198.51.100.7", True),
        ("64:ff9b:1::7f00:1", False),
        ("2002:7f00:1::7", False),
        ("2002:c633:6407::7", True),
        ("localhost", False),
        ("", False),
    ],
)
def test_without_networks_all_but_this_machine_may_be_reached(ip: str, allows: bool) -> None:
    assert Places().allows(ip) is allows


@pytest.mark.parametrize(
    ("ip", "allows"),
    [
        ("192.168.7.9", True),
        ("::ffff:192.168.7.9", True),
        ("127.0.0.1", True),
        ("192.168.8.9", False),
        ("198.51.100.7", False),
        ("::1", False),
        ("64:ff9b::192.168.7.9", False),
    ],
)
def test_with_networks_only_those(ip: str, allows: bool) -> None:
    assert Places(("192.168.7.0/24", "127.0.0.0/8")).allows(ip) is allows


@given(st.ip_addresses(v=4))
def test_an_address_within_one_of_ipv6_is_judged_as_itself(address: IPv4Address) -> None:
    alone = Places().allows(str(address))
    assert Places().allows(f"::ffff:{address}") is alone
    assert Places().allows(str(IPv6Address((0x64FF9B << 96) | int(address)))) is alone


def test_an_address_of_this_machine_is_none_outside() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("198.51.100.7", 9))
            own = asking.getsockname()[0]
        except OSError:  # no network at all: then this is the only one
            own = "127.0.0.1"
    assert not Places().allows(own)
    assert Places((f"{own}/32",)).allows(own)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "127.1"])
def test_no_way_of_writing_loopback_passes(host: str) -> None:
    with pytest.raises(NotReachable) as refused:
        Places().resolve(host, 80)
    assert refused.value.reason is OutsideTrouble.NOT_ALLOWED
    assert host not in str(refused.value)
    assert Places(("127.0.0.0/8",)).resolve(host, 80) == ["127.0.0.1"]


def test_all_addresses_of_a_name_must_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = infos("198.51.100.7", "198.51.100.8", "198.51.100.7")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert Places().resolve("camera.example", 554) == ["198.51.100.7", "198.51.100.8"]
    found += infos("10.0.0.1", "127.0.0.1")
    with pytest.raises(NotReachable) as refused:
        Places().resolve("camera.example", 554)
    assert refused.value.reason is OutsideTrouble.NOT_ALLOWED


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".example", "", "a\0b", "."])
def test_a_name_without_an_address_cannot_be_reached(host: str) -> None:
    with pytest.raises(NotReachable) as refused:
        Places(("192.0.2.0/24",)).resolve(host, 80)
    assert refused.value.reason in (OutsideTrouble.UNREACHABLE, OutsideTrouble.NOT_ALLOWED)


@pytest.mark.parametrize("port", [0, 65_536, 99_999])
def test_a_port_that_is_none_cannot_be_reached(port: int) -> None:
    with pytest.raises(NotReachable) as refused:
        Places(("127.0.0.0/8",)).resolve("127.0.0.1", port)
    assert refused.value.reason is OutsideTrouble.UNREACHABLE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a file, links that lead out, and one that does not."""
    folder = tmp_path / "films"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "a b.mp4").touch()
    (tmp_path / "films-private").mkdir()
    (tmp_path / "films-private" / "secret").touch()
    (folder / "out").symlink_to(tmp_path / "films-private")
    (folder / "in").symlink_to(folder / "old")
    (folder / "round").symlink_to(folder / "round")
    return folder


@pytest.mark.parametrize(
    ("named", "real"),
    [
        ("file://{0}/old/a%20b.mp4", "old/a b.mp4"),
        ("FILE:{0}/old/a%20b.mp4", "old/a b.mp4"),
        ("file://localhost{0}/new.mp4", "new.mp4"),
        ("{0}/in/a b.mp4", "old/a b.mp4"),
        ("{0}/old/../new.mp4", "new.mp4"),
        ("new/film.mp4", "new/film.mp4"),
    ],
)
def test_a_file_below_the_folder(folder: Path, named: str, real: str) -> None:
    assert Places((), str(folder)).file(named.format(folder)) == folder / real


@pytest.mark.parametrize(
    "named",
    [
        "file:///etc/passwd",
        "{0}",
        "file://{0}/",
        "{0}/../films-private/secret",
        "file://{0}/%2e%2e/films-private/secret",
        "../films-private/secret",
        "{0}-private/secret",
        "{0}/out/secret",
        "{0}/round",
        "file://elsewhere.example{0}/old",
        "file://{0}/old/a%00b",
        "file://{0}/%ff",
        "",
    ],
)
def test_no_file_elsewhere(folder: Path, named: str) -> None:
    with pytest.raises(NotReachable) as refused:
        Places((), str(folder)).file(named.format(folder))
    assert refused.value.reason is OutsideTrouble.NOT_ALLOWED


def test_without_a_folder_there_are_no_files(folder: Path) -> None:
    with pytest.raises(NotReachable):
        Places().file(str(folder / "old" / "a b.mp4"))
