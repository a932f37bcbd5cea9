"""The Turn and Stun parts of a Self document: which ICE servers a client may use, and as whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from api.settings import IceSettings

TTL_SECONDS = 3600


def stun_uris(ice: IceSettings) -> list[str]:
    return _uris(ice, ("stun:", "stuns:"))


def turn_uris(ice: IceSettings) -> list[str]:
    return list(dict.fromkeys([*ice.turn_urls, *_uris(ice, ("turn:", "turns:"))]))


def turn_document(ice: IceSettings, session_id: str, now: float) -> dict[str, object]:
    """Return time-limited credentials by the TURN REST scheme, else those of `ice.servers`.

    Never null: clients read its fields unasked. `ttl` is in seconds, 0 means that it does not end.
    """
    if ice.turn_urls and ice.turn_secret:
        name = base64.b64encode(hashlib.sha256(session_id.encode()).digest()).decode()
        username = f"{int(now) + TTL_SECONDS}:{name}"
        mac = hmac.digest(ice.turn_secret.encode(), username.encode(), hashlib.sha1)
        return {
            "username": username,
            "password": base64.b64encode(mac).decode(),
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
