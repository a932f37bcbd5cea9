"""An operator's copy of a BareRTC web client: its index.html filled in, its assets as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import structlog
from quart import Response
from werkzeug.exceptions import NotFound

from api.barertc.client_template import ClientTemplate
from api.http.hosting import hosted_file

log = structlog.get_logger(__name__)

MAX_TEMPLATE_BYTES = 4_194_304
FOLDERS = ("assets", "static")


class HostedChatClient:
    """The folder of a built client; a newer index.html is taken as it comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None  # of the file that was read: change, bytes
        self._template = ClientTemplate("")
        self.cache_hash = ""

    def refresh(self) -> None:
        """Read index.html again if it has changed. Raises NotFound where there is none."""
        file = self._folder / "index.html"
        try:
            facts = file.stat()
            seen = (facts.st_mtime_ns, facts.st_size)
            if seen == self._seen:
                return
            with file.open("rb") as opened:
                data = opened.read(MAX_TEMPLATE_BYTES)
        except OSError as error:
            log.error("barertc.client_unreadable", reason=error.strerror)
            raise NotFound from None
        self._seen = seen
        self._template = ClientTemplate(data.decode("utf-8", "replace"))
        self.cache_hash = hashlib.sha256(data).hexdigest()[:12]
        if self._template.unknown:
            log.warning("barertc.client_unknown_values", values=self._template.unknown)

    def page(self, values: Mapping[str, object]) -> str:
        """Return the page with its values."""
        return self._template.render(values)

    async def file(self, folder: str, name: str) -> Response:
        """Serve a file of one of FOLDERS. Raises NotFound."""
        return await hosted_file(self._folder / folder, name)

    async def icon(self) -> Response:
        """Serve the icon that browsers ask for unasked, from where clients have it."""
        for place in (self._folder, *(self._folder / folder for folder in FOLDERS)):
            if (place / "favicon.ico").is_file():
                return await hosted_file(place, "favicon.ico")
        raise NotFound
