"""`quintet secrets --rotate-auvious-key` and `quintet hash-password`."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import TYPE_CHECKING

from api.auvious.settings import LONGEST_PASSWORD
from api.cli.printing import fail, print_line, say
from api.dialect import DialectCommand, SecretsOption

if TYPE_CHECKING:
    from argparse import Namespace

    from api.settings import Settings


def rotate_key(settings: Settings) -> int:
    """Make a new key that signs tokens, and print its id."""
    from api.auvious.keys import rotate  # the other commands do without it

    print_line(rotate(settings.server.data_dir))
    say("note: a running server signs with it after a SIGHUP")
    return 0


def hash_password(_settings: Settings, _options: Namespace) -> int:
    """Print an argon2 hash of a password, for [[auvious.users]]; asks for it, or reads a line."""
    from argon2 import PasswordHasher  # the other commands do without it

    if sys.stdin.isatty():
        try:
            password, again = getpass("Password: "), getpass("Again: ")
        except EOFError:
            return fail("no password was given", 1)
        if password != again:
            return fail("the two are not the same", 1)
    else:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            return fail("the password is not UTF-8 text", 1)
    if not password:
        return fail("no password was given", 1)
    if len(password) > LONGEST_PASSWORD:
        return fail(f"a password has at most {LONGEST_PASSWORD} characters", 1)
    print_line(PasswordHasher().hash(password.encode("utf-8", "surrogatepass")))
    return 0


HASH_PASSWORD = DialectCommand("hash-password", hash_password, reads_config=False)

ROTATE_KEY = SecretsOption(
    "--rotate-auvious-key",
    "make a new key that signs the tokens of Auvious, and print its id",
    rotate_key,
)
