"""What a program is told of what the media layer raises: a few words without user data. Pure."""

from __future__ import annotations

from media.contract import errors

_WORDS: dict[type[errors.MediaError], str] = {
    errors.NoCommonCodec: "no codec that both sides know",
    errors.BadDescription: "what the other side offers cannot be understood",
    errors.MediaTimeout: "the media layer took too long",
    errors.UnknownPort: "a UDP socket is gone",
}


def words_for(error: errors.MediaError) -> str:
    """Return why a connection has failed."""
    return next((_WORDS[kind] for kind in _WORDS if isinstance(error, kind)), type(error).__name__)
