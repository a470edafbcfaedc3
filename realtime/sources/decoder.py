"""One video stream of one file: packets in, pictures with their times out."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Final

from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.config import SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.media import MediaFile, broken_off, open_container
from realtime.sources.timeline import Timeline

DECODE_THREADS: Final = 1
"""Threads inside the decoder. One decodes 720p H.264 several times faster than faces are
tracked; more cost more processor time in all and take it from tracking and scoring."""

MICROSECONDS: Final = 1_000_000


class StreamDecoder:
    """Decodes the main video stream of ``file`` in the order of presentation.

    ``name`` is for messages and must be redacted. Damaged packets and pictures are skipped and
    counted; ``errors`` is their number so far.

    Raises:
        SourceError: as `open_container`, and NO_VIDEO, CODEC_UNSUPPORTED or TOO_LARGE.
    """

    def __init__(self, file: MediaFile, name: str, config: SourceConfig) -> None:
        self.errors = 0
        self._file = file
        self._name = name
        self._config = config
        self._ended = False
        self._attach()
        self._timeline = Timeline(self._stream.time_base or Fraction(1, 1000), self.frame_rate)

    @property
    def codec(self) -> str:
        """The codec's usual name."""
        return str(self._stream.codec_context.codec.canonical_name)

    @property
    def frame_rate(self) -> float | None:
        """Frames a second, as the container claims; None if it claims nothing."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate and rate > 0 else None

    @property
    def duration_s(self) -> float | None:
        """Seconds, as the container claims; None if it claims nothing."""
        stream, container = self._stream, self._container
        if stream.duration and stream.duration > 0 and stream.time_base:
            return float(stream.duration * stream.time_base)
        if container.duration and container.duration > 0:
            return container.duration / MICROSECONDS
        return None

    @property
    def regular(self) -> bool:
        """Whether a time leads straight to a place in the file; see `Timeline.regular`."""
        return self._timeline.regular

    @property
    def sparse_stamps(self) -> bool:
        """Whether not every frame has a stamp of its own.

        An MPEG program stream has about one in 2 KB. FFmpeg counts on from the last one, and
        guesses, at times half a frame wrong, until it meets the first one after a jump.
        """
        return str(self._container.format.name) == "mpeg"

    def next(self) -> tuple[VideoFrame, float] | None:
        """The next picture and its time in seconds, or None at the end or when cancelled.

        Raises:
            SourceError: TIMEOUT, TOO_LARGE or CORRUPT; the stream then counts as ended.
        """
        try:
            while not self._ready and not self._ended and not self._file.cancelled:
                if self._file.expired:
                    raise broken_off(TimeoutError(), self._name)
                self._step()
        except SourceError:
            self._ended = True
            raise
        if not self._ready or self._file.cancelled:
            return None
        frame = self._ready.popleft()
        stamp = frame.pts if frame.pts is not None else frame.dts
        return frame, self._timeline.place(stamp)

    def jump(self, time_s: float) -> bool:
        """Go on from a key frame at or before ``time_s`` if the container knows one."""
        self._file.failure = None
        target = self._timeline.stamp(time_s)
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except FFmpegError:
            return False
        self._timeline.resume()
        self._begin()
        return True

    def rewind(self) -> None:
        """Go on from the very first packet, which needs no index; raises `SourceError`."""
        self.close()
        self._file.failure = None
        self._attach()
        self._timeline.restart()

    def lose(self) -> None:
        """Count one more picture that is no use; raises `SourceError` (CORRUPT) if it was the
        last in too long a row."""
        self.errors += 1
        self._run += 1
        if self._run >= self._config.max_decode_errors:
            raise SourceError(
                f"The video {self._name} is damaged: {self._run} pictures in a row cannot be"
                " decoded; get it again.",
                SourceCode.CORRUPT,
            )

    def close(self) -> None:
        """Close the container; the file stays open."""
        self._ended = True
        self._container.close()

    def _attach(self) -> None:
        limit = self._config.max_pixels
        self._container = open_container(self._file, self._name, limit)
        try:
            self._stream = self._choose()
            context = self._stream.codec_context
            self._refuse_larger(context.width, context.height)
        except SourceError:
            self._container.close()
            raise
        # The option holds inside the decoder, before memory for a picture is asked for.
        context.options = {"max_pixels": str(limit)}
        context.thread_count = DECODE_THREADS
        for stream in self._container.streams:
            if stream is not self._stream:
                stream.discard = Discard.all
        self._begin()

    def _choose(self) -> VideoStream:
        streams = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise SourceError(
                f"{self._name} holds no video; give a file with a picture track.",
                SourceCode.NO_VIDEO,
            )
        best = self._container.streams.best("video")
        chosen = next((stream for stream in streams if stream is best), streams[0])
        if chosen.codec_context is None:
            raise SourceError(
                f"The video codec of {self._name} is not known; convert it to H.264.",
                SourceCode.CODEC_UNSUPPORTED,
            )
        return chosen

    def _begin(self) -> None:
        self._packets = self._container.demux(self._stream)
        self._ready: deque[VideoFrame] = deque()
        self._ended = False
        self._unreadable = False
        self._run = 0

    def _step(self) -> None:
        try:
            packet = next(self._packets, None)
        except FFmpegError:
            self._skip_unreadable()
            return
        except IndexError:
            # PyAV does not know a stream that turned up in mid-file. Its packet is none of ours.
            self._packets = self._container.demux(self._stream)
            return
        self._unreadable = False
        if packet is None:
            self._finish()
        elif packet.size:  # an empty one would tell the decoder that this is the end
            self._decode(packet)

    def _skip_unreadable(self) -> None:
        if self._unreadable:  # twice at the same place: no way past it
            self._finish()
        else:
            self._unreadable = True
            self._packets = self._container.demux(self._stream)
        self.lose()

    def _finish(self) -> None:
        self._ended = True
        self._decode(None)
        if self._file.failure is not None and not self._file.cancelled:
            raise broken_off(self._file.failure, self._name)

    def _decode(self, packet: Packet[VideoStream] | None) -> None:
        context = self._stream.codec_context
        try:
            frames = self._stream.decode(packet)
        except FFmpegError:
            self._refuse_larger(context.width, context.height)
            self.lose()
            return
        for frame in frames:
            self._refuse_larger(frame.width, frame.height)
            if frame.is_corrupt:
                self.lose()
            else:
                self._run = 0
                self._ready.append(frame)

    def _refuse_larger(self, width: int, height: int) -> None:
        if width * height > self._config.max_pixels:
            limit = self._config.max_pixels / 1e6
            raise SourceError(
                f"The pictures of {self._name} are too large ({width} x {height} pixels); scale"
                f" the video down to {limit:g} megapixels.",
                SourceCode.TOO_LARGE,
            )
