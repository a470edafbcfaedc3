"""Takes pictures of the window, for the documentation and to look at.

    xvfb-run -s "-screen 0 1920x1080x24 -dpi 96" \\
        .venv/bin/python scripts/screenshots.py docs/window.jpg --size 1120x720

plays the embedded clip up to a moment when its face is swapped and saves the window with the
heat map. Other options are for other clips, moments and sizes; QT_SCALE_FACTOR=2 gives the
picture of a screen with twice the density.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from realtime.config import Config, ScorerConfig
from realtime.sources.synthetic import demo_clip
from realtime.types import SourceState
from realtime.window.app import make_app

DEADLINE_S = 120.0


def main() -> None:
    """Parse the command line and take one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="where to save it, PNG or JPEG")
    parser.add_argument("--clip", help="a video file instead of the embedded clip")
    parser.add_argument("--at", type=float, default=22.0, help="seconds into the clip")
    parser.add_argument("--size", default="1280x860", help="size of the window")
    parser.add_argument("--no-heat", action="store_true", help="without the heat map")
    parser.add_argument("--still", action="store_true", help="pause before taking the picture")
    parser.add_argument("--model", default="", help="an ONNX model instead of the built-in one")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))

    app = make_app()
    from realtime.window.main_window import MainWindow  # noqa: PLC0415 - needs the application

    window = MainWindow(Config(scorer=ScorerConfig(model=options.model)))
    window.resize(width, height)
    window.show()

    def wait(ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing came of it: {window.banner.text or window.state}")
            app.processEvents()
            time.sleep(0.005)

    def there() -> bool:
        result = window.canvas.result
        failed = window.banner.isVisible() or window.state is SourceState.ENDED
        return failed or (result is not None and result.frame.time_s >= options.at)

    if not options.no_heat:
        window.actions_.heat.trigger()
    if options.clip != "":
        window.open(options.clip or str(demo_clip()))
        wait(there)
        if options.still:
            window.toggle_play()
            wait(lambda: window.state in (SourceState.PAUSED, SourceState.ENDED))
    app.processEvents()
    _save(window.grab().toImage(), options.picture)
    window.close()


def _save(image: object, path: Path) -> None:
    from qtpy.QtGui import QImage  # noqa: PLC0415 - needs the application

    assert isinstance(image, QImage)
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    memory = image.constBits()
    assert memory is not None
    memory.setsize(image.sizeInBytes())
    pixels = np.frombuffer(memory, np.uint8).reshape(image.height(), image.width(), 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels[..., 2::-1].copy()).save(path, quality=88, optimize=True)


if __name__ == "__main__":
    main()
