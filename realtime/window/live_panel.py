"""A small panel that stays above a call: the gravest verdict, who is there, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qtpy.QtCore import QEvent, QPoint, QRect, QSettings, QSize, Qt, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent, QMouseEvent, QPixmap
from qtpy.QtWidgets import (
    QAction,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from realtime.window import glyphs, placing, state_icon
from realtime.window.call_state import LINES, CallState
from realtime.window.capture_exclusion import Exclusion, exclude
from realtime.window.controls import ElidedLabel
from realtime.window.prominent import Prominent
from realtime.window.states import duration
from realtime.window.translate import tr

WIDTH: Final = 320
STEP_PX: Final = 24
_LETTERS: Final = 32
"""A line has room for at least so many, however large they are."""
_SIGN: Final = 40
_PLACE: Final = "panel/place"
_MOVES: Final = {
    Qt.Key.Key_Left: (-STEP_PX, 0),
    Qt.Key.Key_Right: (STEP_PX, 0),
    Qt.Key.Key_Up: (0, -STEP_PX),
    Qt.Key.Key_Down: (0, STEP_PX),
}


class LivePanel(QFrame):
    """Shows `CallState`s. It has no parent, so that it stays when the main window is minimised;
    whoever made it closes it. ``hidden`` says that the viewer has put it away.

    ``buttons`` are actions of the main window and what is drawn on the button of each.
    """

    hidden = Signal()

    def __init__(self, buttons: Sequence[tuple[QAction, str]]) -> None:
        super().__init__(None)
        flags = Qt.WindowType
        for flag in (flags.Tool, flags.FramelessWindowHint, flags.WindowStaysOnTopHint):
            self.setWindowFlag(flag)
        self.setWindowTitle(tr("fakewatch: live panel"))
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setAttribute(Qt.WidgetAttribute.WA_AlwaysShowToolTips)
        self.setFrameShape(QFrame.Shape.Box)
        self.setFixedWidth(WIDTH)
        self.exclusion: Exclusion | None = None
        self.sign = QLabel()
        self.sign.setFixedSize(_SIGN, _SIGN)
        self.headline, self.since = _label(1.25, bold=True), ElidedLabel()
        self.lines = [ElidedLabel() for _ in range(LINES + 1)]
        self.source, self.note = ElidedLabel(), _label()
        self._followed: list[tuple[QAction, Callable[[], None]]] = []
        self._buttons = [(self._button(action), glyph) for action, glyph in buttons]
        self._drag: QPoint | None = None
        self._kind = ""
        self._watched: list[QRect] = []
        self._build()
        self._show_icons()
        self.show_state(CallState())

    # What it shows

    def show_state(self, state: CallState) -> None:
        """Show this from now on."""
        kind = kind_of(state)
        if kind != self._kind:
            self._kind = kind
            self.sign.setPixmap(self._sign(kind))
        gravest = None if state.paused else state.gravest
        _put(self.headline, state.headline)
        # The name of a source comes last: it is what may be cut off.
        who = "" if gravest is None else gravest.after(duration(gravest.verdict.since_s))
        self.since.set_full_text(who)
        self.since.setVisible(bool(who))
        self.sign.setAccessibleName(state.headline)
        # A single person is in the headline already.
        lines = [] if state.paused or len(state.people) < 2 else state.lines
        for i, label in enumerate(self.lines):
            text = lines[i] if i < len(lines) else ""
            label.set_full_text(text)
            label.setVisible(bool(text))
        self.source.set_full_text(state.source)
        self.source.setVisible(bool(state.source))
        self.setAccessibleName(f"{state.headline}. {who}. {state.source}")
        self._show_note()
        self._fit()

    def keep_out_of(self, watched: list[QRect]) -> None:
        """Stand beside these parts of the screens, which are sources themselves, if possible."""
        if watched == self._watched:
            return
        self._watched = watched
        if self.isVisible():
            self._step_aside()
        self._show_note()

    @property
    def in_picture(self) -> bool:
        """Whether it covers a part of what is watched, as far as the system lets it be seen."""
        if self.exclusion is Exclusion.DONE:
            return False
        return any(area.intersects(self.geometry()) for area in self._watched)

    def _show_note(self) -> None:
        self.note.setVisible(self.in_picture)

    # Where it is

    def restore(self, settings: QSettings) -> None:
        """Where it was, if that is on a screen; nonsense is as nothing."""
        words = str(settings.value(_PLACE, "")).split()
        try:
            x, y = (int(word) for word in words)
        except ValueError:
            return
        if max(abs(x), abs(y)) < 1 << 20:
            self.move(x, y)
            self.setProperty("placed", True)

    def save(self, settings: QSettings) -> None:
        """Remember where it is."""
        if self.property("placed"):
            settings.setValue(_PLACE, f"{self.x()} {self.y()}")

    def show_up(self) -> None:
        """Show it where it was, or at the upper right, above everything else."""
        self._fit()
        areas = placing.screens()
        if not self.property("placed") and areas:
            first = areas[0]
            self.move(first.right() - self.width() - 24, first.top() + 24)
        self.setProperty("placed", True)
        self.move(placing.clamped(self.geometry(), areas).topLeft())
        self._step_aside()
        self.show()
        self.raise_()
        if self.exclusion is None:
            self.exclusion = exclude(int(self.winId()))
            self.setToolTip(seen_text(self.exclusion))
        self._show_note()

    def _step_aside(self) -> None:
        if self.exclusion is Exclusion.DONE:
            return
        place = placing.beside(self.geometry(), self._watched, placing.screens())
        if place is not None:
            self.move(place.topLeft())

    def _fit(self) -> None:
        wide = max(WIDTH, _LETTERS * self.fontMetrics().averageCharWidth())
        if wide != self.width():
            self.setFixedWidth(wide)
        high = self.sizeHint().height()
        if high != self.height():
            self.resize(wide, high)
            if self.isVisible():
                place = placing.clamped(self.geometry(), placing.screens())
                if place.topLeft() != self.pos():
                    self.move(place.topLeft())

    # Building

    def _build(self) -> None:
        self.note.setText(tr("This panel covers a part of what is watched: move it away."))
        self.note.setWordWrap(True)
        self.headline.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.headline)
        words.addWidget(self.since)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.sign)
        top.addLayout(words, 1)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button, _ in self._buttons:
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(4)
        column.addLayout(top)
        for label in (*self.lines, self.source):
            column.addWidget(label)
        column.addWidget(self.note)
        column.addLayout(row)

    def _button(self, action: QAction) -> QToolButton:
        # Not its default action: that takes the icon along, and the action has none.
        button = QToolButton()
        button.setIconSize(QSize(22, 22))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(action.trigger)

        def follow() -> None:
            button.setEnabled(action.isEnabled())
            button.setToolTip(action.toolTip())
            button.setAccessibleName(action.text().replace("&", ""))

        action.changed.connect(follow)
        self._followed.append((action, follow))
        follow()
        return button

    def _show_icons(self) -> None:
        for button, glyph in self._buttons:
            button.setIcon(glyphs.icon(glyph))

    def show_button(self, number: int, glyph: str) -> None:
        """Draw something else on that button, counted from 0."""
        button, before = self._buttons[number]
        if before != glyph:
            self._buttons[number] = (button, glyph)
            self._show_icons()

    def release(self) -> None:
        """Follow the actions no more: the panel goes before they do."""
        for action, follow in self._followed:
            action.changed.disconnect(follow)
        self._followed.clear()

    def _sign(self, kind: str) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = state_icon.picture(kind, round(_SIGN * ratio)).copy()
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    # Qt's own events

    def changeEvent(self, event: QEvent | None) -> None:
        """Other colours need other icons."""
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._kind:
            self._show_icons()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """It is moved by any place that is no button."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            handle = self.windowHandle()
            # Only the compositor may move windows of Wayland.
            if QApplication.platformName().startswith("wayland") and handle is not None:
                handle.startSystemMove()
            else:
                self._drag = event.globalPos() - self.pos()
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Follow the mouse."""
        if event is not None and self._drag is not None:
            self.move(event.globalPos() - self._drag)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """It stays on a screen."""
        self._drag = None
        self._land()
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Ctrl and an arrow moves it, Esc puts it away."""
        if event is None:
            return
        held = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if held and event.key() in _MOVES:
            self.move(self.pos() + QPoint(*_MOVES[Qt.Key(event.key())]))
            self._land()
        elif event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """It is only put away."""
        super().closeEvent(event)
        self.hidden.emit()

    def _land(self) -> None:
        self.move(placing.clamped(self.geometry(), placing.screens()).topLeft())
        self._show_note()
        self._fit()


def kind_of(state: CallState) -> str:
    """Which of `state_icon.KINDS` stands for it."""
    if state.paused:
        return state_icon.PAUSED
    if state.state is not None:
        return state.state.value
    if not state.watching:
        return state_icon.IDLE
    return state_icon.LOST if state.lost else state_icon.NOBODY


def seen_text(exclusion: Exclusion) -> str:
    """Whether others see the panel when the screen is shared."""
    if exclusion is Exclusion.DONE:
        return tr("Drag or Ctrl+arrows: move. Kept out of captures of the screen.")
    if exclusion is Exclusion.IMPOSSIBLE:
        return tr(
            "Drag or Ctrl+arrows: move. This system cannot hide it: whoever you share the"
            " whole screen with sees it."
        )
    return tr(
        "Drag or Ctrl+arrows: move. The system refused to hide it: whoever you share the"
        " whole screen with sees it."
    )


def _label(scale: float = 1.0, *, bold: bool = False) -> QLabel:
    label = Prominent(scale, bold=bold)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def _put(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)
