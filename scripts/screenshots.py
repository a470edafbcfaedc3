"""Takes pictures of the window, for the documentation and to look at.

    xvfb-run -s "-screen 0 1920x1080x24 -dpi 96" \\
        .venv/bin/python scripts/screenshots.py docs/window.jpg --size 1366x768

plays the embedded clip up to a moment when its face is swapped and saves the window with the
heat map. Other options are for other clips, moments and sizes; QT_SCALE_FACTOR=2 gives the
picture of a screen with twice the density.

    ... scripts/screenshots.py grid.png --config cameras.toml --until live --hold 8

shows the sources of a configuration (or ``--source`` one of them), waits until the first of them
is in that state, and for some seconds more. ``--enlarge 2`` enlarges the second tile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from realtime import config as settings
from realtime.config import Config, ScorerConfig
from realtime.sources.synthetic import demo_clip
from realtime.types import SourceState
from realtime.window.app import make_app

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

DEADLINE_S = 120.0
Wait = Callable[[Callable[[], bool]], None]


def main() -> None:
    """Parse the command line and take one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="where to save it, PNG or JPEG")
    parser.add_argument("--clip", help="a video file instead of the embedded clip")
    parser.add_argument("--source", help="a live source instead of a clip")
    parser.add_argument("--config", type=Path, help="the sources of a configuration instead")
    parser.add_argument("--until", default="live", choices=[s.value for s in SourceState])
    parser.add_argument("--hold", type=float, default=0.0, help="seconds to wait after that")
    parser.add_argument("--enlarge", type=int, help="the number of a tile")
    parser.add_argument("--at", type=float, default=22.0, help="seconds into the clip")
    parser.add_argument("--size", default="1280x860", help="size of the window")
    parser.add_argument("--no-heat", action="store_true", help="without the heat map")
    parser.add_argument("--still", action="store_true", help="pause before taking the picture")
    parser.add_argument("--theme", default="system", help="light, dark, high contrast or system")
    parser.add_argument("--model", default="", help="an ONNX model instead of the built-in one")
    options = parser.parse_args()
    app = make_app()
    from realtime.window.main_window import MainWindow  # noqa: PLC0415 - needs the application

    window = MainWindow(Config(scorer=ScorerConfig(model=options.model)))
    window.resize(*map(int, options.size.split("x")))
    window.extras.choose_theme(options.theme)
    window.show()

    def wait(ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing came of it: {window.banner.text or window.state}")
            app.processEvents()
            time.sleep(0.005)

    if not options.no_heat:
        window.actions_.heat.trigger()
    if options.config is not None or options.source is not None:
        _show_live(window, options, wait)
    elif options.clip != "":
        _show_clip(window, options, wait)
    app.processEvents()
    _save(window.grab().toImage(), options.picture)
    window.close()


def _show_clip(window: MainWindow, options: argparse.Namespace, wait: Wait) -> None:
    def there() -> bool:
        result = window.canvas.result
        failed = window.banner.isVisible() or window.state is SourceState.ENDED
        return failed or (result is not None and result.frame.time_s >= options.at)

    window.open(options.clip or str(demo_clip()))
    wait(there)
    if options.still:
        window.toggle_play()
        wait(lambda: window.state in (SourceState.PAUSED, SourceState.ENDED))


def _show_live(window: MainWindow, options: argparse.Namespace, wait: Wait) -> None:
    def first_is() -> bool:
        engine = window.player.engine
        return engine is not None and engine.sources[0].status.state.value == options.until

    def pause(seconds: float) -> None:
        until = time.monotonic() + seconds
        wait(lambda: time.monotonic() > until)

    if options.config is not None:
        window.open_many(settings.load(options.config), options.config.name)
    else:
        window.open(options.source)
    wait(first_is)
    pause(options.hold)
    if options.enlarge is not None:
        window.grid.toggle(window.grid.tiles[options.enlarge - 1])
        pause(1.0)
    if options.still:
        window.toggle_play()
        pause(3.0)


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
