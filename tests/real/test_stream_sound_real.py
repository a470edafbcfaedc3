"""A person who talks into a camera is heard through the whole program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import DATA, needs_data
from tests.processes import fakewatch, records
from tests.servers.rtsp import rtsp_server

pytestmark = [needs_data, pytest.mark.timeout(300)]
PATIENCE_S = 120.0


def test_lips_are_compared_with_the_sound_of_a_camera(tmp_path: Path) -> None:
    clip, out = DATA / "videos" / "real" / "liveportrait__d12.mp4", tmp_path / "out.jsonl"
    pictures = "d.video_0 ! queue ! h264parse config-interval=-1 ! rtph264pay pt=96 name=pay0"
    voice = "d.audio_0 ! queue ! aacparse ! rtpmp4gpay pt=97 name=pay1"
    pipeline = f"filesrc location={clip} ! qtdemux name=d {pictures} {voice}"
    with rtsp_server({"/cam": pipeline}) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        arguments = ["--jsonl", out, "--quiet", "--max-seconds", "7"]
        with fakewatch("analyze", url, *arguments) as process:
            process.communicate(timeout=PATIENCE_S)
    texts = {
        cue["text"]
        for record in records(out)
        if record["type"] == "face"
        for cue in record["cues"]
        if cue["name"] == "lipsync"
    }
    assert texts
    # What it says depends on how many pictures this machine can look at.
    assert "no sound" not in texts or len(texts) > 1, texts
