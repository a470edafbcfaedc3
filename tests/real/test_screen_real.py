"""Real clips, played by a real player on a real display, captured by region and by title."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.config import Config, FacesConfig, LiveConfig, SourceConfig
from realtime.faces import FaceTracker
from realtime.picture_state import PictureWatch
from realtime.sources.address import Address, SourceKind
from realtime.sources.base import FrameSource
from realtime.sources.file import FileSource
from realtime.sources.screen import Grabber, ScreenSource
from realtime.sources.window import WindowSource, list_windows
from realtime.types import Frame, Image
from tests.conftest import DATA, needs_data
from tests.x_server import eventually, needs_xvfb, x_server

pytestmark = [
    needs_data,
    needs_xvfb,
    pytest.mark.skipif(shutil.which("ffplay") is None, reason="no Xvfb with ffplay to play on"),
]

CLIPS = sorted(DATA.glob("videos/*/*.mp4"))
TITLE = "A call - with a clip"
PLACE, SIZE = (60, 40), (360, 360)
CONFIG = Config(live=LiveConfig(open_timeout_s=20.0, read_timeout_s=20.0))
SAME = 0.97
"""Correlation of a captured picture with a frame of the clip, both at a quarter of the size."""


@pytest.fixture(scope="module")
def clip() -> Path:
    """A square one."""
    return next(path for path in CLIPS if path.name.startswith("AniPortrait_driver"))


@pytest.fixture(scope="module")
def player(clip: Path) -> Iterator[str]:
    """A display on which the clip runs round and round."""
    with x_server("1280x720") as (display, _):
        command = ["ffplay", "-loglevel", "error", "-an", "-noborder", "-loop", "0"]
        place = ["-left", str(PLACE[0]), "-top", str(PLACE[1]), "-x", str(SIZE[0])]
        shown = [*place, "-y", str(SIZE[1]), "-window_title", TITLE, "-i", str(clip)]
        software = {"SDL_VIDEODRIVER": "x11", "SDL_RENDER_DRIVER": "software"}
        process = subprocess.Popen(
            [*command, *shown],
            env={**os.environ, **software, "DISPLAY": display},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield display
        process.kill()
        process.wait(20)


@pytest.fixture
def playing(player: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", player)
    assert eventually(lambda: any(w.title == TITLE and w.visible for w in list_windows()))
    grabber = Grabber()
    assert eventually(lambda: bool(grabber.take((*PLACE, *SIZE)).any()))
    grabber.close()


def small(image: Image) -> np.ndarray:
    """A quarter of the size, with mean 0 and length 1."""
    size = (SIZE[0] // 4, SIZE[1] // 4)
    plain = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    plain -= plain.mean()
    return plain / np.linalg.norm(plain)


@pytest.fixture(scope="module")
def shown(clip: Path) -> np.ndarray:
    """Every frame of the clip as `small` makes it."""
    with FileSource(clip, SourceConfig()) as file:
        info = file.open()
        assert info.width == info.height, "else the player puts bars beside it"
        return np.array([small(f.image) for f in iter(file.read, None) if f is not None])


def frames_of(source: FrameSource, count: int) -> list[Frame]:
    source.open()
    frames = [source.read() for _ in range(count)]
    return [frame for frame in frames if frame is not None]


def sources() -> dict[str, FrameSource]:
    region = (*PLACE, *SIZE)
    return {
        "region": ScreenSource(Address(SourceKind.SCREEN, "1", "screen:1", region), CONFIG, "s"),
        "title": WindowSource(Address(SourceKind.WINDOW, "a call*", "window:call"), CONFIG, "w"),
    }


@pytest.mark.usefixtures("playing")
@pytest.mark.parametrize("way", ["region", "title"])
def test_what_is_captured_is_the_clip(way: str, shown: np.ndarray) -> None:
    with sources()[way] as source:
        frames = frames_of(source, 30)
    assert {f.image.shape for f in frames} == {(SIZE[1], SIZE[0], 3)}
    assert all((shown @ small(frame.image)).max() > SAME for frame in frames[::10])
    assert any(not np.array_equal(frames[0].image, f.image) for f in frames), "it does not move"


@pytest.mark.usefixtures("playing")
@pytest.mark.parametrize("way", ["region", "title"])
def test_the_face_in_the_clip_is_found_and_followed(way: str) -> None:
    with sources()[way] as source, FaceTracker(FacesConfig()) as tracker:
        found = [tracker.track(frame) for frame in frames_of(source, 30)]
    with_face = [faces for faces in found if len(faces)]
    assert len(with_face) >= 24
    assert len({int(faces.track_ids[0]) for faces in with_face}) == 1


@pytest.mark.parametrize("path", CLIPS[:: max(1, len(CLIPS) // 5)], ids=lambda path: path.stem)
def test_no_real_clip_is_called_black_or_frozen(path: Path) -> None:
    watch = PictureWatch(LiveConfig())
    with FileSource(path, SourceConfig()) as source:
        source.open()
        while (frame := source.read()) is not None and frame.time_s < 12:
            assert watch.look(frame) is None, f"at {frame.time_s:.2f} s"
