"""The STUN and TURN servers that a client is told before it connects."""

from __future__ import annotations

from api.auvious.bodies import IceServer, IceServers
from api.http.turn_credentials import issue
from api.settings import IceSettings


def ice_servers(ice: IceSettings, user: str, now: float) -> IceServers:
    """Return those of `ice.servers`, and those of `ice.turn_urls` with a password that expires."""
    servers = [
        IceServer(urls=list(server.urls), username=server.username, credential=server.credential)
        for server in ice.servers
    ]
    if ice.turn_urls and ice.turn_secret:
        credentials = issue(ice.turn_secret, user, now)
        servers.append(
            IceServer(
                urls=list(ice.turn_urls),
                username=credentials.username,
                credential=credentials.password,
            )
        )
    return IceServers(iceServers=servers)
