"""The process of a job: `python -P -m media.job CONTROL MEDIA LIFELINE MARK`, all descriptors.

It is started by media.worker.process only, and outlives the server in no case: it ends with its
control socket, and is killed by the kernel with the lifeline, a pipe on which nothing ever comes.
Signals that are meant for the server are left to it.
"""

from __future__ import annotations

import argparse
import faulthandler
import fcntl
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from typing import cast

NICER = 5  # than the server: who forwards packets goes first
ADDRESS_BYTES = 4 << 30
"""Of memory addresses: a process has 0.25 GB after its start, 16 decoders of 4K some 2 GB more."""


def main() -> int:
    """Load what is slow to load, say so, and do what is asked for."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager sends them to all of us
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    parser = argparse.ArgumentParser("media.job")
    parser.add_argument("control", type=int)
    parser.add_argument("media", type=int)
    parser.add_argument("lifeline", type=int)
    parser.add_argument("mark", type=int)
    parser.add_argument("--kinds", default="media.job.kinds:KINDS")
    parser.add_argument("--hardware", action="store_true")
    options = parser.parse_args()
    _die_with(options.lifeline)
    os.nice(NICER)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    import av  # here and not above: signals and limits come first
    import numpy  # noqa: F401 - only to have it loaded

    from media.job.h264_encoders import choose
    from media.job.kinds import Kinds, load, named
    from media.job.loop import JobLoop
    from media.job.mark import InputMark

    av.logging.set_level(None)  # it quotes what strangers sent
    kinds = cast(Kinds, named(options.kinds))
    load(kinds)
    encoder = choose(hardware=options.hardware)
    with (
        socket.socket(fileno=options.control) as control,
        socket.socket(fileno=options.media) as media,
    ):
        return JobLoop(control, media, InputMark(options.mark), kinds, encoder).run()


def _die_with(lifeline: int) -> None:
    """Have the kernel kill us when the other end closes, even while we hang or are stopped.

    Where we have a group of our own, what a plug-in has started is killed, too.
    Where a system cannot do that, the end of the control socket has to do.
    """
    with suppress(OSError, AttributeError):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        own_group = os.getpgrp() == os.getpid()
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid() if own_group else os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


if __name__ == "__main__":
    sys.exit(main())
