"""Cameras and servers on the network: RTSP, and MPEG-TS, MJPEG and HLS over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from av.error import FFmpegError

import realtime.sources.media  # noqa: F401 - silences FFmpeg, whose texts hold whole URLs
from realtime.closing import Closing
from realtime.config import Config
from realtime.errors import SourceCode, SourceError
from realtime.sources import stream_errors, stream_options
from realtime.sources.address import Address
from realtime.sources.interrupt import Interrupt
from realtime.sources.pictures import PictureConverter
from realtime.sources.stream_container import connect
from realtime.sources.stream_decoder import LiveDecoder, Shown
from realtime.sources.stream_errors import Trouble
from realtime.sources.stream_options import HTTP_FORMATS, Route
from realtime.sources.stream_sound import StreamSound
from realtime.sources.tap import PacketTap
from realtime.sources.worker import Worker
from realtime.types import Clock, Frame, Image, SourceInfo

CLOSE_WAIT_S: Final = 1.0
MIN_STEP_S: Final = 1e-6


class StreamSource(Closing):
    """A `FrameSource` on one connection to a stream.

    RTSP travels over TCP, or UDP if the address says so; certificates of encrypted streams are
    verified. Time is the presentation time since the first frame, which is at 0; `LiveTimeline`
    says how missing, repeated and jumping stamps are mended. MJPEG over HTTP has no times: its
    frames are on the monotonic clock. ``wall_s`` is the camera's own time once its sender
    reports tell it (``RTCP``), else this machine's on arrival (``SYSTEM``). Frames may change
    size in mid-stream; a change of the codec breaks the stream off.

    ``config.live`` has the two deadlines: connecting takes at most ``open_timeout_s`` in all, and
    a read without a packet for ``read_timeout_s`` raises TIMEOUT. Both, and `close` from another
    thread, end a wait within about 0.1 s; see `Interrupt`. Only the system's resolver of names
    cannot be stopped: it is not waited for.

    Over RTSP ``captured_mono`` is when a frame would have come had it been as quick as the
    quickest of the last minute (`LagWatch`), so that its age holds what it waited in buffers of
    this machine, the network or the camera. Once that exceeds ``max_age_s``, what waits is read
    at once; of it only what is newer or needed to decode the newest is decoded, and the frames
    left out are ``skipped``.

    A recording that is served live ends; every other stream that ends has broken off, which is
    an error. After ``close``, and after the error that ended the stream, ``read`` gives None.
    With ``config.cues.lipsync`` the sound of a stream that has some is asked for as well.
    ``tap`` is handed the encoded packets.
    """

    def __init__(
        self,
        address: Address,
        config: Config,
        source_id: str = "stream",
        *,
        tap: PacketTap | None = None,
    ) -> None:
        self._address = address
        self._config = config
        self._source_id = source_id
        self._tap = tap
        self._lock = threading.Lock()
        self._interrupt = Interrupt()
        self._resolver = Worker("fw-resolve")
        self._opened = False
        self._decoder: LiveDecoder | None = None
        self._converter = PictureConverter()
        self._sound = StreamSound(address.name) if config.cues.lipsync else None
        self._ahead: Shown | None = None
        self._decode_errors = self._skipped = 0
        self._index = 0
        self._captured = 0.0

    @property
    def source_id(self) -> str:
        """As given."""
        return self._source_id

    @property
    def decode_errors(self) -> int:
        """How many frames were lost so far because they were damaged or not decodable."""
        return self._decode_errors

    @property
    def skipped(self) -> int:
        """How many frames were left out so far because they came too late; see the class."""
        return self._skipped

    def listener(self) -> StreamSound | None:
        """What hears the stream while its frames are read, None if nobody wants to."""
        return self._sound

    def open(self) -> SourceInfo:
        """Connect and say what it is.

        Raises:
            SourceError: AUTH_FAILED, TIMEOUT, NOT_FOUND, TLS, CODEC_UNSUPPORTED,
                CONNECTION_FAILED, BUSY, PERMISSION, NO_VIDEO, NOT_MEDIA, FORMAT_REFUSED, CORRUPT
                or TOO_LARGE.
        """
        with self._turn():
            if self._opened or self._interrupt.cancelled:
                raise RuntimeError("a source can be opened once only")
            self._opened = True
            try:
                return self._open()
            except SourceError:
                self._release()
                raise

    def read(self) -> Frame | None:
        """The next frame, or None at the end and after `close`; see `FrameSource`.

        Raises:
            SourceError: TIMEOUT, CONNECTION_FAILED, CORRUPT, TOO_LARGE or AUTH_FAILED.
        """
        with self._turn():
            if not self._opened:
                raise RuntimeError("open the source first")
            try:
                return self._read()
            except SourceError:
                self._release()
                raise

    def seek(self, time_s: float) -> None:  # noqa: ARG002 - there is one answer for all
        """Not possible.

        Raises:
            SourceError: NOT_SEEKABLE.
        """
        raise SourceError(
            f"{self._address.name} is live; one cannot jump in it.", SourceCode.NOT_SEEKABLE
        )

    def close(self) -> None:
        """Disconnect; an `open` or `read` in another thread ends within about 0.1 s."""
        self._interrupt.cancel()
        self._resolver.stop()
        if self._lock.acquire(timeout=CLOSE_WAIT_S):
            try:
                self._release()
            finally:
                self._lock.release()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """FFmpeg's objects are for one thread at a time; the last to leave closes them."""
        with self._lock:
            try:
                yield
            finally:
                self._note_losses()
                if self._interrupt.cancelled:
                    self._release()

    def _open(self) -> SourceInfo:
        way = stream_options.route(self._address)
        started = time.monotonic()
        within_s = self._config.live.open_timeout_s
        stream_options.require_host(way, self._address.name, within_s, self._resolver)
        asked = stream_options.options(way, self._address, self._config)
        left_s = max(within_s - (time.monotonic() - started), 0.0)
        with self._interrupt.watch(left_s):
            found = connect(self._address.target, asked, self._config)
            if isinstance(found, FFmpegError):
                raise self._why(found, way).error(self._address.name)
        try:
            if not way.rtsp and found.format.name not in HTTP_FORMATS:
                raise stream_errors.FORMAT_REFUSED.error(self._address.name)
            name = self._address.name
            decoder = LiveDecoder(
                found, name, self._config, self._interrupt, self._tap, sound=self._sound
            )
        except SourceError:
            found.close()
            raise
        self._decoder = decoder
        width, height = decoder.size
        if not width or not height:
            self._ahead = decoder.next()
            if self._ahead is None:
                raise stream_errors.NO_PICTURE.error(self._address.name)
            width, height = self._ahead.picture.width, self._ahead.picture.height
        return self._info(decoder, width, height)

    def _why(self, error: FFmpegError, way: Route) -> Trouble:
        # FFmpeg reports a wait that was cut short as whatever it was in the middle of.
        if self._interrupt.cancelled:
            return stream_errors.CLOSED
        if self._interrupt.expired:
            return stream_errors.OPEN_TIMEOUT
        return stream_errors.opening(error, encrypted=way.encrypted)

    def _info(self, decoder: LiveDecoder, width: int, height: int) -> SourceInfo:
        return SourceInfo(
            name=self._address.name,
            width=width,
            height=height,
            duration_s=decoder.duration_s,
            frame_rate=decoder.frame_rate,
            seekable=False,
            live=True,
            codec=decoder.codec,
        )

    def _read(self) -> Frame | None:
        while (shown := self._next()) is not None:
            try:
                image = self._converter.convert(shown.picture)
            except FFmpegError:
                if self._decoder is not None:
                    self._decoder.lose()
                continue
            return self._frame(image, shown)
        return None

    def _next(self) -> Shown | None:
        if self._decoder is None:
            return None
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        return self._decoder.next()

    def _frame(self, image: Image, shown: Shown) -> Frame:
        # Pictures that one packet completed came at one time; time has to grow all the same.
        self._captured = max(shown.captured, self._captured + MIN_STEP_S)
        frame = Frame(
            source_id=self._source_id,
            epoch=0,
            index=self._index,
            pts_s=shown.time_s,
            captured_mono=self._captured,
            wall_s=shown.wall_s,
            clock=Clock.MONOTONIC if shown.time_s is None else Clock.PTS,
            image=image,
            wall_clock=shown.wall_clock,
        )
        self._index += 1
        return frame

    def _note_losses(self) -> None:
        if self._decoder is not None:
            self._decode_errors = self._decoder.errors
            self._skipped = self._decoder.skipped

    def _release(self) -> None:
        self._ahead = None
        self._note_losses()
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()
