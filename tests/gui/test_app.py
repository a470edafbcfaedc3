"""Qt starts where it can; where it cannot, there is a sentence and no abort."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from qtpy.QtWidgets import QApplication

from realtime.config import Config
from realtime.errors import ConfigError
from realtime.window import display
from realtime.window.app import make_app
from tests.gui.live import camera
from tests.servers.scripted import Unit

ROOT = Path(__file__).resolve().parents[2]
QT_VARIABLES = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY", "QT_FONT_DPI")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh process that knows of no display but the given one."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean(**environment),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def clean(**environment: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in QT_VARIABLES}
    return {**kept, "PYTHONPATH": str(ROOT), **environment}


WATCH = """
import sys
from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.window.app import run_window
try:
    run_window(None, Config())
except FakewatchError as exc:
    print(f"{int(exc.exit_code)} {exc}")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_no_display_is_a_sentence_that_names_the_other_way() -> None:
    done = python(WATCH)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 There is no display")
    assert "fakewatch analyze" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_a_display_that_does_not_answer_is_a_sentence() -> None:
    done = python(WATCH, DISPLAY=":9876")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 The display :9876 does not answer")


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM")
    platforms = tmp_path / "platforms"
    platforms.mkdir()
    display.require_libraries(tmp_path)  # no X11 plugin: another platform's Qt
    (platforms / "libqxcb.so").write_bytes(b"no library")
    with pytest.raises(ConfigError, match="fakewatch doctor"):
        display.require_libraries(tmp_path)
    missing = display.missing_library(
        ImportError("libxcb-icccm.so.4: cannot open shared object file: No such file or directory")
    )
    assert "needs libxcb-icccm.so.4, which" in str(missing)


def test_the_plugins_of_opencv_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", "/venv/site-packages/cv2/qt/plugins")
    monkeypatch.setenv("QT_QPA_FONTDIR", "/venv/site-packages/cv2/qt/fonts")
    display.forget_foreign_plugins()
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ
    assert "QT_QPA_FONTDIR" not in os.environ
    monkeypatch.setenv("QT_QPA_FONTDIR", "/home/me/fonts")
    display.forget_foreign_plugins()
    assert os.environ["QT_QPA_FONTDIR"] == "/home/me/fonts"


def test_there_is_one_application(qapp: QApplication) -> None:
    assert make_app() is qapp


def test_without_a_display_nothing_of_qt_is_imported() -> None:
    done = python(
        "import sys, realtime.window.app; sys.exit(any('PyQt5' in m for m in sys.modules))"
    )
    assert done.returncode == 0, done.stderr


PRELUDE = """
import sys
from qtpy.QtCore import QTimer
from realtime.config import Config, ScorerConfig
from realtime.window.app import make_app, run_window
from realtime.window.main_window import MainWindow
app = make_app()
def close_when(ready):
    def look():
        for window in app.topLevelWidgets():
            if isinstance(window, MainWindow) and window.isVisible() and ready(window):
                print(window.banner.text)
                timer.stop()
                window.close()
    timer = QTimer(app)
    timer.timeout.connect(look)
    timer.start(50)
"""


def test_the_window_runs_until_it_is_closed(clip: Path, config: Config) -> None:
    code = f"""
config = Config(scorer=ScorerConfig(model={config.scorer.model!r}, device="cpu"))
close_when(lambda window: window.canvas.result is not None)
print("code", run_window({str(clip)!r}, config))
"""
    done = python(PRELUDE + code, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\ncode 0\n"


def test_a_failed_source_gives_its_exit_code(config: Config) -> None:
    code = f"""
config = Config(scorer=ScorerConfig(model={config.scorer.model!r}, device="cpu"))
close_when(lambda window: window.banner.isVisible())
print("code", run_window("http://me:secret@host/x.mp4", config))
"""
    done = python(PRELUDE + code, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("code 2\n")
    assert "secret" not in done.stdout + done.stderr


def test_an_error_in_a_slot_does_not_abort() -> None:
    code = """
def broken():
    raise ValueError("broken slot")
QTimer.singleShot(100, broken)
close_when(lambda window: window.banner.isVisible())
print("code", run_window(None, Config()))
"""
    done = python(PRELUDE + code, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Internal error: broken slot.\ncode 0\n"
    assert "unexpected error in the window" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such signal")
def test_an_interrupt_ends_in_good_order(clip: Path, config: Config, tmp_path: Path) -> None:
    written = tmp_path / "out.jsonl"
    arguments = ["--model", config.scorer.model, "--loop", "--jsonl", str(written)]
    with subprocess.Popen(
        [sys.executable, "-m", "realtime", "watch", str(clip), *arguments],
        cwd=ROOT,
        env=clean(QT_QPA_PLATFORM="offscreen"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 80
            while not (written.exists() and written.stat().st_size):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    assert json.loads(written.read_text("utf-8").splitlines()[-1])["type"] == "run_end"


def test_the_sources_of_a_configuration_are_watched(
    config: Config, units: list[Unit], tmp_path: Path
) -> None:
    with camera(units) as (url, _):
        settings = tmp_path / "cameras.toml"
        settings.write_text(
            f'[[sources]]\nname = "hall"\nurl = "{url}"\n'
            '[[sources]]\nname = "gone"\nsource = "/nowhere.mp4"\n'
            f'[scorer]\nmodel = "{config.scorer.model}"\ndevice = "cpu"\n'
        )
        code = f"""
from pathlib import Path
from realtime import config
def ready(window):
    tiles = window.grid.tiles
    return len(tiles) == 2 and tiles[0].canvas.result and "Failed" in tiles[1].caption.state
close_when(ready)
print("code", run_window(None, config.load(Path({str(settings)!r}))))
"""
        done = python(PRELUDE + code, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\ncode 0\n"
    says = done.stdout + done.stderr
    assert "s3cr3t" not in says
    assert "Traceback" not in says
