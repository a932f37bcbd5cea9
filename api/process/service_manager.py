"""What the process tells the service manager that started it, as systemd's sd_notify has it.

One datagram each to the socket that NOTIFY_SOCKET names. Where there is none, nobody is told; and
whatever goes wrong with it is logged once and is no trouble of the server's.
"""

from __future__ import annotations

import os
import socket as stdlib_socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field

import structlog
import trio

STATUS_SECONDS = 5.0  # at least, between two looks at the status

Status = Callable[[], Awaitable[str]]
"""Returns one short line for people, such as "12 rooms, 34 people"."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ServiceManager:
    """`address` is a path, or with "@" in front a name in the abstract namespace; "": nobody.

    `watchdog_seconds` is after what time without a word the manager ends the process; 0: never.
    """

    address: str = ""
    watchdog_seconds: float = 0.0
    _status: str = ""
    _stopping: bool = False
    _failed: bool = field(default=False, repr=False)

    @classmethod
    def of_environment(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Take the variables out: they are meant for this process, not for those it starts."""
        address = environment.pop("NOTIFY_SOCKET", "")
        seconds = _microseconds(environment.pop("WATCHDOG_USEC", "")) / 1e6
        whose = environment.pop("WATCHDOG_PID", "")
        if whose and whose != str(os.getpid()):
            seconds = 0.0
        return cls(address if address.startswith(("/", "@")) else "", seconds)

    def ready(self) -> None:
        """The server serves; or it has taken over a configuration."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins, and with it nobody is counted any more."""
        self._stopping = True
        self._tell("STOPPING=1", "STATUS=stopping")

    async def report(self, status: Status) -> None:
        """Tell the status when it has changed, and that the event loop runs, until cancelled.

        That comes at half the time the manager waits for it, from a task like any other: a loop
        that is held up says nothing.
        """
        if not self.address:
            return
        watched = self.watchdog_seconds > 0
        every = min(STATUS_SECONDS, self.watchdog_seconds / 2) if watched else STATUS_SECONDS
        looked = -STATUS_SECONDS
        while True:
            told = ["WATCHDOG=1"] if watched else []
            if not self._stopping and trio.current_time() - looked >= STATUS_SECONDS:
                looked = trio.current_time()
                told += self._news(await status())
            if told:
                self._tell(*told)
            await trio.sleep(every)

    def _news(self, status: str) -> list[str]:
        if status == self._status:
            return []
        self._status = status
        return [f"STATUS={status}"]

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        try:
            with stdlib_socket.socket(
                stdlib_socket.AF_UNIX, stdlib_socket.SOCK_DGRAM | stdlib_socket.SOCK_CLOEXEC
            ) as socket:
                socket.setblocking(False)
                socket.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            if not self._failed:
                self._failed = True
                log.warning("service_manager.unreachable", reason=error.strerror or str(error))


def _microseconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
