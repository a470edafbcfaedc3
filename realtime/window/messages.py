"""What the window says outside the picture: the banner for errors, the line of figures."""

from __future__ import annotations

import re
import time
from typing import Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QPushButton, QWidget

from realtime.redact import redact
from realtime.types import DropCause, FrameCounts, Load, ModelInfo
from realtime.window.states import load_words
from realtime.window.translate import later, tr

_BANNER_STYLE = """
#banner { background: #8c3a00; }
#banner QLabel { color: white; }
"""

_MENTION_MS: Final = 5000

_CAUSES: Final = {
    DropCause.SUPERSEDED: later("superseded"),
    DropCause.STALE: later("stale"),
    DropCause.DECODE_ERROR: later("decode error"),
    DropCause.SCORER_BUSY: later("scorer busy"),
    DropCause.SEEK: later("seek"),
    DropCause.SHUTDOWN: later("shutdown"),
}


def mention(window: QMainWindow, text: str) -> None:
    """Say below everything, for some seconds, what needs no answer."""
    status = window.statusBar()
    if status is not None:
        status.showMessage(redact(text), _MENTION_MS)


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
        dismiss = QPushButton(tr("Dismiss"))
        dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus where it is
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


class Rate:
    """Results a second, over the last second or so."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._count = 0
        self._key = ""
        self.value = 0.0

    def update(self, count: int, now: float | None = None, *, key: str = "") -> float:
        """The rate, given how many there were by ``now`` (monotonic seconds).

        Another ``key`` says that something else is counted from now on.
        """
        now = time.monotonic() if now is None else now
        if self._at is None or count < self._count or key != self._key:
            self._key = key
            self._at, self._count, self.value = now, count, 0.0
        elif now - self._at >= 0.9:
            self.value = (count - self._count) / (now - self._at)
            self._at, self._count = now, count
        return self.value


def figures(
    state: str,
    counts: FrameCounts,
    fps: float,
    age_s: float | None,
    model: ModelInfo | None,
    *,
    load: Load | None = None,
) -> str:
    """The line at the bottom of the window, the weightiest first: it may be cut at its end."""
    parts = [state, load_words(load), frame_rate(fps), identity(counts)]
    if age_s is not None:
        parts.append(tr("delay {number} ms").format(number=f"{age_s * 1000:.0f}"))
    return " · ".join(part for part in [*parts, *model_words(model)] if part)


def frame_rate(fps: float) -> str:
    """Results a second, in words."""
    return tr("{number} fps").format(number=f"{fps:.1f}")


def identity(counts: FrameCounts) -> str:
    """Where every frame went, as an equation."""
    causes = [f"{tr(_CAUSES[cause])} {n}" for cause, n in counts.dropped.items() if n]
    dropped = str(sum(counts.dropped.values()))
    if causes:
        dropped += f" ({', '.join(causes)})"
    text = tr("captured {captured} = analysed {analysed} + dropped {dropped} + in flight {flying}")
    return text.format(
        captured=counts.captured,
        analysed=counts.analysed,
        dropped=dropped,
        flying=counts.in_flight,
    )


def model_words(model: ModelInfo | None) -> list[str]:
    """Where the model runs, and which it is."""
    if model is None:
        return []
    return [redact(model.provider.removesuffix("ExecutionProvider")), redact(model.name)]
