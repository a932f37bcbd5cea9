"""Expected trouble with devices, by name; see `refusals` for the rest."""

from __future__ import annotations

from actors.core.errors import Refused


class PeerIdTaken(Refused):
    """Somebody, a browser or a device, has that id."""

    code = "peer_id_taken"


class CredentialWrong(Refused):
    """A credential does not prove who the peer is, or is out of date; the text says which."""

    code = "credential_wrong"


class TooManyConnections(Refused):
    """The peer has as many connections as it may."""

    code = "too_many_connections"


class SocketUnknown(Refused):
    """No UDP socket has that id, or it is of another kind; the text is the field that named it."""

    code = "socket_unknown"


class SocketInUse(Refused):
    """A connection uses the UDP socket, or uses it for another codec; the text is the field."""

    code = "socket_in_use"


class NoSocketFree(Refused):
    """Every UDP port of the range is taken."""

    code = "no_socket_free"


class RedirectForbidden(Refused):
    """Data or media may not be sent to that network; the text is the field that named it."""

    code = "redirect_forbidden"


class NotACall(Refused):
    """That cannot be done with the connection as it is: answered twice, or called by ourselves."""

    code = "not_a_call"


class NotRedirected(Refused):
    """No medium of the connection is sent to that address."""

    code = "not_redirected"
