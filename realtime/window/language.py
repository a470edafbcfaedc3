"""The language of the window, chosen before it is built: our words and Qt's own."""

from __future__ import annotations

from typing import Final

from qtpy import QT5
from qtpy.QtCore import QLibraryInfo, QLocale, QSettings, QTranslator
from qtpy.QtWidgets import QApplication

from realtime.window import translate

KEY: Final = "language"


def speak(app: QApplication, settings: QSettings | None) -> str:
    """Choose the language that ``settings`` name, or else the system's; gives its code back.

    Qt's own words follow: the buttons of dialogs, the menus of text fields.
    """
    wanted = translate.SYSTEM if settings is None else settings.value(KEY, translate.SYSTEM)
    code = translate.choose(str(wanted))
    before = app.property("fakewatch_words")
    if isinstance(before, QTranslator):
        app.removeTranslator(before)
    words = QTranslator(app)
    if words.load(QLocale(code), "qtbase", "_", _folder()):
        app.installTranslator(words)
    app.setProperty("fakewatch_words", words)
    return code


def _folder() -> str:
    """Where Qt keeps its own translations."""
    if QT5:
        return QLibraryInfo.location(QLibraryInfo.LibraryLocation.TranslationsPath)
    return str(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
