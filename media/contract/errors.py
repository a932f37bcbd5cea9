"""What can go wrong with media, and whose fault it is.

MediaError
├── BadDescription    the other side sent a session description that makes no sense
│   └── NoCommonCodec     it makes sense, but there is no codec both sides know
├── BadCandidate      the other side sent a candidate that makes no sense, or too many
├── WrongState        that step is not possible now: an answer without an offer, a closed session
├── UnknownSource     nothing with that id sends
├── UnknownSink       nothing with that id takes
├── UnknownSession    no open session has that id
├── UnknownPort       no open UDP port has that id
├── UnknownRecording  no recording that runs has that id
├── UnknownChannel    the session has no open data channel of that id
├── IdTaken           something alive has that id already
├── CodecMismatch     the sink cannot take what the source carries
├── BadAddress        no address of ours to listen on
├── NoFreePort        every UDP port of the configured range is taken
├── RouterFull        the router holds as many sources or sinks as it may
├── TooMuch           a limit of a session is reached: channels, candidates, a large message
├── NoCapacity        no processing power is left for a job of that kind
├── JobFailed         the process of a job does not work; the text says why
├── UnknownJob        no job that runs has that id
├── CannotRecord      these tracks do not go into that kind of file; the text says why
└── MediaTimeout      a step took longer than it was given; the work may still happen
"""

from __future__ import annotations


class MediaError(Exception):
    """Anything this package raises on purpose; its text holds no description and no address."""


class BadDescription(MediaError):
    """A session description was refused; the session is as it was."""


class NoCommonCodec(BadDescription):
    """A media section offers no codec that was wanted; the session is as it was."""


class BadCandidate(MediaError):
    """A remote candidate was refused; the session is as it was."""


class WrongState(MediaError):
    """The session is closed, or its negotiation has not reached, or has passed, that step."""


class UnknownSource(MediaError):
    """No source has that id: it was never there, or has ended."""


class UnknownSink(MediaError):
    """No sink has that id: it was never there, or has ended."""


class UnknownSession(MediaError):
    """No open session has that id."""


class UnknownPort(MediaError):
    """No open UDP port has that id."""


class UnknownRecording(MediaError):
    """No recording that runs has that id: it was never there, or has ended."""


class UnknownChannel(MediaError):
    """The session has no open data channel of that id."""


class IdTaken(MediaError):
    """A source, sink or session that lives has that id."""


class CodecMismatch(MediaError):
    """The sink was negotiated for another codec than the source carries."""


class BadAddress(MediaError):
    """The address to listen on is none, or not one of this machine."""


class NoFreePort(MediaError):
    """No UDP port of the configured range could be bound."""


class RouterFull(MediaError):
    """The router holds as many sources or sinks as it may."""


class TooMuch(MediaError):
    """A limit of a session is reached: data channels, candidates, bytes of a message."""


class MediaTimeout(MediaError):
    """A call into the media loop had no result within its budget."""


class CannotRecord(MediaError):
    """What was asked for does not go into that kind of file; the text says why."""


class NoCapacity(MediaError):
    """No processing power is left for such a job now; the text is its kind, and no more.

    `detail` has the figures, which are for logs.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(str(kind))
        self.detail = detail


class JobFailed(MediaError):
    """The process of a job did not start, or does not do what it is told; the text says why."""


class UnknownJob(MediaError):
    """No job that runs has that id: it was never there, or has ended."""
