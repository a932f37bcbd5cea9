"""The management API for what is in a live room; a scripted actor stands in for the room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.core import Actor, Message
from actors.words import orders
from actors.words.analytics import (
    AnalyticEvent,
    AnalyticView,
    EndAnalytic,
    GetAnalytics,
    StartAnalytic,
)
from actors.words.broadcasts import (
    BroadcastView,
    ChangeBroadcast,
    EndBroadcast,
    GetBroadcasts,
    Outlet,
    StartBroadcast,
)
from actors.words.calls import ChangeCall, EndCall, GetCalls, StartCall
from actors.words.conference_refusals import (
    AnalyticUnknown,
    BroadcastUnknown,
    NotAllowed,
    ParticipantUnknown,
    RecordingUnknown,
    RegionUnknown,
    StreamUnknown,
    TargetUnsatisfying,
    TrackUnknown,
    ViewUnknown,
)
from actors.words.facts import Presence
from actors.words.media_refusals import CannotAnalyse, CannotBroadcast, NoCapacity
from actors.words.permission import Abilities, Permission, PermissionChange
from actors.words.refusals import Busy
from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    AudioWanted,
    ParametersChange,
    RecordingView,
    Resolution,
    SourceChange,
    StatusChange,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoTrack,
    VideoWanted,
    ViewChange,
)
from actors.words.views import (
    AnyStreamChange,
    Area,
    LayoutChange,
    MixedStream,
    PlacedRegion,
    Region,
    RegionChange,
)
from tests.support.owt import Manager, OwtServer, owt_server
from tests.support.scripted_calls import answer_about_calls

BOTH = Abilities(audio=True, video=True)
ANN = Presence("Ann-1", "ann", role="presenter", permission=Permission(BOTH, BOTH))
OPUS = AudioFormat("opus", 48000, 2)
STREAM = Stream(
    "123456",
    "Ann-1",
    AudioTrack("mic", OPUS),
    VideoTrack("camera", VideoFormat("h264", "CB"), VideoParameters(Resolution(640, 480), 30)),
    b'{"name":"desk"}',
)
BROADCAST = BroadcastView(
    "654",
    Outlet("hls", "https://ann:sesame@203.0.113.7/a/b.m3u8?token=sesame"),
    AudioWanted("123456", AudioFormat("aac")),
    VideoWanted("123456", None, VideoParameters(framerate=15)),
    AudioFormat("aac", 48000, 2),
    VideoFormat("h264", "CB"),
)
ANALYTIC = AnalyticView(
    "321",
    "motion",
    None,
    VideoWanted("123456"),
    None,
    VideoFormat("h264", "CB"),
    (AnalyticEvent("motion", b'{"share":0.25}', 1_700_000_000.5),),
    dropped=3,
)
RECORDING = RecordingView(
    "987", AudioWanted("123456"), VideoWanted("123456"), OPUS, VideoFormat("vp8"), "/rec/987.mkv"
)


LEFT = {"left": "0", "top": "0/1", "width": "1/2", "height": 1}
FROM = {"from": "room-common"}
HALF = Region("1", Area(Fraction(0), Fraction(0), Fraction(1, 2), Fraction(1)))
MIX = MixedStream("room-common", "common", AudioTrack("", OPUS), None, (PlacedRegion(HALF),))


def changed_mix(changes: Sequence[AnyStreamChange]) -> MixedStream:
    for change in changes:
        match change:
            case LayoutChange(layout):
                return replace(MIX, layout=layout)
            case RegionChange(index) if index > 0:
                raise RegionUnknown
            case RegionChange(_, stream):
                return replace(MIX, layout=(PlacedRegion(HALF, stream),))
    raise NotAllowed


class ScriptedRoom(Actor[Message]):
    """Notes what it is asked; ids but those above are unknown to it."""

    kind = "room"
    accepts = (Message,)

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.has_capacity = True

    async def handle(self, message: Message) -> object:
        self.asked.append(message)
        match message:
            case orders.GetParticipants():
                return (ANN,)
            case orders.GetStreams():
                return (STREAM, MIX)
            case orders.GetRecordings():
                return (RECORDING,)
            case orders.SetPermissions(peer) | orders.DropParticipant(peer):
                if peer != ANN.peer:
                    raise ParticipantUnknown(peer)
                return ANN
            case orders.ChangeStream(stream, changes):
                if stream == MIX.id:
                    return changed_mix(changes)
                if any(isinstance(each, LayoutChange | RegionChange) for each in changes):
                    raise NotAllowed
                if ViewChange("nowhere", member=True) in changes:
                    raise ViewUnknown
                if stream != STREAM.id:
                    raise StreamUnknown
                if StatusChange("audio", active=False) in changes:
                    raise TrackUnknown  # as if it had none
                return STREAM
            case orders.EndStream(stream):
                if stream != STREAM.id:
                    raise StreamUnknown
            case orders.StartRecording() if not self.has_capacity:
                raise NoCapacity("mix")
            case orders.StartRecording(audio=audio):
                if audio is not None and audio.source != STREAM.id:
                    raise TargetUnsatisfying("audio", "stream")
                return RECORDING
            case orders.ChangeRecording(recording, changes):
                if any(isinstance(change, ParametersChange) for change in changes):
                    raise TargetUnsatisfying("video", "resolution")
                if recording != RECORDING.id:
                    raise RecordingUnknown
                return RECORDING
            case orders.StartStreamingIn():
                return STREAM
            case GetBroadcasts():
                return (BROADCAST,)
            case StartBroadcast() if not self.has_capacity:
                raise NoCapacity("broadcast")
            case StartBroadcast(outlet, audio) if audio is not None and audio.source == "full":
                raise Busy("the room has too many streams out")
            case StartBroadcast(outlet, audio):
                if audio is not None and audio.source != STREAM.id:
                    raise CannotBroadcast("nobody answers there")
                return replace(BROADCAST, outlet=outlet)
            case ChangeBroadcast(broadcast) | EndBroadcast(broadcast):
                if broadcast != BROADCAST.id:
                    raise BroadcastUnknown
                return BROADCAST
            case GetCalls() | StartCall() | ChangeCall() | EndCall():
                return answer_about_calls(message)
            case GetAnalytics():
                return (ANALYTIC,)
            case StartAnalytic() if not self.has_capacity:
                raise NoCapacity("analysis")
            case StartAnalytic("nothing"):
                raise CannotAnalyse("there is no such algorithm here, but black")
            case StartAnalytic("much"):
                raise Busy("the room has too many analytics")
            case StartAnalytic(algorithm, audio, video, _, asked_as):
                return replace(
                    ANALYTIC,
                    algorithm=algorithm,
                    asked_as=asked_as,
                    audio=audio,
                    audio_format=OPUS if audio else None,
                    video=video,
                    video_format=ANALYTIC.video_format if video else None,
                )
            case EndAnalytic(analytic):
                if analytic != ANALYTIC.id:
                    raise AnalyticUnknown
            case orders.EndRecording(recording):
                if recording != RECORDING.id:
                    raise RecordingUnknown
        return None


class Scene:
    def __init__(self, server: OwtServer, manager: Manager, base: str) -> None:
        self.server = server
        self.manager = manager
        self.base = base
        self.room = ScriptedRoom()

    async def ask(self, method: str, path: str, body: Any = None, version: str = "v1") -> Any:
        return await self.manager.ask(method, f"/{version}{self.base}{path}", body)


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[Scene]:
    """A room that nobody is in."""
    async with owt_server(tmp_path) as server:
        manager = server.manager()
        yield Scene(server, manager, f"/rooms/{(await manager.create_room())['_id']}")


@pytest.fixture
async def scene(idle: Scene) -> Scene:
    await idle.server.live(idle.base.removeprefix("/rooms/"), idle.room)
    return idle


def trouble(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


# --- a room that does not live


@pytest.mark.parametrize(
    "what",
    [
        "participants", "streams", "recordings", "streaming-ins", "streaming-outs", "sipcalls",
        "analytics",
    ],
)  # fmt: skip
async def test_nothing_is_in_an_idle_room(idle: Scene, what: str) -> None:
    for path in (f"/{what}", f"/{what}/"):
        assert (await idle.ask("GET", path)).json() == []


MISSING = [
    ("GET", "/participants/x", None, (404, 1005)),
    ("PATCH", "/participants/x", [], (404, 1005)),
    ("DELETE", "/participants/x", None, (404, 1005)),
    ("GET", "/streams/x", None, (404, 1004)),
    ("PATCH", "/streams/x", [], (404, 1004)),
    ("DELETE", "/streams/x", None, (404, 1004)),
    ("PATCH", "/recordings/x", [], (404, 1001)),
    ("DELETE", "/recordings/x", None, (404, 1001)),
    ("PATCH", "/streaming-outs/x", [], (500, 1301)),
    ("DELETE", "/streaming-outs/x", None, (500, 1301)),
    ("PATCH", "/sipcalls/x", [], (500, 1301)),
    ("DELETE", "/sipcalls/x", None, (500, 1301)),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), MISSING)
async def test_what_is_missing_from_an_idle_room(
    idle: Scene, method: str, path: str, body: Any, expected: tuple[int, int]
) -> None:
    assert trouble(await idle.ask(method, path, body)) == expected


@pytest.mark.parametrize(("method", "path", "body", "expected"), MISSING)
async def test_what_is_missing_from_a_live_room(
    scene: Scene, method: str, path: str, body: Any, expected: tuple[int, int]
) -> None:
    assert trouble(await scene.ask(method, path, body)) == expected


async def test_an_idle_room_cannot_be_recorded(idle: Scene) -> None:
    body = {"container": "mkv", "media": {"audio": {"from": "1"}, "video": False}}
    assert trouble(await idle.ask("POST", "/recordings", body)) == (500, 1301)


# --- participants


async def test_participants(scene: Scene) -> None:
    detail = {
        "id": "Ann-1",
        "user": "ann",
        "role": "presenter",
        "permission": {
            "publish": {"audio": True, "video": True},
            "subscribe": {"audio": True, "video": True},
        },
    }
    assert (await scene.ask("GET", "/participants/")).json() == [detail]
    assert (await scene.ask("GET", "/participants/Ann-1")).json() == detail
    updates = [
        {"op": "replace", "path": "/permission/publish/audio", "value": False},
        {
            "op": "replace",
            "path": "/permission/subscribe",
            "value": {"audio": True, "video": False},
        },
    ]
    assert (await scene.ask("PATCH", "/participants/Ann-1", updates)).json() == detail
    assert scene.room.asked[-1] == orders.SetPermissions(
        "Ann-1",
        (
            PermissionChange("publish", "audio", allowed=False),
            PermissionChange("subscribe", "audio", allowed=True),
            PermissionChange("subscribe", "video", allowed=False),
        ),
    )
    dropped = await scene.ask("DELETE", "/participants/Ann-1")
    assert (dropped.status_code, dropped.text) == (200, "")


@pytest.mark.parametrize(
    "updates",
    [
        {},
        [{"op": "add", "path": "/permission/publish", "value": True}],
        [{"op": "replace", "path": "/permission/publish", "value": False}],
        [
            {
                "op": "replace",
                "path": "/permission/publish/audio",
                "value": {"audio": True, "video": True},
            }
        ],
        [{"op": "replace", "path": "/permission/publish/audio", "value": "yes"}],
        [{"op": "replace", "path": "/permission/publish/audio", "value": True, "x": 1}],
        [{"op": "replace", "path": "/permission/publish/audio/x", "value": True}],
    ],
)
async def test_permissions_that_cannot_be(scene: Scene, updates: Any) -> None:
    assert trouble(await scene.ask("PATCH", "/participants/Ann-1", updates)) == (500, 1301)


# --- streams


async def test_streams_in_both_versions(scene: Scene) -> None:
    for path in ("/streams", "/streams/"):
        old, new = [(await scene.ask("GET", path, None, v)).json()[0] for v in ("v1", "v1.1")]
        assert old["media"]["video"]["format"] == {"codec": "h264", "profile": "CB"}
        assert new["media"]["video"]["original"][0]["format"] == {"codec": "h264", "profile": "CB"}
    assert (await scene.ask("GET", "/streams/123456", None, "v1.1")).json() == new
    assert new["info"] == {
        "owner": "Ann-1", "type": "webrtc", "inViews": [], "attributes": {"name": "desk"},
    }  # fmt: skip


async def test_changing_a_stream(scene: Scene) -> None:
    updates = [
        {"op": "add", "path": "/info/inViews", "value": "common"},
        {"op": "remove", "path": "/info/inViews", "value": "other"},
        {"op": "replace", "path": "/media/video/status", "value": "inactive"},
    ]
    answer = await scene.ask("PATCH", "/streams/123456", updates, "v1.1")
    assert answer.json()["id"] == "123456"
    assert scene.room.asked[-1] == orders.ChangeStream(
        "123456",
        (
            ViewChange("common", member=True),
            ViewChange("other", member=False),
            StatusChange("video", active=False),
        ),
    )
    assert (await scene.ask("DELETE", "/streams/123456")).status_code == 200


@pytest.mark.parametrize(
    "updates",
    [
        {},
        [{"op": "add", "path": "/info/inViews", "value": "nowhere"}],
        [{"op": "replace", "path": "/info/layout", "value": []}],
        [{"op": "replace", "path": "/info/layout/0/stream", "value": "123456"}],
        [{"op": "replace", "path": "/media/video/status", "value": "off"}],
        [{"op": "replace", "path": "/media/audio/status", "value": "inactive"}],
    ],
)
async def test_changes_of_a_stream_that_cannot_be(scene: Scene, updates: Any) -> None:
    assert trouble(await scene.ask("PATCH", "/streams/123456", updates)) == (500, 1301)


async def test_the_layout_of_a_mix(scene: Scene) -> None:
    region = {"id": "1", "shape": "rectangle", "area": LEFT}
    placed = [{"stream": "123456", "region": region}, {"region": {"id": "2", "area": LEFT}}]
    update = {"op": "replace", "path": "/info/layout", "value": placed}
    answer = await scene.ask("PATCH", "/streams/room-common", [update], "v1.1")
    assert answer.status_code == 200
    shown = answer.json()["info"]["layout"]
    assert [each.get("stream") for each in shown] == ["123456", None]
    assert [each["region"]["id"] for each in shown] == ["1", "2"]
    for each in shown:
        assert each["region"]["shape"] == "rectangle"
        assert each["region"]["area"] == {
            "left": "0/1", "top": "0/1", "width": "1/2", "height": "1/1",
        }  # fmt: skip


async def test_one_region_of_the_layout_of_a_mix(scene: Scene) -> None:
    update = {"op": "replace", "path": "/info/layout/0/stream", "value": "123456"}
    answer = await scene.ask("PATCH", "/streams/room-common", [update])
    assert [each["stream"] for each in answer.json()["info"]["layout"]] == ["123456"]
    beyond = {**update, "path": "/info/layout/7/stream"}
    answer = await scene.ask("PATCH", "/streams/room-common", [beyond])
    assert trouble(answer) == (500, 1301)
    assert "no such region" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "area",
    [
        {"left": "1/2", "top": "0", "width": "2/3", "height": "1"},
        {"left": "0", "top": "0", "width": "1/0", "height": "1"},
        {"left": "0", "top": "0", "width": "1"},
        {"left": -0.1, "top": 0, "width": 1, "height": 1},
        {"left": "0", "top": "0", "width": "1", "height": "1", "depth": "1"},
    ],
)
async def test_areas_that_cannot_be(scene: Scene, area: Any) -> None:
    placed = [{"stream": "123456", "region": {"id": "1", "shape": "rectangle", "area": area}}]
    update = {"op": "replace", "path": "/info/layout", "value": placed}
    assert trouble(await scene.ask("PATCH", "/streams/room-common", [update])) == (500, 1301)


async def test_without_processing_power_it_is_busy(scene: Scene) -> None:
    scene.room.has_capacity = False
    answer = await scene.ask("POST", "/recordings", {"media": {"audio": False, "video": FROM}})
    assert answer.json() == {"error": {"code": 2001, "message": "Server is busy: mix"}}
    assert answer.status_code == 503


async def test_a_track_that_is_not_there_is_named(scene: Scene) -> None:
    updates = [{"op": "replace", "path": "/media/audio/status", "value": "inactive"}]
    answer = await scene.ask("PATCH", "/streams/123456", updates)
    words = "Operation failed: Stream does NOT contain valid track to mute/unmute"
    assert answer.json() == {"error": {"code": 1301, "message": words}}
    assert (await scene.ask("GET", "/streams/123456")).status_code == 200


# --- recordings


async def test_recordings(scene: Scene) -> None:
    shown = {
        "id": "987",
        "media": {
            "audio": {
                "from": "123456",
                "format": {"codec": "opus", "sampleRate": 48000, "channelNum": 2},
            },
            "video": {"from": "123456", "format": {"codec": "vp8"}, "parameters": {}},
        },
        "storage": {"host": "127.0.0.1", "file": "/rec/987.mkv"},
    }
    assert (await scene.ask("GET", "/recordings/")).json() == [shown]
    body = {
        "container": "mkv",
        "media": {
            "audio": {"from": "123456", "format": {"codec": "OPUS"}},
            "video": {"from": "123456", "parameters": {"framerate": 15}},
        },
    }
    assert (await scene.ask("POST", "/recordings", body)).json() == shown
    assert scene.room.asked[-1] == orders.StartRecording(
        "mkv",
        AudioWanted("123456", AudioFormat("opus")),
        VideoWanted("123456", None, VideoParameters(framerate=15)),
    )
    updates = [
        {"op": "replace", "path": "/media/audio/from", "value": "123456"},
        {"op": "replace", "path": "/media/video/status", "value": "active"},
    ]
    assert (await scene.ask("PATCH", "/recordings/987", updates)).json() == shown
    assert scene.room.asked[-1] == orders.ChangeRecording(
        "987", (SourceChange("audio", "123456"), StatusChange("video", active=True))
    )
    assert (await scene.ask("DELETE", "/recordings/987")).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, 1201)),
        ({"container": "../x", "media": {"audio": False, "video": False}}, (400, 1201)),
        ({"container": "avi", "media": {"audio": False, "video": False}}, (400, 1201)),
        ({"media": {"audio": False}}, (400, 1201)),
        ({"media": {"audio": {"from": "1", "x": 1}, "video": False}}, (400, 1201)),
        ({"media": {"audio": {"from": "nobody"}, "video": False}}, (500, 1301)),
    ],
)
async def test_recordings_that_cannot_be(
    scene: Scene, body: Any, expected: tuple[int, int]
) -> None:
    assert trouble(await scene.ask("POST", "/recordings", body)) == expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("resolution", {"width": 320, "height": 240}),
        ("framerate", 15),
        ("bitrate", "x0.8"),
        ("keyFrameInterval", 2),
        ("framerate", 7),
        ("bitrate", "x7"),
    ],
)
async def test_a_recording_is_not_transcoded(scene: Scene, path: str, value: Any) -> None:
    update = {"op": "replace", "path": f"/media/video/parameters/{path}", "value": value}
    assert trouble(await scene.ask("PATCH", "/recordings/987", [update])) == (500, 1301)


@pytest.mark.parametrize("live_id", ["a%2Fb", "%C3%A9", "a b", "x" * 200, "a.b"])
async def test_ids_of_no_shape_fail(scene: Scene, live_id: str) -> None:
    for what in ("participants", "streams"):
        assert (await scene.ask("GET", f"/{what}/{live_id}")).status_code in (404, 500)


async def test_deleting_the_room_closes_it(scene: Scene) -> None:
    answer = await scene.ask("DELETE", "")
    assert (answer.status_code, answer.text) == (200, "Room deleted")
    assert scene.room.asked[-1] == orders.CloseRoom()
