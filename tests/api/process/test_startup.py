"""What a start looks at before it serves, and how it tells what stopped it."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
import trio

from api.process import server, startup
from api.process.listeners import StartError
from api.process.secret_store import DataDirError
from api.process.startup import check_places, one_message
from api.settings import Settings
from tests.support.serving import settings_with


def placed(folder: Path, listen: tuple[str, ...] = (), recordings: str = "") -> Settings:
    return settings_with(
        server={"data_dir": str(folder / "data")},
        ice={"listen_ips": list(listen)},
        recording={"dir": recordings},
    )


def test_places_that_can_be_used_are_made(tmp_path: Path) -> None:
    check_places(placed(tmp_path, ("127.0.0.1", "0.0.0.0"), str(tmp_path / "a" / "b")))
    assert (tmp_path / "a" / "b").is_dir()
    check_places(placed(tmp_path))
    assert (tmp_path / "data" / "recordings").is_dir()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_for_media_that_is_not_ours_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(StartError, match=f"cannot use {address} of ice.listen_ips: "):
        check_places(placed(tmp_path, ("127.0.0.1", address)))


def test_a_folder_for_recordings_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/recordings")):
        with pytest.raises(StartError, match=f"cannot keep recordings in {folder}: "):
            check_places(placed(tmp_path, recordings=str(folder)))


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot keep recordings in /proc/self/net: "):
        check_places(placed(tmp_path, recordings="/proc/self/net"))


def test_a_folder_that_never_answers_does_not_hold_up_the_start_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Event()

    def hang(self: Path, **options: object) -> None:
        answered.wait()

    monkeypatch.setattr(Path, "mkdir", hang)
    monkeypatch.setattr(startup, "FOLDER_SECONDS", 0.01)
    try:
        with pytest.raises(StartError, match="cannot keep recordings in /gone: it does not answer"):
            check_places(placed(tmp_path, recordings="/gone"))
    finally:
        answered.set()


async def raise_within(error: BaseException) -> None:
    async with trio.open_nursery() as outer:
        outer.start_soon(trio.sleep_forever)
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            raise error


@pytest.mark.parametrize("error", [StartError("no key"), DataDirError("damaged")])
async def test_what_is_expected_comes_without_its_groups(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, one_message():
        await raise_within(error)
    assert caught.value is error


async def test_what_is_not_expected_keeps_its_groups() -> None:
    with pytest.raises(ExceptionGroup), one_message():
        await raise_within(ValueError("a bug"))
    both = ExceptionGroup("two", [DataDirError("damaged"), ValueError("a bug")])
    with pytest.raises(ExceptionGroup), one_message():
        await raise_within(both)


FILES = {  # a file of data_dir, what is in it (None: it is a folder), and what is said
    "a number among secrets": ("secrets.toml", b"operator = 5", "is damaged"),
    "a number below": ("secrets.toml", b"[spreed]\nsession_key = 5", "is damaged"),
    "an empty secret": ("secrets.toml", b'"operator.token" = ""', "is damaged"),
    "secrets not in UTF-8": ("secrets.toml", b"\xff", "is damaged"),
    "deep secrets": ("secrets.toml", b"x = " + b"[" * 100_000, "is damaged"),
    "a folder of secrets": ("secrets.toml", None, "cannot read"),
    "half a file of keys": ("auvious_keys.json", b"{", "is damaged"),
    "an empty file of keys": ("auvious_keys.json", b"", "is damaged"),
    "null": ("auvious_keys.json", b"null", "is damaged"),
    "no keys": ("auvious_keys.json", b'{"keys": []}', "is damaged"),
    "keys not in UTF-8": ("auvious_keys.json", b"\xff", "is damaged"),
    "a folder of keys": ("auvious_keys.json", None, "cannot keep keys"),
}


@pytest.mark.parametrize(("name", "content", "told"), FILES.values(), ids=FILES.keys())
def test_a_damaged_file_ends_the_start_with_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, told: str
) -> None:
    """As it is for the whole server, which reads them within its nurseries."""
    for changing in ("configure", "raise_file_limit"):  # this process goes on
        monkeypatch.setattr(f"api.process.server.{changing}", lambda *_: None)
    file = tmp_path / "data" / name
    file.parent.mkdir(mode=0o700)
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
        file.chmod(0o600)
    settings = settings_with(
        server={"data_dir": str(tmp_path / "data")},
        listeners=[{"bind": "127.0.0.1:0"}],
        auvious={"clients": [{"id": "shop"}]},
    )
    with pytest.raises(DataDirError, match=f"{tmp_path}/data.*{told}|{told} .*{tmp_path}/data"):
        server.run(settings)
    if content is not None:
        assert file.read_bytes() == content
