"""The ways in which a viewer says what to watch: dialogs, and files that are dropped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QFileDialog, QWidget

from realtime import config as settings
from realtime.config import Config
from realtime.errors import ConfigError
from realtime.sources import Address
from realtime.window.device_dialog import DeviceDialog
from realtime.window.stream_dialog import StreamDialog

_FILTER = (
    "Videos (*.mp4 *.m4v *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.flv *.wmv *.ogv *.3gp)"
    ";;All files (*)"
)
_CONFIG_FILTER = "Settings (*.toml);;All files (*)"


class Chooser:
    """Asks in dialogs over ``window``.

    ``chosen`` gets the source that the viewer chose. ``listed`` gets settings that list sources
    and the name of their file, and may raise `ConfigError`; ``refused`` hears that one.
    """

    def __init__(
        self,
        window: QWidget,
        chosen: Callable[[str | Address], None],
        listed: Callable[[Config, str], None],
        refused: Callable[[object], None],
    ) -> None:
        self._window = window
        self._chosen = chosen
        self._listed = listed
        self._refused = refused
        self._folder = ""

    def choose_file(self) -> None:
        """Ask for a video file."""
        path = self._ask("Open a video file", _FILTER)
        if path:
            self._chosen(path)

    def choose_config(self) -> None:
        """Ask for a file of settings with sources in it."""
        path = self._ask("Watch the sources of a configuration", _CONFIG_FILTER)
        if not path:
            return
        try:
            self._listed(settings.load(Path(path)), os.path.basename(path))
        except ConfigError as exc:
            self._refused(exc)

    def choose_stream(self) -> None:
        """Ask for the address of a stream."""
        dialog = StreamDialog(self._window)
        dialog.chosen.connect(self._chosen)
        dialog.open()

    def choose_device(self) -> None:
        """Show the cameras, screens and windows there are."""
        dialog = DeviceDialog(self._window)
        dialog.chosen.connect(self._chosen)
        dialog.open()

    def _ask(self, title: str, kinds: str) -> str:
        path, _ = QFileDialog.getOpenFileName(self._window, title, self._folder, kinds)
        if path:
            self._folder = str(Path(path).parent)
        return path


def dropped(event: QDropEvent) -> str | None:
    """The path of the first local file of what is dropped, or would be; None without any."""
    data = event.mimeData()
    urls = [] if data is None else data.urls()
    return next((url.toLocalFile() for url in urls if url.isLocalFile()), None)
