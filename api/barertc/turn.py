"""The page's constant TURN: which STUN and TURN servers browsers use, and as whom (sheet 2.5)."""

from __future__ import annotations

from api.http.turn_credentials import issue
from api.settings import IceSettings

PAGE_SECONDS = 86_400  # a page stays open for so long, and asks for no other


def turn_document(ice: IceSettings, user: str, now: float) -> dict[str, object]:
    """Return `{URLs, Username, Credential}`; there is one user for all `turn:` addresses.

    He is issued for `ice.turn_urls`, for a day; without those he is that of the first server of
    `ice.servers` that relays, and other relays are left out.
    """
    urls = [url for server in ice.servers for url in server.urls if _is_stun(url)]
    username = credential = ""
    if ice.turn_urls and ice.turn_secret:
        issued = issue(ice.turn_secret, user, now, PAGE_SECONDS)
        username, credential = issued.username, issued.password
        urls += ice.turn_urls
    else:
        relays = (server for server in ice.servers if not all(map(_is_stun, server.urls)))
        relay = next(relays, None)
        if relay is not None:
            username, credential = relay.username, relay.credential
            urls += [url for url in relay.urls if not _is_stun(url)]
    return {
        "URLs": list(dict.fromkeys(urls)),
        "Username": username,
        "Credential": credential,
    }


def _is_stun(url: str) -> bool:
    return url.startswith(("stun:", "stuns:"))
