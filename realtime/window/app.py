"""Starts Qt, shows the window, and gives back an exit code.

Nothing here imports Qt before it is known that Qt can start, so that a machine without a
display or without Qt's libraries gets a sentence instead of an abort.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import cv2  # noqa: F401 - sets the variables that `forget_foreign_plugins` takes back

from realtime.config import Config
from realtime.labels import font_folder
from realtime.logs import unexpected
from realtime.sinks.base import Sink
from realtime.window.collector import leave_alone
from realtime.window.display import (
    forget_foreign_plugins,
    missing_library,
    require_display,
    require_libraries,
)

if TYPE_CHECKING:
    from qtpy.QtWidgets import QApplication

    from realtime.window.player import LiveSinks

log = logging.getLogger(__name__)

_KINDS: Final = ("camera", "screen", "stream", "window", "window_x11")


def make_app() -> QApplication:
    """The one `QApplication` of the process, made on the first call.

    Raises:
        ConfigError: if there is no display or a library that Qt needs is missing.
    """
    require_display()
    forget_foreign_plugins()
    try:
        from qtpy import QT5  # noqa: PLC0415 - see above
        from qtpy.QtCore import QLibraryInfo, Qt  # noqa: PLC0415
        from qtpy.QtGui import QFontDatabase, QGuiApplication  # noqa: PLC0415
        from qtpy.QtWidgets import QApplication  # noqa: PLC0415
    except ImportError as exc:
        raise missing_library(exc) from None
    from realtime.window.tick_style import TickStyle  # noqa: PLC0415 - needs Qt

    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if QT5:
        plugins = QLibraryInfo.location(QLibraryInfo.LibraryLocation.PluginsPath)
        QGuiApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QGuiApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    else:
        plugins = QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)
    require_libraries(Path(plugins))
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(
        Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    app = QApplication(["fakewatch"])
    app.setApplicationName("fakewatch")
    app.setStyle(TickStyle())
    folder = font_folder()
    if folder is not None and not QFontDatabase().families():
        QFontDatabase.addApplicationFont(str(folder / "DejaVuSans.ttf"))
    return app


def run_window(
    source_text: str | None,
    config: Config,
    *,
    extra_sinks: Sequence[Sink] = (),
    live_sinks: LiveSinks | None = None,
    loop: bool = False,
) -> int:
    """Show the window until it is closed, with ``source_text`` open from the start, or else the
    sources that ``config`` lists.

    ``extra_sinks`` receive every file that is opened, one run each, and stay open; a live source
    that runs alone as well. With ``live_sinks`` each live source has sinks of its own instead.
    ``loop`` starts each file again at its end. Returns 0, or the exit code of the error if the
    source that was opened last failed.

    Raises:
        ConfigError: if no window can be shown here, or a listed source makes no sense.
        KeyboardInterrupt: after an orderly end, if the process was interrupted.
    """
    app = make_app()
    _load_sources()
    from qtpy.QtCore import QSettings  # noqa: PLC0415 - needs Qt

    from realtime.window.language import speak  # noqa: PLC0415
    from realtime.window.main_window import MainWindow  # noqa: PLC0415
    from realtime.window.placing import comfortable, screens  # noqa: PLC0415
    from realtime.window.portal import portal_of_session  # noqa: PLC0415

    form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    settings = QSettings(form, scope, "fakewatch", "window")
    speak(app, settings)
    window = MainWindow(
        config,
        extra_sinks=extra_sinks,
        live_sinks=live_sinks,
        loop=loop,
        settings=settings,
    )
    if settings.value("geometry") is None:
        window.resize(comfortable(window.size(), screens()))
    with catch_exceptions(window.report_trouble, app.quit) as interrupted:
        window.show()
        window.extras.look.follow(window, portal_of_session())
        if source_text is not None:
            window.open(source_text)
        elif any(entry.enabled for entry in config.sources):
            window.open_many(config)
        else:
            window.extras.tour.first_time(settings)
        app.exec()
        window.close()
    if interrupted:
        raise KeyboardInterrupt
    return int(window.exit_code)


def _load_sources() -> None:
    """Import what looks for devices while nobody waits: an import holds up Qt's thread, whichever
    thread it is on. What a system has no library for is told when it is asked for."""
    for name in ("cv2_enumerate_cameras", *(f"realtime.sources.{kind}" for kind in _KINDS)):
        with suppress(ImportError, OSError):
            import_module(name)
    leave_alone(tidy=True)


@contextmanager
def catch_exceptions(
    report: Callable[[str], None], leave: Callable[[], object]
) -> Iterator[list[KeyboardInterrupt]]:
    """Log and ``report`` what goes wrong in a slot, where PyQt would otherwise abort.

    An interrupt calls ``leave`` and is put into the list that this gives.
    """
    interrupted: list[KeyboardInterrupt] = []

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            interrupted.append(error)
            leave()
            return
        log.error("unexpected error in the window", exc_info=(kind, error, trace))
        report(str(unexpected(error)))

    before = sys.excepthook
    sys.excepthook = hook
    try:
        yield interrupted
    finally:
        sys.excepthook = before
