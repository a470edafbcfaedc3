"""The last seconds of a stream as it came, so that what led to an alert can be kept.

Packets are held as bytes, encoded, in bounded memory, and muxed without being decoded: a clip
shows exactly the pictures that were judged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from av.packet import Packet
from av.video.stream import VideoStream

from realtime.clip_writer import MUXERS, Clip, ClipJob, ClipTemplate, reserve
from realtime.errors import SinkError
from realtime.packets import Encoded, PacketBuffer
from realtime.redact import redact

__all__ = ["KEEP_S", "MAX_CLIPS", "Clip", "EvidenceRing"]

KEEP_S: Final = 10.0
"""Seconds that are held at least."""
MAX_CLIPS: Final = 4
"""Clips of one source that may be written at a time."""
LATE_S: Final = 1.0
"""A clip whose last packets do not come ends this much after its time."""
CLOSE_WAIT_S: Final = 3.0


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
        self._template: ClipTemplate | None = None
        self._jobs: list[ClipJob] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def suffix(self) -> str:
        """The extension of the format that can hold the stream and that most players open."""
        with self._changed:
            return ".mkv" if self._template is None else self._template.suffix

    @property
    def held_bytes(self) -> int:
        """How much memory the packets take."""
        return self._buffer.size

    def opened(self, stream: VideoStream) -> None:
        """A connection begins: see `PacketTap`."""
        template = ClipTemplate(stream)
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
        if path.suffix not in MUXERS:
            raise SinkError(f"A clip cannot be named {redact(path)}: it must end in .mp4 or .mkv.")
        moment = self._clock() if at_mono is None else at_mono
        if not self.held_bytes:
            return None
        reserve(path)  # not under the lock: a disk that hangs must not hold up the capture
        with self._changed:
            head = self._buffer.since(moment - before_s)
            if self._template is not None and head and len(self._jobs) < MAX_CLIPS:
                clip = Clip(path)
                self._jobs.append(ClipJob(clip, head, self._template, moment + after_s))
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

    def _begin(self, template: ClipTemplate) -> None:
        if self._closed:
            return
        for job in self._jobs:
            job.ending = True
        self._buffer.clear()
        self._template = template
        self._changed.notify_all()

    def _feed(self, job: ClipJob, packet: Encoded) -> None:
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

    def _next(self) -> tuple[ClipJob, list[Encoded], bool] | None:
        for job in self._jobs:
            if self._closed or self._clock() > job.until + LATE_S:
                job.ending = True
            if job.pending or job.ending:
                packets = list(job.pending)
                job.pending.clear()
                job.bytes = 0
                return job, packets, job.ending
        return None
