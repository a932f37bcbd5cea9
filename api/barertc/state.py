"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

import actors.room.site_room  # noqa: F401  for the room below: loaded before one waits
from actors.core import Ref
from actors.words.keys import RoomKey
from actors.words.rooms import RoomSpec
from actors.words.site import (
    Channel,
    Rule,
    SiteRules,
)
from api.barertc.block_lists import BlockLists
from api.barertc.dialect import kept_secrets
from api.barertc.errands import Errands
from api.barertc.events import BareRenderer
from api.barertc.history import History, NoHistory
from api.barertc.kept_history import StoreHistory
from api.barertc.moderation.filters import Filters
from api.barertc.moderation.link_spam import LinkSpamGuard
from api.barertc.rule_texts import rule_texts
from api.barertc.sessions import Sessions
from api.barertc.settings import SITE_NAME, BareRtcRule, BareRtcSettings, filter_rules
from api.barertc.site_control import follow_settings
from api.barertc.text.markdown import render_nowait
from api.barertc.tokens import BadLoginToken, Bearer, LoginTokens
from api.barertc.uploads import Uploads
from api.barertc.webhooks import Webhooks

if TYPE_CHECKING:
    from api.http.mounts import Services

DIALECT = "barertc"
REALM = "barertc"
SITE = RoomKey(REALM, SITE_NAME)
READING_AT_ONCE = 2

_RULES = {
    "camera_always_nsfw": Rule.RED_CAMERA,
    "no_broadcast": Rule.NO_BROADCAST,
    "no_video": Rule.NO_VIDEO,
    "no_image": Rule.NO_IMAGE,
    "no_dark_video": Rule.NO_DARK_VIDEO,
}


@dataclass(slots=True)
class BareRtcState:
    """`opened_at` is of trio's clock, in seconds: the site is quiet for a time from then on."""

    services: Services
    tokens: LoginTokens
    opened_at: float
    errands: Errands
    webhooks: Webhooks
    sessions: Sessions
    uploads: Uploads
    filters: Filters
    link_spam: LinkSpamGuard
    readers: trio.CapacityLimiter  # threads that read long texts
    renderer: BareRenderer = field(default_factory=BareRenderer)
    history: History = field(default_factory=NoHistory)
    block_lists: BlockLists = field(default_factory=BlockLists)

    @classmethod
    def open(cls, services: Services) -> BareRtcState:
        """Make the secrets that are missing. Raises DataDirError."""

        def secret(name: str) -> str:
            return kept_secrets(services.settings(), services.secrets)[name]

        secret("barertc.admin_api_key")
        tokens = LoginTokens(lambda: secret("barertc.jwt.secret_key"))

        def settings() -> BareRtcSettings:
            return services.settings().section(BareRtcSettings)

        errands = Errands()
        state = cls(
            services,
            tokens,
            trio.current_time(),
            errands,
            Webhooks(settings, lambda: secret("barertc.admin_api_key"), errands),
            Sessions(services),
            Uploads(lambda: settings().upload_bytes, lambda: settings().upload_rate),
            Filters(filter_rules(settings())),
            link_spam_guard(settings()),
            trio.CapacityLimiter(READING_AT_ONCE),
            BareRenderer(services.lists_cost),
        )
        errands.start(services)
        state.sessions.start()
        if settings().history.enabled:
            history = StoreHistory(services, REALM, settings().history)
            history.start()
            state.history = history
        services.lifecycle.reload_hooks.append(state.follow_moderation)
        services.lifecycle.reload_hooks.append(partial(follow_settings, state))
        return state

    def follow_moderation(self) -> None:
        """Take over filters and limits that were reloaded; links are counted anew."""
        self.filters = Filters(filter_rules(self.settings))
        self.link_spam = link_spam_guard(self.settings)

    def sign(self, bearer: Bearer) -> str:
        """Return a fresh token that says of somebody what his last one said; "" for too much."""
        try:
            return self.tokens.sign_for(bearer)
        except BadLoginToken:
            return ""

    @property
    def settings(self) -> BareRtcSettings:
        """The section as it is now: SIGHUP may have changed it."""
        return self.services.settings().section(BareRtcSettings)

    @property
    def api_key(self) -> str:
        """The key of the web API; never empty."""
        return kept_secrets(self.services.settings(), self.services.secrets)[
            "barertc.admin_api_key"
        ]

    def site_rules(self) -> SiteRules:
        """Return the site as it is configured now."""
        settings, quiet = self.settings, self.settings.startup_quiet_seconds
        return SiteRules(
            channels=tuple(
                Channel(
                    channel.id,
                    channel.vip,
                    tuple(filter(None, map(render_nowait, channel.welcome_messages))),
                    channel.echo_messages_on_join,
                )
                for channel in settings.channels
            ),
            rules=tuple((rule.username, _rules_of(rule)) for rule in settings.rules),
            texts=rule_texts(settings.strings),
            vip_is_secret=settings.vip.mutually_secret,
            operators_can_be_blocked=settings.blockable_admins,
            lists_from=self.opened_at + quiet,
            arrivals_from=self.opened_at + 2 * quiet,
            list_share=settings.who_share,
            realm=REALM,
        )

    def site_spec(self) -> RoomSpec:
        """Return the chat as whoever comes in asks for it."""
        return RoomSpec(
            SITE,
            self.settings.title,
            capacity=self.settings.people,
            site=self.site_rules(),
            dialect=DIALECT,
        )

    @property
    def realm(self) -> str:
        """The realm of the site and of everybody in it."""
        return REALM

    @property
    def room(self) -> RoomKey:
        """The room that is the site."""
        return SITE

    async def site(self) -> Ref[Any] | None:
        """Find the chat; None while nobody has come in yet."""
        return await self.services.directory.room(self.room)


def link_spam_guard(settings: BareRtcSettings) -> LinkSpamGuard:
    """Return what counts the links that people send to each other."""
    spam = settings.link_spam
    return LinkSpamGuard(spam.max_threads, spam.window_seconds, spam.ban_hours)


def _rules_of(rule: BareRtcRule) -> frozenset[Rule]:
    return frozenset(meant for key, meant in _RULES.items() if getattr(rule, key))
