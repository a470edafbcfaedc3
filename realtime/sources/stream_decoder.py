"""One connection to a live stream: packets in, sound pictures with their times out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from av.container import InputContainer
from av.error import EOFError as EndOfStream
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.config import Config
from realtime.errors import SourceCode, SourceError
from realtime.sources import stream_errors
from realtime.sources.backlog import Arrived, Backlog
from realtime.sources.decoder import DECODE_THREADS, MICROSECONDS
from realtime.sources.h264 import GapWatch
from realtime.sources.interrupt import Interrupt
from realtime.sources.lag import LagWatch
from realtime.sources.stream_clock import LiveTimeline, Wall
from realtime.sources.stream_container import main_audio, main_video
from realtime.sources.stream_errors import Trouble
from realtime.sources.stream_sound import StreamSound
from realtime.sources.tap import PacketTap
from realtime.types import WallClock

NO_PICTURE_S: Final = 10.0
"""Give up if packets come for this long and not one sound picture can be made of them."""
HEALED_S: Final = 10.0
"""After so long without new damage pictures are taken for sound without a key frame: streams
that refresh their pictures stripe by stripe have none."""
SHOWN_S: Final = 0.5
"""A picture is shown after so long, however old: a silent source would be taken for dead."""
END_TOLERANCE_S: Final = 1.0
"""A recording that is served live may end this much before the length it stated."""

_TIMELESS: Final = ("mpjpeg", "mjpeg")
"""Formats without times: FFmpeg counts 25 pictures a second, whatever really comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A decoded picture, its ``time_s`` from 0 (None if the stream tells no time), when the
    packet that completed it came, or would have come had nothing held it up
    (``time.monotonic()``), and its Unix time by which clock."""

    picture: VideoFrame
    time_s: float | None
    captured: float
    wall_s: float
    wall_clock: WallClock


class LiveDecoder:
    """Decodes the main video stream of ``container``, which it owns from then on.

    Pictures that the decoder marks as damaged are skipped, and all that refer to them up to the
    next key frame, since what is smeared is no evidence; ``errors`` is their number so far.
    ``skipped`` counts those that were too old when they were read, and so not decoded or not
    shown; see `LagWatch`. ``name`` is for messages and must be redacted. ``sound`` hears the main
    audio stream, if there is one.

    Raises:
        SourceError: NO_VIDEO, CODEC_UNSUPPORTED or TOO_LARGE.
    """

    def __init__(
        self,
        container: InputContainer,
        name: str,
        config: Config,
        interrupt: Interrupt,
        tap: PacketTap | None,
        *,
        sound: StreamSound | None = None,
    ) -> None:
        self.errors = 0
        self._container = container
        self._name = name
        self._config = config
        self._interrupt = interrupt
        self._tap = tap
        self._stream = main_video(container, name)
        self._ears = sound
        self._voice = None if sound is None else main_audio(container)
        context = self._stream.codec_context
        self._refuse_larger(context.width, context.height)
        # The option holds inside the decoder, before memory for a picture is asked for.
        context.options = {"max_pixels": str(config.source.max_pixels)}
        context.thread_count = DECODE_THREADS
        for stream in container.streams:
            if stream is not self._stream and stream is not self._voice:
                stream.discard = Discard.all
        base = self._stream.time_base or Fraction(1, 90_000)
        self._timeless = container.format.name in _TIMELESS
        self._timeline = LiveTimeline(base, self.frame_rate)
        self._wall = Wall(base)
        # Files and playlists over HTTP come in pieces: when says nothing of how late.
        in_time = container.format.name == "rtsp"
        watch = LagWatch(config.live.max_age_s) if in_time else None
        self._backlog = Backlog(watch, self._gap_watch())
        self._skipped = 0
        self._packets = self._demux()
        self._ready: deque[Shown] = deque()
        self._ended = False
        self._unreadable = self._late = False
        self._last_s = 0.0
        self._pictures_at = time.monotonic()
        self._damaged_at: float | None = None
        self._asked_at = time.monotonic()
        if tap is not None:
            tap.opened(self._stream)

    @property
    def codec(self) -> str:
        """The codec's usual name."""
        return str(self._stream.codec_context.codec.canonical_name)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as announced; 0 and 0 if they were not."""
        return self._stream.codec_context.width, self._stream.codec_context.height

    @property
    def frame_rate(self) -> float | None:
        """Frames a second, as the stream claims; None if it claims nothing."""
        rate = None if self._timeless else self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate and rate > 0 else None

    @property
    def duration_s(self) -> float | None:
        """Seconds, if it is a recording that says how long it is."""
        duration = self._container.duration
        return duration / MICROSECONDS if duration and duration > 0 else None

    @property
    def skipped(self) -> int:
        """How many pictures were too old to be decoded or shown."""
        return self._skipped + self._backlog.skipped

    def next(self) -> Shown | None:
        """The next sound picture; None at the end of a recording or when interrupted.

        Raises:
            SourceError: TIMEOUT, CONNECTION_FAILED, CORRUPT, TOO_LARGE or AUTH_FAILED.
        """
        self._asked_at = self._pictures_at = time.monotonic()
        while not self._ready and not self._interrupt.cancelled:
            if (arrived := self._backlog.take(all_came=self._late)) is not None:
                self._work_off(arrived)
                continue
            if self._ended:
                self._require_end()
                return None
            if self._late:
                self._ended = True
                raise stream_errors.READ_TIMEOUT.error(self._name)
            self._require_picture()
            self._step()
        if self._interrupt.cancelled:
            return None
        return self._ready.popleft()

    def close(self) -> None:
        """Say good-bye and close the connection."""
        self._ended = True
        self._ready.clear()
        # Without a reader PyAV has no deadline any more, and a farewell can be sent.
        if isinstance(self._packets, Generator):
            self._packets.close()
        self._container.close()

    def lose(self) -> None:
        """Count one more picture that is no use."""
        self.errors += 1

    def _gap_watch(self) -> GapWatch | None:
        context = self._stream.codec_context
        # What begins with 1 is the description of packets without start codes.
        if self.codec != "h264" or (context.extradata or b"").startswith(b"\1"):
            return None
        gaps = GapWatch()
        gaps.learn(context.extradata)
        return gaps

    def _step(self) -> None:
        with self._interrupt.watch(self._config.live.read_timeout_s):
            received = self._receive()
            # A wait that was cut short is reported as anything.
            expired = self._interrupt.expired
        if self._interrupt.cancelled:
            return
        if not isinstance(received, Trouble):
            # What FFmpeg still had when its wait was cut short is handed out before the error.
            self._late = expired
            self._take(received)
        elif expired or received is not stream_errors.UNREADABLE or self._unreadable:
            self._ended = True
            self._backlog.drop()
            raise (stream_errors.READ_TIMEOUT if expired else received).error(self._name)
        else:
            # Go on behind a packet that cannot be read, unless it was the second in a row.
            self._unreadable = True
            self._packets = self._demux()
            self._damaged_at = time.monotonic()
            self.lose()

    def _demux(self) -> Iterator[Packet[Any]]:
        wanted = [stream for stream in (self._stream, self._voice) if stream is not None]
        return self._container.demux(*wanted)

    def _receive(self) -> Packet[Any] | Trouble | None:
        while True:
            try:
                return next(self._packets, None)
            except EndOfStream:
                return None
            except FFmpegError as exc:
                return stream_errors.reading(exc)
            except IndexError:
                # PyAV does not know a stream that turned up in mid-stream. It is none of ours.
                self._packets = self._demux()

    def _take(self, packet: Packet[Any] | None) -> None:
        self._unreadable = False
        arrival = time.monotonic()
        if packet is not None and packet.stream is self._voice:
            self._listen(packet, arrival)
            return
        self._pictures_at = arrival
        if packet is None:
            self._ended = True
            while (arrived := self._backlog.take(all_came=True)) is not None:
                self._work_off(arrived)
            self._decode(None, arrival, show=True)
        elif packet.size:  # an empty one would tell the decoder that this is the end
            if self._tap is not None:
                self._tap.packet(packet, arrival)
            self._wall.note_start(self._container.start_time_realtime)
            self._wall.note_packet(packet)
            self._backlog.put(packet, arrival)

    def _listen(self, packet: Packet[Any], arrival: float) -> None:
        """Hear it; sound does not stand for pictures that do not come."""
        if self._ears is not None:
            self._ears.take(packet, self._timeline.at)
        if arrival - self._pictures_at > self._config.live.read_timeout_s:
            self._late = True

    def _work_off(self, arrived: Arrived) -> None:
        if arrived.restart:
            # What the decoder still holds is older than what was skipped.
            self._decode(None, arrived.captured, show=False)
            self._stream.codec_context.flush_buffers()
        if arrived.torn:
            self._damaged_at = arrived.captured
        show = not self._outdated(arrived.captured)
        self._decode(arrived.packet, arrived.captured, show=show)

    def _outdated(self, captured: float) -> bool:
        """Whether a picture may go unseen, because newer ones wait and the reader can."""
        now = time.monotonic()
        too_old = now - captured > self._backlog.limit_s
        return too_old and len(self._backlog) > 0 and now - self._asked_at < SHOWN_S

    def _decode(self, packet: Packet[VideoStream] | None, captured: float, *, show: bool) -> None:
        try:
            frames = self._stream.decode(packet)
        except FFmpegError:
            frames = None
        if frames is None:
            context = self._stream.codec_context
            self._refuse_larger(context.width, context.height)
            self._damaged_at = captured
            self.lose()
            return
        captured_wall_s = time.time() - (time.monotonic() - captured)
        for frame in frames:
            self._refuse_larger(frame.width, frame.height)
            if not self._sound(frame, captured):
                self.lose()
                continue
            if not show:
                self._skipped += 1
                continue
            time_s = None if self._timeless else self._timeline.place(frame.pts, captured)
            self._last_s = time_s or 0.0
            wall_s, clock = self._wall.when(frame.pts, captured_wall_s)
            self._ready.append(Shown(frame, time_s, captured, wall_s, clock))

    def _sound(self, frame: VideoFrame, captured: float) -> bool:
        if frame.is_corrupt:
            self._damaged_at = captured
        elif frame.key_frame or (
            self._damaged_at is not None and captured - self._damaged_at > HEALED_S
        ):
            self._damaged_at = None
        return self._damaged_at is None

    def _require_end(self) -> None:
        """Nothing more comes: a recording is over, anything else has broken off."""
        container, duration_s = self._container, self.duration_s
        if container.format.name == "hls":
            return
        if duration_s is not None and self._last_s >= duration_s - END_TOLERANCE_S:
            return
        if container.format.name != "rtsp" and container.size > 0:
            return
        raise stream_errors.BROKEN_OFF.error(self._name)

    def _require_picture(self) -> None:
        if time.monotonic() - self._asked_at > NO_PICTURE_S:
            self._ended = True
            trouble = stream_errors.LOSSY if self._damaged_at else stream_errors.NO_PICTURE
            raise trouble.error(self._name)

    def _refuse_larger(self, width: int, height: int) -> None:
        if width * height > self._config.source.max_pixels:
            self._ended = True
            limit = self._config.source.max_pixels / 1e6
            raise SourceError(
                f"The pictures of {self._name} are too large ({width} x {height} pixels); set the"
                f" camera to {limit:g} megapixels or less.",
                SourceCode.TOO_LARGE,
            )
