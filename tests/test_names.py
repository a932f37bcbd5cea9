"""A class name and the name of a file of tests stand once, so that a search finds one thing."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = ("api", "actors", "media")

OF_PROTOCOLS = "a document or packet has the name that its protocol gives it"
TROUBLE_OF_MEDIA = "the refusal of an actor has the name of the media layer's error behind it"
TWICE = {
    "Abilities": OF_PROTOCOLS,
    "Area": OF_PROTOCOLS,
    "AudioFormat": OF_PROTOCOLS,
    "BadAddress": TROUBLE_OF_MEDIA,
    "BadCandidate": TROUBLE_OF_MEDIA,
    "BadDescription": TROUBLE_OF_MEDIA,
    "BadMessage": OF_PROTOCOLS,
    "Body": "the base of the documents of one protocol, seen by nobody else",
    "CannotRecord": TROUBLE_OF_MEDIA,
    "CodecMismatch": TROUBLE_OF_MEDIA,
    "Connect": OF_PROTOCOLS,
    "Credentials": OF_PROTOCOLS,
    "Description": OF_PROTOCOLS,
    "Disconnect": OF_PROTOCOLS,
    "ErrorAnswer": OF_PROTOCOLS,
    "Event": OF_PROTOCOLS,
    "Frame": "coded, of a stream; and what plug-ins of analytics are given, who see no other",
    "IceServer": OF_PROTOCOLS,
    "JobFailed": TROUBLE_OF_MEDIA,
    "NoCapacity": TROUBLE_OF_MEDIA,
    "NoCommonCodec": TROUBLE_OF_MEDIA,
    "Parameters": OF_PROTOCOLS,
    "Place": "of a picture in a mix, and of a mount on a listener",
    "Publish": OF_PROTOCOLS,
    "Region": OF_PROTOCOLS,
    "Resolution": OF_PROTOCOLS,
    "RoomAnswer": OF_PROTOCOLS,
    "Subscribe": OF_PROTOCOLS,
    "TokenAnswer": OF_PROTOCOLS,
    "TokenRequest": OF_PROTOCOLS,
    "UnknownChannel": TROUBLE_OF_MEDIA,
    "Unsubscribe": OF_PROTOCOLS,
    "UserAgent": OF_PROTOCOLS,
    "VideoFormat": OF_PROTOCOLS,
    "ViewVideo": OF_PROTOCOLS,
}


def places_of_classes() -> dict[str, list[str]]:
    """Return the files in which each class name stands."""
    places = defaultdict(list)
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(path.relative_to(ROOT).as_posix())
    return places


def test_a_class_name_stands_once_or_there_is_a_reason() -> None:
    twice = {name: files for name, files in places_of_classes().items() if len(files) > 1}
    assert set(twice) - set(TWICE) == set(), twice


def test_nothing_is_excused_that_stands_once() -> None:
    places = places_of_classes()
    assert [name for name in TWICE if len(places[name]) < 2] == []


def test_the_name_of_a_file_of_tests_stands_once() -> None:
    """Pytest imports files by their base names: of two, one cannot be collected."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []
