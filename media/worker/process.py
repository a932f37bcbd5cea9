"""One process that decodes and encodes, from its start to its end: it outlives nobody.

It is killed when `JobProcess.run` is cancelled, and ends with the server, however that ends (see
media.job.__main__). What it writes to its stderr, after a crash or when it hangs, is
logged by the line. To write to it never waits.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import structlog
import trio

from media.contract.jobs import JobEnded, JobFigures
from media.job.control import (
    MESSAGE_BYTES,
    STACK_SIGNAL,
    FromProcess,
    Garbage,
    ProcessEnded,
    ProcessReady,
    ToProcess,
    read_answer,
    write_message,
)
from media.job.mark import NOTHING, open_mark, read_mark

log = structlog.get_logger("media.worker.process")

READS = 64  # messages, before others get their turn
BUFFER_BYTES = 1 << 20
DUMP_SECONDS = 1.0  # for the stack of a process that hangs
LOGGED_LINES = 100  # of one process
LINE_BYTES = 300
NEVER = float("inf")
# What a process needs of our environment to find its libraries; no more, for there are secrets.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")

FromSink = Callable[[FromProcess], None]


@dataclass(frozen=True)
class ProcessPlan:
    """How processes are started, and how long they may take.

    `kinds` names another table of works than the usual one, "module:name"; `environment` is added
    to what is passed on of ours.
    """

    start_seconds: float = 10.0
    stalled_seconds: float = 5.0
    kinds: str = ""
    hardware: bool = False  # encode with it where that works
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, *descriptors: int) -> list[str]:
        """Return what to run; -P: a folder `media` where we are is not ours."""
        command = [sys.executable, "-P", "-m", "media.job", *map(str, descriptors)]
        if self.hardware:
            command.append("--hardware")
        return [*command, "--kinds", self.kinds] if self.kinds else command

    def all_of_environment(self) -> dict[str, str]:
        """Return the environment of a process."""
        ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**ours, **self.environment}


class JobProcess:
    """Start `run` in a task. `media` is our end of the socket for packets, once it is `ready`.

    `take` gets what the process tells, but for its figures' being its heartbeat, and must not wait
    or raise; None drops it. `ended` is set when nothing is left of it: `end` says why, and `marked`
    the SSRC of the input that it worked on when it died, if any.
    """

    def __init__(self, plan: ProcessPlan) -> None:
        self._plan = plan
        self.pid = 0
        self.encoder = ""  # of H.264, by FFmpeg's name, once it is ready
        self.take: FromSink | None = None
        self.ready = trio.Event()
        self.ended = trio.Event()
        self.end = JobEnded("stopped")
        self.marked = NOTHING
        with ExitStack() as undo:
            self.media, self._their_media = _pair()
            undo.callback(self.media.close)
            undo.callback(self._their_media.close)
            self._control, self._their_control = _pair()
            undo.callback(self._control.close)
            undo.callback(self._their_control.close)
            # Closed by the kernel when we end, however we do: its other end kills the process.
            self._their_lifeline, self._lifeline = os.pipe()
            undo.callback(os.close, self._their_lifeline)
            undo.callback(os.close, self._lifeline)
            self._mark = open_mark()
            undo.pop_all()
        self._process: trio.Process | None = None
        self._reason: JobEnded | None = None  # the first one counts
        self._patience = trio.CancelScope()
        self._deadline = NEVER
        self._errors_read = trio.Event()
        self._lines = 0

    @property
    def alive(self) -> bool:
        """Whether it can be told something."""
        return self._reason is None and not self.ended.is_set()

    def send(self, message: ToProcess) -> bool:
        """Tell the process something; False where it does not listen. Raises ValueError."""
        data = write_message(message)
        try:
            self._control.send(data)
        except OSError:
            return False
        return True

    def watch(self) -> None:
        """Expect figures from now on: without them, it hangs."""
        self.expect(self._plan.stalled_seconds)

    def expect(self, within: float) -> None:
        """Take it for one that hangs unless it tells something of itself within so many seconds."""
        self._deadline = self._patience.deadline = trio.current_time() + within

    def kill(self, reason: str, detail: str = "") -> None:
        """End it at once; fine if it has ended. `ended` is set soon."""
        self._note(JobEnded(reason, detail))
        if self._process is not None:
            self._process.kill()
        self._patience.cancel()

    async def run(self) -> None:
        """Run the process until it has ended; it is killed and reaped when this is cancelled."""
        try:
            await self._run()
        finally:
            self._note(JobEnded("stopped"))
            for each in (self.media, self._control, self._their_media, self._their_control):
                if each.fileno() >= 0:
                    trio.lowlevel.notify_closing(each)
                    each.close()
            os.close(self._lifeline)
            os.close(self._their_lifeline)
            self.marked = read_mark(self._mark)
            os.close(self._mark)
            self.ended.set()

    async def _run(self) -> None:
        self.expect(self._plan.start_seconds)
        async with trio.open_nursery() as nursery:
            try:
                process = await nursery.start(self._process_task)
            except OSError as error:  # no memory, descriptors or processes left
                self._note(JobEnded("not_started", os.strerror(error.errno or 0)))
                return
            self._process, self.pid = process, process.pid
            self._their_control.close()
            self._their_media.close()
            if process.stderr is not None:  # it is asked for below
                nursery.start_soon(self._read_errors, process.stderr)
            nursery.start_soon(self._read_control)
            if not self.alive:  # killed meanwhile
                process.kill()
            await self._wait(process)
            self._read_waiting()  # its last words
            self._note(_end_of(process))
            with trio.move_on_after(DUMP_SECONDS):  # its stderr, which a child of it may hold
                await self._errors_read.wait()
            nursery.cancel_scope.cancel()

    async def _process_task(
        self, task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED
    ) -> None:
        sockets = self._their_control.fileno(), self._their_media.fileno()
        theirs = *sockets, self._their_lifeline, self._mark
        try:
            await trio.run_process(
                self._plan.command(*theirs),
                pass_fds=theirs,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=self._plan.all_of_environment(),
                start_new_session=True,  # Ctrl-C is for the server, which ends its jobs in order
                check=False,
                deliver_cancel=_kill,
                task_status=task_status,
            )
        finally:
            if self.pid:
                with suppress(OSError):  # there are none
                    os.killpg(self.pid, signal.SIGKILL)  # what an analytics plug-in has started

    async def _wait(self, process: trio.Process) -> None:
        """Return when it has ended, by itself or because it was due to."""
        while True:
            with trio.CancelScope(deadline=self._deadline) as self._patience:
                await process.wait()
                return
            self._read_waiting()  # it may be us who were late
            if not self.alive:
                break
            if trio.current_time() >= self._deadline:
                await self._give_up(process)
                break
        process.kill()
        await process.wait()

    async def _give_up(self, process: trio.Process) -> None:
        """Have a process that hangs say where, before it is killed."""
        reason = "stalled" if self.ready.is_set() else "not_started"
        self._note(JobEnded(reason, "it does not answer"))
        log.warning("job.stalled", pid=self.pid, reason=reason)
        if self.ready.is_set():  # else the signal may mean nothing to it yet
            process.send_signal(signal.Signals[STACK_SIGNAL])
            with trio.move_on_after(DUMP_SECONDS):
                await process.wait()

    def _note(self, end: JobEnded) -> None:
        if self._reason is None:
            self._reason = self.end = end

    async def _read_control(self) -> None:
        """Take what comes until the process closes its end."""
        with suppress(trio.ClosedResourceError):
            while self._read_waiting():
                await trio.lowlevel.wait_readable(self._control)

    def _read_waiting(self) -> bool:
        """Take what is there; False when no more will come."""
        for _ in range(READS):
            try:
                data = self._control.recv(MESSAGE_BYTES + 1)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            try:
                message = read_answer(data)
            except Garbage as error:
                self.kill("garbage", str(error))
                return False
            self._heard(message)
        return True

    def _heard(self, message: FromProcess) -> None:
        match message:
            case ProcessReady(encoder):
                self.encoder = encoder
                self._deadline = self._patience.deadline = NEVER
                self.ready.set()
                return
            case JobFigures():
                self.watch()
            case ProcessEnded(reason, detail):
                self._note(JobEnded(reason, detail))
                return
        if self.take is not None:
            self.take(message)

    async def _read_errors(self, stderr: trio.abc.ReceiveStream) -> None:
        """Log what it writes to its stderr: the first lines of it, and those not too long."""
        rest = b""
        with suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            async with stderr:
                async for data in stderr:
                    *lines, rest = (rest + data).split(b"\n")
                    rest = rest[:LINE_BYTES]
                    for line in lines:
                        self._log_line(line)
        self._log_line(rest)
        self._errors_read.set()

    def _log_line(self, line: bytes) -> None:
        if line.strip() and self._lines < LOGGED_LINES:
            self._lines += 1
            text = line[:LINE_BYTES].decode("utf-8", "replace")
            log.warning("job.error_output", pid=self.pid, line=text)


async def _kill(process: trio.Process) -> None:
    process.kill()


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends of a socket for whole datagrams, in order, none of which is lost."""
    with ExitStack() as undo:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (ours, theirs):
            undo.callback(each.close)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        ours.setblocking(False)
        undo.pop_all()
    return ours, theirs


def _end_of(process: trio.Process) -> JobEnded:
    code = process.returncode or 0
    if code < 0:
        with suppress(ValueError):
            return JobEnded("killed", signal.Signals(-code).name)
        return JobEnded("killed", f"signal {-code}")
    return JobEnded("exited", f"code {code}")
