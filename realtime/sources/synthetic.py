"""Encodes the embedded demo clip and keeps it in the user's cache.

The clip is made at run time and not shipped: `realtime.demo` paints it from a public-domain
portrait. The same arguments give the same pixels, and on one machine the same file.
"""

from __future__ import annotations

import atexit
import hashlib
import math
import os
import shutil
import tempfile
from contextlib import suppress
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Final

import av
from av.video.reformatter import ColorRange, Colorspace

from realtime import __version__
from realtime.demo.render import Renderer
from realtime.errors import ConfigError, SinkError
from realtime.redact import redact

SWAP_AT_S: Final = 8.0
"""When the blended swap switches on; a clip that is no longer has none."""
DEMO_SECONDS: Final = 24.0
MAX_SECONDS: Final = 3600.0

_BIT_RATE: Final = 1_800_000
"""As in a 720p video call."""
_MUXER: Final = {"movflags": "+faststart"}
_ENCODER: Final = {
    "preset": "superfast",
    # The number of threads shapes the output of the encoder, so it must not follow the machine.
    "threads": "2",
    "g": "60",
}


def write_demo_clip(
    path: Path,
    seconds: float = DEMO_SECONDS,
    size: tuple[int, int] = (1280, 720),
    fps: int = 30,
) -> None:
    """Write the clip as H.264 in MP4, over whatever is at ``path``.

    Args:
        path: where to; appears there only once complete.
        seconds: length, above 0 and at most `MAX_SECONDS`.
        size: width and height in pixels, even, each at least 64.
        fps: frames a second, 1 to 120.

    Raises:
        ConfigError: if an argument lies outside its range.
        SinkError: if the file cannot be written.
    """
    _check(seconds, size, fps)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _encode(part, seconds, size, fps)
        part.replace(path)
    except (OSError, av.FFmpegError) as exc:
        reason = exc.strerror or type(exc).__name__
        raise SinkError(
            f"Cannot write the demonstration clip {redact(path)}: {reason}; "
            "free some space or choose another place."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def demo_clip(seconds: float = DEMO_SECONDS) -> Path:
    """The clip of that length, rendered on the first call and taken from the cache afterwards.

    It lies in ``$XDG_CACHE_HOME/fakewatch`` (``~/.cache/fakewatch``). Where that cannot be
    written it lies in a temporary folder that goes when the program ends.

    Raises:
        ConfigError: if ``seconds`` is not above 0 and at most `MAX_SECONDS`.
        SinkError: if it can be written nowhere.
    """
    _check(seconds, (1280, 720), 30)
    name = f"demo-{_fingerprint(seconds)}.mp4"
    with suppress(OSError, RuntimeError, SinkError):
        folder = _cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        clip = folder / name
        if not clip.is_file():
            write_demo_clip(clip, seconds)
        return clip
    try:
        # A new folder on every run: a fixed name in a shared one could be another user's trap.
        folder = Path(tempfile.mkdtemp(prefix="fakewatch-"))
    except OSError as exc:
        raise SinkError(
            f"There is no place to write the demonstration clip to: {exc.strerror}; "
            "set TMPDIR to a folder with 10 MB of free space."
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_demo_clip(folder / name, seconds)
    return folder / name


def _check(seconds: float, size: tuple[int, int], fps: int) -> None:
    if not 0 < seconds <= MAX_SECONDS:
        raise ConfigError(
            f"The demonstration clip can last more than 0 and up to {MAX_SECONDS:.0f} seconds, "
            f"not {seconds:g}."
        )
    if any(side < 64 or side % 2 for side in size):
        raise ConfigError(f"The sides of the clip must be even and at least 64 px, not {size}.")
    if not 1 <= fps <= 120:
        raise ConfigError(f"The clip can have 1 to 120 frames a second, not {fps}.")


def _encode(path: Path, seconds: float, size: tuple[int, int], fps: int) -> None:
    renderer = Renderer(seconds, size, fps)
    with av.open(f"file:{path}", "w", format="mp4", options=_MUXER) as container:
        stream = container.add_stream("libx264", rate=fps, options=_ENCODER)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = _BIT_RATE
        stream.time_base = Fraction(1, fps)
        # Said, because players guess BT.709 for this size.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        for index in range(math.ceil(seconds * fps)):
            picture = renderer.frame(index, swap=index >= SWAP_AT_S * fps)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _fingerprint(seconds: float) -> str:
    """Changes with the length of the clip and with everything that shapes its pixels."""
    digest = hashlib.sha256(f"{__version__} {seconds!r} {av.__version__}".encode())
    files = [resources.files("realtime.demo"), resources.files("realtime.sources")]
    for folder, pattern in zip(files, ("", "synthetic"), strict=True):
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".py") and file.name.startswith(pattern):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to ignore a path that is not absolute.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "fakewatch"
