"""What cameras, screens and windows have in common: a device that one thread asks for pictures.

Drivers and display servers can hang inside a call for ever, and no call of theirs takes a
deadline that is kept. So each source owns one thread that does nothing but call the device, one
call at a time and only when it is asked: whoever reads waits for it with a deadline, nothing is
taken that nobody sees, and what has to stay on one thread does.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from realtime.closing import Closing
from realtime.config import LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.device_sound import DeviceSound
from realtime.sources.pace import Pace
from realtime.sources.worker import Closed, Worker
from realtime.types import Clock, Frame, Image, SourceInfo, WallClock

T = TypeVar("T")

POLL_S: Final = 0.02
"""How soon a device that had nothing is asked again."""
CLOSE_WAIT_S: Final = 1.0

logger = logging.getLogger(__name__)


class Device(Protocol):
    """One connection to what delivers pictures; all calls come from one thread, in this order."""

    @property
    def lost(self) -> int:
        """How many pictures came damaged so far."""
        ...

    def open(self) -> None:
        """Take hold of it; raises `SourceError`."""
        ...

    def grab(self) -> Image | None:
        """The next picture, ``(H, W, 3)`` uint8 BGR and nobody else's, or None if there is none
        now but may be soon; raises `SourceError`."""
        ...

    def info(self, image: Image) -> SourceInfo:
        """What it is; ``image`` is its first picture."""
        ...

    def nothing(self) -> SourceError:
        """What to say after `grab` had nothing for as long as may be; called on any thread."""
        ...

    def close(self) -> None:
        """Let go of it; may come after a failed or without an `open`."""
        ...


class DeviceSource(Closing):
    """A live `FrameSource` on a `Device`.

    Frames carry this machine's clocks: no stream tells when they were exposed. With ``rate_hz``
    pictures are taken that often at most, else as they come. ``hear`` names what of this
    computer's sound goes with them, as ``cues.hear`` does. `open` waits for the first
    picture. After an error and after `close`, ``read`` gives None.
    """

    def __init__(
        self,
        device: Device,
        source_id: str,
        name: str,
        deadlines: LiveConfig,
        *,
        rate_hz: float | None = None,
        hear: str = "",
    ) -> None:
        self._device = device
        self._hear = hear
        self._source_id = source_id
        self._name = name
        self._deadlines = deadlines
        self._pace = None if rate_hz is None else Pace(rate_hz)
        self._worker = Worker(f"fw-device-{source_id}")
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._opened = False
        self._first: tuple[Image, float] | None = None
        self._index = 0
        self._last_mono = -math.inf

    @property
    def source_id(self) -> str:
        """As given."""
        return self._source_id

    @property
    def decode_errors(self) -> int:
        """How many pictures came damaged so far."""
        return self._device.lost

    def open(self) -> SourceInfo:
        """Open the device, take its first picture and say what it is.

        Raises:
            SourceError: see the class; TIMEOUT if it takes longer than ``open_timeout_s``.
        """
        with self._lock:
            if self._opened or self._closed.is_set():
                raise RuntimeError("a source can be opened once only")
            self._opened = True
            self._worker.start(self._device.close)
        deadline = time.monotonic() + self._deadlines.open_timeout_s
        try:
            self._ask(self._device.open, deadline)
            self._first = self._take(deadline)
            image = self._first[0]
            return self._ask(lambda: self._device.info(image), deadline)
        except Closed:
            raise SourceError(
                f"{self._name} was closed while it was being opened; open it again.",
                SourceCode.NO_FRAMES,
                transient=True,
            ) from None
        except BaseException:
            self._end()
            raise

    def read(self) -> Frame | None:
        """The next frame, or None after `close` and after an error; see `FrameSource`.

        Raises:
            SourceError: see the class; TIMEOUT after ``read_timeout_s`` without a picture.
        """
        if not self._opened:
            raise RuntimeError("open the source first")
        if self._closed.is_set():
            return None
        try:
            taken = self._first or self._paced()
        except Closed:
            return None
        except BaseException:
            self._end()
            raise
        self._first = None
        return self._frame(*taken)

    def listener(self) -> DeviceSound | None:
        """What hears the computer while frames are read, None if nothing is to be heard."""
        return DeviceSound(self._hear) if self._hear else None

    def seek(self, time_s: float) -> None:
        """Nothing live can go back.

        Raises:
            SourceError: NOT_SEEKABLE, unless it is closed.
        """
        if not self._closed.is_set():
            raise SourceError(
                f"{self._name} is live, there is nothing to jump to {time_s:g} s in; "
                "record it and open the file.",
                SourceCode.NOT_SEEKABLE,
            )

    def close(self) -> None:
        """Release everything; a `read` in another thread ends and gives None.

        A call that hangs inside the driver is waited for up to `CLOSE_WAIT_S`: the device is
        released when it returns.
        """
        self._end()
        if not self._worker.join(CLOSE_WAIT_S):
            logger.warning("%s does not answer; it is let go of when its driver does", self._name)

    def _end(self) -> None:
        with self._lock:
            self._closed.set()
            self._worker.stop()

    def _paced(self) -> tuple[Image, float]:
        if self._pace is not None:
            self._closed.wait(self._pace.delay_s())
        return self._take(time.monotonic() + self._deadlines.read_timeout_s)

    def _take(self, deadline: float) -> tuple[Image, float]:
        """A picture and when it was taken, once there is one."""
        image, at = self._ask(self._grab, deadline)
        while image is None:
            self._closed.wait(POLL_S)
            left_s = deadline - time.monotonic()
            try:
                image, at = self._worker.call(self._grab, left_s) if left_s > 0 else (None, 0.0)
            except TimeoutError:  # it had answered before, only the time is over
                left_s = 0.0
            if image is None and left_s <= 0:
                raise self._device.nothing()
        return image, at

    def _grab(self) -> tuple[Image | None, float]:
        image = self._device.grab()
        return image, time.monotonic()

    def _ask(self, work: Callable[[], T], deadline: float) -> T:
        try:
            return self._worker.call(work, max(deadline - time.monotonic(), 0.001))
        except TimeoutError:
            raise SourceError(
                f"{self._name} does not answer; check that it works in another program and "
                "connect it again.",
                SourceCode.TIMEOUT,
                transient=True,
            ) from None

    def _frame(self, image: Image, at: float) -> Frame:
        # Two pictures within one tick of the clock are still one after the other.
        at = max(at, math.nextafter(self._last_mono, math.inf))
        self._last_mono = at
        image.setflags(write=False)
        frame = Frame(
            source_id=self._source_id,
            epoch=0,
            index=self._index,
            pts_s=None,
            captured_mono=at,
            wall_s=time.time() - (time.monotonic() - at),
            clock=Clock.MONOTONIC,
            image=image,
            wall_clock=WallClock.SYSTEM,
        )
        self._index += 1
        return frame
