"""The addresses the process listens on: bound once, before anything else starts."""

from __future__ import annotations

import resource
import socket as stdlib_socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from api.http.carriers.hypercorn_seam import tls_context

if TYPE_CHECKING:
    from api.settings import ListenerSettings, Settings

log = structlog.get_logger(__name__)

BACKLOG = 1024


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One bound socket, and what the configuration says of it."""

    settings: ListenerSettings
    socket: stdlib_socket.socket

    @property
    def url(self) -> str:
        """The address in use, with the port that was found for port 0."""
        host, port = self.socket.getsockname()[:2]
        scheme = "https" if self.settings.secure else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def bind_all(settings: Settings) -> list[Listener]:
    """Bind and listen on every configured address. Raises StartError; then none is left bound."""
    bound: list[Listener] = []
    try:
        for listener in settings.listeners:
            bound.append(Listener(listener, _bind(listener)))
    except StartError:
        for each in bound:
            each.socket.close()
        raise
    return bound


def load_tls(listener: ListenerSettings) -> ssl.SSLContext | None:
    """Read a listener's certificate and key; None for a plain one. Raises StartError."""
    if listener.tls_certfile is None or listener.tls_keyfile is None:
        return None
    try:
        return tls_context(str(listener.tls_certfile), str(listener.tls_keyfile))
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise StartError(f"cannot use the certificate of {listener.bind}: {reason}") from None


def raise_file_limit() -> None:
    """Lift the soft limit of open files to the hard one: every client costs a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        log.warning("server.file_limit_kept", soft=soft, hard=hard, reason=str(error))


def _bind(listener: ListenerSettings) -> stdlib_socket.socket:
    try:
        family, kind, protocol, _, address = stdlib_socket.getaddrinfo(
            listener.host, listener.port, type=stdlib_socket.SOCK_STREAM
        )[0]
        sock = stdlib_socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(f"cannot listen on {listener.bind}: {error.strerror}") from None
    try:
        sock.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_REUSEADDR, 1)
        if family == stdlib_socket.AF_INET6:  # "[::]" and "0.0.0.0" are two listeners
            sock.setsockopt(stdlib_socket.IPPROTO_IPV6, stdlib_socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise StartError(f"cannot listen on {listener.bind}: {error.strerror}") from None
    return sock
