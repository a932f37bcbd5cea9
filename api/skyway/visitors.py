"""Who may ask at all, before any key or token: pages of other sites may not. Pure rules.

Browsers send what pages like: also to this machine, with JSON said to be plain text, for which they
ask nobody first. They only tell where a page is from (`Origin`), and by which name it calls us
(`Host`). A site can have its own name point to this machine, and is its own page's origin then; so
a name counts as ours only if no site can have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from api.http.origins import host_of, origin_refusal
from api.http.proxies import RemoteClient
from api.skyway.errors import Found

PAGE: Found = ("origin", "pages of that origin are not welcome here")
ELSEWHERE: Found = (
    "host",
    "without API keys only programs of this machine are served, at localhost or its address",
)


def visitor_problem(
    caller: RemoteClient,
    origin: str | None,
    forwarded: bool,
    has_keys: bool,
    public_url: str,
    allowed: Sequence[str],
) -> Found | None:
    """Return None where a request is welcome, else what is wrong with it.

    `forwarded`: it says that a proxy has passed it on. Where no API keys are listed (`has_keys`),
    whoever reaches us may do everything, so only this machine may, by a name of its own. A page
    needs an origin of `public_url`, of `allowed`, or of ours by an address or as localhost.
    """
    name = host_of(f"http://{caller.host}") if caller.host else None
    if not has_keys and not _from_here(caller, name, forwarded):
        return ELSEWHERE
    host = (caller.host or "") if _is_ours(name) else ""
    if origin_refusal(origin, host, caller.secure, public_url, allowed) is not None:
        return PAGE
    return None


def _from_here(caller: RemoteClient, name: str | None, forwarded: bool) -> bool:
    """Tell whether a program of this machine asks, with nobody in between."""
    if forwarded and not caller.trusted:
        return False
    if caller.address and not _is_loopback(caller.address):
        return False
    return not caller.host or name == "localhost" or _is_loopback(name or "")


def _is_ours(name: str | None) -> bool:
    """Tell whether a name is one that no site can have point to us."""
    if name == "localhost":
        return True
    try:
        ip_address(name or "")
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
