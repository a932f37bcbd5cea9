"""`quintet barertc-import`: what comes over, what is named, and that the outcome can be used."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.barertc.importing import LISTS, TABLES, TOP, as_toml, imported
from api.barertc.settings import BareRtcSettings
from api.cli.commands import run
from api.settings import load_settings

THEIRS = """
Version = 16
Title = "Our chat"
Branding = "<b>Us</b>"
WebsiteURL = "https://www.example.com/"
CORSHosts = ["https://www.example.com/"]
AdminAPIKey = "hush-key"
PermitNSFW = true
BlockableAdmins = false
UseXForwardedFor = true
WebSocketReadLimit = 41943040
WebSocketSendTimeout = 10
MaxImageWidth = 1280
PreviewImageWidth = 360
[JWT]
  Enabled = true
  Strict = true
  SecretKey = "hush-secret"
  LandingPageURL = "https://www.example.com/chat"
[TURN]
  URLs = ["stun:stun.l.google.com:19302"]
  Username = ""
  Credential = ""
[[PublicChannels]]
  ID = "lobby"
  Name = "Lobby"
  Icon = "fa fa-gavel"
  VIP = false
  PermitPhotos = false
  WelcomeMessages = ["Welcome \\"all\\"!", "Line 2"]
  EchoMessagesOnJoin = 10
[[PublicChannels]]
  ID = "vip"
  Name = "VIPs"
  VIP = true
  PermitPhotos = true
[[WebhookURLs]]
  Name = "report"
  Enabled = true
  URL = "https://www.example.com/v1/barertc/report"
[[WebhookURLs]]
  Name = "profile"
  Enabled = false
  URL = "https://www.example.com/v1/barertc/profile"
[VIP]
  Name = "VIP"
  Branding = "<em>VIP Members</em>"
  Icon = "fa fa-circle"
  MutuallySecret = true
[[MessageFilters]]
  Enabled = true
  PublicChannels = true
  PrivateChannels = false
  KeywordPhrases = ["\\\\bswear words\\\\b"]
  CensorMessage = true
  ForwardMessage = false
  ReportMessage = true
  ChatServerResponse = "Watch your language."
[[ModerationRule]]
  Username = "example"
  CameraAlwaysNSFW = true
  NoBroadcast = false
  NoVideo = false
  NoImage = true
  NoDarkVideo = false
[DirectMessageHistory]
  Enabled = true
  SQLiteDatabase = "database.sqlite"
  RetentionDays = 30
  DisclaimerMessage = "Be nice"
[DMLinkSpamProtection]
  Enabled = true
  MaxThreads = 5
  TimeLimit = 3600
  BanHours = 24
[Strings]
  ModRuleErrorCameraAlwaysNSFW = "a"
  ModRuleErrorNoBroadcast = "b"
  ModRuleErrorNoVideo = "c"
  ModRuleErrorNoImage = "d"
[Logging]
  Enabled = true
  Directory = "./logs"
  Channels = ["lobby"]
  Usernames = []
"""


def test_a_whole_file_comes_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, ours, config = (tmp_path / name for name in ("settings.toml", "ours.toml", "c.toml"))
    theirs.write_text(THEIRS)
    config.write_text("")
    assert run(["barertc-import", "--config", str(config), str(theirs)]) == 0
    text, remark = capsys.readouterr()
    ours.write_text(text)
    barertc = load_settings(ours).section(BareRtcSettings)
    assert (barertc.title, barertc.website_url) == ("Our chat", "https://www.example.com")
    assert barertc.cors_hosts == ("https://www.example.com",)
    assert (barertc.admin_api_key, barertc.jwt.secret_key) == ("hush-key", "hush-secret")
    assert barertc.jwt.enabled
    assert barertc.jwt.landing_page_url == "https://www.example.com/chat"
    assert [channel.id for channel in barertc.channels] == ["lobby", "vip"]
    assert barertc.channels[0].welcome_messages == ('Welcome "all"!', "Line 2")
    assert not barertc.channels[0].permit_photos
    assert barertc.webhook("report").endswith("/report")
    assert barertc.webhook("profile") == ""
    assert barertc.vip.mutually_secret
    [filtered] = barertc.filters
    assert filtered.keywords == (r"\bswear words\b",)
    assert (filtered.private, filtered.report) == (False, True)
    [rule] = barertc.rules
    assert (rule.username, rule.camera_always_nsfw, rule.no_image) == ("example", True, True)
    assert (barertc.history.enabled, barertc.history.retention_days) == (True, 30)
    assert barertc.strings.rule_no_image == "d"
    notes = [line for line in text.splitlines() if line.startswith("# Not carried over: ")]
    for word in (
        "UseXForwardedFor", "WebSocketSendTimeout", "Logging", "TURN", "SQLiteDatabase",
        "WebhookURLs[1]",
    ):  # fmt: skip
        assert sum(word in note for note in notes) == 1, word
    assert len(notes) == 6
    assert "6 things" in remark


def test_what_we_could_not_use_is_named_and_left_out() -> None:
    section, notes = imported(
        {
            "WebsiteURL": "www.example.com",
            "MaxImageWidth": 0,
            "CORSHosts": ["nonsense"],
            "JWT": {"Enabled": "yes", "Strict": False},
            "PublicChannels": [{"ID": "lobby", "Name": "Lobby"}, {"ID": "a b", "Name": "x"}],
            "New": 1,
            "VIP": {"Colour": "red"},
        }
    )
    assert section["jwt"] == {"strict": False}
    assert [channel["id"] for channel in section["channels"]] == ["lobby"]
    assert not {"website_url", "max_image_width"} & set(section)
    assert section["cors_hosts"] == []
    told = "\n".join(notes)
    for word in (
        "website_url", "max_image_width", "cors_hosts", "jwt.enabled", "channels[1].id", "New",
        "VIP.Colour",
    ):  # fmt: skip
        assert word in told


def test_an_empty_secret_does_not_come_over() -> None:
    section, _ = imported({"AdminAPIKey": "", "JWT": {"SecretKey": ""}})
    assert section == {"jwt": {}}


@pytest.mark.parametrize(("text", "code"), [("no toml", 1), (None, 1)])
def test_a_file_that_cannot_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, code: int
) -> None:
    config, theirs = tmp_path / "c.toml", tmp_path / "settings.toml"
    config.write_text("")
    if text is not None:
        theirs.write_text(text)
    assert run(["barertc-import", "--config", str(config), str(theirs)]) == code
    assert "Traceback" not in capsys.readouterr().err


KEYS = [*TOP, *TABLES, *LISTS, "x"]
INNER = ["id", "name", "url", "enabled", "secretkey", "keywordphrases", "username", "strict"]
VALUES = st.booleans() | st.integers(-5, 99) | st.text(max_size=8) | st.lists(st.text(max_size=4))


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        VALUES
        | st.dictionaries(st.sampled_from(INNER), VALUES, max_size=4)
        | st.lists(st.dictionaries(st.sampled_from(INNER), VALUES, max_size=4), max_size=3),
        max_size=8,
    )
)
def test_whatever_comes_the_outcome_can_be_used(document: dict[str, object]) -> None:
    section, notes = imported(document)
    text = as_toml(section, notes)
    BareRtcSettings.model_validate(tomllib.loads(text)["barertc"])
