"""Long clips that look to a viewer like cameras, for a server that plays them as they are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from benchmarks.memory import loop

SHORTEST_S: Final = 5.0
LONGEST_S: Final = 20.0


def choose(folder: Path, count: int) -> list[Path]:
    """``count`` videos under ``folder``, none shorter than `SHORTEST_S`, spread over all."""
    long = [path for path in sorted(folder.rglob("*.mp4")) if _seconds(path) >= SHORTEST_S]
    if not long:
        raise SystemExit(f"no .mp4 of {SHORTEST_S:g} seconds or more in {folder}")
    return [long[i * len(long) // count % len(long)] for i in range(count)]


def like_a_camera(clip: Path, target: Path, *, height: int, rate_hz: float, minutes: float) -> Path:
    """``clip``, at most ``height`` pixels high, as H.264 without B-frames and with a key frame
    every two seconds, again and again until it lasts ``minutes``."""
    once = target.with_suffix(".once.mp4")
    rate = Fraction(rate_hz).limit_denominator(1000)
    with av.open(str(clip)) as given, av.open(str(once), "w") as made:
        source = given.streams.video[0]
        high = min(height, source.height) // 2 * 2
        wide = round(source.width * high / source.height / 2) * 2
        options = {"preset": "veryfast", "tune": "zerolatency", "crf": "26", "sc_threshold": "0"}
        stream = made.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
        stream.gop_size, stream.time_base = round(2 * rate_hz), 1 / rate
        count = 0
        for frame in given.decode(source):
            if frame.time is None or frame.time * rate < count:
                continue
            if frame.time > LONGEST_S:
                break
            picture = frame.reformat(wide, high, "yuv420p")
            picture.pts, picture.time_base = count, 1 / rate
            made.mux(stream.encode(picture))
            count += 1
        made.mux(stream.encode(None))
    loop(once, target, minutes)
    once.unlink()
    return target


def _seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base
