"""What a start looks at before it serves, and how what stopped it is told.

The start runs in nested nurseries; what is expected to go wrong there is one message all the same.
"""

from __future__ import annotations

import socket as stdlib_socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryFile
from threading import Thread
from typing import TYPE_CHECKING

import trio

from api.process.listeners import StartError
from api.process.media import media_needed
from api.process.secret_store import DataDirError
from api.settings.recordings import recordings_folder
from media.udp.datagrams import bind_port

if TYPE_CHECKING:
    from api.settings import Settings

FOLDER_SECONDS = 10.0  # for the folder of recordings to answer
EXPECTED = (StartError, DataDirError)


def check_places(settings: Settings) -> None:
    """See that media's addresses are ours and that recordings have a folder, which is made.

    Nothing is looked at where no dialect needs media. Raises StartError.
    """
    if not media_needed(settings):
        return
    for address in settings.ice.listen_ips:
        _check_address(str(address))
    folder = recordings_folder(settings).path
    why = _trouble_with(folder)
    if why:
        raise StartError(f"cannot keep recordings in {folder}: {why}")


def _trouble_with(folder: Path) -> str:
    """Make the folder and try it; in a thread, for a mount that is gone may never answer."""
    outcome: Queue[str] = Queue()

    def attempt() -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            outcome.put(_why(error))
        else:
            outcome.put("")

    Thread(target=attempt, daemon=True).start()
    try:
        return outcome.get(timeout=FOLDER_SECONDS)
    except Empty:
        return "it does not answer"


def _check_address(address: str) -> None:
    try:
        bound: stdlib_socket.socket | None = bind_port(address, 0)
    except OSError as error:
        raise StartError(f"cannot use {address} of ice.listen_ips: {_why(error)}") from None
    if bound is not None:
        bound.close()


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


@contextmanager
def one_message() -> Iterator[None]:
    """Raise an error that a start has to expect (EXPECTED) without the groups around it."""
    try:
        yield
    except BaseExceptionGroup as group:
        rest = group.split(trio.Cancelled)[1]
        if rest is None or rest.split(EXPECTED)[1] is not None:
            raise
        error: BaseException = rest
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
