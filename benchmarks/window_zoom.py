"""What one picture costs to draw, by its size, the canvas's, and how far it is enlarged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from benchmarks.window_footage import record
from benchmarks.window_stage import Facts, the_app
from realtime.types import FrameResult

FRAMES: Final = ((1920, 1080), (7680, 4320))
CANVASES: Final = ((1280, 720), (3840, 2160))
ZOOMS: Final = (1.0, 2.0, 4.0, 16.0)
_TIMES: Final = 15


def drawing(clip: Path, _seconds: float) -> Facts:
    """Milliseconds, boxes and heat map included; the face is in the middle of what is enlarged."""
    from realtime.window.canvas import Canvas  # noqa: PLC0415 - needs the application
    from realtime.window.layers import Layers  # noqa: PLC0415
    from realtime.window.viewport import View  # noqa: PLC0415

    result = record(clip, 1)[0][0]
    the_app()
    canvas = Canvas()
    canvas.set_layers(Layers(heat=True))
    facts: Facts = {}
    for frame in FRAMES:
        shown = _resized(result, frame)
        x, y, w, h = shown.faces.boxes[0].tolist()
        for size in CANVASES:
            canvas.resize(*size)
            costs = []
            for zoom in ZOOMS:
                canvas.set_view(View(zoom, (x + w / 2) / frame[0], (y + h / 2) / frame[1]))
                times = []
                for _ in range(_TIMES):
                    canvas.show_result(shown)
                    canvas.grab()
                    times.append(1000 * canvas.cost_s)
                costs.append(f"{zoom:g}x {median(times):.1f}")
            facts[f"{frame[0]}x{frame[1]} on {size[0]}x{size[1]}"] = ", ".join(costs) + " ms"
    canvas.deleteLater()
    return facts


def _resized(result: FrameResult, size: tuple[int, int]) -> FrameResult:
    wide = result.frame.image.shape[1]
    by = size[0] / wide
    image = np.asarray(cv2.resize(result.frame.image, size), np.uint8)
    faces = replace(
        result.faces,
        boxes=result.faces.boxes * np.float32(by),
        landmarks=result.faces.landmarks * np.float32(by),
    )
    to_frame = np.diag([1 / by, 1 / by, 1.0])
    heat = {
        i: replace(score, to_crop=np.asarray(score.to_crop @ to_frame, np.float32))
        for i, score in result.heat.items()
    }
    return replace(result, frame=replace(result.frame, image=image), faces=faces, heat=heat)
