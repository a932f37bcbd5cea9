"""`quintet owt-sign`."""

from __future__ import annotations

import argparse
import secrets
import time
from typing import TYPE_CHECKING

from api.cli.printing import fail, print_line
from api.dialect import DialectCommand
from api.owt.bootstrap import kept_credentials
from api.owt.settings import OwtSettings
from api.process.secret_store import Secrets

if TYPE_CHECKING:
    from api.settings import Settings


def owt_sign(settings: Settings, options: argparse.Namespace) -> int:
    """Print an Authorization header that signs one request to the OWT management API."""
    from api.owt.management.mauth import make_header  # the other commands do without it

    service, key = options.service, options.key
    if bool(service) != bool(key):
        return fail("--service and --key go together", 2)
    if bool(options.user) != bool(options.role):
        return fail("--user and --role go together", 2)
    if not service:
        known = kept_credentials(Secrets(settings.server.data_dir), settings.section(OwtSettings))
        kind = "super" if options.super else "sample"
        service, key = known[f"owt.{kind}_service_id"], known[f"owt.{kind}_service_key"]
    milliseconds = time.time_ns() // 1_000_000
    nonce = secrets.token_hex(8)
    header = make_header(service, key, milliseconds, nonce, options.user, options.role)
    print_line(f"Authorization: {header}")
    return 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", default="", metavar="ID", help="else the sample service")
    parser.add_argument("--key", default="", help="its key; else that of the sample service")
    parser.add_argument("--super", action="store_true", help="sign as the super service")
    parser.add_argument("--user", default="", help="the user of a token, with --role")
    parser.add_argument("--role", default="", help="the role of a token, with --user")


OWT_SIGN = DialectCommand("owt-sign", owt_sign, _add_options)
