"""What the window shows before the first source: three ways to begin, and what was watched last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QHideEvent, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAction,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from realtime.window import glyphs
from realtime.window.recents import Recent
from realtime.window.tips import tip
from realtime.window.translate import tr

_SHOWN: Final = 5
_ICON: Final = 32
_WIDEST: Final = 860
_BESIDE: Final = 74
"""Characters across from which on three cards have room beside each other."""


class Card(QPushButton):
    """A large button with a drawing, what it does, and a sentence on that."""

    def __init__(self, drawing: str, heading: str, about: str) -> None:
        super().__init__()
        self._drawing = drawing
        self._icon = QLabel()
        self._heading = _label(heading)
        self._about = _label(about)
        self._about.setWordWrap(True)
        font = self._heading.font()
        font.setBold(True)
        self._heading.setFont(font)
        self.setAccessibleName(heading)
        self.setAccessibleDescription(about)
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._row.setContentsMargins(14, 12, 14, 12)
        self._row.setSpacing(10)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._heading)
        words.addWidget(self._about)
        words.addStretch(1)
        self._row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words, 1)
        for label in (self._icon, self._heading, self._about):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._draw()

    def set_flat(self, flat: bool) -> None:
        """With the drawing beside the words, not above them."""
        ways = QBoxLayout.Direction
        self._row.setDirection(ways.LeftToRight if flat else ways.TopToBottom)

    def sizeHint(self) -> QSize:
        """That of what is in it."""
        return self._row.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """That of what is in it."""
        return self._row.minimumSize()

    def heightForWidth(self, width: int) -> int:
        """As the sentence needs it."""
        return self._row.heightForWidth(width)

    def hasHeightForWidth(self) -> bool:
        """The sentence wraps."""
        return True

    def changeEvent(self, event: QEvent | None) -> None:
        """Other colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self) -> None:
        self._icon.setPixmap(glyphs.icon(self._drawing).pixmap(_ICON, _ICON))


class RecentButton(QPushButton):
    """One line, elided in the middle."""

    def __init__(self, recent: Recent) -> None:
        super().__init__()
        self._label = recent.label
        self._drawing = recent.drawing
        self.setFlat(True)
        self.setAccessibleName(self._label)
        self.setToolTip(tip(recent.about))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setStyleSheet("text-align: left; padding: 3px 8px;")
        self.setIcon(glyphs.icon(self._drawing))

    @property
    def label(self) -> str:
        """All of it, shown or not."""
        return self._label

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit again."""
        super().resizeEvent(event)
        room = self.width() - self.iconSize().width() - 28
        elided = self.fontMetrics().elidedText(
            self._label, Qt.TextElideMode.ElideMiddle, max(room, 0)
        )
        self.setText(elided.replace("&", "&&"))


class StartPage(QWidget):
    """``recent_chosen`` gives one of what `show_recents` was given. ``fitted``: it was shown,
    hidden or resized."""

    recent_chosen = Signal(object)
    fitted = Signal()

    def __init__(self, call: QAction, cameras: Sequence[QAction], file: QAction) -> None:
        super().__init__()
        self.call = Card(
            "call",
            tr("Watch a call"),
            tr("The window of a video call, a screen, or a part of one."),
        )
        self.cameras = Card(
            "camera",
            tr("Watch cameras"),
            tr("A network camera, one of this computer, or many at once."),
        )
        self.file = Card(
            "file", tr("Play a video file"), tr("Go through a recording, step by step.")
        )
        self.call.clicked.connect(call.trigger)
        self.file.clicked.connect(file.trigger)
        self.cameras.setMenu(self._menu(cameras))
        self._cards = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._cards.setSpacing(12)
        for card in (self.call, self.cameras, self.file):
            self._cards.addWidget(card, 1)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_title = _label(tr("Watched last"))
        self._lay_out()

    @property
    def recents(self) -> list[RecentButton]:
        """The buttons of what was watched last."""
        items = [self._recent.itemAt(i) for i in range(self._recent.count())]
        found = [None if item is None else item.widget() for item in items]
        return [button for button in found if isinstance(button, RecentButton)]

    def show_recents(self, recents: Sequence[Recent]) -> None:
        """Offer these again, the newest few of them."""
        for button in self.recents:
            self._recent.removeWidget(button)
            button.hide()
            button.deleteLater()
        before: QWidget = self.file
        for recent in recents[:_SHOWN]:
            button = RecentButton(recent)
            button.clicked.connect(_giver(self.recent_chosen.emit, recent))
            self._recent.addWidget(button)
            QWidget.setTabOrder(before, button)  # not after the status bar
            before = button
        self._recent_title.setVisible(bool(recents))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cards beside each other where there is room, else one above the other."""
        super().resizeEvent(event)
        narrow = self.width() < _BESIDE * self.fontMetrics().averageCharWidth()
        ways = QBoxLayout.Direction
        self._cards.setDirection(ways.TopToBottom if narrow else ways.LeftToRight)
        for card in (self.call, self.cameras, self.file):
            card.set_flat(narrow)
        self.fitted.emit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """There is nothing else to be seen."""
        super().showEvent(event)
        self.fitted.emit()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """There is."""
        super().hideEvent(event)
        self.fitted.emit()

    def _menu(self, actions: Sequence[QAction]) -> QMenu:
        menu = QMenu(self)
        menu.addActions(list(actions))
        return menu

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 4)
        column.addStretch(2)
        column.addLayout(self._cards)
        column.addSpacing(8)
        column.addWidget(_centred(tr("or drop a file or an address here")))
        column.addSpacing(8)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        column.addStretch(3)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(inner, 1000)
        row.addStretch(1)
        scrolled = QScrollArea()
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setWidgetResizable(True)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidget(page)
        caution = _centred(
            tr(
                "The window shows how strong the evidence is that a face is fake. "
                "Little evidence is no proof that a face is real."
            )
        )
        caution.setContentsMargins(16, 4, 16, 8)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scrolled, 1)
        whole.addWidget(caution)  # to be seen, however far one scrolls
        self.show_recents(())


def _giver(give: Callable[[Recent], None], recent: Recent) -> Callable[[], None]:
    return lambda: give(recent)


def _label(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _centred(text: str) -> QLabel:
    label = _label(text)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    return label
