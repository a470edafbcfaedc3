"""Who may import what; the rules keep the rooms apart and the runtime light."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STDLIB = sys.stdlib_module_names | {"__future__"}
PURE = {"realtime/types.py", "realtime/errors.py", "realtime/redact.py"}
WRITERS = {
    "realtime/evidence.py",
    "realtime/clip_writer.py",
    "realtime/sinks/video.py",
    "realtime/evaluation/recode.py",
}
STORES = {"realtime/feedback/store.py", "realtime/feedback/tables.py"}
COUNTERS = {"realtime/metrics.py", "realtime/health.py"}
THREAD_STARTERS = (
    "realtime/evidence.py",
    "realtime/batching.py",
    "realtime/live.py",
    "realtime/reader.py",
    "realtime/workers.py",
    "realtime/pipeline.py",
    "realtime/health",
    "realtime/sources/worker.py",
    "realtime/sources/device_sound.py",
    "realtime/sinks/",
    "realtime/window/",
)

ROOMS: dict[str, Callable[[str], bool]] = {
    "av": lambda at: at.startswith("realtime/sources/") or at in WRITERS,
    "mediapipe": lambda at: at == "realtime/faces/mediapipe_backend.py",
    "onnxruntime": lambda at: at == "realtime/scorer.py",
    "fpdf": lambda at: at == "realtime/report/flow.py",
    "sqlite3": lambda at: at in STORES,
    "keyring": lambda at: at == "realtime/keyring_store.py",
    "prometheus_client": lambda at: at in COUNTERS,
    "soundcard": lambda at: at == "realtime/sources/sound_process.py",
    "mss": lambda at: at == "realtime/sources/screen.py",
    "xcffib": lambda at: at == "realtime/sources/window_x11.py",
    "windows_capture": lambda at: at == "realtime/sources/window_windows.py",
    "pyqtgraph": lambda at: at == "realtime/window/timeline.py",
    "qtpy": lambda at: at.startswith("realtime/window/"),
    "torch": lambda at: False,
    "torchvision": lambda at: False,
    "models": lambda at: False,
    "tools": lambda at: False,
    "benchmarks": lambda at: False,
    "tests": lambda at: False,
    # Bindings are chosen by qtpy.
    **{name: lambda at: False for name in ("PyQt5", "PyQt6", "PySide2", "PySide6")},
}
"""Top-level package: whether the file of the runtime may import it."""


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, anywhere in the file, also by name in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who needs whom"
            yield node.module or ""
        elif isinstance(node, ast.Call) and node.args and _called(node) in _BY_NAME:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


_BY_NAME = {"import_module", "__import__"}


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def forbidden(source: str, at: str) -> list[str]:
    """What the runtime's file ``at`` imports although it must not."""
    tops = {module.split(".")[0] for module in _imports(ast.parse(source))}
    if at in PURE:
        allowed = STDLIB | {"numpy", "realtime"}
        return sorted(tops - allowed)
    return sorted(top for top in tops if top in ROOMS and not ROOMS[top](at))


def capture_calls(source: str) -> list[str]:
    """OpenCV's own capture and windows, which the source of cameras alone may use."""
    names = {"VideoCapture", "imshow", "waitKey", "namedWindow", "VideoWriter"}
    return sorted(
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in names
    )


def threads_started(source: str) -> list[str]:
    """Calls that make a thread, and classes that are one."""
    makers = {"Thread", "ThreadPoolExecutor", "QThread", "Timer", "QThreadPool"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) in makers:
            found.append(_called(node))
        elif isinstance(node, ast.ClassDef):
            bases = {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases}
            found += sorted(bases & makers)
    return found


@pytest.mark.parametrize("path", _files("realtime"), ids=_name)
def test_the_runtime_keeps_to_its_rooms(path: Path) -> None:
    source, at = path.read_text("utf-8"), _name(path)
    assert forbidden(source, at) == []
    if at != "realtime/sources/camera.py":
        assert capture_calls(source) == []
    if not at.startswith(THREAD_STARTERS):
        assert threads_started(source) == []


def test_types_errors_and_redaction_need_no_other_part() -> None:
    for at in PURE:
        tree = ast.parse((ROOT / at).read_text("utf-8"))
        own = {module for module in _imports(tree) if module.startswith("realtime")}
        assert own <= {"realtime.types", "realtime.errors", "realtime.redact"}


@pytest.mark.parametrize("path", [*_files("models"), *_files("weights")], ids=_name)
def test_the_torch_side_never_touches_the_window(path: Path) -> None:
    tops = {module.split(".")[0] for module in _imports(ast.parse(path.read_text("utf-8")))}
    assert not tops & {"qtpy", "PyQt5", "tests"}


@pytest.mark.parametrize(
    ("source", "at", "bad"),
    [
        ("import torch", "realtime/crops.py", ["torch"]),
        ("def f():\n    import av", "realtime/pipeline.py", ["av"]),
        ("import av.codec", "realtime/sources/file.py", []),
        ("import av", "realtime/evaluation/recode.py", []),
        ("import av", "realtime/evaluation/run.py", ["av"]),
        ("from models.networks import build", "realtime/scorer.py", ["models"]),
        ("import importlib\nimportlib.import_module('torch.nn')", "realtime/cli.py", ["torch"]),
        ("from PyQt5 import QtCore", "realtime/window/app.py", ["PyQt5"]),
        ("import mss", "realtime/sources/window.py", ["mss"]),
        ("import cv2", "realtime/types.py", ["cv2"]),
        ("import json, numpy", "realtime/types.py", []),
    ],
)
def test_the_rules_catch_what_they_forbid(source: str, at: str, bad: list[str]) -> None:
    assert forbidden(source, at) == bad


def test_capture_and_threads_are_recognised() -> None:
    assert capture_calls("import cv2\ncv2.VideoCapture(0)") == ["VideoCapture"]
    assert threads_started("import threading\nthreading.Thread(target=print)") == ["Thread"]
    assert threads_started("class A(QThread): pass") == ["QThread"]
    assert threads_started("x: threading.Thread | None = None") == []
