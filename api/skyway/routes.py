"""The 22 operations: what each is called, and where it is served (fact sheet section 1)."""

from __future__ import annotations

from quart import Blueprint

from api.skyway.data import DataOperations
from api.skyway.media import MediaOperations
from api.skyway.peers import PeerOperations
from api.skyway.rest import Operation, answered, error
from api.skyway.state import SkywayState

PEER = "/peers/<path:peer_id>"  # an id may hold a slash
DATA = "/data/connections"
MEDIA = "/media/connections"
DC = f"{DATA}/<data_connection_id>"
MC = f"{MEDIA}/<media_connection_id>"


def operations(state: SkywayState) -> tuple[Operation, ...]:
    """Return all of them, in the order of the published document."""
    peer, data, media = PeerOperations(state), DataOperations(state), MediaOperations(state)
    of_dc, of_mc = "data_connection_id", "media_connection_id"
    return (
        Operation("POST", "/peers", "PEERS_CREATE", "peer_id", peer.create),
        Operation("DELETE", PEER, "PEERS_DELETE", "peer_id", peer.delete),
        Operation("PUT", f"{PEER}/credential", "PEERS_CREDENTIAL_UPDATE", "credential",
                  peer.renew),
        Operation("GET", f"{PEER}/events", "PEERS_EVENTS", "peer_id", peer.events, polls=True),
        Operation("GET", f"{PEER}/status", "PEERS_STATUS", "peer_id", peer.status),
        Operation("POST", "/data", "DATA_CREATE", "port", data.create),
        Operation("DELETE", "/data/<data_id>", "DATA_DELETE", "data_id", data.delete),
        Operation("POST", DATA, "DATA_CONNECTION_CREATE", "peer_id", data.connect),
        Operation("DELETE", DC, "DATA_CONNECTION_DELETE", of_dc, data.disconnect),
        Operation("PUT", DC, "DATA_CONNECTION_PUT", of_dc, data.change),
        Operation("GET", f"{DC}/events", "DATA_CONNECTION_EVENTS", of_dc, data.events, polls=True),
        Operation("GET", f"{DC}/status", "DATA_CONNECTION_STATUS", of_dc, data.status),
        Operation("POST", "/media", "MEDIA_CREATE", "port", media.create),
        Operation("DELETE", "/media/<media_id>", "MEDIA_DELETE", "media_id", media.delete),
        Operation("POST", "/media/rtcp", "RTCP_CREATE", "port", media.create_rtcp),
        Operation("DELETE", "/media/rtcp/<rtcp_id>", "RTCP_DELETE", "rtcp_id",
                  media.delete_rtcp),
        Operation("POST", MEDIA, "MEDIA_CONNECTION_CREATE", "peer_id", media.call),
        Operation("DELETE", MC, "MEDIA_CONNECTION_DELETE", of_mc, media.disconnect),
        Operation("POST", f"{MC}/answer", "MEDIA_CONNECTION_ANSWER", of_mc, media.answer),
        Operation("POST", f"{MC}/pli", "MEDIA_CONNECTION_PLI", of_mc, media.ask_keyframe),
        Operation("GET", f"{MC}/events", "MEDIA_CONNECTION_EVENTS", of_mc, media.events,
                  polls=True),
        Operation("GET", f"{MC}/status", "MEDIA_CONNECTION_STATUS", of_mc, media.status),
    )  # fmt: skip


def add_routes(blueprint: Blueprint, state: SkywayState) -> None:
    for operation in operations(state):
        blueprint.add_url_rule(
            operation.path,
            operation.command.lower(),
            answered(state, operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )


__all__ = ["add_routes", "error", "operations"]
