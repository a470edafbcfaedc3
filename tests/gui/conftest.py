"""A real window on Qt's offscreen platform, a real pipeline behind it, a tiny real model."""

from __future__ import annotations

import gc
import os
import time

# Before anything imports Qt.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_FONT_DPI"] = "96"  # else one pixel would not be one pixel
os.environ["LANGUAGE"] = "en"  # what the window says is compared

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy import sip
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication
from skimage import data

from realtime.config import Config, ScorerConfig
from realtime.types import SourceState
from realtime.window.app import make_app
from realtime.window.main_window import MainWindow
from tests.contract import clips, onnx_models
from tests.servers.scripted import Unit, units_of

WAIT_MS = 30_000
HERE = Path(__file__).parent
_HARMLESS = ("propagateSizeHints", "support raise", "XDG_RUNTIME_DIR")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A warning of Qt fails the test, except what only this platform and a bare machine say."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*_HARMLESS))


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the program makes it."""
    return make_app()


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Settings with a model whose map is the brightness of the face."""
    about = onnx_models.contract(output__cam="cam", crop__margin=0.2)
    model = onnx_models.linear(about, weights=np.full((1, 3), 4.0), bias=-4.0)
    path = onnx_models.save(model, tmp_path_factory.mktemp("model"))
    return Config(scorer=ScorerConfig(model=str(path), device="cpu"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 25 frames a second; the pixels of each frame say its number."""
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "numbers.mp4", 75, size=(320, 240))


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a public-domain portrait that drifts to the right."""
    path = tmp_path_factory.mktemp("face") / "face.mp4"
    portrait = data.astronaut()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for index in range(100):
            picture = np.ascontiguousarray(np.roll(portrait, index, axis=1))
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def window(qtbot: QtBot, config: Config) -> Iterator[MainWindow]:
    """An empty window, shown and active."""
    yield from opened(MainWindow(config), qtbot)


def opened(window: MainWindow, qtbot: QtBot) -> Iterator[MainWindow]:
    """That window, shown and active, and closed afterwards."""
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    yield window
    window.close()


@pytest.fixture
def playing(window: MainWindow, clip: Path, qtbot: QtBot) -> MainWindow:
    """The window with the numbered clip under way."""
    window.open(str(clip))
    qtbot.waitUntil(lambda: window.canvas.result is not None, timeout=WAIT_MS)
    return window


@pytest.fixture
def paused(playing: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window paused on some frame."""
    playing.toggle_play()
    qtbot.waitUntil(lambda: playing.state is SourceState.PAUSED, timeout=WAIT_MS)
    settle(playing, qtbot)
    return playing


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until no frame is on its way any more."""
    pipeline = window.player.pipeline
    assert pipeline is not None

    def quiet() -> bool:
        counts = pipeline.counts
        # One frame waits behind the pause for its turn.
        return counts.in_flight <= 1 and window.canvas.result is not None

    qtbot.waitUntil(quiet, timeout=WAIT_MS)
    qtbot.wait(50)
    qtbot.waitUntil(quiet, timeout=WAIT_MS)


def shown_index(window: MainWindow) -> int:
    """Which frame of the numbered clip the canvas shows."""
    result = window.canvas.result
    return -1 if result is None else clips.read_index(result.frame.image)


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    """Two seconds of a public-domain portrait that drifts, as a camera would send them."""
    path = tmp_path_factory.mktemp("stream") / "stream.mp4"
    portrait = data.astronaut()[:384]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 512, 384, "yuv420p"
        for index in range(50):
            picture = np.ascontiguousarray(np.roll(portrait, index, axis=1))
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return units_of(path)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test after which a timer still runs or a recording is still open."""
    before = _left()
    yield
    deadline = time.monotonic() + WAIT_MS / 1000
    while (left := _left() - before) and time.monotonic() < deadline:
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
        gc.collect()
        time.sleep(0.05)
    assert not left, f"left behind: {sorted(left)}"


def _left() -> set[str]:
    return {*_timers(), *_recordings()}


def _timers() -> list[str]:
    gc.unfreeze()  # what an opened source took out of the collector's sight is not listed
    # Asking type() alone: isinstance() also asks an object's __class__, which a stand-in for
    # something deprecated answers with a warning.
    found = [one for one in gc.get_objects() if issubclass(type(one), QTimer)]
    there = [one for one in found if not sip.isdeleted(one)]
    return [f"timer {id(one)} of {one.interval()} ms" for one in there if one.isActive()]


def _recordings() -> list[str]:
    folder, names = Path("/proc/self/fd"), []
    for link in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):  # it was that of the folder itself
            names.append(os.readlink(link))
    return [name for name in names if name.endswith((".mp4", ".mkv", ".ts"))]
