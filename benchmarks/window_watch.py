"""Watches Qt's thread: how long it was blocked, what was painted, and how long after an action."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QWidget

from realtime.window.canvas import Canvas

BEAT_MS: Final = 5
LONG_MS: Final = 50.0


class Watchdog(QObject):
    """A timer of `BEAT_MS` on Qt's thread: whatever it is late by, that thread did not answer.

    Beside it, the processor time of that thread since the beat before: of a long block with little
    of it, the thread was kept from running, by other work on the machine or other threads.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.late_ms: list[float] = []
        self.worked_ms: list[float] = []
        self._last = self._worked = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin anew."""
        self.late_ms, self.worked_ms = [], []
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        """Enough."""
        self._timer.stop()

    def summary(self) -> dict[str, float]:
        """The longest block, the 99.9th percentile, how many were longer than `LONG_MS`, and the
        most that the thread itself worked between two beats."""
        late = np.array(self.late_ms or [0.0])
        return {
            "blocked_max_ms": round(float(late.max()), 1),
            "blocked_p999_ms": round(float(np.percentile(late, 99.9)), 1),
            "blocked_over_50ms": int((late > LONG_MS).sum()),
            "worked_max_ms": round(max(self.worked_ms, default=0.0), 1),
            "beats": len(self.late_ms),
        }

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.late_ms.append(max(0.0, 1000 * (now - self._last) - BEAT_MS))
        self.worked_ms.append(1000 * (worked - self._worked))
        self._last, self._worked = now, worked


@dataclass
class Paints:
    """Which frames were painted, and who waits for a paint."""

    indices: list[int] = field(default_factory=list)
    waiting: _Waiting | None = None

    def painted(self, canvas: Canvas) -> None:
        """A canvas was."""
        result = canvas.result
        if result is not None and (not self.indices or self.indices[-1] != result.frame.index):
            self.indices.append(result.frame.index)
        self.see(canvas)

    def see(self, widget: QWidget) -> None:
        """``widget`` is painted; once what is waited for is seen in it, say so."""
        waiting = self.waiting
        if waiting is not None and waiting.widget is widget and waiting.there():
            self.waiting = None
            # What was painted reaches the screen before the next turn of the event loop.
            QTimer.singleShot(0, waiting.tell)

    def wait(self, widget: QWidget, there: Callable[[], bool]) -> _Waiting:
        """Wait until ``widget`` is painted with ``there`` true; for any thread."""
        self.waiting = waiting = _Waiting(widget, there)
        return waiting


@dataclass
class _Waiting:
    widget: QWidget
    there: Callable[[], bool]
    done: threading.Event = field(default_factory=threading.Event)
    at: float = 0.0

    def tell(self) -> None:
        self.at = time.perf_counter()
        self.done.set()


@contextmanager
def watching_paints() -> Iterator[Paints]:
    """Hear of every paint of every canvas that is made meanwhile."""
    paints = Paints()
    real = Canvas.paintEvent

    def paint(canvas: Canvas, event: QPaintEvent | None) -> None:
        real(canvas, event)
        paints.painted(canvas)

    with mock.patch.object(Canvas, "paintEvent", paint):
        yield paints


class PaintFilter(QObject):
    """Tells ``paints`` that a widget which is no canvas is painted."""

    def __init__(self, widget: QWidget, paints: Paints) -> None:
        super().__init__(widget)
        self._widget = widget
        self._paints = paints
        widget.installEventFilter(self)

    def eventFilter(self, _watched: Any, event: Any) -> bool:
        """Look, and let everything pass."""
        if event.type() == QEvent.Type.Paint:
            self._paints.see(self._widget)
        return False


class Keyboard:
    """Types and clicks as the X server would."""

    def __init__(self) -> None:
        import xcffib  # noqa: PLC0415 - only where there is an X server
        import xcffib.xproto  # noqa: PLC0415
        import xcffib.xtest  # noqa: PLC0415

        connect: Any = xcffib.connect
        self._connection = connect()
        self._test = self._connection(xcffib.xtest.key)
        setup = self._connection.get_setup()
        self._root = setup.roots[0].root
        first, count = setup.min_keycode, setup.max_keycode - setup.min_keycode + 1
        found = self._connection.core.GetKeyboardMapping(first, count).reply()
        step = found.keysyms_per_keycode
        self._codes = {found.keysyms[i * step]: first + i for i in reversed(range(count))}

    def press(self, sign: str) -> float:
        """Press and let go of the key with that sign; returns when."""
        code = self._codes[ord(sign)]
        at = time.perf_counter()
        for kind in (2, 3):
            self._fake(kind, code)
        self._connection.flush()
        return at

    def click(self, x: int, y: int) -> float:
        """Click on that pixel of the screen; returns when."""
        self._fake(6, 0, x, y)
        self._connection.flush()
        time.sleep(0.05)
        at = time.perf_counter()
        for kind in (4, 5):
            self._fake(kind, 1)
        self._connection.flush()
        return at

    def close(self) -> None:
        """No more."""
        self._connection.disconnect()

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._test.FakeInput(kind, detail, 0, self._root, x, y, 0)
