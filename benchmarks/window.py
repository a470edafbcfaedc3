"""What the window costs and how soon it answers, on a real X display.

    xvfb-run -s "-screen 0 1920x1080x24 -dpi 96" \\
        .venv/bin/python -m benchmarks.window [--seconds S] [--only PART] [--json FILE]

The clip is the built-in demo twice side by side at 1080p: two faces that are nobody's.

delay     From a key, or a click on a person, that the X server reports to the end of the paint that
          shows its effect, while 1080p30 plays: once with the whole engine behind the window and
          once with the engine replaced by recorded results; and for how long Qt's thread did
          not answer meanwhile.
paints    Of 30 and of 60 recorded results a second, how many were painted.
cpu       Seconds of processor per second, all threads: the window with recorded results at 30 a
          second, the canvas of it alone, a plain QLabel, and ``cv2.imshow``, each in a process of
          its own, one after the other, at the same size.
drawing   What one picture costs to draw: 1080p and 8K, on a small and on a 4K canvas, whole and
          enlarged.
memory    With ``--minutes M``: the resident memory of the window at 30 results a second, every ten
          seconds, and its slope after the first five minutes and in the last half.

The machine should be quiet: other work on it delays everything that is measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.window_delay import delay_engine, delay_replay, paints_at
from benchmarks.window_footage import make_clip
from benchmarks.window_load import CANVAS, cpu_canvas, cpu_highgui, cpu_label, cpu_window, memory
from benchmarks.window_loops import has_highgui
from benchmarks.window_stage import Facts
from benchmarks.window_zoom import drawing

CLIP_FRAMES: Final = 150


def main() -> None:
    """Measure everything that was asked for, each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="for each measurement")
    parser.add_argument("--minutes", type=float, help="measure the memory for so long")
    parser.add_argument("--only", choices=sorted(PARTS), help="one part alone")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.clip is not None:
        seconds = 60 * options.minutes if options.minutes else options.seconds
        print("=" + json.dumps(PARTS[options.only](options.clip, seconds)), flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "two.mp4"
        make_clip(clip, 30, CLIP_FRAMES)
        facts: Facts = {}
        for name in _chosen(options):
            facts[name] = _inside(name, clip, options, facts.get("cpu window", {}))
    _print(facts)
    if options.json is not None:
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _chosen(options: argparse.Namespace) -> list[str]:
    if options.only is not None:
        return [options.only]
    if options.minutes is not None:
        return ["memory"]
    names = [name for name in PARTS if name != "memory"]
    return [name for name in names if name != "cpu highgui" or has_highgui()]


def _inside(name: str, clip: Path, options: argparse.Namespace, before: Facts) -> Facts:
    """Measure one part in a process of its own, and pass on what it says meanwhile; ``before`` is
    what the window said of itself."""
    command = [sys.executable, "-m", "benchmarks.window", "--only", name, "--clip", str(clip)]
    if "canvas" in before:
        os.environ[CANVAS] = before["canvas"]
    command += ["--seconds", str(options.seconds)]
    if name == "memory":
        command += ["--minutes", str(options.minutes or 1.0)]
    facts: Facts = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("="):
                facts = json.loads(line[1:])
            else:
                print(line, end="", flush=True)
    if process.returncode:
        raise SystemExit(f"{name}: the process ended with {process.returncode}")
    return facts


def _print(facts: Facts) -> None:
    for name, found in facts.items():
        print(name)
        for key, value in found.items():
            print(f"  {key:<28} {value}")
    if not has_highgui():
        print("This build of OpenCV can show no windows.")


PARTS: Final[dict[str, Callable[[Path, float], Facts]]] = {
    "delay engine": delay_engine,
    "delay replay": delay_replay,
    "paints 30": lambda clip, seconds: paints_at(30.0, clip, seconds),
    "paints 60": lambda clip, seconds: paints_at(60.0, clip, seconds),
    "cpu window": cpu_window,
    "cpu canvas": cpu_canvas,
    "cpu label": cpu_label,
    "cpu highgui": cpu_highgui,
    "drawing": drawing,
    "memory": memory,
}

if __name__ == "__main__":
    main()
