"""Who takes what: the subscriptions, recordings and streams out of a room. Pure.

A `Feed` is what flows to an output, of one kind: a stream's own track, or something that a process
makes of it. Processes are needed as long as somebody takes of what they make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from actors.streams.outputs import Output
from media.contract.jobs import AudioTarget, VideoTarget

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of a stream, as it comes or as `target`.

    Of the sound of a view, `without` names the stream of it that is not to be heard.
    """

    stream: str
    kind: str
    target: AudioTarget | VideoTarget | None = None
    without: str | None = None


Feeds = dict[str, Feed]
"""What an output takes, by kind."""

MixKey = str
"""A mixed stream's id: stands for the process that makes it."""

ProcessKey = Feed | MixKey
"""What a process makes: a feed with a target, or a mixed stream."""


@dataclass(slots=True)
class Takers:
    """All outputs of a room, and indexes of them.

    `stale` are the processes that have other takers than before, or something else to do.
    """

    feeds: dict[str, Feeds] = field(default_factory=dict)  # by output
    by_stream: dict[str, dict[str, None]] = field(default_factory=dict)  # outputs
    by_process: dict[ProcessKey, dict[str, None]] = field(default_factory=dict)  # outputs
    paced: dict[str, float] = field(default_factory=dict)  # outputs for which keyframes are asked
    stale: dict[ProcessKey, None] = field(default_factory=dict)
    mixed: frozenset[str] = frozenset()  # the ids of mixed streams

    def take(self, output: Output, feeds: Feeds) -> None:
        """Have an output take this from now on, and nothing else."""
        self._release(output.id)
        self.feeds[output.id] = feeds
        for feed in feeds.values():
            self.by_stream.setdefault(feed.stream, {})[output.id] = None
            for key in self.processes(feed):
                self.by_process.setdefault(key, {})[output.id] = None
                self.stale[key] = None
        asks_itself = output.owner is None and output.pace is None
        if not asks_itself and output.keyframe_seconds is not None:
            self.paced[output.id] = output.keyframe_seconds

    def drop(self, output: str) -> None:
        """Have an output take nothing any more."""
        self._release(output)
        self.feeds.pop(output, None)

    def of_stream(self, stream: str) -> tuple[str, ...]:
        """Return the outputs that take from a stream, however it is made for them."""
        return tuple(self.by_stream.get(stream, ()))

    def of_process(self, key: ProcessKey) -> tuple[str, ...]:
        """Return the outputs for which a process is needed."""
        return tuple(self.by_process.get(key, ()))

    def sounds(self, mix: MixKey, *others: Feed) -> tuple[Feed, ...]:
        """Return the sounds that a view's process makes, each once; `others` are taken, too."""
        taken = (feed for output in self.of_stream(mix) for feed in self.feeds[output].values())
        return tuple(
            dict.fromkeys(
                feed
                for feed in (*taken, *others)
                if feed.kind == "audio" and self.maker(feed) == mix
            )
        )

    def note(self, stream: str) -> None:
        """Note that a stream is not as it was, for the processes that take it."""
        for output in self.by_stream.get(stream, ()):
            feeds = (feed for feed in self.feeds[output].values() if feed.stream == stream)
            self.stale |= dict.fromkeys(key for feed in feeds for key in self.processes(feed))

    def processes(self, feed: Feed) -> Iterator[ProcessKey]:
        """Return the processes that a feed goes through, the first one first."""
        mixed, target = feed.stream in self.mixed, feed.target
        if mixed:
            yield feed.stream
        sound = isinstance(target, AudioTarget) and target.possible
        if target is not None and not (mixed and sound):  # sound of a view is sent in any format
            yield feed

    def maker(self, feed: Feed) -> ProcessKey | None:
        """Return the process that makes a feed, None for one that is taken as it comes."""
        return next(reversed(tuple(self.processes(feed))), None)

    def _release(self, output: str) -> None:
        feeds: Iterable[Feed] = self.feeds.get(output, {}).values()
        for feed in feeds:
            _remove(self.by_stream, feed.stream, output)
            for key in self.processes(feed):
                _remove(self.by_process, key, output)
                self.stale[key] = None
        self.paced.pop(output, None)


def _remove(table: dict[K, dict[str, None]], key: K, output: str) -> None:
    outputs = table.get(key)
    if outputs is not None:
        outputs.pop(output, None)
        if not outputs:
            del table[key]
