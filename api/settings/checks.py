"""What one field cannot see: keys that contradict each other, and files that must be there."""

from __future__ import annotations

import os
import ssl
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from api.settings.lines import KeyPath
from api.settings.sections import BUILT_DIALECTS, DIALECTS, ListenerSettings
from media.webrtc.candidates import announced_address

if TYPE_CHECKING:
    from api.settings.model import Settings

Found = Iterator[tuple[KeyPath, str]]


def find_problems(settings: Settings) -> Found:
    """Yield (path of the key, what is wrong) for everything wrong with valid-looking settings."""
    yield from _listeners(settings.listeners)
    yield from _files(settings)
    yield from _users(settings)
    yield from _ice(settings)
    yield from _owt(settings)
    yield from _auvious(settings)
    yield from _twins(settings)


def _listeners(listeners: tuple[ListenerSettings, ...]) -> Found:
    if not listeners:
        yield ("listeners",), "needs at least one entry"
    binds: dict[tuple[str, int], int] = {}
    for index, listener in enumerate(listeners):
        bind = (listener.host.lower(), listener.port)
        if bind[1] and bind in binds:
            yield (
                ("listeners", index, "bind"),
                f"is the same address as that of listeners[{binds[bind]}]",
            )
        binds.setdefault(bind, index)
        for path, message in (*_dialects(listener), *_tls(listener)):
            yield ("listeners", index, *path), message


def _dialects(listener: ListenerSettings) -> Found:
    if not listener.dialects:
        yield ("dialects",), "needs at least one dialect"
    for name, times in Counter(listener.dialects).items():
        if name not in DIALECTS:
            yield ("dialects",), f"names an unknown dialect: {name!r}{_meant(name, DIALECTS)}"
        elif name not in BUILT_DIALECTS:
            yield ("dialects",), f"names {name!r}, which this version does not serve yet"
        elif times > 1:
            yield ("dialects",), f"names {name!r} twice"
    if listener.root == "operator":
        yield ("root",), "cannot be the operator's pages"
    elif listener.root and listener.root not in listener.dialects:
        yield ("root",), f"is {listener.root!r}, which is not among the listener's dialects"


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _tls(listener: ListenerSettings) -> Found:
    cert, key = listener.tls_certfile, listener.tls_keyfile
    if cert is None and key is None:
        return
    if cert is None or key is None:
        lone, other = ("tls_keyfile", "tls_certfile")[:: 1 if cert is None else -1]
        yield (lone,), f"needs {other} beside it"
        return
    unreadable = [*_unreadable(("tls_certfile",), cert), *_unreadable(("tls_keyfile",), key)]
    yield from unreadable
    if not unreadable:
        try:  # an encrypted key would ask on the terminal: an empty passphrase fails instead
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, lambda: "")
        except (ssl.SSLError, OSError, ValueError):
            yield (
                ("tls_certfile",),
                "and tls_keyfile are not a certificate and its unencrypted key",
            )


def _unreadable(path: KeyPath, file: Path) -> Found:
    if not file.is_file():
        yield path, f"names a file that is not there: {file}"
    elif not os.access(file, os.R_OK):
        yield path, f"names a file that may not be read: {file}"


def _no_folder(path: KeyPath, folder: Path) -> Found:
    if not folder.is_dir():
        yield path, f"names a folder that is not there: {folder}"


def _files(settings: Settings) -> Found:
    data_dir = settings.server.data_dir
    if data_dir.exists() and not data_dir.is_dir():
        yield ("server", "data_dir"), f"is not a folder: {data_dir}"
    if settings.log.file is not None:
        if settings.log.file.is_dir():
            yield ("log", "file"), f"is a folder: {settings.log.file}"
        yield from _no_folder(("log", "file"), settings.log.file.parent)
    if settings.spreed.token_file is not None:
        yield from _unreadable(("spreed", "token_file"), settings.spreed.token_file)
    if settings.spreed.web_client is not None:
        yield from _no_folder(("spreed", "web_client"), settings.spreed.web_client)
    if settings.auvious.broker.tls_ca_file is not None:
        yield from _unreadable(
            ("auvious", "broker", "tls_ca_file"), settings.auvious.broker.tls_ca_file
        )
    if settings.barertc.web_client is not None:
        yield from _no_folder(("barertc", "web_client"), settings.barertc.web_client)


def _users(settings: Settings) -> Found:
    spreed = settings.spreed
    if spreed.users.mode == "httpheader" and not settings.limits.trusted_proxies:
        yield (
            ("spreed", "users", "mode"),
            'is "httpheader", which needs limits.trusted_proxies: without it anyone could send '
            "the header",
        )
    if spreed.require_access_token and spreed.token_file is None:
        yield ("spreed", "require_access_token"), "needs spreed.token_file: nobody could get in"


def _ice(settings: Settings) -> Found:
    if settings.ice.turn_urls and not settings.ice.turn_secret:
        yield (
            ("ice", "turn_urls"),
            "needs ice.turn_secret; a server with a fixed password belongs into ice.servers",
        )
    yield from _unreachable(settings.ice.listen_ips, settings.ice.announced_ips)


def _unreachable(listen: tuple[str, ...], announced: tuple[str, ...]) -> Found:
    """Find addresses that stand for all of a machine's, where clients would be told them."""
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


def _owt(settings: Settings) -> Found:
    for kind in ("super", "sample"):
        key = getattr(settings.owt, f"{kind}_service_key")
        if key and not getattr(settings.owt, f"{kind}_service_id"):
            yield ("owt", f"{kind}_service_key"), f"needs {kind}_service_id beside it"
    owt, at_once = settings.owt, "who comes back is sent all that was kept at once"
    if owt.queued_messages >= owt.outbox_messages:  # the answer to its relogin goes first
        yield (
            ("owt", "queued_messages"),
            f"must be below outbox_messages ({owt.outbox_messages}): {at_once}",
        )
    if owt.queued_bytes > owt.outbox_bytes:
        yield (
            ("owt", "queued_bytes"),
            f"must not be above outbox_bytes ({owt.outbox_bytes}): {at_once}",
        )


def _auvious(settings: Settings) -> Found:
    for index, client in enumerate(settings.auvious.clients):
        path = ("auvious", "clients", index)
        if client.public and "client_credentials" in client.grants:
            yield (
                (*path, "grants"),
                "cannot have client_credentials: a public client has no secret to prove itself by",
            )
        if client.public and client.secret:
            yield (*path, "secret"), "is never asked for: the client is public"
    names = [client.secret_name for client in settings.auvious.clients]
    ids = [client.id for client in settings.auvious.clients]
    for index, name in enumerate(names):
        if name in names[:index] and ids[index] not in ids[:index]:
            yield (
                ("auvious", "clients", index, "id"),
                f"is {name} in secrets.toml, as an earlier entry: they would share a secret",
            )
    clients = {(client.organization, client.id) for client in settings.auvious.clients}
    for index, user in enumerate(settings.auvious.users):
        if (user.organization, user.id) in clients:
            yield (
                ("auvious", "users", index, "id"),
                "is that of a client of the same organization: they would share endpoints",
            )


def _twins(settings: Settings) -> Found:
    tables: dict[tuple[str, str, str], Iterable[str]] = {
        ("barertc", "channels", "id"): (entry.id for entry in settings.barertc.channels),
        ("auvious", "clients", "id"): (entry.id for entry in settings.auvious.clients),
        ("auvious", "users", "id"): (entry.id for entry in settings.auvious.users),
        ("skyway", "api_keys", "key"): (entry.key for entry in settings.skyway.api_keys),
    }
    for (section, table, key), values in tables.items():
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                yield (section, table, index, key), "is that of an earlier entry"
            seen.add(value)
