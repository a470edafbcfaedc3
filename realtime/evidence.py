"""The last seconds of a stream as it came, so that what led to an alert can be kept.

Packets are held as bytes, encoded, in bounded memory, and muxed without being decoded: a clip
shows exactly the pictures that were judged.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
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
from realtime.packets import ClipTimes, Encoded, PacketBuffer, parameter_sets
from realtime.redact import redact

KEEP_S: Final = 10.0
"""Seconds that are held at least."""
MAX_CLIPS: Final = 4
"""Clips of one source that may be written at a time."""
LATE_S: Final = 1.0
"""A clip whose last packets do not come ends this much after its time."""
CLOSE_WAIT_S: Final = 3.0

_MP4_CODECS: Final = ("h264", "hevc", "av1", "mpeg4")
_MUXERS: Final = {
    # Fragments while it is written, an ordinary file with one index at the end.
    ".mp4": ("mp4", {"flush_packets": "1", "movflags": "+hybrid_fragmented+frag_keyframe"}),
    ".mkv": ("matroska", {"flush_packets": "1", "cluster_time_limit": "1000"}),
}

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


class _Job:
    """A clip on its way to the disk. ``pending`` and ``ending`` belong to the ring's lock, the
    rest to the thread that writes."""

    def __init__(self, clip: Clip, head: list[Encoded], template: _Template, until: float) -> None:
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


class EvidenceRing:
    """Holds the newest packets of one source and writes clips of them; a `PacketTap`.

    The clips are written on one thread, which begins with the first of them. A clip ends early,
    in good order, when the source is connected anew or its picture size changes: such pictures
    do not fit into one file. At most ``max_bytes`` are held, and as much again for each clip that
    the disk cannot take as fast as it comes.
    """

    def __init__(
        self,
        source_id: str = "stream",
        *,
        keep_s: float = KEEP_S,
        max_bytes: int = 64_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = redact(source_id)
        self._max_bytes = max_bytes
        self._clock = clock
        self._buffer = PacketBuffer(keep_s, max_bytes)
        self._template: _Template | None = None
        self._jobs: list[_Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def suffix(self) -> str:
        """The extension of the format that can hold the stream and that most players open."""
        with self._changed:
            codec = "" if self._template is None else self._template.codec
        return ".mp4" if codec in _MP4_CODECS else ".mkv"

    @property
    def held_bytes(self) -> int:
        """How much memory the packets take."""
        return self._buffer.size

    def opened(self, stream: VideoStream) -> None:
        """A connection begins: see `PacketTap`."""
        template = _Template(stream)
        with self._changed:
            self._begin(template)

    def packet(self, packet: Packet[VideoStream], captured_mono: float) -> None:
        """Hold the next packet: see `PacketTap`."""
        encoded = Encoded(bytes(packet), packet.pts, packet.dts, packet.is_keyframe, captured_mono)
        with self._changed:
            if self._closed or self._template is None:
                return
            if (changed := self._template.changed(encoded, packet.stream)) is not None:
                self._begin(changed)
            self._buffer.add(encoded)
            for job in self._jobs:
                self._feed(job, encoded)
            if self._jobs:
                self._changed.notify_all()

    def save(
        self,
        path: Path,
        before_s: float = 5.0,
        after_s: float = 5.0,
        at_mono: float | None = None,
    ) -> Clip | None:
        """Begin to write what came ``before_s`` before a moment to ``after_s`` after it.

        It begins with the last key frame before, or with what there is. ``at_mono`` is that
        moment, of ``time.monotonic()``, now if not given. ``path`` ends in .mp4 or .mkv. None if
        nothing is held or `MAX_CLIPS` are being written.

        Raises:
            SinkError: if there is a file of that name already or none can be made.
        """
        if path.suffix not in _MUXERS:
            raise SinkError(f"A clip cannot be named {redact(path)}: it must end in .mp4 or .mkv.")
        moment = self._clock() if at_mono is None else at_mono
        if not self.held_bytes:
            return None
        _reserve(path)  # not under the lock: a disk that hangs must not hold up the capture
        with self._changed:
            head = self._buffer.since(moment - before_s)
            if self._template is not None and head and len(self._jobs) < MAX_CLIPS:
                clip = Clip(path)
                self._jobs.append(_Job(clip, head, self._template, moment + after_s))
                self._start()
                self._changed.notify_all()
                return clip
        with suppress(OSError):
            path.unlink()
        return None

    def finish(self, timeout_s: float = CLOSE_WAIT_S) -> bool:
        """End all clips with what they have; whether they are complete on disk."""
        with self._changed:
            jobs = list(self._jobs)
            for job in jobs:
                job.ending = True
            self._changed.notify_all()
        deadline = time.monotonic() + timeout_s
        return all(job.clip.wait(max(0.0, deadline - time.monotonic())) for job in jobs)

    def close(self) -> None:
        """End all clips and the thread, and hold nothing any more; may be called again."""
        with self._changed:
            self._closed = True
            self._buffer.clear()
            self._template = None
            self._changed.notify_all()
        self.finish()
        if self._thread is not None:
            self._thread.join(CLOSE_WAIT_S)

    def _begin(self, template: _Template) -> None:
        if self._closed:
            return
        for job in self._jobs:
            job.ending = True
        self._buffer.clear()
        self._template = template
        self._changed.notify_all()

    def _feed(self, job: _Job, packet: Encoded) -> None:
        if job.ending or packet.arrival > job.until:
            job.ending = True
        elif job.bytes > self._max_bytes:
            job.ending = True
            job.clip.error = SinkError(
                f"The clip {redact(job.clip.path)} was cut short: its disk is too slow."
            )
        else:
            job.pending.append(packet)
            job.bytes += len(packet.data)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"fw-evidence-{self._name}", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while (work := self._next()) is None:
                    if self._closed:
                        return
                    self._changed.wait(LATE_S / 2)
            job, packets, ending = work
            job.write(packets)
            if ending or job.clip.error is not None:
                job.end()
                with self._changed:
                    self._jobs.remove(job)
                job.clip.done.set()

    def _next(self) -> tuple[_Job, list[Encoded], bool] | None:
        for job in self._jobs:
            if self._closed or self._clock() > job.until + LATE_S:
                job.ending = True
            if job.pending or job.ending:
                packets = list(job.pending)
                job.pending.clear()
                job.bytes = 0
                return job, packets, job.ending
        return None


class _Template:
    """What a muxer has to know of the stream; outlives the connection that it was taken from."""

    def __init__(self, stream: VideoStream, before: _Template | None = None) -> None:
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

    def changed(self, packet: Encoded, stream: VideoStream) -> _Template | None:
        """A new template if the stream is another one from ``packet`` on.

        H.264 and H.265 say so in new parameter sets; of others the decoder tells a packet later.
        """
        sets = b""
        if packet.key and self._start_codes:
            sets = parameter_sets(packet.data, self.codec)
        size = (stream.codec_context.width, stream.codec_context.height)
        if self._sets and sets and sets != self._sets:
            changed = _Template(stream, self)
            changed._sets = sets
            return changed
        self._sets = sets or self._sets
        if all(self._size) and size != self._size and not self._sets:
            return _Template(stream, self)
        self._size = size
        return None

    def open(self, path: Path) -> tuple[OutputContainer, VideoStream]:
        """A new file for packets of the stream; raises what PyAV raises."""
        muxer, options = _MUXERS[path.suffix]
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


def _reserve(path: Path) -> None:
    """Make the file, so that no other one of that name is ever written over."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        raise _unwritable(path, exc) from None


def _unwritable(path: Path, exc: Exception) -> SinkError:
    reason = redact(getattr(exc, "strerror", None) or type(exc).__name__)
    return SinkError(
        f"Cannot write the clip {redact(path)}: {reason}; make room or name another folder."
    )
