"""Bring a camera into a room, over the OWT management API, until Enter is pressed.

    QUINTET_SERVICE_KEY=... QUINTET_CAMERA=rtsp://viewer:secret@192.168.7.20/1 \
        python examples/owt_camera.py http://127.0.0.1:8080 SERVICE meeting

Needs `httpx`, and `owt_token.py` beside it, which says where the id and the key of a service come
from. QUINTET_CAMERA is an address of RTSP, RTMP or HTTP: it may hold a password, so it is no
argument, which others could see. With `--view`, the camera is in that mixed view, too.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

import httpx
from owt_token import done, room_called, service

OPENING_SECONDS = 60.0  # more than the server gives a camera


def pulled(http: httpx.Client, room: str, camera: str) -> Any:
    """Have the server pull a camera into a room; return the stream."""
    wanted = {"connection": {"url": camera}, "media": {"audio": "auto", "video": True}}
    path = f"/v1.1/rooms/{room}/streaming-ins"
    return done(http.post(path, json=wanted, timeout=OPENING_SECONDS)).json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", help="such as http://127.0.0.1:8080")
    parser.add_argument("service", help="the id of the service")
    parser.add_argument("room", help="the name of the room")
    parser.add_argument("--view", help="the label of a mixed view to be in, such as common")
    parser.add_argument("--seconds", type=float, help="how long; without it, until Enter")
    options = parser.parse_args()
    signer = service(options.service)
    camera = os.environ.get("QUINTET_CAMERA")
    if not camera:
        raise SystemExit("set QUINTET_CAMERA to the address of the camera")
    with httpx.Client(base_url=options.server, auth=signer, timeout=30) as http:
        room = room_called(http, options.room)
        stream = pulled(http, room, camera)
        print(f"stream {stream['id']}: {', '.join(stream['media'])}")
        if options.view is not None:
            into = [{"op": "add", "path": "/info/inViews", "value": options.view}]
            done(http.patch(f"/v1.1/rooms/{room}/streams/{stream['id']}", json=into))
        if options.seconds is None:
            input("the camera is in the room; press Enter to end it ")
        else:
            time.sleep(options.seconds)
        done(http.delete(f"/v1.1/rooms/{room}/streaming-ins/{stream['id']}"))


if __name__ == "__main__":
    main()
