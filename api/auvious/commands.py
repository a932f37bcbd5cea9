"""`quintet secrets --rotate-auvious-key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.cli.printing import print_line, say
from api.dialect import SecretsOption

if TYPE_CHECKING:
    from api.settings import Settings


def rotate_key(settings: Settings) -> int:
    """Make a new key that signs tokens, and print its id."""
    from api.auvious.keys import rotate  # the other commands do without it

    print_line(rotate(settings.server.data_dir))
    say("note: a running server signs with it after a SIGHUP")
    return 0


ROTATE_KEY = SecretsOption(
    "--rotate-auvious-key",
    "make a new key that signs the tokens of Auvious, and print its id",
    rotate_key,
)
