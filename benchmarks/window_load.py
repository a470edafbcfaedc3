"""How much processor and memory the window takes."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.window_footage import record
from benchmarks.window_loops import highgui_loop, label_loop
from benchmarks.window_stage import KEPT, Facts, go_on, replayed, run, shows, the_app

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

CANVAS: Final = "FAKEWATCH_BENCH_CANVAS"
"""The variable that tells a process the size to show pictures at."""
SAMPLE_S: Final = 10.0
SETTLE_S: Final = 300.0
"""For so long caches and the ring of held pictures fill."""


def cpu_window(clip: Path, seconds: float) -> Facts:
    """The whole window with recorded results."""
    results, model = record(clip, KEPT)
    the_app()
    with replayed(results, model, 30.0) as (window, made):
        run(5.0, lambda: shows(window))
        first, drawn = made[0].sent, window.canvas.drawn
        used = _Cpu()
        go_on(seconds)
        size = _size(window)
        share = used.share()
        return {
            "cpu": share,
            "results": made[0].sent - first,
            "drawn": window.canvas.drawn - drawn,
            "canvas": size,
        }


def cpu_canvas(clip: Path, seconds: float) -> Facts:
    """The canvas alone with the same results."""
    from qtpy.QtCore import Qt, QTimer  # noqa: PLC0415

    from realtime.window.canvas import Canvas  # noqa: PLC0415

    results, _ = record(clip, KEPT)
    the_app()
    canvas = Canvas()
    canvas.resize(*_canvas_size())
    canvas.show()
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: canvas.show_result(results[canvas.drawn % len(results)]))
    timer.start(33)
    go_on(1.0)
    first, used = canvas.drawn, _Cpu()
    go_on(seconds)
    facts = {"cpu": used.share(), "drawn": canvas.drawn - first, "canvas": _text(_canvas_size())}
    timer.stop()
    canvas.close()
    return facts


def cpu_label(clip: Path, seconds: float) -> Facts:
    """A plain QLabel with the same pictures."""
    return _loop(label_loop, clip, seconds)


def cpu_highgui(clip: Path, seconds: float) -> Facts:
    """OpenCV's own window with the same pictures."""
    return _loop(highgui_loop, clip, seconds)


def _loop(loop: Callable[..., int], clip: Path, seconds: float) -> Facts:
    pictures = [result.frame.image for result in record(clip, KEPT)[0]]
    size = _canvas_size()
    used = _Cpu()
    shown = loop(pictures, size, 30.0, seconds)
    return {"cpu": used.share(), "drawn": shown, "canvas": _text(size)}


def _canvas_size() -> tuple[int, int]:
    """As large as the canvas is in the whole window, as it said in the part before."""
    wide, high = os.environ.get(CANVAS, "1178x566").split("x")
    return int(wide), int(high)


def _size(window: MainWindow) -> str:
    return _text((window.canvas.width(), window.canvas.height()))


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


class _Cpu:
    """How much processor this process uses from now on."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), self._now()

    def share(self) -> float:
        """Seconds of processor a second, all threads together."""
        used = self._now() - self._used
        return round(used / (time.monotonic() - self._began), 3)

    @staticmethod
    def _now() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime


def memory(clip: Path, seconds: float) -> Facts:
    """The resident memory over time."""
    from qtpy.QtCore import QTimer  # noqa: PLC0415

    results, model = record(clip, KEPT)
    the_app()
    samples: list[tuple[float, float]] = []
    with replayed(results, model, 30.0) as (window, made):
        run(2.0, lambda: shows(window))
        began = time.monotonic()

        def sample() -> None:
            samples.append((time.monotonic() - began, _resident_mib()))
            second, mib = samples[-1]
            print(f"{second:7.0f} s {mib:8.1f} MiB, {window.canvas.drawn} drawn", flush=True)

        timer = QTimer()
        timer.timeout.connect(sample)
        timer.start(round(1000 * SAMPLE_S))
        sample()
        go_on(seconds)
        timer.stop()
        sample()
        drawn, sent = window.canvas.drawn, made[0].sent
    settled = [s for s in samples if s[0] >= min(SETTLE_S, seconds / 2)]
    sizes = [size for _, size in settled]
    return {
        "minutes": round(seconds / 60, 1),
        "results": sent,
        "drawn": drawn,
        "first_mib": round(samples[0][1], 1),
        "settled_mib": round(sizes[0], 1),
        "last_mib": round(sizes[-1], 1),
        "max_mib": round(max(size for _, size in samples), 1),
        "slope_mib_per_hour": _slope(settled),
        "slope_of_last_half": _slope([s for s in samples if s[0] >= seconds / 2]),
    }


def _slope(samples: Sequence[tuple[float, float]]) -> float:
    """MiB an hour, by least squares over samples of seconds and MiB."""
    if len(samples) < 2:
        return 0.0
    times, sizes = np.array(samples).T
    return round(float(np.polyfit(times, sizes, 1)[0]) * 3600, 2)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20
