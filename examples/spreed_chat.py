"""Join a room over the Spreed WebRTC channelling websocket, say one sentence, and leave.

    python examples/spreed_chat.py http://127.0.0.1:8080 my-room "Good morning"

Needs `trio` and `trio-websocket`. Everybody in the room, in browsers too, sees the sentence.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import trio
from trio_websocket import WebSocketConnection, open_websocket_url


async def send(socket: WebSocketConnection, kind: str, document: dict[str, Any]) -> None:
    """Send one document in the envelope of the channelling API."""
    await socket.send_message(json.dumps({"Type": kind, kind: document}))


async def wait_for(
    socket: WebSocketConnection, kind: str, sender: str | None = None
) -> dict[str, Any]:
    """Return the next document of this kind, passing over others; an Error ends the program."""
    while True:
        envelope = json.loads(await socket.get_message())
        data = envelope["Data"]
        if data["Type"] == "Error":
            raise SystemExit(f"refused: {data['Message']} ({data['Code']})")
        if data["Type"] == kind and sender in (None, envelope.get("From")):
            return data


async def say(base: str, room: str, name: str, sentence: str) -> None:
    async with open_websocket_url(base.replace("http", "ws", 1) + "/ws") as socket:
        # The server speaks first: Self holds our id, and a token to resume this session with.
        me = await wait_for(socket, "Self")

        await send(socket, "Hello", {"Version": "1.0.0", "Ua": "example", "Name": room})
        welcome = await wait_for(socket, "Welcome")
        others = [user for user in welcome["Users"] if user["Id"] != me["Id"]]
        print(f"joined {welcome['Room']['Name']!r} with {len(others)} other(s)")

        # Most documents are nested once more under their own name.
        await send(socket, "Status", {"Type": "Status", "Status": {"displayName": name}})
        chat = {"Message": sentence, "Time": "", "NoEcho": False}
        await send(socket, "Chat", {"Type": "Chat", "To": "", "Chat": chat})
        echo = await wait_for(socket, "Chat", me["Id"])  # without NoEcho we hear ourselves, too
        print(f"said: {echo['Chat']['Message']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Say one sentence in a room.")
    parser.add_argument("base", help="where the server is: http://host:port")
    parser.add_argument("room")
    parser.add_argument("sentence")
    parser.add_argument("--name", default="Example")
    parser.add_argument("--within", type=float, default=10.0, help="give up after seconds")
    options = parser.parse_args()

    async def run() -> None:
        with trio.fail_after(options.within):
            await say(options.base.rstrip("/"), options.room, options.name, options.sentence)

    trio.run(run)


if __name__ == "__main__":
    main()
