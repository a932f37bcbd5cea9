"""What pages of several dialects need: an operator's files, values in scripts, own sockets."""

from __future__ import annotations

import os
import re
from pathlib import Path

from quart import Response, send_from_directory
from werkzeug.exceptions import NotFound

from api.http.asking import client

_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", re.ASCII)


async def hosted_file(folder: Path, name: str) -> Response:
    """Serve a file of an operator's folder. Raises NotFound.

    Links may lead within the folder, not out of it; names that begin with a dot are never served:
    a copied folder may hide .git or .env.
    """
    try:
        top, within = _place(folder, name)
        return await send_from_directory(top, str(within))
    except (OSError, ValueError, RuntimeError):  # no name of a file, or one we may not read
        raise NotFound from None


def _place(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the folder, and where in it the file is. Raises NotFound, and what paths raise."""
    top = folder.resolve()  # once: the folder may be a link that is just being turned
    within = (top / name).resolve().relative_to(top)
    if any(part.startswith(".") for part in (*name.split("/"), *within.parts)):
        raise NotFound
    if not os.access(top / within, os.R_OK):
        raise NotFound
    return top, within


def in_script(text: str) -> str:
    """Write JSON so that no text in it can end the script element around it, nor a line of it."""
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def own_sockets() -> str:
    """Name the site's own websockets for browsers that do not take them for 'self'."""
    host = client().host or ""
    return f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
