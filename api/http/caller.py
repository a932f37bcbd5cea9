"""Who sent the current request, as far as proxies are believed."""

from __future__ import annotations

from quart import current_app, request

from api.http.carriers.upgrades import merge_headers
from api.http.proxies import RemoteClient, client_of


def headers() -> dict[str, str]:
    """Return the headers of the current request, names in lower case, repeated ones joined."""
    return merge_headers(request.headers.items())


def client() -> RemoteClient:
    """Return who sent the current request; proxies are believed as limits.trusted_proxies says."""
    scope, peer = request.scope, request.scope.get("client")
    return client_of(
        peer[0] if peer else "",
        headers(),
        scope["scheme"] == "https",
        current_app.services.settings().limits.trusted_proxies,  # type: ignore[attr-defined]  # our app
    )
