"""What the tests of live sources share: a camera on loopback, and a look at every text shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from qtpy.QtWidgets import (
    QAction,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from realtime.config import Config, LiveConfig
from realtime.window.main_window import MainWindow
from realtime.window.tile import Caption
from tests.gui.conftest import WAIT_MS
from tests.servers.scripted import Script, Unit, sets_of
from tests.servers.sockets import Server

SECRET = "s3cr3t/p@ss"
USER = "me"
QUICK = LiveConfig(
    open_timeout_s=3.0,
    read_timeout_s=4.0,
    stall_s=0.6,
    retry_first_s=2.0,
    retry_max_s=4.0,
    max_age_s=2.0,
)
"""Soon to notice, slow to try again: a countdown can be seen."""


def quick(config: Config) -> Config:
    """The same settings with short deadlines for live sources."""
    return replace(config, live=QUICK)


@contextmanager
def camera(
    units: Sequence[Unit], *, count: int = 10_000, silence_s: float = 0.0, port: int = 0
) -> Iterator[tuple[str, Server]]:
    """The URL, password and all, and the server of a camera that plays the first ``count`` units
    of the looped clip, is silent for so long, and hangs up."""
    looped = [
        replace(units[i % len(units)], stamp=i * 3600, wait_s=0.04)
        for i in range(min(count, 40 * len(units)))
    ]
    script = Script(looped, sets_of(units), silence_s=silence_s)
    server = Server(script.serve, port=port)
    try:
        yield f"rtsp://{USER}:{SECRET}@127.0.0.1:{server.port}/live", server
    finally:
        script.stopping.set()
        server.close()


def wait_for(qtbot: object, ready: Callable[[], bool]) -> None:
    """Wait generously."""
    qtbot.waitUntil(ready, timeout=WAIT_MS)  # type: ignore[attr-defined]


def texts(root: QWidget) -> list[str]:
    """Everything that the window and its children say, in any way a person or a reader sees."""
    found: list[str] = []
    for widget in [root, *root.findChildren(QWidget)]:
        found += [widget.windowTitle(), widget.accessibleName(), widget.toolTip()]
        if isinstance(widget, QLabel | QPushButton):
            found.append(widget.text())
        elif isinstance(widget, QLineEdit):
            found.append(widget.displayText())
        elif isinstance(widget, QComboBox):
            found += [widget.itemText(i) for i in range(widget.count())]
        elif isinstance(widget, Caption):
            found += [widget.name, widget.state, widget.verdict]
        elif isinstance(widget, QTreeWidget):
            found += [text for item in items(widget) for text in (item.text(0), item.text(1))]
    found += [action.text() + action.toolTip() for action in root.findChildren(QAction)]
    if isinstance(root, MainWindow):
        found += [root.figures.full_text, root.banner.text]
        for canvas in [root.canvas, *(tile.canvas for tile in root.grid.tiles)]:
            found += [canvas.state_text, canvas.notice.headline, canvas.notice.detail]
    return found


def items(tree: QTreeWidget) -> list[QTreeWidgetItem]:
    """The items below the headings."""
    tops = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    return [top.child(i) for top in tops if top is not None for i in range(top.childCount())]


def says_no_secret(root: QWidget) -> None:
    """No part of the password is to be seen anywhere."""
    for text in texts(root):
        assert not re.search(r"s3cr3t|p@ss|p%40ss|hunter2", text), text


class Watch:
    """Collects what a text becomes over time."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self.seen: list[str] = []

    def look(self) -> bool:
        """Read once more; True, so that it can stand in a condition."""
        text = self._read()
        if not self.seen or self.seen[-1] != text:
            self.seen.append(text)
        return True


def close_in_time(window: MainWindow) -> None:
    """Closing takes less than two seconds, whatever the sources are doing."""
    before = time.monotonic()
    window.close()
    assert time.monotonic() - before < 2.0
