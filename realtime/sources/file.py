"""Video files, played frame by frame and without a drop."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from av.error import FFmpegError
from av.video.frame import VideoFrame

from realtime.closing import Closing
from realtime.config import SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.audio import FileSound
from realtime.sources.decoder import StreamDecoder
from realtime.sources.media import MediaFile, open_file
from realtime.sources.pictures import PictureConverter, quarter_turns
from realtime.sources.stream_facts import FileInspection
from realtime.types import Clock, Frame, Image, SourceInfo

SEEK_BACK_S: Final = (0.0, 2.0, 10.0)
"""How far before the wanted time a seek aims, one try after the other."""
CLOSE_WAIT_S: Final = 2.0


class FileSource(Closing):
    """A `FrameSource` on one video file.

    Time is the presentation time since the first frame, which is at 0; `Timeline` says how
    missing, repeated and backward stamps are mended. Frames may change size in mid-stream.
    Rotation is applied in steps of 90 degrees. Pixels of any format become 8-bit BGR, by the
    colour matrix and range that the stream states; alpha is dropped.

    Seeking is exact: from the key frame before it, everything is decoded up to the wanted
    frame. In a stream whose stamps had to be mended, decoding starts at the first frame of all.

    The open deadline holds for `open` in all, the read deadline for the time without a decoded
    frame; see `MediaFile` for what they cannot bound. What the decoder refuses or marks as
    damaged is skipped and counted in ``decode_errors``: its artefacts are no evidence. After
    ``close``, and after the error that ended the stream, ``read`` gives None.
    """

    def __init__(
        self, path: str | bytes | os.PathLike[Any], config: SourceConfig, source_id: str = "file"
    ) -> None:
        self._path = path
        self._config = config
        self._source_id = source_id
        self._name = redact(os.fsdecode(path))
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._opened = False
        self._file: MediaFile | None = None
        self._decoder: StreamDecoder | None = None
        self._converter = PictureConverter()
        self._ahead: deque[tuple[VideoFrame, float]] = deque()
        self._decode_errors = 0
        self._epoch = 0
        self._index = 0

    @property
    def source_id(self) -> str:
        """As given."""
        return self._source_id

    @property
    def decode_errors(self) -> int:
        """How many frames were lost so far because they could not be decoded."""
        return self._decode_errors

    def open(self) -> SourceInfo:
        """Open the file, decode its first frame and say what it is.

        Raises:
            SourceError: with any code but NOT_SEEKABLE.
        """
        with self._turn():
            if self._opened or self._closed.is_set():
                raise RuntimeError("a source can be opened once only")
            self._opened = True
            try:
                return self._open()
            except SourceError:
                self._release()
                if self._closed.is_set():
                    raise self._interrupted() from None
                raise

    def read(self) -> Frame | None:
        """The next frame, or None at the end and after `close`; see `FrameSource`.

        Raises:
            SourceError: TIMEOUT, TOO_LARGE or CORRUPT.
        """
        with self._turn(), self._until_closed():
            self._require_open()
            while (shown := self._next()) is not None:
                try:
                    image = self._converter.convert(shown[0])
                except FFmpegError:
                    self._lose()
                    continue
                return self._frame(image, shown[1])
        return None

    def seek(self, time_s: float) -> None:
        """As in `FrameSource`; decodes up to the wanted frame before it returns.

        Raises:
            SourceError: as `read`.
            ValueError: if ``time_s`` is not a number.
        """
        if math.isnan(time_s):
            raise ValueError("cannot seek to a time that is not a number")
        with self._turn(), self._until_closed():
            self._require_open()
            if self._decoder is not None and self._file is not None:
                self._epoch += 1
                self._file.extend(self._config.read_timeout_s)
                self._seek(self._decoder, max(time_s, 0.0))

    def listener(self) -> FileSound:
        """The sound of the file, read beside the frames as far as it is asked for."""
        return FileSound(self._path, self._config)

    def inspection(self) -> FileInspection:
        """Packets and sound of the file, read beside the frames as far as they are asked for."""
        return FileInspection(self._path, self._config)

    def close(self) -> None:
        """Release everything; a `read` in another thread ends and gives None.

        A thread that hangs inside the kernel is not waited for: it releases on its return.
        """
        self._closed.set()
        if self._file is not None:
            self._file.cancel()
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
                if self._decoder is not None:
                    self._decode_errors = self._decoder.errors
                if self._closed.is_set():
                    self._release()

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        """What fails because `close` cut it short has not failed."""
        try:
            yield
        except SourceError:
            if not self._closed.is_set():
                raise

    def _open(self) -> SourceInfo:
        self._file = open_file(self._path)
        if self._closed.is_set():  # `close` came too early to see the file
            self._file.cancel()
        self._file.extend(self._config.open_timeout_s)
        self._decoder = decoder = StreamDecoder(self._file, self._name, self._config)
        first = decoder.next()
        if first is None:
            raise self._no_frames(decoder.errors)
        self._ahead.append(first)
        width, height = first[0].width, first[0].height
        if quarter_turns(first[0]) % 2:
            width, height = height, width
        return SourceInfo(
            name=self._name,
            width=width,
            height=height,
            duration_s=decoder.duration_s,
            frame_rate=decoder.frame_rate,
            seekable=True,
            live=False,
            codec=decoder.codec,
        )

    def _require_open(self) -> None:
        if not self._opened:
            raise RuntimeError("open the source first")

    def _next(self) -> tuple[VideoFrame, float] | None:
        if self._decoder is None or self._file is None or self._closed.is_set():
            return None
        if self._ahead:
            return self._ahead.popleft()
        self._file.extend(self._config.read_timeout_s)
        return self._decoder.next()

    def _seek(self, decoder: StreamDecoder, time_s: float) -> None:
        margins = SEEK_BACK_S[1:] if decoder.sparse_stamps else SEEK_BACK_S
        aim = min(time_s, decoder.duration_s or math.inf)
        for margin in margins if decoder.regular else ():
            if not decoder.jump(aim - margin):
                break
            if self._run_to(time_s, from_start=False):
                return
        decoder.rewind()
        self._run_to(time_s, from_start=True)

    def _run_to(self, time_s: float, *, from_start: bool) -> bool:
        """Decode up to the frame shown at ``time_s`` and keep it, and the one behind it if
        that had to be decoded to know; False if the stream was joined too late for it."""
        self._ahead.clear()
        shown: tuple[VideoFrame, float] | None = None
        while (frame := self._next()) is not None:
            if frame[1] > time_s:
                if shown is None and not from_start:
                    return False
                self._ahead.append(frame) if shown is None else self._ahead.extend((shown, frame))
                return True
            shown = frame
        if shown is not None:
            self._ahead.append(shown)
        return shown is not None

    def _lose(self) -> None:
        if self._decoder is not None:
            self._decoder.lose()

    def _frame(self, image: Image, time_s: float) -> Frame:
        frame = Frame(
            source_id=self._source_id,
            epoch=self._epoch,
            index=self._index,
            pts_s=time_s,
            captured_mono=time.monotonic(),
            wall_s=None,
            clock=Clock.PTS,
            image=image,
        )
        self._index += 1
        return frame

    def _no_frames(self, errors: int) -> SourceError:
        if errors:
            # Probing already turns away what is too large, and then its size is not known.
            limit = self._config.max_pixels / 1e6
            return SourceError(
                f"No picture of {self._name} can be decoded within {limit:g} megapixels; get the"
                " video again or scale it down.",
                SourceCode.CORRUPT,
            )
        return SourceError(
            f"{self._name} holds no pictures; give a video with at least one.",
            SourceCode.NO_FRAMES,
        )

    def _interrupted(self) -> SourceError:
        return SourceError(
            f"{self._name} was closed while it was being opened; open it again.",
            SourceCode.NO_FRAMES,
            transient=True,
        )

    def _release(self) -> None:
        self._ahead.clear()
        decoder, self._decoder = self._decoder, None
        file, self._file = self._file, None
        if decoder is not None:
            self._decode_errors = decoder.errors
            decoder.close()
        if file is not None:
            file.close()
