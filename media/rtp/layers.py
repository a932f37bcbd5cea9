"""A simulcast as one source: of its layers, the largest that keeps sending is handed on.

Names that are not common say nothing of sizes, and RFC 8853 only knows preference: so each keyframe
is looked at. A sender drops its upper layers when bandwidth or CPU is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from media.rtp.bitrate_limits import UNLIMITED
from media.rtp.picture_size import picture_size
from media.rtp.rtp_packet import RtpPacket
from media.rtp.rtp_source import RtpSource
from media.rtp.upstream import RtcpUpstream

STOPPED_SECONDS = 0.7  # that a layer is behind the others, to have stopped
LOOK_SECONDS = 0.5

Switch = Callable[[RtpSource, RtpSource], None]
"""Has all that takes the first source take the second one, video from its next keyframe on."""


class Layers:
    """The layers of one section by rid, of which `current` is handed on. Nothing here waits.

    Each is a source of its own, made with `watch` of this object. What goes over to another layer
    does so at a keyframe: to a larger one at the one it sends, to a smaller one at the one that it
    is asked for once the current one has stopped.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self.sources: dict[str, RtpSource] = {}
        self.current: RtpSource
        self.switch: Switch = _nobody
        self._sizes: dict[RtpSource, int] = {}  # in pixels, as of the latest keyframe
        self._look_at = 0.0

    def set(self, sources: Mapping[str, RtpSource], first: str) -> None:
        """Take the layers, once they are made; `first` is the one to wait for at first."""
        self.sources = dict(sources)
        self.current = self.sources[first]

    def __iter__(self) -> Iterator[RtpSource]:
        return iter(self.sources.values())

    def watch(self, layer: RtpSource, packet: RtpPacket) -> None:
        """Take note of a keyframe, before it is handed on: whoever goes over now begins with it."""
        size = picture_size(packet, layer.codec.name)
        if size is not None:
            self._sizes[layer] = size[0] * size[1]
        if layer is not self.current and (
            not self._sends(self.current) or self._size(layer) > self._size(self.current)
        ):
            self._go_over(layer)

    def tick(self, now: float) -> None:
        """Look whether another layer is due; to be called some fifty times a second."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        sending = [layer for layer in self if self._sends(layer)]
        if not sending:
            return
        best = max(sending, key=self._size)
        if self.current not in sending:
            self._go_over(best)
            best.request_keyframe()
        elif self._size(best) > self._size(self.current):
            best.request_keyframe()
        for layer in sending:
            if layer not in self._sizes:  # its keyframe was lost
                layer.request_keyframe()

    def bitrate_beside(self, rid: str) -> float:
        """Return what the other layers send, in bits per second."""
        return sum(it.bitrate for name, it in self.sources.items() if name != rid)

    def _size(self, layer: RtpSource) -> int:
        return self._sizes.get(layer, 0)

    def _sends(self, layer: RtpSource) -> bool:
        """Tell whether a layer has not fallen behind the others; a pause is one of all."""
        newest = max(it.last_arrival for it in self)
        return layer.last_arrival > newest - STOPPED_SECONDS

    def _go_over(self, layer: RtpSource) -> None:
        before, self.current = self.current, layer
        self.switch(before, layer)


class LayerUpstream(RtcpUpstream):
    """Talks back to the sender of a layer; `beside` gives what the other layers send.

    A receiver names what it can take of one layer, the sender shares the limit among all of them.
    It is never told more than `most`.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        ssrc: int,
        cname: str,
        beside: Callable[[], float],
        most: int = UNLIMITED,
    ) -> None:
        super().__init__(send, ssrc, cname)
        self._beside = beside
        self._most = most

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None:
        """Say how much the receivers can take, and the layers that they do not get with it."""
        if bits_per_second < UNLIMITED:
            bits_per_second += round(self._beside())
        super().limit_bitrate(min(bits_per_second, self._most), ssrc)


def _nobody(before: RtpSource, after: RtpSource) -> None:
    """Stand in for a router."""
