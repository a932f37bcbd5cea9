"""Mix all streams of a room into its first view and record that, over the OWT management API.

    QUINTET_SERVICE_KEY=... python examples/owt_record.py http://127.0.0.1:8080 SERVICE meeting

Needs `httpx`, and `owt_token.py` beside it, which says where the id and the key of a service come
from. Somebody must be in the room. It records until Enter is pressed, or for `--seconds`, and then
prints the name of the file, on the machine of the server. Whoever sends later is in it as well
where the server has `owt.auto_mix`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import httpx
from owt_token import done, room_called, service


def mixed(http: httpx.Client, room: str) -> str:
    """Put all streams of a room into its first view; return the id of the mixed stream."""
    streams = done(http.get(f"/v1.1/rooms/{room}/streams")).json()
    views = [stream for stream in streams if stream["type"] == "mixed"]
    if not views:
        raise SystemExit("nobody is in the room, or it has no views")
    into = [{"op": "add", "path": "/info/inViews", "value": views[0]["info"]["label"]}]
    for stream in streams:
        if stream["type"] == "forward":
            done(http.patch(f"/v1.1/rooms/{room}/streams/{stream['id']}", json=into))
    return str(views[0]["id"])


def started(http: httpx.Client, room: str, stream: str) -> Any:
    """Start to record sound and picture of a stream; return the recording."""
    source = {"from": stream}
    wanted = {"container": "mkv", "media": {"audio": source, "video": source}}
    return done(http.post(f"/v1.1/rooms/{room}/recordings", json=wanted)).json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", help="such as http://127.0.0.1:8080")
    parser.add_argument("service", help="the id of the service")
    parser.add_argument("room", help="the name of the room")
    parser.add_argument("--seconds", type=float, help="how long; without it, until Enter")
    options = parser.parse_args()
    signer = service(options.service)
    with httpx.Client(base_url=options.server, auth=signer, timeout=30) as http:
        room = room_called(http, options.room)
        recording = started(http, room, mixed(http, room))
        if options.seconds is None:
            input("recording; press Enter to stop ")
        else:
            time.sleep(options.seconds)
        done(http.delete(f"/v1.1/rooms/{room}/recordings/{recording['id']}"))
        print(recording["storage"]["file"])


if __name__ == "__main__":
    main()
