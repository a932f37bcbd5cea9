"""TCP and TLS connections from a thread to checked addresses, all of which one call ends."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from contextlib import suppress

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.places import Places
from media.outside.trust import system_trust


class CheckedConnections:
    """The connections of one input or output. They are made and used before `until`, or fail.

    `until` is a time of time.monotonic(), which whoever uses them sets anew for each step. `close`
    may be called from any thread, everything else from one. `trust` says whose certificates are
    good: None for those that the system trusts.
    """

    def __init__(self, places: Places, trust: ssl.SSLContext | None = None) -> None:
        self.until = time.monotonic()
        self.closed = False
        self._places = places
        self._trust = trust
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._look_ups: queue.SimpleQueue[list[str] | NotReachable] = queue.SimpleQueue()

    def left(self) -> float:
        """Return the seconds until `until`. Raises TimeoutError where there are none."""
        left = self.until - time.monotonic()
        if left <= 0 or self.closed:
            raise TimeoutError
        return left

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first address of a name that takes it.

        Raises NotReachable.
        """
        for address in self._resolve(host, port):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made = self._keep(socket.socket(family, socket.SOCK_STREAM))
            try:
                made.settimeout(self.left())
                made.connect((address, port))
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                self.forget(made)
            else:
                return made
        raise NotReachable(OutsideTrouble.UNREACHABLE, "the server takes no connection")

    def secure(self, plain: socket.socket, name: str) -> ssl.SSLSocket:
        """Return TLS over a connection, with the certificate checked against the name.

        Raises NotReachable; the connection is ended then.
        """
        trust = self._trust or system_trust()
        secured = None
        try:
            plain.settimeout(self.left())
            secured = trust.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
            self._keep(secured)
            secured.do_handshake()
        except (OSError, ValueError) as error:
            self._give_up(plain, secured)
            raise _no_tls(error) from None
        with self._lock:
            self._open.discard(plain)  # its descriptor is the other's now
        return secured

    def forget(self, connection: socket.socket) -> None:
        """End one connection."""
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """End all of them; whoever waits in another thread fails at once."""
        with self._lock:
            self.closed = True
            for connection in self._open:
                with suppress(OSError):
                    # Not that of SSLSocket, which changes what the other thread is using.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._look_ups.put(NotReachable(OutsideTrouble.ENDED, "it was closed here"))

    def _give_up(self, plain: socket.socket, secured: ssl.SSLSocket | None) -> None:
        self.forget(plain)
        if secured is not None:
            self.forget(secured)

    def _keep(self, connection: socket.socket) -> socket.socket:
        with self._lock:
            if not self.closed:
                self._open.add(connection)
                return connection
        connection.close()
        raise NotReachable(OutsideTrouble.ENDED, "it was closed here")

    def _resolve(self, host: str, port: int) -> list[str]:
        """Look a name up in a thread that is left alone where it takes too long.

        The resolver of the system ends by itself, and cannot be ended.
        """
        answers = self._look_ups = queue.SimpleQueue()
        if self.closed:
            raise NotReachable(OutsideTrouble.ENDED, "it was closed here")

        def look_up() -> None:
            try:
                answers.put(self._places.resolve(host, port))
            except NotReachable as error:
                answers.put(error)

        threading.Thread(target=look_up, name="look-up of a name", daemon=True).start()
        try:
            found = answers.get(timeout=self.left())
        except (queue.Empty, TimeoutError):
            raise NotReachable(
                OutsideTrouble.UNREACHABLE, "the name of the server is not found in time"
            ) from None
        if isinstance(found, NotReachable):
            raise found
        return found


def _no_tls(error: Exception) -> NotReachable:
    """Return what an error of a handshake means: refused, gone, too slow, or no name at all."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        what = "certificate" if isinstance(error, ssl.SSLCertVerificationError) else "TLS"
        return NotReachable(OutsideTrouble.REFUSED, f"the {what} of the server is not accepted")
    return NotReachable(OutsideTrouble.UNREACHABLE, "no TLS connection to the server comes about")
