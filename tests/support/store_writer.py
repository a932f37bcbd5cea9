"""A process that writes to a store until it is killed, and prints what was acknowledged.

`python -m tests.support.store_writer FILE FIRST_NUMBER URL`; a line is a number and "ok".
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from actors.store.messages import Document, PutDocument
from actors.store.place import StorePlace
from actors.store.upgrade import prepare
from tests.support.stores import AMPLE, Store, open_store

WRITERS = 4
OWNER = Document("owner", "owner", "", b"")


def written(number: int) -> Document:
    body = b"%d" % number * 1000
    return Document("written", f"{number:024d}", OWNER.id, body, name=str(number))


def put_written(number: int) -> PutDocument:
    return PutDocument(written(number), AMPLE, owner_kind=OWNER.kind)


async def write(store: Store, number: int) -> None:
    while True:
        await store.ask(put_written(number))
        print(number, "ok", flush=True)
        number += WRITERS


async def main(place: StorePlace, first: int) -> None:
    prepare(place)
    async with open_store(place) as store, trio.open_nursery() as nursery:
        await store.ask(PutDocument(OWNER, AMPLE))
        for writer in range(WRITERS):
            nursery.start_soon(write, store, first + writer)


if __name__ == "__main__":
    trio.run(main, StorePlace(Path(sys.argv[1]), sys.argv[3]), int(sys.argv[2]))
