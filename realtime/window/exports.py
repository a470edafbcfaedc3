"""Reports on what was seen: the dialog, and the thread that writes them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from qtpy.QtCore import QObject, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QMainWindow

from realtime.errors import FakewatchError
from realtime.redact import redact
from realtime.window.desk import Desk
from realtime.window.export_dialog import ExportDialog, Offer
from realtime.window.export_job import Export, FileThereError, Stopped, export
from realtime.window.translate import tr
from realtime.window.worker import Worker

CLOSE_S: Final = 3.0
"""Whatever is being written stops much sooner, and leaves nothing behind."""


class Exports(QObject):
    """``written`` gives the path of each report. ``view`` opens one for the viewer."""

    written = Signal(str)
    _progress = Signal(float)

    def __init__(
        self,
        window: QMainWindow,
        desk: Desk,
        tell: Callable[[str], None],
        view: Callable[[Path], object] | None = None,
    ) -> None:
        super().__init__()
        self._window = window
        self._desk = desk
        self._tell = tell
        self.view = view or _view
        self._worker = Worker("fw-export")
        self._stop = threading.Event()
        self._dialog: ExportDialog | None = None
        self._progress.connect(self._show_progress)

    @property
    def possible(self) -> bool:
        """Whether there is anything to report on."""
        return any(b.recording.info is not None for b in self._desk.bridges.values())

    def ask(self) -> None:
        """Ask for what is to be in it and where it goes."""
        offers = [
            Offer(self._desk.names.get(key, key), b.recording, tuple(b.recording.outline()))
            for key, b in self._desk.bridges.items()
            if b.recording.info is not None
        ]
        if not offers:
            self._tell(tr("Nothing was analysed yet, so there is nothing to report."))
            return
        dialog = ExportDialog(offers, self._window)
        self._dialog = dialog
        dialog.wanted.connect(self._write)
        dialog.stopped.connect(self._stop_it)
        dialog.finished.connect(self._forget)
        dialog.open()

    def close(self) -> bool:
        """Stop what is being written and wait for that; whether it has ended."""
        self._stop.set()
        return self._worker.close(CLOSE_S)

    def _write(self, wanted: Export) -> None:
        self._stop = threading.Event()
        work = partial(export, wanted, self._stop, self._progress.emit)
        view = self._dialog is not None and self._dialog.view.isChecked()
        self._worker.run(work, partial(self._finish, view=view))

    def _finish(self, result: Path | FakewatchError, *, view: bool) -> None:
        if isinstance(result, Stopped):
            self._tell(str(result))
            return
        if isinstance(result, FakewatchError):
            if self._dialog is not None:
                self._dialog.complain(result, replace=isinstance(result, FileThereError))
            return
        if self._dialog is not None:
            self._dialog.done_with()
        self._tell(tr("Saved {path}").format(path=redact(result)))
        self.written.emit(os.fspath(result))
        if view:
            self.view(result)

    def _show_progress(self, share: float) -> None:
        if self._dialog is not None:
            self._dialog.show_progress(share)

    def _stop_it(self) -> None:
        self._stop.set()

    def _forget(self) -> None:
        self._dialog = None


def _view(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(os.path.abspath(path)))
