"""The section [barertc] of the configuration, and what it means together with the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.settings.fields import (
    DEFAULTS,
    Count,
    Many,
    Name,
    OptionalPath,
    Origin,
    Positive,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
    WebUrl,
    web_parts,
)
from api.settings.findings import Found, no_folder, twins
from api.settings.hints import routeless_hints

if TYPE_CHECKING:
    from api.barertc.moderation.filters import FilterRule
    from api.settings import Settings

START_CHANNEL = "lobby"
"""The channel that published clients show first; it is written into them."""
SITE_NAME = "site"
"""The name of the room that is the chat."""


def _full_url(value: str) -> str:
    """Accept "" or an absolute http(s) URL, with a query or without."""
    if value and (web_parts(value) is None or not value.isprintable() or " " in value):
        raise ValueError('must be a URL like "https://www.example.org/page?x=1"')
    return value


FullUrl = Annotated[str, AfterValidator(_full_url)]
SecretUrl = Annotated[Secret, AfterValidator(_full_url)]
"""A URL whose path or query may hold a secret."""


class BareRtcStrings(Section):
    """What people are told whom a rule stops. Empty: words of our own."""

    rule_camera_always_nsfw: str = ""
    rule_no_broadcast: str = ""
    rule_no_video: str = ""
    rule_no_image: str = ""


class BareRtcVip(Section):
    """How VIPs are called and shown."""

    name: str = "VIP"
    branding: str = "<em>VIP Members</em>"
    icon: str = "fa fa-circle"
    mutually_secret: bool = False


class BareRtcHistory(Section):
    """Direct messages that are kept."""

    enabled: bool = False
    retention_days: Positive = 90
    disclaimer: str = ""
    messages: Positive = 1_000_000
    messages_per_thread: Positive = 2000
    message_bytes: Positive = 131_072
    waiting: Positive = 1024
    waiting_bytes: Positive = 4_194_304


class BareRtcLinkSpam(Section):
    """What becomes of who sends one link to many people."""

    enabled: bool = True
    max_threads: Positive = 5
    window_seconds: Positive = 3600
    ban_hours: Positive = 24


class BareRtcWebhook(Section):
    """An address of the web site that is told of something, or asked."""

    name: Literal["report", "profile"] = "report"
    url: SecretUrl = ""


class BareRtcFilter(Section):
    """What becomes of messages in which one of the keywords is found."""

    keywords: Many[Name] = ()
    public: bool = True
    private: bool = True
    censor: bool = True
    forward: bool = False
    report: bool = False
    response: str = ""


class BareRtcRule(Section):
    """What one person may not do."""

    username: Name
    camera_always_nsfw: bool = False
    no_broadcast: bool = False
    no_video: bool = False
    no_image: bool = False
    no_dark_video: bool = False


class BareRtcJwtSettings(Section):
    """People who log in with a token that the web site signed."""

    enabled: bool = False
    strict: bool = True
    secret_key: Secret = ""
    landing_page_url: FullUrl = ""


class BareRtcChannel(Section):
    """One public chat channel."""

    id: Annotated[str, Field(pattern=r"^[^@\s/][^\s/]{0,63}$")]
    name: Name
    icon: str = ""
    vip: bool = False
    permit_photos: bool = True
    welcome_messages: Many[str] = ()
    echo_messages_on_join: Annotated[int, Field(ge=0, le=500)] = 10


LOBBY: Any = ({"id": START_CHANNEL, "name": "Lobby"},)


class BareRtcSettings(Section):
    """The BareRTC dialect."""

    title: str = "BareRTC"
    branding: str = "BareRTC"
    website_url: WebUrl = ""
    web_client: OptionalPath = None
    admin_api_key: Secret = ""
    cors_hosts: Many[Origin] = ()
    permit_nsfw: bool = False
    startup_quiet_seconds: SecondsOrZero = 0
    max_image_width: Positive = 1280
    preview_image_width: Positive = 360
    message_bytes: Positive = 41_943_040
    messages_per_second: Count = 50
    outbox_messages: Positive = 2048
    outbox_bytes: Positive = 33_554_432
    upload_bytes: Positive = 201_326_592
    upload_rate: Positive = 65_536
    people: Positive = 1000
    who_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    shutdown: Literal["", "process", "site"] = ""
    blockable_admins: bool = False
    turn_from_ice: bool = True
    block_lists: Positive = 10_000
    block_list_bytes: Positive = 16_777_216
    webhook_seconds: Seconds = 10.0
    webhooks_waiting: Positive = 256
    webhook_bytes: Positive = 1_048_576
    strings: BareRtcStrings = DEFAULTS
    vip: BareRtcVip = DEFAULTS
    history: BareRtcHistory = DEFAULTS
    link_spam: BareRtcLinkSpam = DEFAULTS
    webhooks: Many[BareRtcWebhook] = ()
    filters: Many[BareRtcFilter] = ()
    rules: Many[BareRtcRule] = ()
    jwt: BareRtcJwtSettings = DEFAULTS
    channels: Many[BareRtcChannel] = LOBBY

    def webhook(self, name: str) -> str:
        """Return the address of a webhook; "" where there is none."""
        return next((hook.url for hook in self.webhooks if hook.name == name), "")


NEEDS_RESTART = frozenset({"web_client", "startup_quiet_seconds", "people", "history"})
RELOADABLE = tuple(key for key in BareRtcSettings.model_fields if key not in NEEDS_RESTART)


def filter_rules(barertc: BareRtcSettings) -> list[FilterRule]:
    """Return the filters as what applies them takes them."""
    from api.barertc.moderation.filters import FilterRule  # loads RE2, as below

    return [
        FilterRule(
            entry.keywords, entry.public, entry.private, entry.censor, entry.forward, entry.report,
            entry.response,
        )
        for entry in barertc.filters
    ]  # fmt: skip


def ends_process(settings: Settings) -> bool:
    """Tell whether who may shut the chat down ends the process: not beside other dialects, unless
    the configuration says so."""
    chosen = settings.section(BareRtcSettings).shutdown
    served = {name for listener in settings.listeners for name in listener.dialects}
    return chosen == "process" or (not chosen and served <= {"barertc", "operator"})


def problems(settings: Settings) -> Found:
    """Find a folder that is not there, entries that repeat each other, and a site that published
    clients could not show."""
    barertc = settings.section(BareRtcSettings)
    if barertc.web_client is not None:
        yield from no_folder(("barertc", "web_client"), barertc.web_client)
        if not (barertc.web_client / "index.html").is_file() and barertc.web_client.is_dir():
            yield ("barertc", "web_client"), "holds no index.html: name the folder that was built"
    if not barertc.channels:
        yield ("barertc", "channels"), "needs at least one entry"
    elif barertc.web_client is not None and not _has_start(barertc):
        yield (
            ("barertc", "channels"),
            f'needs one of id "{START_CHANNEL}": the web client begins there',
        )
    for index, entry in enumerate(barertc.filters):
        from api.barertc.moderation.filters import keyword_problems

        for place, words in keyword_problems(entry.keywords):
            at = ("barertc", "filters", index, "keywords")
            yield (at if place is None else (*at, place)), words
    yield from twins("barertc", "channels", "id", (entry.id for entry in barertc.channels))
    yield from twins("barertc", "webhooks", "name", (entry.name for entry in barertc.webhooks))
    yield from twins("barertc", "rules", "username", (entry.username for entry in barertc.rules))


def hints(settings: Settings) -> Iterator[str]:
    """Warn of what works otherwise than one may think."""
    if not any("barertc" in listener.dialects for listener in settings.listeners):
        return
    yield from routeless_hints(settings, "barertc", "people in the chat of BareRTC")
    barertc = settings.section(BareRtcSettings)
    if barertc.web_client and all(each.root != "barertc" for each in settings.listeners):
        yield (
            "barertc.web_client is not served: it can only stand at /, and barertc is the root of "
            "no listener"
        )
    if barertc.message_bytes > barertc.upload_bytes * 7 // 8:
        yield (
            "barertc.upload_bytes is too small for a message of barertc.message_bytes: whoever "
            "sends one is cut off"
        )
    if barertc.channels and not _has_start(barertc):
        yield (
            f'no entry of barertc.channels has the id "{START_CHANNEL}", where published web '
            "clients begin"
        )
    if barertc.jwt.secret_key and len(barertc.jwt.secret_key.encode()) < 32:
        yield (
            "barertc.jwt.secret_key has fewer than 32 bytes: whoever sees a token may guess it, "
            "and then be anybody"
        )


def _has_start(barertc: BareRtcSettings) -> bool:
    return any(channel.id == START_CHANNEL for channel in barertc.channels)
