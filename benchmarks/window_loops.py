"""The loops that one would write without a window of one's own: a QLabel, and OpenCV's."""

from __future__ import annotations

import time
from collections.abc import Sequence

import cv2

from realtime.types import Image


def label_loop(pictures: Sequence[Image], size: tuple[int, int], rate: float, s: float) -> int:
    """Show ``pictures`` in a QLabel of ``size`` for ``s`` seconds; returns how many were shown."""
    from qtpy.QtCore import Qt, QTimer  # noqa: PLC0415 - not beside OpenCV's own Qt
    from qtpy.QtGui import QImage, QPixmap  # noqa: PLC0415
    from qtpy.QtWidgets import QLabel  # noqa: PLC0415

    from benchmarks.window_stage import the_app  # noqa: PLC0415

    app = the_app()
    label = QLabel()
    label.resize(*size)
    label.show()
    shown = [0]

    def show() -> None:
        picture = pictures[shown[0] % len(pictures)]
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        high, wide = rgb.shape[:2]
        image = QImage(rgb.tobytes(), wide, high, 3 * wide, QImage.Format.Format_RGB888)
        pixmap = QPixmap.fromImage(image)
        label.setPixmap(pixmap.scaled(label.size(), Qt.AspectRatioMode.KeepAspectRatio))
        shown[0] += 1

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(show)
    timer.start(round(1000 / rate))
    QTimer.singleShot(round(1000 * s), app.quit)
    app.exec()
    return shown[0]


def has_highgui() -> bool:
    """Whether this build of OpenCV can show windows."""
    lines = [line for line in cv2.getBuildInformation().splitlines() if "GUI:" in line]
    return bool(lines) and "NONE" not in lines[0]


def highgui_loop(pictures: Sequence[Image], size: tuple[int, int], rate: float, s: float) -> int:
    """As `label_loop`, with ``cv2.imshow``."""
    name = "loop"
    cv2.namedWindow(name, cv2.WINDOW_NORMAL)
    cv2.resizeWindow(name, *size)
    began = time.monotonic()
    shown = 0
    while time.monotonic() < began + s:
        cv2.imshow(name, pictures[shown % len(pictures)])
        shown += 1
        left = began + shown / rate - time.monotonic()
        cv2.waitKey(max(1, round(1000 * left)))
    cv2.destroyAllWindows()
    return shown
