"""An annotated copy of what was analysed, written by FFmpeg through PyAV.

Encoding is slow, so it has its own thread and a bounded queue; a full queue makes the engine
wait. The sound of the source is not copied.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Final

import av
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from realtime.errors import SinkError
from realtime.overlay import draw
from realtime.redact import redact
from realtime.sinks.conform import DEFAULT_GAP_S, TICKS, Timeline, fit
from realtime.types import Frame, FrameResult, Image, RunStart, RunSummary

log = logging.getLogger(__name__)

_QUEUE_RESULTS: Final = 8
_PROBE: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
_POLL_S: Final = 0.1
_STUCK_S: Final = 30.0
"""Without a frame written for longer, the output is given up."""
_CLOSE_STUCK_S: Final = 5.0
"""The same while closing, when somebody waits for the end of the program."""
_MAX_RATE: Final = 240.0
_MIN_SIDE: Final = 16


@dataclass(frozen=True, slots=True)
class _Format:
    muxer: str
    encoder: str
    muxer_options: Mapping[str, str]
    encoder_options: Mapping[str, str]


# The encoders hold no frame back and the muxers put each frame into the file at once, so that a
# run that is killed leaves everything up to then playable.
_X264: Final = MappingProxyType(
    {"preset": "superfast", "tune": "zerolatency", "crf": "21", "g": "60", "bf": "0"}
)
_VP9: Final = MappingProxyType(
    {
        "deadline": "realtime",
        "cpu-used": "8",
        "row-mt": "1",
        "lag-in-frames": "0",
        "crf": "32",
        "b": "0",
        "g": "60",
    }
)
_FLUSH: Final = {"flush_packets": "1"}
# Fragments while it is written, turned into an ordinary file with one index at the end.
_FRAGMENTS: Final = MappingProxyType(
    {**_FLUSH, "movflags": "+hybrid_fragmented+frag_every_frame+default_base_moof"}
)
_CLUSTERS: Final = MappingProxyType({**_FLUSH, "cluster_time_limit": "100"})
_FORMATS: Final[Mapping[str, _Format]] = MappingProxyType(
    {
        ".mp4": _Format("mp4", "libx264", _FRAGMENTS, _X264),
        ".m4v": _Format("mp4", "libx264", _FRAGMENTS, _X264),
        ".mov": _Format("mov", "libx264", _FRAGMENTS, _X264),
        ".mkv": _Format("matroska", "libx264", _CLUSTERS, _X264),
        ".webm": _Format("webm", "libvpx-vp9", _CLUSTERS, _VP9),
    }
)


class VideoSink:
    """Writes runs, one after another, into one video with the overlay drawn in.

    The container follows from the extension: H.264 in ``.mp4``, ``.m4v``, ``.mov`` and ``.mkv``,
    VP9 in ``.webm``. Containers of constant frame rate such as AVI cannot hold the times.

    Frames keep the times of the first epoch (a clock that does not start near zero is moved
    there); later epochs and runs follow on with their own intervals, so that time never goes
    back. The first frame sets the size of the video, rounded up to even numbers; frames of
    another size are scaled into it with black bars.

    Frames may come at any intervals; a reconnect is a later epoch, a pause within an epoch stays
    as long as it was. An output that takes nothing any more (a pipe that nobody reads, a disk
    that has gone) is an error after half a minute, and ``close`` leaves it behind after seconds.

    An existing file is replaced when the first frame arrives; without any frame it stays as it
    is. What was written is playable at any moment, after a kill too, and ``close`` completes it.
    """

    def __init__(self, path: Path, *, heat: bool = False) -> None:
        """``heat`` paints the heat maps as well.

        Raises:
            SinkError: if the extension is not known or the file cannot be written.
        """
        self._path = path
        self._name = redact(path)
        self._heat = heat
        self._format = self._known_format()
        self._created = self._probe()
        self._frame_rate: float | None = None
        self._queue: queue.Queue[tuple[int, FrameResult] | threading.Event | None]
        self._queue = queue.Queue(_QUEUE_RESULTS)
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._encoder: _Encoder | None = None
        self._run = 0
        self._closed = False
        self._progress = time.monotonic()

    def start(self, start: RunStart) -> None:
        """A run begins; raises `SinkError` if an earlier one could not be written."""
        self._check()
        self._run += 1
        self._frame_rate = start.source.frame_rate
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="fw-video", daemon=True)
            self._thread.start()

    def write(self, result: FrameResult) -> None:
        """Queue one more frame; waits while the queue is full. Raises `SinkError`."""
        if self._thread is None:
            raise SinkError(f"The video {self._name} was not started; call start first.")
        self._put((self._run, result))

    def finish(self, summary: RunSummary) -> None:  # noqa: ARG002 - the picture says it all
        """Wait until every frame of the run is in the file; raises `SinkError`."""
        if self._thread is None:
            return
        written = threading.Event()
        self._put(written)
        while not written.wait(_POLL_S):
            self._check()
            self._refuse_stuck()
        self._check()

    def close(self) -> None:
        """Complete the file and end the thread; frames that are still queued are written."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._end(self._thread)
        if self._created and self._encoder is None:
            with suppress(OSError):
                self._path.unlink()

    def _end(self, thread: threading.Thread) -> None:
        self._progress = time.monotonic()
        told = False
        while thread.is_alive() and not self._stuck(_CLOSE_STUCK_S):
            if told:
                thread.join(_POLL_S)
                continue
            with suppress(queue.Full):
                self._queue.put(None, timeout=_POLL_S)
                told = True
        if thread.is_alive():
            log.error("The video %s takes nothing any more; its end was left out.", self._name)

    def _stuck(self, bound_s: float) -> bool:
        return time.monotonic() - self._progress > bound_s

    def _known_format(self) -> _Format:
        extension = self._path.suffix.lower()
        if extension not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise SinkError(
                f"Cannot write a video named {self._name}: the name must end in one of {known}."
            )
        return _FORMATS[extension]

    def _probe(self) -> bool:
        """Whether the file had to be created; raises `SinkError` if it cannot be written."""
        try:
            new = not self._path.exists()
            os.close(os.open(self._path, _PROBE, 0o666))
        except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
            raise self._unwritable(exc) from None
        return new

    def _unwritable(self, exc: Exception) -> SinkError:
        reason = redact(getattr(exc, "strerror", None) or type(exc).__name__)
        return SinkError(
            f"Cannot write the video {self._name}: {reason}; make room or name another file."
        )

    def _put(self, item: tuple[int, FrameResult] | threading.Event) -> None:
        if self._queue.empty():
            # It may have had nothing to do for long.
            self._progress = time.monotonic()
        while True:
            self._check()
            try:
                return self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                self._refuse_stuck()

    def _check(self) -> None:
        if self._closed:
            raise SinkError(f"The video {self._name} is already closed.")
        if self._failure is not None:
            raise self._failure

    def _refuse_stuck(self) -> None:
        if self._stuck(_STUCK_S):
            raise SinkError(
                f"The video {self._name} has taken no frame for {_STUCK_S:.0f} s; what was written "
                "is kept, check the disk or whoever reads it."
            )

    def _work(self) -> None:
        """Encode until told to stop; the first error ends it and is raised to the engine."""
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, threading.Event):
                    item.set()
                else:
                    self._write_frame(*item)
                self._progress = time.monotonic()
        except (OSError, av.FFmpegError) as exc:
            self._failure = self._unwritable(exc)
        except Exception as exc:  # noqa: BLE001 - raised to the engine by the next call
            self._failure = exc
        if self._encoder is not None:
            try:
                self._encoder.close()
            except (OSError, av.FFmpegError) as exc:
                if self._failure is None:
                    # Every frame is in the file already; what is missing is its index.
                    log.warning("The video %s lacks its index: %s", self._name, exc.strerror)

    def _write_frame(self, run: int, result: FrameResult) -> None:
        picture = draw(result.frame.image, result, heat=self._heat)
        if self._encoder is None:
            self._encoder = _Encoder(self._path, self._format, picture, self._frame_rate)
        self._encoder.write(picture, run, result.frame)


class _Encoder:
    """One open file and the clock of its frames."""

    def __init__(self, path: Path, form: _Format, picture: Image, frame_rate: float | None) -> None:
        height, width = (max(side + side % 2, _MIN_SIDE) for side in picture.shape[:2])
        self._size = (width, height)
        self._timeline = Timeline()
        # The protocol is named, so that no file name can be taken for that of another one.
        self._container = av.open(
            f"file:{path}", "w", format=form.muxer, options=dict(form.muxer_options)
        )
        try:
            # What a camera claims can be anything, and matters to the encoder only.
            if frame_rate is None or not 1 <= frame_rate <= _MAX_RATE:
                frame_rate = 1 / DEFAULT_GAP_S
            rate = Fraction(frame_rate).limit_denominator(1001)
            stream = self._container.add_stream(form.encoder, rate=rate)
            assert isinstance(stream, VideoStream)
            stream.options = dict(form.encoder_options)
            stream.width, stream.height = self._size
            stream.pix_fmt = "yuv420p"
            # Said, because players guess BT.709 for large pictures.
            stream.codec_context.colorspace = Colorspace.ITU601
            stream.codec_context.color_range = ColorRange.MPEG
            stream.time_base = Fraction(1, TICKS)
            stream.codec_context.time_base = Fraction(1, TICKS)
            self._stream = stream
        except BaseException:
            self._container.close()
            raise

    def write(self, picture: Image, run: int, frame: Frame) -> None:
        image = av.VideoFrame.from_ndarray(fit(picture, self._size), format="bgr24")
        image.time_base = Fraction(1, TICKS)
        image.pts = self._timeline.ticks(run, frame)
        self._container.mux(self._stream.encode(image))

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
