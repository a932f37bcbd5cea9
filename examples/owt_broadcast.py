"""Send the first view of a room onto HLS, RTMP or another target, over the OWT management API.

    QUINTET_SERVICE_KEY=... python examples/owt_broadcast.py \\
        http://127.0.0.1:8080 SERVICE meeting https://cdn.example.org/live/index.m3u8

The target may be `rtmp://…`, `rtsp://…`, a playlist of HLS (`.m3u8`) or a manifest of DASH
(`.mpd`): by HTTP, where each file is PUT, or as a file below `streaming.folder` of the server. It
has to be within `streaming.allow`. Needs `httpx`, and `owt_token.py` beside it, which says where
the id and the key of a service come from. It sends until Enter is pressed, or for `--seconds`, also
when all have left the room.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import httpx
from owt_record import mixed
from owt_token import done, room_called, service

PATIENCE = 60.0  # a stream out is answered once it flows


def started(http: httpx.Client, room: str, stream: str, target: str) -> Any:
    """Start to send sound and picture of a stream; return the stream out."""
    source = {"from": stream}
    wanted = {"url": target, "media": {"audio": source, "video": source}}
    return done(http.post(f"/v1/rooms/{room}/streaming-outs", json=wanted)).json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", help="such as http://127.0.0.1:8080")
    parser.add_argument("service", help="the id of the service")
    parser.add_argument("room", help="the name of the room")
    parser.add_argument("target", help="where to, such as rtmp://a.example.org/live/key")
    parser.add_argument("--seconds", type=float, help="how long; without it, until Enter")
    options = parser.parse_args()
    signer = service(options.service)
    with httpx.Client(base_url=options.server, auth=signer, timeout=PATIENCE) as http:
        room = room_called(http, options.room)
        out = started(http, room, mixed(http, room), options.target)
        if options.seconds is None:
            input("sending; press Enter to stop ")
        else:
            time.sleep(options.seconds)
        done(http.delete(f"/v1/rooms/{room}/streaming-outs/{out['id']}"))
        print(f"sent by {out['protocol']} to {out['url']}")


if __name__ == "__main__":
    main()
