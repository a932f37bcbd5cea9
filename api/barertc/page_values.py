"""What a chat page knows when it is loaded: the values of fact sheet section 6, by placeholder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from actors.words.site import NO_STANDING
from api.barertc.rule_texts import rule_texts
from api.barertc.tokens import Bearer, claims_document, rules_document
from api.barertc.turn import turn_document

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

NOBODY = Bearer("", NO_STANDING)
NO_SERVERS: dict[str, object] = {"URLs": [], "Username": "", "Credential": ""}


def page_values(
    state: BareRtcState, token: str, bearer: Bearer | None, cache_hash: str
) -> Mapping[str, object]:
    """Return the 17 values by their placeholder, each as JSON has it.

    `bearer` is who holds `token`, None where there is none. Of webhooks the page learns whether
    there are any, and not where.
    """
    settings = state.settings
    holder = bearer or NOBODY
    return {
        ".CacheHash": cache_hash,
        ".Config.Title": settings.title,
        ".Config.Branding": settings.branding,
        ".Config.DirectMessageHistory.DisclaimerMessage": settings.history.disclaimer,
        ".JWTTokenString": token,
        ".Config.WebsiteURL": settings.website_url,
        ".Config.Strings": _strings(state),
        ".Config.TURN": _turn(state, holder),
        ".Config.VIP": {
            "Name": settings.vip.name,
            "Branding": settings.vip.branding,
            "Icon": settings.vip.icon,
            "MutuallySecret": settings.vip.mutually_secret,
        },
        ".Config.GetChannels": [
            {
                "ID": channel.id,
                "Name": channel.name,
                "Icon": channel.icon,
                "VIP": channel.vip,
                "PermitPhotos": channel.permit_photos,
                "WelcomeMessages": list(channel.welcome_messages),
                "EchoMessagesOnJoin": channel.echo_messages_on_join,
            }
            for channel in settings.channels
        ],
        ".Config.WebhookURLs": [
            {"Name": name, "Enabled": bool(settings.webhook(name)), "URL": ""}
            for name in ("report", "profile")
        ],
        ".CachedBlocklist": list(state.block_lists.get(holder.name)) if bearer else [],
        ".Config.PermitNSFW": settings.permit_nsfw,
        ".JWTAuthOK": bearer is not None,
        ".JWTClaims.ToJSON": claims_document(bearer) if bearer else {},
        ".JWTClaims.Rules.ToDict": rules_document(holder.standing.rules),
    }


def own_page_values(state: BareRtcState, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values as our own page reads them: api/barertc/page/README.md."""
    return {
        "Title": values[".Config.Title"],
        "WebsiteURL": values[".Config.WebsiteURL"],
        "PermitNSFW": values[".Config.PermitNSFW"],
        "DMDisclaimer": values[".Config.DirectMessageHistory.DisclaimerMessage"],
        "VIP": values[".Config.VIP"],
        "PublicChannels": values[".Config.GetChannels"],
        "WebhookURLs": values[".Config.WebhookURLs"],
        "TURN": values[".Config.TURN"],
        "CachedBlocklist": values[".CachedBlocklist"],
        "UserJWTToken": values[".JWTTokenString"],
        "UserJWTValid": values[".JWTAuthOK"],
        "UserJWTClaims": values[".JWTClaims.ToJSON"],
        "UserJWTRules": values[".JWTClaims.Rules.ToDict"],
        "History": state.history.enabled,
    }


def _turn(state: BareRtcState, holder: Bearer) -> dict[str, object]:
    if not state.settings.turn_from_ice:
        return NO_SERVERS
    return turn_document(state.services.settings().ice, holder.name or "guest", time.time())


def _strings(state: BareRtcState) -> dict[str, str]:
    texts = rule_texts(state.settings.strings)
    return {
        "ModRuleErrorCameraAlwaysNSFW": texts.red_camera,
        "ModRuleErrorNoBroadcast": texts.no_broadcast,
        "ModRuleErrorNoVideo": texts.no_video,
        "ModRuleErrorNoImage": texts.no_image,
    }
