"""Room documents: defaults, bounds and words of the original, and the rules made of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.words.permission import Abilities, Permission
from api.owt.rooms import InvalidRoom, ViewConflict, permission_of, read_room, room_spec

ROOM = "5d2f0a3b4c5d6e7f80910a1b"


def document(**options: Any) -> dict[str, Any]:
    return read_room({"name": "lecture", **options}).as_json()


def test_a_bare_name_makes_the_default_room() -> None:
    room = document()
    assert room["inputLimit"] == room["participantLimit"] == -1
    assert [role["role"] for role in room["roles"]] == [
        "presenter", "viewer", "audio_only_presenter", "video_only_viewer", "sip",
    ]  # fmt: skip
    assert room["roles"][1] == {
        "role": "viewer",
        "publish": {"audio": False, "video": False},
        "subscribe": {"audio": True, "video": True},
    }
    assert room["views"] == [
        {
            "label": "common",
            "audio": {
                "format": {"codec": "opus", "sampleRate": 48000, "channelNum": 2},
                "vad": True,
            },
            "video": {
                "format": {"codec": "vp8"},
                "parameters": {
                    "resolution": {"width": 640, "height": 480},
                    "framerate": 24,
                    "keyFrameInterval": 100,
                },
                "maxInput": 16,
                "motionFactor": 0.8,
                "bgColor": {"r": 0, "g": 0, "b": 0},
                "keepActiveInputPrimary": False,
                "layout": {"fitPolicy": "letterbox", "templates": {"base": "fluid", "custom": []}},
            },
        }
    ]
    assert [each["codec"] for each in room["mediaIn"]["audio"]] == [
        "opus", "isac", "isac", "g722", "pcma", "pcmu", "aac", "ac3", "nellymoser", "ilbc",
    ]  # fmt: skip
    assert room["mediaIn"]["audio"][1] == {"codec": "isac", "sampleRate": 16000}
    assert room["mediaIn"]["video"] == [{"codec": "h264"}, {"codec": "vp8"}, {"codec": "vp9"}]
    assert {"codec": "aac", "sampleRate": 48000, "channelNum": 2} in room["mediaOut"]["audio"]
    assert room["mediaOut"]["video"]["format"] == [
        {"codec": "vp8"},
        {"codec": "h264", "profile": "CB"},
        {"codec": "h264", "profile": "B"},
        {"codec": "vp9"},
    ]
    assert room["mediaOut"]["video"]["parameters"] == {
        "resolution": [
            "x3/4", "x2/3", "x1/2", "x1/3", "x1/4", "hd1080p", "hd720p", "svga", "vga", "qvga",
            "cif",
        ],
        "framerate": [6, 12, 15, 24, 30, 48, 60],
        "bitrate": ["x0.8", "x0.6", "x0.4", "x0.2"],
        "keyFrameInterval": [100, 30, 5, 2, 1],
    }  # fmt: skip
    assert room["transcoding"] == {
        "audio": True,
        "video": {
            "format": True,
            "parameters": {
                "resolution": True, "framerate": True, "bitrate": True, "keyFrameInterval": True,
            },
        },
    }  # fmt: skip
    assert room["notifying"] == {"participantActivities": True, "streamChange": True}
    assert "sip" not in room


@pytest.mark.parametrize("nothing", [None, False, 0, ""])
@pytest.mark.parametrize("key", ["roles", "views", "mediaIn", "mediaOut"])
def test_what_is_missing_at_the_top_has_its_default(key: str, nothing: object) -> None:
    assert document(**{key: nothing})[key] == document()[key]


def test_given_lists_and_media_replace_the_defaults_whole() -> None:
    opus = {"codec": "opus"}
    room = document(roles=[], views=[], mediaIn={"audio": [opus]})
    assert room["roles"] == room["views"] == []
    assert room["mediaIn"] == {"audio": [opus], "video": []}


def test_nulls_and_unknown_keys_are_dropped_at_every_depth() -> None:
    role = {"role": "r", "publish": {"audio": True, "video": None, "x": 1}, "color": "red"}
    room = document(roles=[role, None], extra={"deep": None}, sip={"sipServer": "s", "port": 1})
    assert room["roles"] == [
        {
            "role": "r",
            "publish": {"audio": True, "video": False},
            "subscribe": {"audio": False, "video": False},
        }
    ]
    assert "extra" not in room
    assert room["sip"] == {"sipServer": "s"}


def test_a_view_may_be_without_video() -> None:
    assert document(views=[{"label": "ear", "video": False}])["views"][0]["video"] is False
    assert document(views=[{"label": "eye", "video": True}])["views"][0]["video"]["maxInput"] == 16


def test_numbers_and_words_are_cast_as_the_original_did() -> None:
    room = document(participantLimit="12", inputLimit=True, notifying={"streamChange": "no"})
    assert (room["participantLimit"], room["inputLimit"]) == (12, 1)
    assert room["notifying"] == {"participantActivities": True, "streamChange": False}


def region(**area: object) -> dict[str, Any]:
    whole = {"left": "0", "top": "0", "width": "1", "height": "1", **area}
    custom = [{"region": [{"id": "1", "shape": "rectangle", "area": whole}]}]
    return {"video": {"layout": {"templates": {"custom": custom}}}}


def test_areas_are_fractions_as_text_or_as_numbers() -> None:
    room = document(views=[region(left="1/3", width=0.5)])
    area = room["views"][0]["video"]["layout"]["templates"]["custom"][0]["region"][0]["area"]
    assert area == {"left": "1/3", "top": "0", "width": "1/2", "height": "1"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"participantLimit": "abc"},
            'participantLimit: Cast to Number failed for value "abc" at path "participantLimit"',
        ),
        (
            {"views": [{"video": {"maxInput": 300}}]},
            "views.0.video.maxInput: Path `maxInput` (300) is more than maximum allowed",
        ),
        (
            {"views": [{"video": {"layout": {"fitPolicy": "zoom"}}}]},
            "`zoom` is not a valid enum value for path `fitPolicy`.",
        ),
        ({"views": [region(left="z")]}, "z is not a valid fraction string!"),
        ({"views": [region(left="1/0")]}, "1/0 is not a valid fraction string!"),
        ({"roles": [{"publish": {"audio": "maybe"}}]}, "Cast to Boolean failed"),
        ({"participantLimit": float("inf")}, "Cast to Number failed"),
        ({"mediaIn": {"audio": [{}]}}, "mediaIn.audio.0.codec: Path `mediaIn.audio.0.codec`"),
        ({"views": ["x"]}, 'views.0: Cast to Object failed for value "x" at path "views"'),
        ({"views": [{"video": 3}]}, 'video: Cast to Object failed for value 3 at path "video"'),
        ({"notifying": [1]}, 'Cast to Object failed for value [1] at path "notifying"'),
        ({"name": ""}, "name: Path `name` is shorter than the minimum allowed length (1)."),
        (
            {"views": [{"label": "x" * 65}]},
            "views.0.label: Path `label` is longer than the maximum allowed length (64).",
        ),
        (
            {"mediaOut": {"video": {"parameters": {"bitrate": [{}]}}}},
            "mediaOut.video.parameters.bitrate.0: Path `bitrate` has a value of the wrong type.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_original(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRoom) as caught:
        document(**options)
    assert str(caught.value).startswith("Room validation failed: ")
    assert words in str(caught.value)


def test_a_view_needs_its_formats_in_what_goes_out() -> None:
    with pytest.raises(ViewConflict, match="MediaOut conflicts with View Setting"):
        document(views=[{"audio": {"format": {"codec": "opus", "sampleRate": 8000}}}])
    with pytest.raises(ViewConflict):
        document(views=[{"video": {"format": {"codec": "h264", "profile": "H"}}}])


def test_a_document_read_again_is_the_same() -> None:
    room = document(views=[region(left="1/3", width=0.5)], sip={"username": "u"})
    assert read_room(json.loads(json.dumps(room))).as_json() == room


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
LIBRARY = re.compile(r"(Input|Value|String|List) should|instance of")
KEYS = ["name", "roles", "views", "mediaIn", "mediaOut", "transcoding", "notifying", "sip"]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*KEYS, "inputLimit", "participantLimit"]), values))
def test_anything_is_a_room_or_refused(options: dict[str, Any]) -> None:
    words = ""
    try:
        room = read_room(options)
    except ViewConflict:
        return
    except InvalidRoom as error:
        words = str(error)
    assert not LIBRARY.search(words)
    if words:
        return
    json.dumps(room.as_json(), allow_nan=False)
    room_spec(ROOM, room, 500)


def test_the_rules_of_the_live_room() -> None:
    room = read_room({"name": "n", "participantLimit": 3, "inputLimit": 2})
    spec = room_spec(ROOM, room, 500)
    assert spec.key.path == f"/conferencing/rooms/owt:{ROOM}"
    assert (spec.capacity, spec.expiry_seconds) == (3, 30.0)
    assert spec.conference is not None
    assert spec.conference.input_limit == 2
    assert spec.conference.views == ("common",)
    assert {"opus", "pcmu"} <= spec.conference.audio_in
    assert spec.conference.video_in == {"h264", "vp8", "vp9"}
    assert spec.conference.audio_in_mp4 == {"aac"}
    assert room_spec(ROOM, read_room({"name": "n"}), 500).capacity == 500


def test_codecs_are_known_however_they_are_written() -> None:
    room = read_room({"name": "n", "mediaIn": {"audio": [{"codec": "OPUS"}], "video": []}})
    rules = room_spec(ROOM, room, 500).conference
    assert rules is not None
    assert (rules.audio_in, rules.video_in) == ({"opus"}, frozenset())


def test_roles_become_permissions() -> None:
    room = read_room({"name": "n"})
    everything = Abilities(audio=True, video=True)
    assert permission_of(room, "presenter") == Permission(everything, everything)
    assert permission_of(room, "viewer") == Permission(Abilities(), everything)
    assert permission_of(room, "king") is None
