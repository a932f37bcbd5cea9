"""The section [barertc]: what is refused, what is warned of, what a shutdown ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.barertc.dialect import kept_secrets
from api.barertc.settings import BareRtcSettings, ends_process, hints
from api.process.secret_store import Secrets
from api.settings import ConfigError, Settings, load_settings

Load = Callable[[str], Settings]
ALONE = "listeners = [{ bind = '127.0.0.1:0', dialects = ['barertc', 'operator'] }]\n"
BESIDE = "listeners = [{ bind = '127.0.0.1:0', dialects = ['barertc', 'spreed'] }]\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Settings:
        file = tmp_path / "config.toml"
        file.write_text(text)
        return load_settings(file)

    return load


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("website_url = 'www.example.com'", "website_url", "must be a URL"),
        ("jwt.landing_page_url = 'javascript:x'", "jwt.landing_page_url", "must be a URL"),
        ("cors_hosts = ['https://a.example/path']", "cors_hosts[0]", "must be an origin"),
        ("who_share = 0.0", "who_share", "greater than 0"),
        ("shutdown = 'machine'", "shutdown", "'process'"),
        ("channels = []", "channels", "at least one"),
        ("channels = [{ id = '@a', name = 'A' }]", "channels[0].id", "match"),
        ("channels = [{ id = 'a b', name = 'A' }]", "channels[0].id", "match"),
        (
            "channels = [{ id = 'a', name = 'A' }, { id = 'a', name = 'B' }]",
            "channels[1].id",
            "earlier entry",
        ),
        ("webhooks = [{ name = 'other' }]", "webhooks[0].name", "'report'"),
        ("webhooks = [{ url = 'ftp://x' }]", "webhooks[0].url", "must be a URL"),
        (
            "webhooks = [{ name = 'report' }, { name = 'report' }]",
            "webhooks[1].name",
            "earlier entry",
        ),
        ("rules = [{ username = '' }]", "rules[0].username", "at least 1"),
        ("rules = [{ username = 'a' }, { username = 'a' }]", "rules[1].username", "earlier entry"),
        ("filters = [{ keywords = [''] }]", "filters[0].keywords[0]", "at least 1"),
        ("web_client = 'nowhere'", "web_client", "not there"),
        ("web_client = '.'", "web_client", "no index.html"),
    ],
)
def test_a_wrong_key_is_named(load: Load, text: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"{ALONE}[barertc]\n{text}")
    assert f"barertc.{key}" in str(caught.value)
    assert words in str(caught.value)


def test_a_web_client_needs_the_channel_it_begins_in(load: Load, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    text = f"{ALONE}[barertc]\nweb_client = '.'\n"
    load(text)
    with pytest.raises(ConfigError, match="lobby"):
        load(f"{text}channels = [{{ id = 'a', name = 'A' }}]")


def test_hints_tell_of_a_missing_lobby_and_of_a_short_secret(load: Load) -> None:
    assert list(hints(load(ALONE))) == []
    text = "[barertc]\nchannels = [{ id = 'a', name = 'A' }]\njwt.secret_key = 'change me'\n"
    lobby, secret = hints(load(ALONE + text))
    assert '"lobby"' in lobby
    assert "32 bytes" in secret
    other = '[[listeners]]\nbind = "127.0.0.1:0"\ndialects = ["spreed"]\n'
    assert list(hints(load(other + text))) == []  # no listener serves it


@pytest.mark.parametrize(
    ("listeners", "chosen", "process"),
    [
        (ALONE, "", True),
        ("", "", False),  # the embedded defaults
        (BESIDE, "", False),
        (ALONE, "site", False),
        (BESIDE, "process", True),
    ],
)
def test_a_shutdown_ends_no_other_dialect_unless_told_so(
    load: Load, listeners: str, chosen: str, process: bool
) -> None:
    assert ends_process(load(f"{listeners}[barertc]\nshutdown = '{chosen}'")) is process


def test_secrets_are_generated_and_never_empty(load: Load, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    made = kept_secrets(load(ALONE), Secrets(tmp_path / "data"))
    assert all(len(secret) >= 32 for secret in made.values())
    assert len(set(made.values())) == 2
    assert kept_secrets(load(ALONE), Secrets(tmp_path / "data")) == made
    chosen = load(f"{ALONE}[barertc]\nadmin_api_key = 'k'\njwt.secret_key = 's'")
    assert list(kept_secrets(chosen, Secrets(tmp_path / "data")).values()) == ["k", "s"]


def test_no_secret_is_in_the_text_of_the_settings(load: Load) -> None:
    settings = load(
        f"{ALONE}[barertc]\nadmin_api_key = 'hush-1'\njwt.secret_key = 'hush-2'\n"
        "webhooks = [{ url = 'https://a.example/?hush-3' }]"
    )
    assert "hush" not in repr(settings)
    assert settings.section(BareRtcSettings).webhook("report").endswith("hush-3")
    assert settings.section(BareRtcSettings).webhook("profile") == ""


def test_a_running_server_takes_over_what_the_chat_may_change(load: Load) -> None:
    old = load(ALONE)
    new = load(
        f"{ALONE}[barertc]\ntitle = 'New'\npeople = 5\nhistory.enabled = true\n"
        "jwt.enabled = true\nadmin_api_key = 'k'"
    )
    changes = old.reloadable_diff(new)
    assert set(changes.applied) == {
        "barertc.title", "barertc.jwt.enabled", "barertc.admin_api_key",
    }  # fmt: skip
    assert set(changes.need_restart) == {"barertc.people", "barertc.history.enabled"}
