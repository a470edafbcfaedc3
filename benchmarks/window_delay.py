"""How soon the window answers, and how often it paints."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.window_footage import record
from benchmarks.window_stage import KEPT, Facts, go_on, opened, replayed, run, shows, the_app

if TYPE_CHECKING:
    from benchmarks.window_watch import Keyboard, Paints
    from realtime.window.canvas import Canvas
    from realtime.window.main_window import MainWindow


def delay_engine(clip: Path, seconds: float) -> Facts:
    """Delays while the real engine plays the clip."""
    from benchmarks.window_watch import watching_paints  # noqa: PLC0415 - needs Qt

    the_app()
    with watching_paints() as paints, opened(loop=True) as window:
        window.open(str(clip))
        run(5.0, lambda: shows(window) and len(window.desk.people.track_ids) > 1)
        facts = _delays(window, paints, seconds)
        pipeline = window.player.pipeline
        if pipeline is not None:
            facts["analysed"] = pipeline.counts.analysed
        return facts


def delay_replay(clip: Path, seconds: float) -> Facts:
    """Delays while recorded results are replayed."""
    from benchmarks.window_watch import watching_paints  # noqa: PLC0415

    results, model = record(clip, KEPT)
    the_app()
    with watching_paints() as paints, replayed(results, model, 30.0) as (window, _):
        run(5.0, lambda: shows(window) and len(window.desk.people.track_ids) > 1)
        return _delays(window, paints, seconds)


def _delays(window: MainWindow, paints: Paints, seconds: float) -> Facts:
    from benchmarks.window_watch import Keyboard, PaintFilter, Watchdog  # noqa: PLC0415

    app = the_app()
    watchdog, keyboard = Watchdog(), Keyboard()
    PaintFilter(window.desk.why.headline, paints)
    found: dict[str, list[float]] = {name: [] for name in ("heat", "boxes", "person", "pause")}
    trouble: list[str] = []

    def drive() -> None:
        try:
            _act(window, paints, keyboard, found, seconds)
        except Exception as exc:  # noqa: BLE001 - told by the thread that waits
            trouble.append(repr(exc))
        app.quit()

    watchdog.start()
    thread = threading.Thread(target=drive, name="driver", daemon=True)
    thread.start()
    app.exec()
    thread.join()
    watchdog.stop()
    keyboard.close()
    if trouble:
        raise SystemExit(trouble[0])
    facts: Facts = {}
    for name, delays in [*found.items(), ("all", [d for each in found.values() for d in each])]:
        facts[f"{name}_ms"] = _spread(delays)
    return {**facts, **watchdog.summary()}


def _act(
    window: MainWindow,
    paints: Paints,
    keyboard: Keyboard,
    found: dict[str, list[float]],
    seconds: float,
) -> None:
    """Do everything in turn, at moments that have nothing to do with the frames."""
    chance = random.Random(1)
    until = time.monotonic() + seconds
    canvas, desk = window.canvas, window.desk
    while time.monotonic() < until:
        for name, sign in (("heat", "h"), ("boxes", "b")):
            toggled = partial(_layer_is, canvas, name, not getattr(canvas.layers, name))
            waiting = paints.wait(canvas, toggled)
            found[name].append(_seen(waiting, keyboard.press(sign)))
            time.sleep(chance.uniform(0.1, 0.4))
        person = next(i for i in desk.people.track_ids if i != desk.selected)
        waiting = paints.wait(desk.why.headline, partial(_chosen_is, window, person))
        found["person"].append(_seen(waiting, keyboard.click(*_row(window, person))))
        time.sleep(chance.uniform(0.1, 0.4))
        while _ends_soon(window):
            time.sleep(0.05)
        for _ in range(2):
            waiting = paints.wait(canvas, partial(_stands_is, window, not _stands(window)))
            found["pause"].append(_seen(waiting, keyboard.press(" ")))
            time.sleep(chance.uniform(0.2, 0.5))


def _ends_soon(window: MainWindow) -> bool:
    """Whether the clip is about to begin anew, which would undo a pause."""
    pipeline, result = window.player.pipeline, window.canvas.result
    if pipeline is None or result is None or pipeline.info.duration_s is None:
        return False
    return result.frame.time_s > pipeline.info.duration_s - 1.0


def _layer_is(canvas: Canvas, name: str, wanted: bool) -> bool:
    return bool(getattr(canvas.layers, name)) is wanted


def _chosen_is(window: MainWindow, person: int) -> bool:
    return window.desk.selected == person


def _stands_is(window: MainWindow, wanted: bool) -> bool:
    return _stands(window) is wanted


def _stands(window: MainWindow) -> bool:
    """Whether the canvas says that the picture stands."""
    return bool(window.canvas.state_text or window.canvas.notice)


def _row(window: MainWindow, person: int) -> tuple[int, int]:
    """The middle of the row of that person, on the screen."""
    people = window.desk.people
    row = people.track_ids.index(person)
    place = people.visualItemRect(people.item(row, 0)).center()
    viewport = people.viewport()
    assert viewport is not None
    where = viewport.mapToGlobal(place)
    return where.x(), where.y()


def _seen(waiting: Any, at: float) -> float:
    if not waiting.done.wait(10.0):
        raise RuntimeError("an action had no effect within 10 s; has the window the focus?")
    return 1000 * (float(waiting.at) - at)


def _spread(delays: Sequence[float]) -> Facts:
    values = np.array(delays)
    return {
        "median": round(float(np.median(values)), 1),
        "p95": round(float(np.percentile(values, 95)), 1),
        "max": round(float(values.max()), 1),
        "n": len(values),
    }


def paints_at(rate: float, clip: Path, seconds: float) -> Facts:
    """How many of so many results a second are painted."""
    from benchmarks.window_watch import Watchdog, watching_paints  # noqa: PLC0415

    results, model = record(clip, KEPT)
    the_app()
    watchdog = Watchdog()
    with watching_paints() as paints, replayed(results, model, rate) as (window, made):
        run(3.0, lambda: shows(window))
        paints.indices.clear()
        first = made[0].sent
        watchdog.start()
        go_on(seconds)
        watchdog.stop()
        sent, painted = made[0].sent - first, len(paints.indices)
    return {
        "results": sent,
        "painted": painted,
        "dropped_share": round(max(0.0, 1 - painted / sent), 4),
        **watchdog.summary(),
    }
