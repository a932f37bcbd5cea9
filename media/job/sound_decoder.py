"""From payloads of RTP to sound: Opus (RFC 7587), PCMU, PCMA and G.722 (RFC 3551).

A payload that cannot be decoded is nothing but a loss.
"""

from __future__ import annotations

from typing import cast

import av
import numpy as np

from media.job.pcm import CHANNELS, RATE, Sound
from media.job.resample import EvenResampler, samples_of

CLOCK_RATES = {"opus": 48_000, "pcmu": 8000, "pcma": 8000, "g722": 8000}
"""Of the RTP timestamps; that of G.722 is half of its sampling rate, by an old mistake."""

_DECODERS = {"opus": "libopus", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw", "g722": "g722"}
_SAMPLING = {"pcmu": 8000, "pcma": 8000, "g722": 16_000}
LONGEST = RATE * 120 // 1000  # samples of one packet; the rest is cut off


class SoundDecoder:
    """Decodes one stream, its packets in order. Raises KeyError for a codec that it has not."""

    def __init__(self, codec: str) -> None:
        decoder = cast("av.AudioCodecContext", av.CodecContext.create(_DECODERS[codec], "r"))
        decoder.thread_count = 1
        sampling = _SAMPLING.get(codec)
        decoder.sample_rate = sampling or RATE
        # Opus tells mono from stereo in each packet; its decoder makes stereo of both.
        decoder.layout = "mono" if sampling else "stereo"
        self._decoder = decoder
        self._resampler = EvenResampler(sampling, RATE) if sampling else None

    def decode(self, payload: bytes) -> Sound | None:
        """Return the sound of a packet; None for one that cannot be decoded."""
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return None
        if not frames:
            return None
        parts = [samples_of(each) for each in frames]
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if self._resampler is not None:
            mono = self._resampler.convert(samples[: LONGEST * self._decoder.sample_rate // RATE])
            samples = np.repeat(mono, CHANNELS)
        sound = samples[: LONGEST * CHANNELS].reshape(-1, CHANNELS).astype(np.float32)
        sound *= np.float32(1 / 32768)
        return sound
