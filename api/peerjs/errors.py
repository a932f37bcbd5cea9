"""Refusals in the words of PeerJS: one table. Clients show the texts; they match on the types."""

from __future__ import annotations

from enum import Enum

from api.peerjs.wire import error


class BrokerRefusal(Enum):
    """Why a websocket is not taken, as the frame that says so. The names are for the log."""

    INCOMPLETE = error("No id, token, or key supplied to websocket server")
    WRONG_KEY = error("Invalid key provided")
    WRONG_ID = error("Invalid id provided")
    WRONG_TOKEN = error("Invalid token provided")
    TAKEN = error("ID is taken", "ID-TAKEN")
    FULL = error("Server has reached its concurrent user limit")
    PUT_OUT = error("The operator has put you out")
    BUSY = error("Server is busy, try again")


STATUSES = {
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
