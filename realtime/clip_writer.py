"""One clip on its way to the disk: packets are muxed as they came, without being decoded."""

from __future__ import annotations

import io
import logging
import os
import threading
from collections import deque
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from realtime.errors import SinkError
from realtime.packets import ClipTimes, Encoded, parameter_sets
from realtime.redact import redact

_MP4_CODECS: Final = ("h264", "hevc", "av1", "mpeg4")
MUXERS: Final = {
    # Fragments while it is written, an ordinary file with one index at the end.
    ".mp4": ("mp4", {"flush_packets": "1", "movflags": "+hybrid_fragmented+frag_keyframe"}),
    ".mkv": ("matroska", {"flush_packets": "1", "cluster_time_limit": "1000"}),
}
"""How clips are written, by the end of their names."""

log = logging.getLogger(__name__)


class Clip:
    """A clip that is being written, or was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: SinkError | None = None
        """Why it is not, or not wholly, on disk."""
        self.packets = 0
        """How many packets are in the file."""
        self.done = threading.Event()
        """Set when the file is complete or given up."""

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the file is complete or given up; whether it is."""
        return self.done.wait(timeout_s)


class ClipTemplate:
    """What a muxer has to know of the stream; outlives the connection that it was taken from."""

    def __init__(self, stream: VideoStream, before: ClipTemplate | None = None) -> None:
        context = stream.codec_context
        self.codec = str(context.codec.canonical_name)
        self.base = stream.time_base or Fraction(1, 90_000)
        self._size = (context.width, context.height)
        # What begins with 1 is the description of packets without start codes.
        self._start_codes = not (context.extradata or b"").startswith(b"\1")
        self._sets = b""
        self._renewed = before is not None
        if before is None:
            # Never written to: it only holds a copy of the parameters.
            self._holder = av.open(io.BytesIO(), "w", format="matroska")
            self._stream = self._holder.add_stream_from_template(stream, opaque=True)
        else:
            self._holder, self._stream = before._holder, before._stream

    @property
    def suffix(self) -> str:
        """The extension of the format that can hold the stream and that most players open."""
        return ".mp4" if self.codec in _MP4_CODECS else ".mkv"

    def changed(self, packet: Encoded, stream: VideoStream) -> ClipTemplate | None:
        """A new template if the stream is another one from ``packet`` on.

        H.264 and H.265 say so in new parameter sets; of others the decoder tells a packet later.
        """
        sets = b""
        if packet.key and self._start_codes:
            sets = parameter_sets(packet.data, self.codec)
        size = (stream.codec_context.width, stream.codec_context.height)
        if self._sets and sets and sets != self._sets:
            changed = ClipTemplate(stream, self)
            changed._sets = sets
            return changed
        self._sets = sets or self._sets
        if all(self._size) and size != self._size and not self._sets:
            return ClipTemplate(stream, self)
        self._size = size
        return None

    def open(self, path: Path) -> tuple[OutputContainer, VideoStream]:
        """A new file for packets of the stream; raises what PyAV raises."""
        muxer, options = MUXERS[path.suffix]
        # The protocol is named, so that no file name can be taken for that of another one.
        container = av.open(f"file:{path}", "w", format=muxer, options=dict(options))
        try:
            stream = container.add_stream_from_template(self._stream, opaque=True)
            context = stream.codec_context
            context.width, context.height = self._size
            if self._renewed and self._sets:
                context.extradata = self._sets
        except BaseException:
            container.close()
            raise
        return container, stream


class ClipJob:
    """A clip with what is still to be written of it.

    ``pending``, ``bytes`` (how much that is) and ``ending`` belong to the lock of whoever feeds
    it, the rest to the thread that writes. ``until`` is the time (``time.monotonic()``) of its
    end.
    """

    def __init__(
        self, clip: Clip, head: list[Encoded], template: ClipTemplate, until: float
    ) -> None:
        self.clip = clip
        self.template = template
        self.until = until
        self.pending = deque(head)
        self.bytes = sum(len(packet.data) for packet in head)
        self.ending = False
        self._times = ClipTimes(template.base, head)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def write(self, packets: list[Encoded]) -> None:
        """Mux ``packets``; an error stands in the clip."""
        if self.clip.error is not None:
            return
        try:
            if self._container is None:
                self._container, self._stream = self.template.open(self.clip.path)
            for packet in packets:
                self._container.mux(self._muxable(packet))
                self.clip.packets += 1
        except (OSError, FFmpegError, ValueError) as exc:
            self.clip.error = _unwritable(self.clip.path, exc)

    def end(self) -> None:
        """Complete the file, or remove it if it is empty."""
        clip, container = self.clip, self._container
        self._container = self._stream = None
        try:
            if container is not None:
                container.close()
        except (OSError, FFmpegError) as exc:
            clip.error = clip.error or _unwritable(clip.path, exc)
        with suppress(OSError):
            if not clip.packets:
                clip.path.unlink()
        if clip.error is not None:
            log.warning("%s", clip.error)

    def _muxable(self, packet: Encoded) -> Packet[Stream]:
        assert self._stream is not None
        muxable: Packet[Stream] = Packet(packet.data)
        muxable.stream = self._stream
        muxable.time_base = self.template.base
        muxable.pts, muxable.dts = self._times.place(packet)
        muxable.is_keyframe = packet.key
        return muxable


def reserve(path: Path) -> None:
    """Make the file, so that no other one of that name is ever written over.

    Raises:
        SinkError: if there is one, or none can be made.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        raise _unwritable(path, exc) from None


def _unwritable(path: Path, exc: Exception) -> SinkError:
    reason = redact(getattr(exc, "strerror", None) or type(exc).__name__)
    return SinkError(
        f"Cannot write the clip {redact(path)}: {reason}; make room or name another folder."
    )
