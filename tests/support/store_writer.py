"""A process that writes to a store until it is killed, and prints what was acknowledged.

`python -m tests.support.store_writer FILE FIRST_NUMBER URL`; a line is a number and "ok".
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from actors.store.messages import ConferenceRecord, PutConference, PutService, ServiceRecord
from actors.store.place import StorePlace
from actors.store.upgrade import prepare
from tests.support.stores import Store, open_store

WRITERS = 4
OWNER = ServiceRecord("owner", "owner", "", encrypted=False)


def written(number: int) -> ConferenceRecord:
    return ConferenceRecord(f"{number:024d}", OWNER.id, str(number), b"%d" % number * 1000)


async def write(store: Store, number: int) -> None:
    while True:
        await store.ask(PutConference(written(number)))
        print(number, "ok", flush=True)
        number += WRITERS


async def main(place: StorePlace, first: int) -> None:
    prepare(place)
    async with open_store(place) as store, trio.open_nursery() as nursery:
        await store.ask(PutService(OWNER))
        for writer in range(WRITERS):
            nursery.start_soon(write, store, first + writer)


if __name__ == "__main__":
    trio.run(main, StorePlace(Path(sys.argv[1]), sys.argv[3]), int(sys.argv[2]))
