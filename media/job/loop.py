"""What the process of a job does all the time: one thread, which sleeps until something is due.

A turn takes a bounded number of messages and packets, so that what is due stays on time however
much comes. Nothing that is written waits.
"""

from __future__ import annotations

import os
import resource
import selectors
import socket
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

from media.contract.jobs import JobFigures, WorkEvent
from media.job.control import (
    MESSAGE_BYTES,
    ChangeWork,
    CostsMeasured,
    FromProcess,
    Garbage,
    MeasureCosts,
    ProcessEnded,
    ProcessReady,
    StartWork,
    StopWork,
    WorkTaken,
    read_order,
    write_message,
)
from media.job.kinds import Kinds, make_work
from media.job.mark import InputMark
from media.job.media_socket import MediaSocket
from media.job.waker import Waker
from media.job.work import ClosingWork, Work, WorkFigures

FIGURES_SECONDS = 1.0
ORDERS = 16  # messages in one turn
NEVER = float("inf")
LONGEST_SLEEP = 3600.0


class JobLoop:
    """Runs until StopWork, the end of the control socket, or a bug. Both sockets are its own."""

    def __init__(
        self,
        control: socket.socket,
        media: socket.socket,
        mark: InputMark,
        kinds: Kinds,
        encoder: str = "",
    ) -> None:
        control.setblocking(False)
        self._control = control
        self._media_socket = media
        self._waker = Waker()
        self._media = MediaSocket(media, mark, self._tell, self._waker.wake)
        self._kinds = kinds
        self._encoder = encoder
        self._work: Work | None = None
        self._figures_due = NEVER
        self._cpu_before = 0.0  # of the start of the process, which is nobody's
        self._untold = 0
        self._over = False

    def run(self) -> int:
        """Do what is asked for until the end; return the exit code."""
        with selectors.DefaultSelector() as selector, closing(self._waker):
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._media_socket, selectors.EVENT_READ)
            selector.register(self._waker, selectors.EVENT_READ)
            self._tell(ProcessReady(self._encoder))
            try:
                while not self._over:
                    self._turn(selector)
            except Garbage as error:
                self._tell(ProcessEnded("garbage", str(error)))
                return 1
            except Exception as error:  # noqa: BLE001 - the boundary: told, and this is the end
                traceback.print_exc(file=sys.stderr)
                self._tell(ProcessEnded("failed", type(error).__name__))
                return 1
        return 0

    def _turn(self, selector: selectors.BaseSelector) -> None:
        work, now = self._work, time.monotonic()
        wake = min(
            self._figures_due, self._media.next_due, work.due() if work is not None else NEVER
        )
        ready = {
            key.fileobj for key, _ in selector.select(min(max(0.0, wake - now), LONGEST_SLEEP))
        }
        if self._control in ready:
            self._take_orders()
        if self._media_socket in ready and not self._over and not self._media.receive(self._work):
            self._over = True
        woken = self._waker in ready
        if woken:
            self._waker.clear()
        self._do_what_is_due(time.monotonic(), woken)

    def _do_what_is_due(self, now: float, woken: bool) -> None:
        work = self._work
        if work is not None and not self._over and (woken or work.due() <= now):
            work.tick(now)
        if self._media.next_due <= now:
            self._media.pass_requests(now)
        if self._figures_due <= now:
            self._figures_due = now + FIGURES_SECONDS
            self._tell(self._figures())

    def _take_orders(self) -> None:
        for _ in range(ORDERS):
            try:
                data = self._control.recv(MESSAGE_BYTES + 1)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:  # the server is gone
                self._over = True
            if self._over:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        order = read_order(data)
        match order:
            case StartWork() if self._work is None:
                self._media.clock_ahead = order.clock_ahead
                self._cpu_before = time.process_time()
                work = make_work(self._kinds, order.wanted, self._media)
                self._media.change(order.inputs, order.outputs)
                work.change(order.wanted)
                self._work = work
                self._figures_due = time.monotonic() + FIGURES_SECONDS
                self._tell(WorkTaken())
            case ChangeWork() if self._work is not None:
                self._media.change(order.inputs, order.outputs)
                self._work.change(order.wanted)
                self._tell(WorkTaken(order.number))
            case StopWork():
                if isinstance(self._work, ClosingWork):
                    self._work.close()
                if self._work is not None:
                    self._tell(self._figures())
                self._tell(ProcessEnded("stopped"))
                self._over = True
            case MeasureCosts() if self._work is None:
                from media.job.measure import measure_costs  # nobody else needs it

                self._tell(CostsMeasured(measure_costs()))
            case _:
                raise Garbage("a message out of turn")

    def _figures(self) -> JobFigures:
        did = self._work.figures if self._work is not None else WorkFigures()
        return JobFigures(
            cpu_seconds=time.process_time() - self._cpu_before,
            frames_in=did.frames_in,
            frames_out=did.frames_out,
            late_frames=did.late_frames,
            decode_errors=did.decode_errors,
            skipped_frames=did.skipped_frames,
            packets_in=self._media.packets_in,
            packets_out=self._media.packets_out,
            dropped=self._media.dropped + self._untold,
            memory=_resident_bytes(),
        )

    def _tell(self, message: FromProcess | WorkEvent) -> None:
        try:
            self._control.send(write_message(message))
        except OSError:  # the server does not listen, or is gone: then the next turn is the last
            self._untold += 1


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
