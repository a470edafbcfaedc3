"""Where the encoded packets of a stream go besides the decoder."""

from __future__ import annotations

from typing import Protocol

from av.packet import Packet
from av.video.stream import VideoStream


class PacketTap(Protocol):
    """Is handed the packets of one video stream, all of them and in order.

    Both methods are called on the capture thread and must not block. A packet may be kept: it
    owns its bytes. What a tap raises is raised by `FrameSource.read`.
    """

    def opened(self, stream: VideoStream) -> None:
        """A connection was made; ``stream`` is a template for muxing until the next call.

        It belongs to an open container: what is needed of it later has to be copied now.
        """
        ...

    def packet(self, packet: Packet[VideoStream], captured_mono: float) -> None:
        """The next encoded packet, which came at ``captured_mono`` of ``time.monotonic()``."""
        ...
