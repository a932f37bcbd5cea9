"""A codec as two sides agreed on it, and whether one side's packets suit the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Codec:
    """What a source carries, or a sink expects.

    `name` is lower case ("vp8", "h264", "opus", "pcmu", …), `clock_rate` is in Hz, and `fmtp` is
    written as in a session description ("packetization-mode=1;profile-level-id=42e01f").
    """

    name: str
    clock_rate: int
    payload_type: int
    channels: int = 1
    fmtp: str = ""

    def parameters(self) -> dict[str, str]:
        """Return `fmtp` by lower-case name; a parameter without a value has an empty one."""
        pairs = (part.partition("=") for part in self.fmtp.split(";") if part.strip())
        return {name.strip().lower(): value.strip() for name, _, value in pairs}


def suits(source: Codec, sink: Codec) -> bool:
    """Tell whether packets of `source` can reach `sink` with no change but to their headers."""
    if (source.name.lower(), source.clock_rate) != (sink.name.lower(), sink.clock_rate):
        return False
    match source.name.lower():
        case "opus":
            return True  # every decoder takes mono and stereo, whatever was announced
        case "h264":
            # Fragments (mode 1) are Greek to a receiver of single units (mode 0), not the other
            # way round. RFC 6184, section 6.
            return _packetization_mode(source) <= _packetization_mode(sink)
        case _:
            return source.channels == sink.channels


def _packetization_mode(codec: Codec) -> int:
    mode = codec.parameters().get("packetization-mode", "0")
    return int(mode) if mode in ("0", "1", "2") else 0
