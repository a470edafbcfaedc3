"""Saves the picture as it is shown, without making Qt's thread wait for the disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from qtpy.QtCore import QObject, QStandardPaths, Signal
from qtpy.QtGui import QImage

from realtime.redact import redact
from realtime.window.translate import tr


class Snapshots(QObject):
    """``saved`` gives the path, ``failed`` one sentence. They go into ``folder``."""

    saved = Signal(str)
    failed = Signal(str)

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        place = QStandardPaths.StandardLocation.PicturesLocation
        self.folder = folder or Path(QStandardPaths.writableLocation(place)) / "fakewatch"
        self._threads: list[threading.Thread] = []

    def take(self, image: QImage, age_s: float = 0.0) -> None:
        """Save this image, which nobody else may draw on any more.

        It is named by the moment that it shows, ``age_s`` seconds ago.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(
            target=self._save, args=(image, age_s), name="fw-snapshot", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait for what is being saved, for a second at most."""
        for thread in self._threads:
            thread.join(1.0)

    def _save(self, image: QImage, age_s: float) -> None:
        name = time.strftime("fakewatch-%Y%m%d-%H%M%S", time.localtime(time.time() - age_s))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path, count = self.folder / f"{name}.png", 1
            while path.exists():
                count += 1
                path = self.folder / f"{name}-{count}.png"
            if not image.save(str(path), "PNG"):
                raise OSError("the file could not be written")
        except OSError as exc:
            why = redact(exc.strerror or exc)
            where = redact(self.folder)
            text = tr("The snapshot was not saved in {folder} ({why}); free some space there.")
            self.failed.emit(text.format(folder=where, why=why))
            return
        self.saved.emit(str(path))
