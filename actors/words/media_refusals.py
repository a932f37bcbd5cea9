"""Expected trouble with media, by name; see `refusals` for the rest."""

from __future__ import annotations

from actors.core.errors import Refused


class BadDescription(Refused):
    """A session description makes no sense, or offers what cannot be served."""

    code = "bad_description"


class NoCommonCodec(Refused):
    """A media section offers no codec that was wanted."""

    code = "no_common_codec"


class BadCandidate(Refused):
    """A candidate makes no sense, or there are too many."""

    code = "bad_candidate"


class NegotiationOutOfStep(Refused):
    """An answer without an offer, an offer that crosses another, or a session that has ended."""

    code = "negotiation_out_of_step"


class UnknownChannel(Refused):
    """The connection has no open data channel of that id."""

    code = "unknown_channel"


class ImpossibleChannel(Refused):
    """A data channel contradicts itself, or another one has its id."""

    code = "impossible_channel"


class TooMuchMedia(Refused):
    """A limit of the media layer is reached: ports, channels, the size of a message."""

    code = "too_much_media"


class BadAddress(Refused):
    """A UDP port was to be opened on an address that is not this machine's."""

    code = "bad_address"


class SourceGone(Refused):
    """Nothing sends under that id, or no longer."""

    code = "source_gone"


class SinkGone(Refused):
    """Nothing takes under that id, or no longer."""

    code = "sink_gone"


class CodecMismatch(Refused):
    """What is to be taken carries another codec than the taker was made for."""

    code = "codec_mismatch"


class CannotRecord(Refused):
    """These tracks do not go into that kind of file; the text says why."""

    code = "cannot_record"


class CannotBroadcast(Refused):
    """A stream out does not start, or cannot be like this; the text says why, without addresses."""

    code = "cannot_broadcast"


class CannotAnalyse(Refused):
    """An analytic does not start; the text says why."""

    code = "cannot_analyse"


class MediaIdTaken(Refused):
    """A stream, port or recording that lives has that id."""

    code = "media_id_taken"


class NoCapacity(Refused):
    """No processing power is left for a job of the kind that the text names."""

    code = "no_capacity"


class JobFailed(Refused):
    """The process of a job does not do what it should; the text says why."""

    code = "job_failed"


class AddressUnfit(Refused):
    """Streams are neither pulled from such an address nor sent to one; the text says why."""

    code = "address_unfit"


class SourceRefused(Refused):
    """Nothing comes from a source outside; the text says why, without its address."""

    code = "source_refused"
