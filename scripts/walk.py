"""The walk through the window, inside the program; `scripts/end_to_end.py` starts it."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import QApplication

from realtime.config import Config
from realtime.sources.synthetic import demo_clip
from realtime.types import SourceState
from realtime.window.app import make_app, run_window
from realtime.window.export_dialog import ExportDialog
from scripts import hand, walk_options
from tests.servers.looped import looped
from tests.servers.rtsp import file_pipeline, rtsp_server

DEADLINE_S = 90.0
GUIDE = (
    "tour",
    "heat map",
    "export",
    "panel above the call",
    "challenge",
    "camera gone",
    "four cameras",
)
"""The steps whose pictures the user guide has."""


def main() -> int:
    """Walk through a window with settings of its own; 1 if a step fails."""
    options = walk_options.parse(sys.argv[1:], __doc__)
    app = make_app()
    form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    settings = QSettings(form, scope, "fakewatch", "window")
    settings.setValue("theme", options.theme)
    settings.setValue("language", options.language)
    settings.sync()
    walker = Walker(options)
    thread = threading.Thread(target=walker.run, daemon=True)
    thread.start()
    code = run_window(None, Config())
    thread.join(DEADLINE_S)
    app.processEvents()
    print(f"end_to_end: {walker.count} steps, the window ended with {code}")
    return code


class _Asker(QObject):
    asked = Signal(object)


class Walker:
    """Sends real input from a thread of its own, and asks Qt's thread what came of it."""

    def __init__(self, options: walk_options.Options) -> None:
        self._options = options
        self._asker = _Asker()
        waiting = Qt.ConnectionType.BlockingQueuedConnection
        self._asker.asked.connect(lambda question: question(), type=waiting)  # type: ignore[call-arg]
        self._window: Any = None
        self.count = 0

    def run(self) -> None:
        """All steps; the first that fails ends it."""
        try:
            self._steps()
        except Exception as error:  # noqa: BLE001 - whatever it is, the walk ends here
            self._picture("failed")
            said = f"end_to_end: step {self.count}: {type(error).__name__}: {error}"
            print(said, file=sys.stderr, flush=True)
            # A dialog may be open that nobody answers any more.
            os._exit(1)

    # What Qt's thread knows

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer of ``question``, asked on Qt's thread."""
        box: list[Any] = []
        self._asker.asked.emit(lambda: box.append(question()))
        return box[0] if box else None

    @property
    def window(self) -> Any:
        """The `MainWindow` of the program; its members are only touched inside `ask`."""
        if self._window is None:
            self.wait("the window", lambda: bool(_windows()))
            self._window = self.ask(lambda: _windows()[0])
        return self._window

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Until ``ready``, asked on Qt's thread."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.ask(ready):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen")
            time.sleep(0.05)

    def _still(self, value: Callable[[], float]) -> float:
        """What a value is once it has stood still for half a second."""
        before, now = None, self.ask(value)
        while before != now:
            time.sleep(0.5)
            before, now = now, self.ask(value)
        return float(now)

    def place(self, widget: Callable[[], Any]) -> tuple[int, int]:
        """The middle of a widget on the screen, in pixels."""

        def middle() -> tuple[int, int]:
            own = widget()
            point = own.mapToGlobal(own.rect().center())
            return round(point.x() * self._scale), round(point.y() * self._scale)

        found: tuple[int, int] = self.ask(middle)
        return found

    @property
    def _scale(self) -> float:
        return float(self._options.scale)

    def step(self, name: str) -> None:
        """One more is done: what the screen shows is kept."""
        self.count += 1
        time.sleep(0.4)
        self._picture(name)
        print(f"{self.count:2} {name}", flush=True)

    def _picture(self, name: str) -> None:
        hand.look(self._options.pictures / f"{self.count:02}-{name.replace(' ', '-')}.png")
        if self._options.guide is not None and name in GUIDE:
            hand.look(self._options.guide / f"{name.replace(' ', '-')}.jpg")

    # The walk

    def _steps(self) -> None:
        clip = self._options.clip or Path(demo_clip())
        self._begin(clip)
        self._play()
        self._judge()
        self._export(self._options.pictures / "report.html")
        with tempfile.TemporaryDirectory() as folder:
            camera = looped(clip, Path(folder) / "camera.mp4", loops=12)
            self._camera(camera)
            self._four(camera, Path(folder))
        self._leave()

    def _begin(self, clip: Path) -> None:
        window = self.window
        self.wait("that it is in front", window.isActiveWindow)
        time.sleep(1.0)
        self.step("tour")
        for _ in range(8):
            if not self.ask(lambda: _has_tour(window)):
                break
            hand.keys("Return")
        if self.ask(lambda: _has_tour(window)):
            raise AssertionError("the tour does not end")
        self.step("start")
        hand.drag(clip, *self.place(window.centralWidget))
        self.wait("the first picture", lambda: window.canvas.result is not None)
        self.wait("a face", lambda: len(window.desk.people.track_ids) > 0)
        time.sleep(3.0)
        self.step("dragged in and playing")

    def _play(self) -> None:

        window = self.window
        self.ask(window.canvas.setFocus)
        hand.keys("space")
        self.wait("the pause", lambda: window.state is SourceState.PAUSED)
        before = self._still(lambda: window.canvas.result.frame.time_s)
        hand.keys("period")
        self.wait("one frame on", lambda: 0.01 < window.canvas.result.frame.time_s - before < 0.1)
        hand.keys("comma")
        self.wait("one frame back", lambda: window.canvas.result.frame.time_s == before)
        self.step("paused and stepped")
        hand.keys("6")
        duration = self.ask(lambda: window.player.pipeline.info.duration_s)
        self.wait("60 %", lambda: abs(window.canvas.result.frame.time_s - 0.6 * duration) < 0.2)
        hand.keys("Left")
        aim = max(0.0, 0.6 * duration - 5)
        self.wait("5 s back", lambda: abs(window.canvas.result.frame.time_s - aim) < 0.2)
        self.step("sought")
        hand.keys("space")
        time.sleep(4.0)
        hand.keys("h")
        self.wait("the heat map", lambda: window.canvas.layers.heat)
        time.sleep(1.0)
        self.step("heat map")

    def _judge(self) -> None:
        window = self.window
        people = window.desk.people

        def row() -> tuple[int, int]:
            area = people.visualItemRect(people.item(0, 1)).center()
            point = people.viewport().mapToGlobal(area)
            return round(point.x() * self._scale), round(point.y() * self._scale)

        hand.click(*self.ask(row))
        self.wait("the person", lambda: window.desk.selected is not None)
        self.step("person selected")
        self.ask(window.canvas.setFocus)
        hand.keys("m")
        time.sleep(0.5)
        hand.write("lips late?")
        self.step("mark")
        hand.keys("Return")
        self.wait("the mark", lambda: any("lips late?" in e.text for e in window.desk.log.events))
        self.step("marked")
        hand.keys("ctrl+shift+p")
        time.sleep(0.5)
        hand.write("live")
        self.step("command palette")
        hand.keys("Escape")
        hand.keys("ctrl+comma")
        time.sleep(1.0)
        self.step("settings")
        hand.keys("Escape")
        hand.keys("F1")
        time.sleep(1.0)
        self.step("help")
        hand.keys("Escape")

    def _export(self, path: Path) -> None:

        path.unlink(missing_ok=True)
        hand.keys("ctrl+e")
        window = self.window
        self.wait("the dialog", lambda: bool(window.findChildren(ExportDialog)))
        time.sleep(0.5)
        self.ask(lambda: _prepare(window.findChildren(ExportDialog)[0]))
        hand.keys("ctrl+a")
        hand.write(str(path.resolve()))
        self.step("export")
        hand.keys("Return")
        self.wait("the report", lambda: path.exists() and path.stat().st_size > 1000)
        self.wait("the end of the dialog", lambda: not window.findChildren(ExportDialog))
        self.step("exported")

    def _camera(self, clip: Path) -> None:

        window = self.window
        mounts = {"/cam": file_pipeline(clip)}
        with rtsp_server(mounts) as server:
            port = server.port
            hand.keys("ctrl+l")
            time.sleep(0.7)
            hand.write(f"rtsp://127.0.0.1:{port}/cam")
            self.step("address of a camera")
            hand.keys("Return")
            self.wait("the camera", lambda: window.state is SourceState.LIVE)
            time.sleep(5.0)
            self.step("camera")
            hand.keys("ctrl+t")
            self.wait("the panel", window.call.panel.isVisible)
            time.sleep(1.0)
            self.step("panel above the call")
            hand.keys("ctrl+t")
            self.ask(window.activateWindow)
            hand.keys("ctrl+h")
            time.sleep(1.0)
            self.step("challenge")
            hand.keys("Escape")
        self.wait("that it is gone", lambda: window.state is SourceState.RECONNECTING)
        time.sleep(1.0)
        self.step("camera gone")
        with rtsp_server(mounts, port=port):
            self.wait("that it is back", lambda: window.state is SourceState.LIVE)
            time.sleep(2.0)
            self.step("camera back")
            hand.keys("ctrl+r")
            self.wait("the stop", lambda: window.state is None)

    def _four(self, clip: Path, folder: Path) -> None:

        window = self.window
        with rtsp_server({f"/{i}": file_pipeline(clip) for i in range(4)}) as server:
            entries = [
                f'[[sources]]\nname = "Gate-{i + 1}"\nurl = "rtsp://127.0.0.1:{server.port}/{i}"\n'
                for i in range(4)
            ]
            settings = folder / "cameras.toml"
            settings.write_text("\n".join(entries), "utf-8")
            hand.keys("ctrl+m")
            time.sleep(1.0)
            hand.write(str(settings))
            hand.keys("Return")
            self.wait(
                "four cameras",
                lambda: (
                    (engine := window.player.engine) is not None
                    and len(engine.sources) == 4
                    and all(view.status.state is SourceState.LIVE for view in engine.sources)
                ),
            )
            time.sleep(6.0)
            self.step("four cameras")
            hand.click(*self.place(lambda: window.grid.tiles[1]), times=2)
            self.wait("the large one", lambda: window.grid.enlarged is not None)
            time.sleep(2.0)
            self.step("one of four")
            hand.keys("Escape")
            self.wait("all four", lambda: window.grid.enlarged is None)
            hand.keys("F11")
            time.sleep(1.5)
            self.step("full screen")
            hand.keys("F11")
            time.sleep(0.5)

    def _leave(self) -> None:
        hand.keys("ctrl+q")


def _windows() -> list[Any]:
    return [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"]


def _has_tour(window: Any) -> bool:
    tour = window.extras.tour
    return tour.bubble is not None and tour.bubble.isVisible()


def _prepare(dialog: Any) -> None:
    """The browser stays closed; what is typed next is the file."""
    dialog.view.setChecked(False)
    dialog.path.setFocus()


if __name__ == "__main__":
    sys.exit(main())
