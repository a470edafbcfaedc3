"""A window of ours that shows colours in an order that nobody can know, and when each was painted.

WCAG 2.2, 2.3.1 allows three flashes a second. Here a colour stays for 0.6 s from when it was
painted, however late that was: fewer than two changes a second, of hue at one luma, and no
saturated red.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QCheckBox, QMessageBox, QWidget

from realtime.cues.active_light import SLOT_S, FlashSequence
from realtime.window.translate import tr

SECONDS: Final = 12.0
_PANEL_PX: Final = (960, 720)
_PATIENCE_MS: Final = 2000
"""What is not painted for so long cannot be seen by anybody."""
_INK: Final = QColor(0, 0, 0)


class LightFlash(QWidget):
    """Shows ``sequence`` once `begin` is called, then closes itself.

    ``began`` gives the time (``clock``, seconds) at which the first colour was painted, ``ended``
    the `FlashSequence` as it was painted, None if it was broken off: by Esc, by closing the
    window, or because it could not be seen.
    """

    began = Signal(float)
    ended = Signal(object)

    def __init__(
        self, sequence: FlashSequence, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(None)
        self.setWindowFlag(Qt.WindowType.Window)
        self.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint)
        self.setWindowTitle(tr("fakewatch: colours"))
        self.setAccessibleName(tr("Colours that light the face of who sees this screen"))
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.sequence = sequence
        self._clock = clock
        self._index = -1
        self._painted: list[float] = []
        self._over = False
        self._next, self._watch = QTimer(self), QTimer(self)
        for timer, call in ((self._next, self._go_on), (self._watch, self._give_up)):
            timer.setSingleShot(True)
            timer.setTimerType(Qt.TimerType.PreciseTimer)
            timer.timeout.connect(call)

    def begin(self, *, full_screen: bool) -> None:
        """Show the first colour, on the whole screen or in a large window."""
        if full_screen:
            self.showFullScreen()
        else:
            self.resize(*_PANEL_PX)
            self.show()
        self.raise_()
        self.activateWindow()
        self._go_on()

    def _go_on(self) -> None:
        if self._index + 1 >= len(self.sequence.colours):
            self._end(self._as_painted())
            return
        self._index += 1
        self._watch.start(_PATIENCE_MS)
        self.update()

    def _as_painted(self) -> FlashSequence:
        starts = np.array(self._painted, np.float64) - self._painted[0]
        return FlashSequence(starts, self.sequence.colours, self._clock() - self._painted[0])

    def _give_up(self) -> None:
        self._end(None)

    def _end(self, shown: FlashSequence | None) -> None:
        if self._over:
            return
        self._over = True
        self._next.stop()
        self._watch.stop()
        self.ended.emit(shown)
        self.close()
        self.deleteLater()

    # Qt's own events

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """The colour of now; the first time that each is painted is what counts."""
        painter = QPainter(self)
        blue, green, red = self.sequence.colours[max(0, self._index)].tolist()
        painter.fillRect(self.rect(), QColor(red, green, blue))
        painter.setPen(_INK)
        corner = self.rect().adjusted(12, 12, -12, -12)
        painter.drawText(corner, Qt.AlignmentFlag.AlignBottom, tr("Esc ends this"))
        painter.end()
        if 0 <= self._index == len(self._painted) and not self._over:
            now = self._clock()
            self._painted.append(now)
            self._watch.stop()
            self._next.start(round(SLOT_S * 1000))
            if self._index == 0:
                self.began.emit(now)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc ends it."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self._end(None)
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Whoever closes it ends it."""
        super().closeEvent(event)
        self._end(None)


def ask_first(parent: QWidget, agreed: Callable[[bool], None]) -> QMessageBox:
    """Warn of the colours; ``agreed`` is called, with whether to fill the screen, once all do."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(tr("Colours"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("Is anybody who will see this sensitive to changing light?"))
    box.setInformativeText(
        tr(
            "For {seconds} seconds a large surface changes its colour, less than twice a second."
            " That is below the three flashes a second that WCAG allows, but ask the person, and"
            " everybody who sees the shared screen, before.\n\n"
            "It can only work where the person sees our screen: share this screen, or sit before"
            " it together. Daylight hides the answer; no answer proves nothing."
        ).format(seconds=f"{SECONDS:.0f}")
    )
    fill = QCheckBox(tr("&Fill the screen"))
    fill.setChecked(True)
    box.setCheckBox(fill)
    show = box.addButton(tr("Everybody agrees: &show"), QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    box.buttonClicked.connect(lambda button: agreed(fill.isChecked()) if button is show else None)
    box.finished.connect(box.deleteLater)
    box.open()
    return box
