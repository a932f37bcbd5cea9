"""Access tokens: a file of words that let somebody use the site (`spreed.token_file`).

One token a line, further columns after a colon are ignored, `#` begins a comment. Case does not
count. Read again when the file changes; a file that cannot be read leaves what was known.
"""

from __future__ import annotations

from pathlib import Path

import structlog

log = structlog.get_logger()
MAX_FILE_BYTES = 16 * 1024 * 1024


def token_attempts(address: str) -> tuple[str, str]:
    """Return the key under which an address's wrong tokens are counted, wherever it tries them."""
    return address, "spreed access token"


class AccessTokens:
    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._tokens: frozenset[str] = frozenset()

    def use(self, path: Path | None) -> None:
        """Read from another file from now on; what only the former one had is good no more."""
        if path != self._path:
            self._path, self._stamp, self._tokens = path, None, frozenset()

    @property
    def configured(self) -> bool:
        return self._path is not None

    def find(self, token: str) -> str | None:
        """Return the token in lower case as the file has it, or None when it is not there."""
        self._refresh()
        wanted = token.strip().lower()
        return wanted if wanted and wanted in self._tokens else None

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            with self._path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
        except OSError as error:
            if self._stamp is not None or not self._tokens:
                log.warning("access_tokens.unreadable", reason=error.strerror)
            self._stamp = None
            return
        self._tokens = parse_tokens(text)


def parse_tokens(text: str) -> frozenset[str]:
    """Read the first column of every line; blank lines and comments give nothing."""
    columns = (line.partition(":")[0].strip().lower() for line in text.splitlines())
    return frozenset(column for column in columns if column and not column.startswith("#"))
