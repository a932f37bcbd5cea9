"""What a member tells operators: how it is called, whence it comes, how its connections do."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from actors.member.messages import Adopt, ReportQuality, SetStatus
from actors.member.quality_kept import HOLDS_SECONDS
from actors.words.keys import MemberKey
from actors.words.quality import Quality
from actors.words.refusals import WrongPin
from actors.words.where_from import WhereFrom
from tests.support.actors import REALM, RecordingClient, open_house, settle

PATH = MemberKey(REALM, "ann").path
LOSSY = Quality(0.2, 0.1, connections=2, at=1700000000.0)


async def test_a_name_is_shown_and_never_logged() -> None:
    async with open_house() as house:
        with capture_logs() as logs:
            ann, _ = await house.people("ann", "bob")
            ann.ref.tell(SetStatus(b'{"displayName":"Zuleika"}', "Zuleika"))
            await settle()
            shown = house.facts(PATH)
        assert shown["name"] == "Zuleika"
        assert shown["room"] == house.facts(MemberKey(REALM, "bob").path)["room"]
        assert (shown["realm"], shown["dialect"]) == (REALM, REALM)
        assert (shown["user"], shown["away"], shown["quality"]) == ("", False, None)
        assert "Zuleika" not in str(logs)
        assert "Zuleika" not in repr(SetStatus(None, "Zuleika"))


async def test_whence_it_comes_is_that_of_its_present_client() -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        assert house.facts(PATH)["address"] == ""
        where = WhereFrom("192.0.2.0/24", "Firefox on Linux")
        with capture_logs() as logs:
            await ann.ref.ask(Adopt(RecordingClient(), "", 10.0, where), within=5)
        shown = house.facts(PATH)
        assert (shown["address"], shown["device"]) == (where.address, where.device)
        (taken_over,) = [line for line in logs if line["event"] == "peer.taken_over"]
        assert taken_over["address"] == where.address


async def test_joins_and_refused_joins_say_whence_they_come_and_are_counted() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        where = WhereFrom("192.0.2.0/24")
        for each in (ann, bob):
            client = RecordingClient()
            await each.ref.ask(Adopt(client, "", 10.0, where), within=5)
        with capture_logs() as logs:
            await ann.enter("red", pin="1")
            with pytest.raises(WrongPin):
                await bob.enter("red", pin="2")
        told = {line["event"]: line["address"] for line in logs if "address" in line}
        assert told == {"peer.joined": where.address, "join.refused": where.address}
        assert house.system.counters.counted("joins_refused") == {(REALM, "wrong_pin"): 1}


async def test_quality_holds_for_a_few_reports(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        ann.ref.tell(ReportQuality(LOSSY))
        await settle()
        assert house.facts(PATH)["quality"] == LOSSY.shown()
        await trio.sleep(HOLDS_SECONDS + 1)
        assert house.facts(PATH)["quality"] is None


async def test_quality_is_that_of_who_is_in_a_call_and_connected() -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        for nothing in (
            ReportQuality(Quality(connections=0)),
            Adopt(RecordingClient(), "", 10.0),
        ):
            ann.ref.tell(ReportQuality(LOSSY))
            ann.ref.tell(nothing)
            await settle()
            assert house.facts(PATH)["quality"] is None
