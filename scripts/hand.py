"""Keys, mouse and eyes of somebody before a screen, by xdotool; see `scripts/end_to_end.py`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import mss
import mss.tools
from PIL import Image

_WAIT_S = 60.0
_SOURCE = """
import sys
from qtpy.QtCore import QMimeData, Qt, QUrl
from qtpy.QtGui import QDrag
from qtpy.QtWidgets import QApplication, QLabel

class Source(QLabel):
    def mousePressEvent(self, event):
        drag, data = QDrag(self), QMimeData()
        data.setUrls([QUrl.fromLocalFile(sys.argv[1])])
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

app = QApplication(["drag"])
label = Source("drag me")
label.setWindowTitle("drag source")
label.setWindowFlags(Qt.WindowType.WindowStaysOnTopHint)
label.setGeometry(0, 0, 120, 60)
label.show()
app.exec()
"""


def keys(*names: str) -> None:
    """Press them, one after another."""
    for name in names:
        _do("key", "--clearmodifiers", name)
        time.sleep(0.15)


def write(text: str) -> None:
    """Type it where the cursor is."""
    _do("type", "--delay", "12", text)
    time.sleep(0.2)


def click(x: int, y: int, *, times: int = 1) -> None:
    """With the left button, at pixels of the screen."""
    _do("mousemove", str(x), str(y), "click", "--repeat", str(times), "--delay", "60", "1")
    time.sleep(0.2)


def drag(path: Path, x: int, y: int) -> None:
    """A file out of another program and onto a place of the screen."""
    with subprocess.Popen([sys.executable, "-c", _SOURCE, str(path)]) as source:
        _do("search", "--sync", "--name", "drag source")
        time.sleep(0.5)
        _do("mousemove", "40", "40", "mousedown", "1")
        for share in (0.1, 0.3, 0.6, 0.9, 1.0):
            _do("mousemove", str(round(40 + share * (x - 40))), str(round(40 + share * (y - 40))))
            time.sleep(0.25)
        _do("mouseup", "1")
        time.sleep(0.5)
        source.kill()


def look(path: Path) -> None:
    """Keep what the whole screen shows as PNG, or as JPEG if it is called so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mss.MSS() as grabber:
        seen = grabber.grab(grabber.monitors[0])
    if path.suffix == ".jpg":
        Image.frombytes("RGB", seen.size, seen.rgb).save(path, quality=85, optimize=True)
    else:
        mss.tools.to_png(seen.rgb, seen.size, output=str(path))


def _do(*command: str) -> None:
    subprocess.run(["xdotool", *command], check=True, stdout=subprocess.DEVNULL, timeout=_WAIT_S)
