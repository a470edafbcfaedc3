"""Light, dark and high contrast: the colours of the window, and how readable they are."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar, Final

from qtpy.QtCore import QEvent, QObject, QSettings, Signal
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QApplication, QWidget

from realtime.labels import state_colour
from realtime.types import VerdictState
from realtime.window.portal import Portal
from realtime.window.translate import later, tr

SYSTEM: Final = "system"
SCALES: Final = (0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)
MIN_POINTS: Final = 9.0
_THEME_CHANGE: Final = QEvent.Type(210)
"""``QEvent::ThemeChange``, which PyQt5 has no name for."""
_WITH_OWN_FONT: Final = ("QDockWidgetTitle", "QTipLabel", "QMessageBoxLabelFont")
"""What a system may give another font than the rest; it grows with the rest here."""
_REGISTRY: Final = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``: grounds, what is written on them, and what is chosen."""

    name: str
    window: str
    base: str
    alternate: str
    button: str
    text: str
    faint: str
    chosen: str
    chosen_text: str
    link: str

    @property
    def dark(self) -> bool:
        """Whether the ground is darker than the text."""
        return luminance(self.window) < luminance(self.text)


THEMES: Final = {
    theme.name: theme
    for theme in (
        Theme(
            "light",
            window="#f1f1f1",
            base="#ffffff",
            alternate="#f6f6f6",
            button="#e6e6e6",
            text="#1a1a1a",
            faint="#5c5c5c",
            chosen="#005a9e",
            chosen_text="#ffffff",
            link="#005a9e",
        ),
        Theme(
            "dark",
            window="#242424",
            base="#1a1a1a",
            alternate="#212121",
            button="#333333",
            text="#ededed",
            faint="#a8a8a8",
            chosen="#1f5f99",
            chosen_text="#ffffff",
            link="#7cc0f5",
        ),
        Theme(
            "high contrast",
            window="#000000",
            base="#000000",
            alternate="#000000",
            button="#404040",
            text="#ffffff",
            faint="#ffffff",
            chosen="#ffff00",
            chosen_text="#000000",
            link="#ffff00",
        ),
    )
}


_NAMES: Final = {
    SYSTEM: later("Theme of the system"),
    "light": later("Light theme"),
    "dark": later("Dark theme"),
    "high contrast": later("Theme of high contrast"),
}


def theme_name(name: str) -> str:
    """What the menu calls the theme of that name, or `SYSTEM`."""
    return tr(_NAMES[name])


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def state_hex(state: VerdictState) -> str:
    """The colour of a state as ``#rrggbb``."""
    blue, green, red = state_colour(state)
    return f"#{red:02x}{green:02x}{blue:02x}"


def system_theme(palette: QPalette, scheme: str = "", *, high_contrast: bool = False) -> str:
    """What the system asks for: as ``scheme`` says, "light" or "dark", or else Windows, or else
    ``palette`` as Qt found it. Nothing but white on black is for high contrast.
    """
    roles = QPalette.ColorRole
    ground, ink = palette.color(roles.Window), palette.color(roles.WindowText)
    if high_contrast or (ground.name(), ink.name()) == ("#000000", "#ffffff"):
        return "high contrast"
    if scheme:
        return scheme
    if sys.platform == "win32":
        light = QSettings(_REGISTRY, QSettings.Format.NativeFormat).value("AppsUseLightTheme", 1)
        return "light" if str(light) == "1" else "dark"
    return "dark" if ground.lightness() < ink.lightness() else "light"


class Look(QObject):
    """The theme and the size of the text of the application.

    ``followed`` tells that the system asks for something else now and that this was chosen.
    """

    followed = Signal()
    _setting: ClassVar = False
    """Whether it is one of these that sets a palette just now, and not the system."""

    def __init__(self) -> None:
        super().__init__()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        kept = app.property("fakewatch_look")
        # What the system gave, before the first window changed it.
        found: tuple[QPalette, float] = kept or (app.palette(), app.font().pointSizeF())
        self._palette, self._points = found
        app.setProperty("fakewatch_look", (self._palette, self._points))
        self._portal: Portal | None = None
        self._watched: QWidget | None = None
        self.choice = SYSTEM
        self.scale = 1.0

    @property
    def theme(self) -> Theme:
        """What is shown now."""
        if self.choice != SYSTEM:
            return THEMES[self.choice]
        portal = self._portal
        if portal is None:
            return THEMES[system_theme(self._palette)]
        high = portal.high_contrast
        return THEMES[system_theme(self._palette, portal.scheme, high_contrast=high)]

    def choose(self, name: str) -> None:
        """Show the theme of that name, or `SYSTEM`; what is unknown is the system's."""
        self.choice = name if name in THEMES else SYSTEM
        self._show(palette_of(self.theme))

    def follow(self, window: QWidget, portal: Portal | None = None) -> None:
        """Notice from now on what the system asks for, as ``window`` and ``portal`` hear of it."""
        self._watched = window
        window.installEventFilter(self)
        self._portal = portal
        if portal is not None:
            portal.changed.connect(self._tell)

    def close(self) -> None:
        """Notice nothing any more."""
        if self._watched is not None:
            self._watched.removeEventFilter(self)
            self._watched = None
        if self._portal is not None:
            self._portal.close()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """The system, or a plugin of Qt in its name, has set other colours."""
        kind = None if event is None else event.type()
        if kind == QEvent.Type.ApplicationPaletteChange and not Look._setting:
            self._found(self._app.palette())
        elif kind == _THEME_CHANGE and not Look._setting:
            # Ours lie over those of the system: taken off, hers can be seen.
            self._show(QPalette())
            self._found(self._app.palette())
        return super().eventFilter(watched, event)

    def _found(self, palette: QPalette) -> None:
        if _same(palette_of(self.theme), palette):
            return
        self._palette = QPalette(palette)
        self._app.setProperty("fakewatch_look", (self._palette, self._points))
        self._tell()

    def _tell(self) -> None:
        self._show(palette_of(self.theme))
        if self.choice == SYSTEM:
            self.followed.emit()

    def _show(self, palette: QPalette) -> None:
        Look._setting = True
        try:
            self._app.setPalette(palette)
        finally:
            Look._setting = False

    def set_scale(self, scale: float) -> None:
        """Make text so many times as large as the system has it, but never below 9 points."""
        self.scale = min(max(scale, SCALES[0]), SCALES[-1])
        font = self._app.font()
        font.setPointSizeF(max(MIN_POINTS, self._points * self.scale))
        self._app.setFont(font)
        for kind in _WITH_OWN_FONT:
            self._app.setFont(font, kind)

    def larger(self, steps: int) -> None:
        """Go so many steps up, or down."""
        nearest = min(range(len(SCALES)), key=lambda i: abs(SCALES[i] - self.scale))
        self.set_scale(SCALES[min(max(nearest + steps, 0), len(SCALES) - 1)])


def _same(one: QPalette, other: QPalette) -> bool:
    roles = (QPalette.ColorRole.Window, QPalette.ColorRole.WindowText, QPalette.ColorRole.Base)
    return all(one.color(role) == other.color(role) for role in roles)


def palette_of(theme: Theme) -> QPalette:
    """Qt's colours for a theme."""
    roles = QPalette.ColorRole
    palette = QPalette(QColor(theme.button), QColor(theme.window))
    colours = {
        roles.Window: theme.window,
        roles.Base: theme.base,
        roles.AlternateBase: theme.alternate,
        roles.Button: theme.button,
        roles.ToolTipBase: theme.base,
        roles.WindowText: theme.text,
        roles.Text: theme.text,
        roles.ButtonText: theme.text,
        roles.ToolTipText: theme.text,
        roles.BrightText: theme.text,
        roles.PlaceholderText: theme.faint,
        roles.Highlight: theme.chosen,
        roles.HighlightedText: theme.chosen_text,
        roles.Link: theme.link,
        roles.LinkVisited: theme.link,
    }
    for role, colour in colours.items():
        palette.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return palette
