"""`quintet barertc-import`."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.printing import fail, print_line, say
from api.dialect import DialectCommand

if TYPE_CHECKING:
    from api.settings import Settings


def barertc_import(_settings: Settings, options: argparse.Namespace) -> int:
    """Print our section [barertc] for a settings.toml of BareRTC; it holds its secrets."""
    from api.barertc.importing import as_toml, imported  # of no use to a server

    try:
        document = tomllib.loads(Path(options.file).read_text("utf-8"))
    except OSError as error:
        return fail(f"cannot read {options.file}: {error.strerror}", 1)
    except (ValueError, RecursionError):
        return fail(f"{options.file} is not TOML", 1)
    section, notes = imported(document)
    print_line(as_toml(section, notes))
    if notes:
        say(f"note: {len(notes)} things are not carried over; the comments on top name them")
    return 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="SETTINGS_TOML")


BARERTC_IMPORT = DialectCommand("barertc-import", barertc_import, _add_options, reads_config=False)
