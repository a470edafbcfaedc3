"""Shows what a camera, a screen or a window gives before it is chosen.

A driver may hang for ever, so each look is a thread of its own that first ends the look before
it, and Qt's thread waits for none of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QWidget

from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.logs import unexpected
from realtime.redact import redact
from realtime.sources import Address, FrameSource, open_source
from realtime.types import Image
from realtime.window.translate import tr
from realtime.window.viewport import fit

_RATE_HZ: Final = 10.0
_SCREEN_HZ: Final = 5.0
_LARGEST: Final = (640, 400)
_CALM_MS: Final = 150
"""Whoever goes through a list with the arrows wants to see the last one only."""


class Relay:
    """Passes a call on until it is closed, so that what hears it can be deleted."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._target: Callable[[], None] | None = target
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """May be called from any thread."""
        with self._lock:
            if self._target is not None:
                self._target()

    def close(self) -> None:
        """From now on nothing is passed on."""
        with self._lock:
            self._target = None


class Look:
    """One source that is looked at until `stop`; ``address`` None only ends the one before.

    ``told`` is called on the thread of the look when there is a picture or an error, and at its
    end.
    """

    def __init__(
        self, address: Address | None, config: Config, before: Look | None, told: Callable[[], None]
    ) -> None:
        self.error: FakewatchError | None = None
        self.done = False
        self._address = address
        # Five pictures a second are enough, and a screen costs as many as are asked for.
        self._config = replace(config, screen=replace(config.screen, rate_hz=_SCREEN_HZ))
        self._before = before
        self._told = told
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._source: FrameSource | None = None
        self._picture: QImage | None = None
        self.thread = threading.Thread(target=self._run, name="fw-preview", daemon=True)

    def stop(self) -> None:
        """Nobody wants to see it any more; returns at once."""
        self._stop.set()

    def end(self) -> None:
        """Let go of the source; waits for about a second if its driver hangs."""
        self._stop.set()
        with self._lock:
            source = self._source
        if source is not None:
            source.close()

    def take(self) -> QImage | None:
        """The newest picture, once."""
        with self._lock:
            picture, self._picture = self._picture, None
        return picture

    def _run(self) -> None:
        try:
            before, self._before = self._before, None
            if before is not None:
                before.end()
                before.thread.join()
            if self._address is not None:
                self._watch(self._address)
        except FakewatchError as exc:
            self.error = exc
        except Exception as exc:  # noqa: BLE001 - a driver may do anything
            self.error = unexpected(exc)
        self.done = True
        self._told()

    def _watch(self, address: Address) -> None:
        source = open_source(address, self._config, "preview")
        with self._lock:
            if self._stop.is_set():
                return
            self._source = source
        try:
            source.open()
            last = -1.0
            while not self._stop.is_set():
                frame = source.read()
                if frame is None:
                    return
                if time.monotonic() - last >= 1 / _RATE_HZ:
                    last = time.monotonic()
                    self._show(small(frame.image))
        except FakewatchError:
            if not self._stop.is_set():  # or it only says that it was closed
                raise
        finally:
            source.close()

    def _show(self, picture: QImage) -> None:
        with self._lock:
            waits = self._picture is not None
            self._picture = picture
        if not waits:
            self._told()


def small(image: Image) -> QImage:
    """A picture ``(H, W, 3)`` BGR, no larger than a preview, in memory of its own."""
    high, wide = image.shape[:2]
    size = fit(wide, high, min(wide, _LARGEST[0]), min(high, _LARGEST[1]))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    rgb = np.ascontiguousarray(scaled[..., ::-1])
    wide, high = size
    return QImage(rgb.tobytes(), wide, high, 3 * wide, QImage.Format.Format_RGB888).copy()


class Preview(QWidget):
    """What the shown address gives, or a sentence in its place.

    ``ended``: after `end`, the source was let go of and may be opened by others.
    """

    ended = Signal()
    _told = Signal()

    def __init__(self, config: Config, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(240, 150)
        self.setAccessibleName(tr("Preview"))
        self._config = config
        self._relay = Relay(self._told.emit)
        self._look: Look | None = None
        self._wanted: Address | None = None
        self._picture: QImage | None = None
        self._text = ""
        self._ending = False
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._begin)
        self._told.connect(self._take)
        self.say(tr("What is chosen is shown here."))

    @property
    def picture(self) -> QImage | None:
        """What is shown."""
        return self._picture

    @property
    def text(self) -> str:
        """What is said instead."""
        return self._text

    def show_address(self, address: Address | None, why_not: str = "") -> None:
        """Look at this; None for nothing, and ``why_not`` is then said."""
        if self._ending or (address is not None and address == self._wanted):
            return
        self._wanted = address
        if self._look is not None:
            self._look.stop()
        self._calm.start()
        self.say(tr("Opening …") if address else why_not or tr("What is chosen is shown here."))

    def say(self, text: str) -> None:
        """Say this in place of a picture."""
        self._text, self._picture = text, None
        self.setAccessibleDescription(text)
        self.update()

    def end(self) -> None:
        """Look at nothing any more, for good; returns at once."""
        if not self._ending:
            self._ending = True
            self._wanted = None
            self._calm.stop()
            self._begin()

    def stop(self) -> None:
        """The same, and ``ended`` is not told; whoever calls it joins `threads` later."""
        self.end()
        self._relay.close()

    @property
    def threads(self) -> list[threading.Thread]:
        """What is still under way: the newest look, which waits for those before it."""
        return [] if self._look is None or self._look.done else [self._look.thread]

    def _begin(self) -> None:
        before = self._look
        if before is None and self._wanted is None and not self._ending:
            return
        if before is not None:
            before.stop()
        self._look = Look(self._wanted, self._config, before, self._relay)
        self._look.thread.start()

    def _take(self) -> None:
        look = self._look
        if look is None:
            return
        if self._ending:
            if look.done:
                self.ended.emit()
            return
        picture = look.take()
        if picture is not None:
            self._picture, self._text = picture, ""
            self.setAccessibleDescription("")
            self.update()
        elif look.error is not None:
            self.say(redact(look.error))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """The picture in the middle, or the sentence."""
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        if self._picture is None:
            painter.setPen(palette.color(QPalette.ColorRole.Text))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 12, -12, -12), int(flags), self._text)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        wide, high = fit(self._picture.width(), self._picture.height(), self.width(), self.height())
        corner = QPointF((self.width() - wide) / 2, (self.height() - high) / 2)
        painter.drawImage(QRectF(corner.x(), corner.y(), wide, high), self._picture)
