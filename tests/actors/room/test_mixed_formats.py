"""Sound of a mixed view in several formats, all of which its one process makes."""

from __future__ import annotations

from actors.jobs.mix import input_of
from actors.streams.services import StreamLimits
from actors.words.orders import ControlStream, Subscribe
from actors.words.streams import AudioFormat, AudioWanted, ViewChange
from media.contract.jobs import AudioTarget, OtherSound, own_mix, sound_name, source_of
from media.contract.session import Direction
from tests.support.conference import Member, conference_spec, open_meeting
from tests.support.mixes import AUTO, COMMON_MIX, the_mix

PCMU = AudioWanted(COMMON_MIX, AudioFormat("pcmu"))
TARGET = AudioTarget("pcmu", 8000, 1)
UNMIX = (ViewChange("common", False),)


async def take(member: Member, wanted: AudioWanted) -> str:
    id_ = await member.order(Subscribe(wanted, None))
    assert id_ is not None
    await member.negotiate(id_, Direction.RECEIVE, ("audio",), ("opus", "pcmu"))
    return id_


async def test_sound_of_a_mix_in_another_format_takes_no_other_process() -> None:
    limits = StreamLimits(processes_per_room=1)
    async with open_meeting(stream_limits=limits) as meeting:
        spec = conference_spec(AUTO)
        ann, bob, cid = [await meeting.member(it, spec=spec) for it in ("ann", "bob", "cid")]
        taken = await take(ann, PCMU)
        job, wanted = the_mix(meeting.engine)
        assert wanted.audio is not None
        assert (wanted.audio.others, wanted.audio.common) == ((OtherSound(TARGET),), False)
        streams = [await each.publish("audio") for each in (ann, bob, cid)]
        others = [await take(each, PCMU) for each in (bob, cid)]
        for stream, output in zip(streams, [taken, *others], strict=True):
            name = sound_name(OtherSound(TARGET, input_of(stream, "audio")))
            assert meeting.sinks()[f"{output}/out/0"] == source_of(job, name)
        opus = await take(bob, AudioWanted(COMMON_MIX))
        own = own_mix(input_of(streams[1], "audio"))
        assert meeting.sinks()[f"{opus}/out/0"] == source_of(job, own)
        await ann.order(ControlStream(streams[0], UNMIX))
        name = sound_name(OtherSound(TARGET))
        assert meeting.sinks()[f"{taken}/out/0"] == source_of(job, name)
        assert list(meeting.engine.jobs.jobs) == [job]


async def test_a_taker_keeps_the_sound_of_all_until_its_own_is_there() -> None:
    async with open_meeting() as meeting:
        spec = conference_spec(AUTO)
        ann = await meeting.member("ann", spec=spec)
        taken = await take(ann, PCMU)
        job, _ = the_mix(meeting.engine)
        end = f"{taken}/out/0"
        meeting.engine.wirings.clear()
        stream = await ann.publish("audio")
        wired = [path for wiring in meeting.engine.wirings for path in wiring if path.sink == end]
        own = sound_name(OtherSound(TARGET, input_of(stream, "audio")))
        common = sound_name(OtherSound(TARGET))
        assert {path.source for path in wired} <= {source_of(job, it) for it in (common, own)}
        assert wired[-1].source == source_of(job, own)
