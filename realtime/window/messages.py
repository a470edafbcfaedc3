"""What the window says in words: the banner for errors, the start page, the line of figures."""

from __future__ import annotations

import re
import time

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from realtime.redact import redact
from realtime.types import FrameCounts, ModelInfo, SourceState

_BANNER_STYLE = """
#banner { background: #8c3a00; }
#banner QLabel { color: white; }
"""

_STATE_WORDS = {
    SourceState.CONNECTING: "Opening",
    SourceState.LIVE: "Playing",
    SourceState.PAUSED: "Paused",
    SourceState.STALLED: "No picture arrives",
    SourceState.RECONNECTING: "Reconnecting",
    SourceState.BLACK: "The picture is black",
    SourceState.FROZEN: "The picture stands still",
    SourceState.PROTECTED: "The picture is protected",
    SourceState.ENDED: "Ended",
    SourceState.FAILED: "Failed",
}


def words(state: SourceState | None) -> str:
    """What a source is doing; None stands for no source."""
    return "No source" if state is None else _STATE_WORDS[state]


class Banner(QFrame):
    """One sentence on what went wrong, above the picture until it is dismissed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setObjectName("banner")
        self.setStyleSheet(_BANNER_STYLE)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        dismiss = QPushButton("Dismiss")
        dismiss.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        dismiss.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.addWidget(self._label, 1)
        row.addWidget(dismiss)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def say(self, sentence: object) -> None:
        """Show ``sentence``, redacted and as plain text."""
        self._text = redact(sentence)
        # Long names get places to break at, or they would widen the window.
        self._label.setText(re.sub(r"(\S{24})", "\\1\u200b", self._text))
        self.setAccessibleName(self._text)
        self.show()


class StartPage(QWidget):
    """What is there before the first source."""

    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        button = QPushButton("Open a video file…")
        button.setMinimumSize(260, 56)
        button.clicked.connect(self.asked)
        hint = QLabel("or drop one here")
        hint.setTextFormat(Qt.TextFormat.PlainText)
        caution = QLabel(
            "The window shows how strong the evidence is that a face is fake.\n"
            "Little evidence is no proof that a face is real."
        )
        caution.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.addStretch(1)
        for widget in (button, hint, caution):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
            if isinstance(widget, QLabel):
                widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addSpacing(8)
        column.addStretch(1)


class Rate:
    """Results a second, over the last second or so."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._count = 0
        self.value = 0.0

    def update(self, count: int, now: float | None = None) -> float:
        """The rate, given how many there were by ``now`` (monotonic seconds)."""
        now = time.monotonic() if now is None else now
        if self._at is None or count < self._count:
            self._at, self._count, self.value = now, count, 0.0
        elif now - self._at >= 0.9:
            self.value = (count - self._count) / (now - self._at)
            self._at, self._count = now, count
        return self.value


def figures(
    state: SourceState,
    counts: FrameCounts,
    fps: float,
    age_s: float | None,
    model: ModelInfo | None,
) -> str:
    """The line at the bottom of the window."""
    dropped = f"dropped {sum(counts.dropped.values())}"
    causes = [f"{cause.value.replace('_', ' ')} {n}" for cause, n in counts.dropped.items() if n]
    if causes:
        dropped += f" ({', '.join(causes)})"
    parts = [
        words(state),
        f"{fps:.1f} fps",
        f"analysed {counts.analysed}",
        dropped,
        f"in flight {counts.in_flight}",
    ]
    if age_s is not None:
        parts.append(f"delay {age_s * 1000:.0f} ms")
    if model is not None:
        provider = model.provider.removesuffix("ExecutionProvider")
        parts += [redact(provider), redact(model.name)]
    return " · ".join(parts)
