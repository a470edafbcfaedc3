"""The row below the picture: play, step, seek, and where we are."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent, QResizeEvent
from qtpy.QtWidgets import (
    QAction,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QWidget,
)

from realtime.window.tips import tip
from realtime.window.translate import tr


def clock(time_s: float) -> str:
    """``m:ss.t``, or ``h:mm:ss.t`` from an hour on."""
    tenths = max(0, int(time_s * 10 + 1e-6))
    seconds, tenth = divmod(tenths, 10)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    head = f"{hours}:{minute:02}" if hours else f"{minute}"
    return f"{head}:{second:02}.{tenth}"


class SeekSlider(QSlider):
    """Goes where it is clicked. ``sought`` gives seconds, while dragging as well."""

    sought = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the window's own keys seek
        self.setAccessibleName(tr("Position"))
        self.sliderMoved.connect(self._tell)

    def set_length(self, duration_s: float | None) -> None:
        """How long the source is; None switches seeking off."""
        self.setEnabled(bool(duration_s))
        self.setRange(0, round((duration_s or 0.0) * 1000))

    def set_time(self, time_s: float) -> None:
        """Follow playback, unless the viewer is dragging."""
        if not self.isSliderDown():
            self.setValue(round(time_s * 1000))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Bring the handle under the pointer, so that it is grabbed wherever one clicks."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            style = self.style()
            assert style is not None
            control, part = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
            handle = style.subControlRect(control, option, part, self)
            if not handle.contains(event.pos()):
                room = self.width() - handle.width()
                value = QStyle.sliderValueFromPosition(
                    self.minimum(), self.maximum(), event.pos().x() - handle.width() // 2, room
                )
                self.setValue(value)
                self._tell(value)
        super().mousePressEvent(event)

    def _tell(self, value: int) -> None:
        self.sought.emit(value / 1000)


class ElidedLabel(QLabel):
    """One line of plain text that ends in an ellipsis where there is no room for it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._full = self._spoken = ""

    @property
    def full_text(self) -> str:
        """All of it, shown or not."""
        return self._full

    def set_full_text(self, text: str) -> None:
        """Show as much as fits in; the rest is in the tool tip."""
        if text != self._full:
            self._full = text
            self._elide()

    def minimumSizeHint(self) -> QSize:
        """As narrow as need be."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit again."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics = self.fontMetrics()
        mode = Qt.TextElideMode.ElideRight
        self.setText(metrics.elidedText(self._full, mode, self.width()))
        self.setToolTip(tip(self._full))
        if self.accessibleName() in ("", self._spoken):  # else it was named by somebody
            self._spoken = self._full
            self.setAccessibleName(self._full)


class Controls(QWidget):
    """Buttons for the given actions, the slider and the time."""

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = SeekSlider()
        self.time = QLabel()
        self.time.setTextFormat(Qt.TextFormat.PlainText)
        self._duration_s: float | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(button)
        row.addWidget(self.slider, 1)
        row.addWidget(self.time)
        self.set_source(None)

    def set_source(self, duration_s: float | None, *, seekable: bool = False) -> None:
        """Start at the beginning of a source of this length."""
        self._duration_s = duration_s
        self.slider.set_length(duration_s if seekable else None)
        self.set_time(0.0)

    def set_time(self, time_s: float) -> None:
        """Show where playback is."""
        self.slider.set_time(time_s)
        length = "–:––" if self._duration_s is None else clock(self._duration_s)
        self.time.setText(f"{clock(time_s)} / {length}")
