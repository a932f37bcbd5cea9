"""`quintet spreed-user`."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from api.cli.printing import print_line, say
from api.dialect import DialectCommand
from api.process.secret_store import Secrets
from api.spreed.settings import SpreedSettings

if TYPE_CHECKING:
    from api.settings import Settings

_DAY = 86_400


def shared_secret(settings: SpreedSettings, store: Secrets) -> str:
    """Return the secret that portals sign users with."""
    return store.text("spreed.users.shared_secret", settings.users.shared_secret)


def spreed_user(settings: Settings, options: argparse.Namespace) -> int:
    """Print the useridcombo and secret with which a user signs in to Spreed WebRTC."""
    from api.spreed.auth import make_login  # the other commands do without it

    spreed = settings.section(SpreedSettings)
    key = shared_secret(spreed, Secrets(settings.server.data_dir))
    expiry = int(time.time()) + options.days * _DAY
    login = make_login(options.userid, key, expiry)
    answer = {"useridcombo": login.combo, "secret": login.secret}
    if options.json:
        whole = {"userid": options.userid, **answer, "timestamp": expiry}
        print_line(json.dumps(whole, ensure_ascii=False))
    else:
        for name, value in answer.items():
            print_line(f"{name}: {value}")
    if not (spreed.users.enabled and spreed.users.mode == "sharedsecret"):
        say("note: the server takes this once [spreed.users] has enabled = true, mode sharedsecret")
    return 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("userid", type=_userid, metavar="USERID")
    parser.add_argument("--days", type=_days, default=30, help="how long it is good for (30)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _userid(text: str) -> str:
    if not text or ":" in text or not text.isprintable():
        raise argparse.ArgumentTypeError("a user id is not empty and has no colon")
    return text


def _days(text: str) -> int:
    days = int(text)
    if not 0 < days <= 36_500:
        raise argparse.ArgumentTypeError("must be from 1 to 36500")
    return days


SPREED_USER = DialectCommand("spreed-user", spreed_user, _add_options)
