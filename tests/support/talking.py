"""Programs that tests talk with: a line to their standard input, a line from their output."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

END_SECONDS = 60.0


class Talking:
    """A running program: `line()` is the next line it wrote, `say` writes one to it."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input = process.stdin
        self._output = process.stdout
        self._rest = b""

    async def say(self, line: str) -> None:
        await self._input.send_all(line.encode() + b"\n")

    async def line(self, within: float = 60.0) -> str:
        """Return the next line of its standard output; "" once it has ended."""
        with trio.fail_after(within):
            while b"\n" not in self._rest:
                data = await self._output.receive_some()
                if not data:
                    break
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def talking(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Talking]:
    """Run a program while the block runs; it is killed at the end.

    What it writes to standard error goes to the test's own.
    """
    process = await trio.lowlevel.open_process(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    try:
        yield Talking(process)
    finally:
        process.kill()
        with trio.move_on_after(END_SECONDS, shield=True):
            await process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            await trio.aclose_forcefully(stream)
