"""A dialect that is a listener's root stands below no path of another one on that listener."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from api.dialects import BUILT, dialect
from api.process.mounting import Dialects
from api.process.secret_store import Secrets
from api.settings import ListenerSettings, settings_of
from api.settings.checks import find_problems
from tests.support.serving import services_for, settings_with

ALL = list(BUILT)


def found(root: str, section: dict[str, object], dialects: list[str]) -> list[tuple[object, str]]:
    listener = {"bind": "127.0.0.1:0", "dialects": dialects, "root": root}
    settings = settings_of({"listeners": [listener], root: section})
    return [(path, words) for path, words in find_problems(settings) if "another" in words]


@pytest.mark.parametrize(
    "path", ["/owt", "/", "/meet/", "/peerjs/", "/v1x/", "/security/", "/barertcs/", "/x/v1/"]
)
def test_a_path_of_nobody_else_is_fine(path: str) -> None:
    assert found("peerjs", {"path": path}, ALL) == []


@pytest.mark.parametrize(
    "path",
    [
        "/barertc/",
        "/v1",
        "/v1/x/",
        "/socket.io/",
        "/security/oauth/",
        "/spreed/",
        "/api/v1/",
        "/-/",
    ],
)
def test_a_path_of_another_dialect_is_an_error(path: str) -> None:
    [(key, words)] = found("peerjs", {"path": path}, ALL)
    assert key == ("peerjs", "path")
    assert "127.0.0.1:0" in words


def test_only_dialects_of_the_same_listener_count() -> None:
    assert found("peerjs", {"path": "/barertc/"}, ["peerjs", "spreed"]) == []


def test_it_holds_for_every_dialect_that_has_a_path() -> None:
    [(key, _)] = found("spreed", {"base_path": "/peerjs/"}, ALL)
    assert key == ("spreed", "base_path")


@pytest.mark.parametrize("name", ALL)
async def test_a_dialect_reserves_the_prefixes_that_it_says(name: str, tmp_path: Path) -> None:
    system = SimpleNamespace(root=SimpleNamespace(tell=lambda order: None))
    services = services_for(settings_with(), system=system, secrets=Secrets(tmp_path))
    listener = ListenerSettings(dialects=(name,), root="operator")
    [mount] = Dialects([name], services).mounts(listener)
    reserved = {"/" + prefix.strip("/") for prefix in mount.prefixes}
    said = dialect(name).prefixes
    assert said
    assert set(said) <= reserved
    assert all(any(f"{each}/".startswith(f"{own}/") for own in said) for each in reserved)
