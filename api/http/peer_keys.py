"""API keys of peers: which devices and browsers may use which, and who meets whom. Pure.

A key is a space of names: peers of one key meet each other only. Two dialects follow these rules
without knowing each other: the one of devices, whose configuration lists the keys, and the broker
for browsers, which has one key of its own, `usual` below.

| key | devices | browsers |
|---|---|---|
| any, while none is listed | all of them meet under `usual` | `usual` alone |
| `usual`, while others are listed | no | of any page |
| a listed one | of one of its domains | of pages of one of its domains; with a secret only if it |
| | | takes `browsers`, as they cannot prove who they are |

A key that lists no domains takes any, and browsers that name no page. Where `usual` itself is
listed, it is a key like the others: who lists it says by that who may use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.words.keys import peers_realm
from api.http.credentials import constant_time_equal
from api.http.origins import host_of


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, as configured. With a `secret` its devices have to prove who they are."""

    key: str = field(repr=False)
    domains: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    browsers: bool = False

    def takes_domain(self, domain: str) -> bool:
        """Tell whether a domain is one of the key's, whatever the case; without any, all are."""
        return not self.domains or _bare(domain) in map(_bare, self.domains)


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """Where a device meets others, and by which secret it proves who it is; "" for none."""

    realm: str
    secret: str = field(default="", repr=False)


class PeerKeys:
    """The keys that are listed now; one for the process. How long a check takes tells nothing."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys = tuple(keys)

    def set(self, keys: Iterable[ApiKey]) -> None:
        """Take over what is listed now; who is there already stays. Each key is listed once."""
        self._keys = tuple(keys)

    def for_device(self, key: str, domain: str, usual: str) -> DeviceKey | None:
        """Return what a key and domain are good for; None where a device may not use them."""
        if not self._keys:
            return DeviceKey(peers_realm(usual))
        listed = self._find(key)
        if listed is None or not listed.takes_domain(domain):
            return None
        return DeviceKey(peers_realm(listed.key), listed.secret)

    def secret_of(self, realm: str) -> str | None:
        """Return the secret of the key whose devices meet there; None where it is not listed."""
        return next((it.secret for it in self._keys if peers_realm(it.key) == realm), None)

    def for_browser(self, key: str, origin: str | None, usual: str) -> str | None:
        """Return where those who have this key meet; None where this browser may not use it.

        `origin` is the header Origin of its request, None where there is none.
        """
        listed = self._find(key)
        if listed is None:
            return peers_realm(usual) if constant_time_equal(key, usual) else None
        if listed.secret and not listed.browsers:
            return None
        if listed.domains:
            host = host_of(origin) if origin is not None else None
            if host is None or not listed.takes_domain(host):
                return None
        return peers_realm(listed.key)

    def _find(self, key: str) -> ApiKey | None:
        """Compare with every key, so that the time taken says nothing of where one is."""
        found = None
        for each in self._keys:
            if constant_time_equal(key, each.key):
                found = each
        return found


def _bare(domain: str) -> str:
    return domain.lower().strip("[]")
