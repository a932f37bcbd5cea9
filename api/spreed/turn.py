"""The Turn and Stun parts of a Self document: which ICE servers a client may use, and as whom."""

from __future__ import annotations

from collections.abc import Sequence

from api.http.turn_credentials import TTL_SECONDS, issue
from api.settings import IceSettings


def stun_uris(ice: IceSettings) -> list[str]:
    return _uris(ice, ("stun:", "stuns:"))


def turn_uris(ice: IceSettings) -> list[str]:
    return list(dict.fromkeys([*ice.turn_urls, *_uris(ice, ("turn:", "turns:"))]))


def turn_document(ice: IceSettings, session_id: str, now: float) -> dict[str, object]:
    """Return time-limited credentials by the TURN REST scheme, else those of `ice.servers`.

    Never null: clients read its fields unasked. `ttl` is in seconds, 0 means that it does not end.
    """
    if ice.turn_urls and ice.turn_secret:
        credentials = issue(ice.turn_secret, session_id, now)
        return {
            "username": credentials.username,
            "password": credentials.password,
            "ttl": TTL_SECONDS,
            "urls": list(ice.turn_urls),
        }
    for server in ice.servers:
        urls = [url for url in server.urls if url.startswith(("turn:", "turns:"))]
        if urls:
            return {
                "username": server.username,
                "password": server.credential,
                "ttl": 0,
                "urls": urls,
            }
    return {"username": "", "password": "", "ttl": 0, "urls": []}


def _uris(ice: IceSettings, schemes: tuple[str, ...]) -> list[str]:
    urls: Sequence[str] = [url for server in ice.servers for url in server.urls]
    return list(dict.fromkeys(url for url in urls if url.startswith(schemes)))
