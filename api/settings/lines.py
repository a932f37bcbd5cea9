"""Find the line of each key in a TOML document that is known to parse."""

from __future__ import annotations

import re

KeyPath = tuple[str | int, ...]

_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = re.compile(rf"\s*{_KEY}(?:\s*\.\s*{_KEY})*")
_MARK = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map the path of each table and key to its line, counted from 1.

    An entry of an array of tables has its index in the path: `("listeners", 0, "bind")`. Keys
    inside an inline table are not listed; `line_of` falls back to what holds them.
    """
    return _Scan().run(text)


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """Return the line of the deepest known part of `path`, or None."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Scan:
    """One walk over the document: which table, which open bracket or string."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.table: KeyPath = ()
        self.counts: dict[KeyPath, int] = {}
        self.quote = ""  # the open multi-line quote
        self.depth = 0  # of open brackets in a value

    def run(self, text: str) -> dict[KeyPath, int]:
        for number, line in enumerate(text.split("\n"), 1):
            rest = line
            if not self.quote and not self.depth:
                rest = self._start(line.strip(), number)
            self._follow(rest)
        return self.lines

    def _start(self, line: str, number: int) -> str:
        """Note a header or a key; return the part of the line that is a value."""
        if line.startswith("[["):
            self._header(_names(line[2:]), number, entry=True)
        elif line.startswith("["):
            self._header(_names(line[1:]), number, entry=False)
        elif match := _DOTTED.match(line):
            self._note(self.table + _names(line), number)
            return line[match.end() :]
        return ""

    def _header(self, names: KeyPath, number: int, *, entry: bool) -> None:
        path: KeyPath = ()
        for name in names[:-1]:
            path = self._latest((*path, name))
        path = (*path, names[-1])
        if entry:
            self.lines.setdefault(path, number)
            self.counts[path] = self.counts.get(path, -1) + 1
        self.table = self._latest(path)
        self._note(self.table, number)

    def _latest(self, path: KeyPath) -> KeyPath:
        return (*path, self.counts[path]) if path in self.counts else path

    def _note(self, path: KeyPath, number: int) -> None:
        for length in range(len(self.table) or 1, len(path) + 1):
            self.lines.setdefault(path[:length], number)

    def _follow(self, rest: str) -> None:
        """Keep track of brackets and strings that go on past the end of the line."""
        position = 0
        while position < len(rest):
            if self.quote:
                end = _closing(rest, self.quote, position)
                if end < 0:
                    return
                position, self.quote = end, ""
                continue
            match = _MARK.search(rest, position)
            if match is None:
                return
            mark, position = match.group(), match.end()
            if mark in ('"""', "'''"):
                self.quote = mark
            elif mark in "[{":
                self.depth += 1
            elif mark in "]}":
                self.depth -= 1


def _closing(text: str, quote: str, position: int) -> int:
    """Return the index after the closing multi-line quote, or -1; TOML lets two more quotes stand
    before it."""
    pattern = r'(?:[^"\\]|\\.|"(?!""))*"{3,5}' if quote == '"""' else r"(?:[^']|'(?!''))*'{3,5}"
    match = re.compile(pattern).match(text, position)
    return match.end() if match else -1


def _names(text: str) -> KeyPath:
    match = _DOTTED.match(text)
    found = re.findall(_KEY, match.group()) if match else []
    return tuple(name[1:-1] if name[0] in "\"'" else name for name in found)
