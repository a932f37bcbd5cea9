"""Which addresses published clients build, and which of them a listener serves. Pure.

From its options `path` and `key` a client builds `{path}{key}/id`, `{path}{key}/peers` and
`{path}peerjs` for the websocket; `path` begins and ends with a slash by then. The word in the
websocket's address is always "peerjs", whatever the key.

| option `path` | http | websocket | served |
|---|---|---|---|
| none, "/" | `/{key}/id` | `/peerjs` | everywhere for the key "peerjs"; at a root for any |
| "/peerjs" | `/peerjs/{key}/id` | `/peerjs/peerjs` | everywhere |
| peerjs.path | `{path}{key}/id` | `{path}peerjs` | where peerjs is the root of the listener |
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/peerjs"


@dataclass(frozen=True, slots=True)
class BrokerPaths:
    """Paths to say what this is, those with `/id` and `/peers` below them, and of websockets.

    `prefixes` are reserved on the listener.
    """

    infos: list[str]
    keyed: list[str]
    websockets: list[str]
    prefixes: tuple[str, ...]


def paths_of(base: str, *, root: bool) -> BrokerPaths:
    """Return the paths of one listener; `base` is peerjs.path."""
    bases = ["/", f"{HOME}/"] if not root else list(dict.fromkeys([base, "/", f"{HOME}/"]))
    infos = [HOME]
    keyed = [HOME, f"{HOME}/<key>"]
    if root:
        infos.append(base.rstrip("/") or "/")
        keyed.append(f"{base}<key>")
    return BrokerPaths(
        infos=list(dict.fromkeys(infos)),
        keyed=list(dict.fromkeys(keyed)),
        websockets=[f"{each}peerjs" for each in bases],
        prefixes=(HOME, base.rstrip("/")) if root and base != "/" else (HOME,),
    )
