"""The dialogs in which a viewer says what to watch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from realtime.config import Config
from realtime.keyring_store import Credentials
from realtime.sources import Address, SourceKind, Transport
from realtime.window.device_dialog import DeviceDialog
from realtime.window.errands import join
from realtime.window.region_picker import RegionPicker
from realtime.window.stream_dialog import StreamDialog
from realtime.window.translate import tr

_VIDEOS = "*.mp4 *.m4v *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.flv *.wmv *.ogv *.3gp"


class Chooser:
    """Asks in dialogs over ``window``.

    ``chosen`` gets the source that the viewer chose, ``listed`` the path of settings that list
    sources, ``remember`` the URL of a stream and the credentials that are to be kept for it, and
    ``refused`` what could not be done.
    """

    def __init__(
        self,
        window: QWidget,
        config: Config,
        *,
        chosen: Callable[[str | Address], None],
        listed: Callable[[str], None],
        remember: Callable[[str, Credentials], None],
        refused: Callable[[object], None],
    ) -> None:
        self._window = window
        self._config = config
        self._chosen = chosen
        self._listed = listed
        self._remember = remember
        self._refused = refused
        self._folder = ""
        self._picker: RegionPicker | None = None
        self._ending: list[threading.Thread] = []

    def choose_file(self) -> None:
        """Ask for a video file."""
        videos, everything = tr("Videos"), tr("All files")
        kinds = f"{videos} ({_VIDEOS});;{everything} (*)"
        path = self._ask(tr("Open a video file"), kinds)
        if path:
            self._chosen(path)

    def choose_config(self) -> None:
        """Ask for a file of settings with sources in it."""
        settings, everything = tr("Settings"), tr("All files")
        kinds = f"{settings} (*.toml);;{everything} (*)"
        path = self._ask(tr("Watch the sources of a configuration"), kinds)
        if path:
            self._listed(path)

    def choose_stream(self, url: str = "", complaint: str = "", *, transport: str = "tcp") -> None:
        """Ask for the address of a stream, with ``url`` to begin with."""
        dialog = StreamDialog(self._window, url, complaint)
        dialog.udp.setChecked(transport == Transport.UDP.value)
        dialog.remembered.connect(self._remember)
        self._open(dialog)

    def choose_device(self, first: SourceKind | None = None) -> None:
        """Show the cameras, screens and windows there are; see `DeviceDialog`."""
        dialog = DeviceDialog(self._window, self._config, first)
        dialog.region_wanted.connect(self.choose_region)
        self._open(dialog)

    def choose_region(self) -> None:
        """Let a part of a screen be chosen."""
        if self._picker is not None:
            return
        picker = self._picker = RegionPicker(self._window)
        picker.chosen.connect(self._chosen)
        picker.failed.connect(self._refused)
        picker.ended.connect(self._forget_picker)
        picker.start()

    def close(self) -> None:
        """Choose nothing any more, and wait for what is under way, but not for long."""
        if self._picker is not None:
            self._picker.cancel()
        for dialog in self._window.findChildren((StreamDialog, DeviceDialog)):
            dialog.reject()
        join(self._ending)

    def _open(self, dialog: StreamDialog | DeviceDialog) -> None:
        dialog.chosen.connect(self._chosen)
        dialog.finished.connect(lambda _: self._leave(dialog))
        dialog.open()

    def _leave(self, dialog: StreamDialog | DeviceDialog) -> None:
        # Drivers and keyrings take their time, and Qt's thread does not wait for them.
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        self._ending += dialog.threads

    def _forget_picker(self) -> None:
        picker, self._picker = self._picker, None
        if picker is not None:
            picker.deleteLater()

    def _ask(self, title: str, kinds: str) -> str:
        path, _ = QFileDialog.getOpenFileName(self._window, title, self._folder, kinds)
        if path:
            self._folder = str(Path(path).parent)
        return path
