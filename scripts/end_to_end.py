"""Uses the window as a person does: a real window manager, real keys, a real mouse, a real camera.

    .venv/bin/python scripts/end_to_end.py PICTURES [--screen 1366x768] [--scale 1] \\
        [--theme dark] [--clip FILE] [--language de] [--guide docs/guide]

starts Xvfb and openbox, then the program itself with settings of its own, drags a clip in, plays,
seeks, steps, looks at the heat map, selects a person, marks, exports, watches an RTSP camera that
dies and returns, then four of them, and closes. Each step is checked, and a picture of the screen
is left in PICTURES. Needs openbox, xdotool, Xvfb, and GStreamer's RTSP server for the cameras.
Without ``--clip`` it is the embedded one, with the only face that may be shown to everybody;
``--guide`` leaves the pictures of the user guide.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts import walk_options  # noqa: E402 - after the root is known


def main() -> int:
    """Start what is needed around the program; inside of it, walk."""
    options = walk_options.parse(sys.argv[1:], __doc__)
    missing = [name for name in ("Xvfb", "openbox", "xdotool") if shutil.which(name) is None]
    if missing:
        print(f"end_to_end: install {', '.join(missing)}", file=sys.stderr)
        return 2
    read_end, write_end = os.pipe()
    server = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{options.screen}x24"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*server, "-dpi", "96"], pass_fds=(write_end,), stderr=subprocess.DEVNULL
        ) as screen,
    ):
        os.close(write_end)
        environment = {
            **os.environ,
            "DISPLAY": f":{os.read(read_end, 16).decode().strip()}",
            "XDG_CONFIG_HOME": folder,
            "XDG_DATA_HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "QT_SCALE_FACTOR": str(options.scale),
            "LANGUAGE": options.language,
            "OMP_NUM_THREADS": "1",
        }
        with subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL) as manager:
            time.sleep(1.0)
            command = [sys.executable, "-m", "scripts.walk", *sys.argv[1:]]
            code = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
            manager.kill()
        screen.kill()
    return code


if __name__ == "__main__":
    sys.exit(main())
