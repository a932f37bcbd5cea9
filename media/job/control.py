"""What a server and the process of a job say to each other: one message a datagram, as msgpack.

Both ends are of one version. What cannot be read is garbage: a bug, or memory that was overwritten.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from media.contract.jobs import JobFigures, JobWanted, WorkEvent

M = TypeVar("M")

MESSAGE_BYTES = 160 * 1024  # a mix of several hundred inputs; the kernel's buffer holds one
PACKET_BYTES = 4096  # of one RTP or RTCP packet: more than any path carries whole
PAYLOAD_TYPE = 96  # of all that goes between them: streams are told apart by their SSRC
STACK_SIGNAL = "SIGUSR1"  # has the process write what it is busy with to its stderr


class Garbage(Exception):
    """What came is no message of the other side's, or no packet."""


class StartWork(msgspec.Struct, frozen=True, tag=True):
    """Begin; the first message but for MeasureCosts. Answered by WorkTaken, or ProcessEnded.

    `inputs` and `outputs` are the SSRCs by id of input, and by name of what is sent. `clock_ahead`
    is how many seconds the NTP times of the server's sender reports are ahead of time.monotonic.
    """

    wanted: JobWanted
    inputs: dict[str, int]
    outputs: dict[str, int]
    clock_ahead: float


class ChangeWork(msgspec.Struct, frozen=True, tag=True):
    """Do this from now on, with these streams. Answered like StartWork, with its `number`."""

    number: int
    wanted: JobWanted
    inputs: dict[str, int]
    outputs: dict[str, int]


class StopWork(msgspec.Struct, frozen=True, tag=True):
    """End; answered by ProcessEnded."""


class MeasureCosts(msgspec.Struct, frozen=True, tag=True):
    """Find out what encoding and decoding costs here. Answered by CostsMeasured."""


class ProcessReady(msgspec.Struct, frozen=True, tag=True):
    """What takes its time to load is loaded; `encoder` is FFmpeg's name of that of H.264."""

    encoder: str = ""


class WorkTaken(msgspec.Struct, frozen=True, tag=True):
    """What StartWork (0) or the ChangeWork of this number said is so now."""

    number: int = 0


class CostsMeasured(msgspec.Struct, frozen=True, tag=True):
    """CPU seconds by what was done, as in media.worker.costs; what cannot be done is left out."""

    costs: dict[str, float]


class ProcessEnded(msgspec.Struct, frozen=True, tag=True):
    """The last message; see media.contract.jobs.JobEnded."""

    reason: str
    detail: str = ""


ToProcess = StartWork | ChangeWork | StopWork | MeasureCosts
FromProcess = ProcessReady | WorkTaken | CostsMeasured | JobFigures | WorkEvent | ProcessEnded

_encoder = msgspec.msgpack.Encoder()
_to_process: msgspec.msgpack.Decoder[ToProcess] = msgspec.msgpack.Decoder(ToProcess)
_from_process: msgspec.msgpack.Decoder[FromProcess] = msgspec.msgpack.Decoder(FromProcess)


def write_message(message: ToProcess | FromProcess) -> bytes:
    """Return a message as it goes. Raises ValueError for one that is too long."""
    data = _encoder.encode(message)
    if len(data) > MESSAGE_BYTES:
        raise ValueError(f"a message of {len(data)} bytes")
    return data


def read_order(data: bytes) -> ToProcess:
    """Read what came from the server. Raises Garbage."""
    return _read(_to_process, data)


def read_answer(data: bytes) -> FromProcess:
    """Read what came from the process. Raises Garbage."""
    return _read(_from_process, data)


def _read(decoder: msgspec.msgpack.Decoder[M], data: bytes) -> M:
    if len(data) > MESSAGE_BYTES:
        raise Garbage("a message that is too long")
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Garbage("no message") from error
