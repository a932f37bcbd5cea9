"""A room with streams among its members: publishing, subscribing, and who hears of what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from actors.conference_orders import (
    GetStreams,
    Unpublish,
)
from actors.domain.events import SessionEnded, SessionReady, StreamAdded, StreamRemoved
from actors.domain.streams import AudioFormat, SessionEnd, VideoFormat
from tests.fakes.media import FakeEngine
from tests.support.actors import open_house, settle
from tests.support.conference import Meeting


@asynccontextmanager
async def open_meeting(**media: Any) -> AsyncIterator[Meeting]:
    engine = FakeEngine()
    async with open_house(engine=engine, **media) as house:
        yield Meeting(house, engine)


async def test_a_stream_is_shown_to_all_once_its_media_can_flow() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        id_ = await ann.publish()
        (added,) = bob.told(StreamAdded)
        assert ann.told(StreamAdded) == [added]
        assert ann.facts.index(SessionReady(id_)) < ann.facts.index(added)
        stream = added.stream
        assert (stream.id, stream.owner) == (id_, "ann")
        assert stream.audio is not None
        assert stream.video is not None
        assert stream.audio.format == AudioFormat("opus", 48_000, 2)
        assert stream.video.format == VideoFormat("vp8")
        assert await meeting.manage(GetStreams()) == (stream,)


async def test_a_subscriber_gets_what_is_published() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        assert bob.is_ready(taken)
        assert meeting.sinks() == {
            f"{taken}/out/0": f"{stream}/in/0",
            f"{taken}/out/1": f"{stream}/in/1",
        }
        await ann.order(Unpublish("", "", stream))
        await settle()
        assert bob.told(StreamRemoved) == [StreamRemoved(stream)]
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert not ann.told(SessionEnded)
        assert not [id_ for id_ in meeting.engine.sessions if not id_.startswith("client/")]
