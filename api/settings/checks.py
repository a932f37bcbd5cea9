"""What one field cannot see: keys that contradict each other, and files that must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_address
from typing import TYPE_CHECKING

from api.dialects import BUILT, built, dialect
from api.settings.findings import Found, certificate_problems, no_folder
from api.settings.sections import ListenerSettings
from api.settings.telephones import telephone_problems
from api.settings.unknown_values import UNKNOWN, as_far_as_known
from media.webrtc.candidates import announced_address

if TYPE_CHECKING:
    from api.settings.model import Settings


def find_problems(settings: Settings) -> Found:
    """Yield (path of the key, what is wrong) for everything wrong with valid-looking settings.

    Where values are UNKNOWN, a check says what it finds without them.
    """
    for check in (
        _listeners(settings.listeners),
        _bases(settings),
        _files(settings),
        _ice(settings),
        _unreachable(settings),
        telephone_problems(settings.sip),
        *(each.problems(settings) for each in built()),
    ):
        yield from as_far_as_known(check)


def _bases(settings: Settings) -> Found:
    """Find a root dialect that would stand below a path of another one on its listener."""
    for listener in settings.listeners:
        if listener.root not in BUILT:
            continue
        root = dialect(listener.root)
        if not root.base_key:
            continue
        base: str = getattr(settings.section(root.section), root.base_key)
        others = [name for name in listener.dialects if name in BUILT and name != root.name]
        for prefix in (prefix for name in others for prefix in dialect(name).prefixes):
            if base.startswith(f"{prefix}/"):
                yield (
                    (root.name, root.base_key),
                    f"is a path of another dialect on {listener.bind}: {prefix!r}",
                )


def _listeners(listeners: tuple[ListenerSettings, ...]) -> Found:
    if not listeners:
        yield ("listeners",), "needs at least one entry"
    yield from _same_binds(listeners)
    for index, listener in enumerate(listeners):
        pair = certificate_problems(listener.tls_certfile, listener.tls_keyfile)
        for check in (_dialects(listener), pair):
            for path, message in as_far_as_known(check):
                yield ("listeners", index, *path), message


def _same_binds(listeners: tuple[ListenerSettings, ...]) -> Found:
    binds: dict[tuple[str, int], int] = {}
    for index, listener in enumerate(listeners):
        if listener.bind is UNKNOWN:
            continue
        bind = (listener.host.lower(), listener.port)
        if bind[1] and bind in binds:
            yield (
                ("listeners", index, "bind"),
                f"is the same address as that of listeners[{binds[bind]}]",
            )
        binds.setdefault(bind, index)


def _dialects(listener: ListenerSettings) -> Found:
    if not listener.dialects:
        yield ("dialects",), "needs at least one dialect"
    for name, times in Counter(listener.dialects).items():
        if name not in BUILT:
            yield ("dialects",), f"names an unknown dialect: {name!r}{_meant(name, BUILT)}"
        elif times > 1:
            yield ("dialects",), f"names {name!r} twice"
    if listener.root == "operator":
        yield ("root",), "cannot be the operator's pages"
    elif listener.root and listener.root not in listener.dialects:
        yield ("root",), f"is {listener.root!r}, which is not among the listener's dialects"


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _files(settings: Settings) -> Found:
    data_dir = settings.server.data_dir
    if data_dir.exists() and not data_dir.is_dir():
        yield ("server", "data_dir"), f"is not a folder: {data_dir}"
    if settings.log.file is not None:
        if settings.log.file.is_dir():
            yield ("log", "file"), f"is a folder: {settings.log.file}"
        yield from no_folder(("log", "file"), settings.log.file.parent)


def _ice(settings: Settings) -> Found:
    if settings.ice.turn_urls and not settings.ice.turn_secret:
        yield (
            ("ice", "turn_urls"),
            "needs ice.turn_secret; a server with a fixed password belongs into ice.servers",
        )


def _unreachable(settings: Settings) -> Found:
    """Find addresses that stand for all of a machine's, where clients would be told them."""
    listen, announced = settings.ice.listen_ips, settings.ice.announced_ips
    for name, told in (("listen_ips", listen), ("announced_ips", announced)):
        for ip in filter(_stands_for_many, told):
            yield ("ice", name), f"holds {ip}, which is the address of no single host"
    for ip in filter(_stands_for_all, announced):
        yield ("ice", "announced_ips"), f"holds {ip}, which no client can reach"
    for ip in filter(_stands_for_all, listen):
        if announced_address(ip, listen, announced) == ip:
            yield (
                ("ice", "listen_ips"),
                f"holds {ip}, which no client can reach: leave it empty to listen on every "
                f"interface, or give ice.announced_ips an IPv{ip_address(ip).version} address",
            )


def _stands_for_many(ip: str) -> bool:
    return ip_address(ip).is_multicast or ip == "255.255.255.255"


def _stands_for_all(ip: str) -> bool:
    return ip_address(ip).is_unspecified
