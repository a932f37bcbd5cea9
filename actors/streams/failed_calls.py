"""Why a connection of ours did not come about, in the words for calls that fail."""

from __future__ import annotations

from actors.words.quality import CallFailedReason
from media.contract.session import Failure

REASONS = {
    Failure.ICE: CallFailedReason.NO_ROUTE,
    Failure.DTLS: CallFailedReason.DTLS,
    Failure.NO_ANSWER: CallFailedReason.TIMEOUT,
    Failure.SILENCE: CallFailedReason.MEDIA,
    Failure.UNFINISHED: CallFailedReason.MEDIA,
    Failure.BUG: CallFailedReason.OTHER,
}
