"""Starts the real RTSP server of `rtsp_server.py`, where GStreamer is there to run it."""

from __future__ import annotations

import functools
import json
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")
START_S = 30.0
_ELEMENTS = ("qtdemux", "h264parse", "rtph264pay", "identity")
_PROBE = f"""
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in {_ELEMENTS!r})
"""


@dataclass(frozen=True)
class RtspServer:
    """A server that runs: its port and its process."""

    port: int
    pid: int


@functools.cache
def available() -> bool:
    """Whether the system's Python can serve RTSP."""
    try:
        probe = [PYTHON, "-c", _PROBE]
        return subprocess.run(probe, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def file_pipeline(path: Path, *, loss: float = 0.0, demuxer: str = "qtdemux") -> str:
    """Plays an H.264 file once to each viewer; ``loss`` is the share of packets that go."""
    pay = "rtph264pay pt=96 mtu=1400"
    end = f"{pay} ! identity drop-probability={loss} name=pay0" if loss else f"{pay} name=pay0"
    return f"filesrc location={path} ! {demuxer} ! h264parse config-interval=-1 ! {end}"


@contextmanager
def rtsp_server(
    mounts: Mapping[str, str],
    *,
    users: Sequence[tuple[str, str]] = (),
    digest: bool = False,
    port: int = 0,
    address: str = "127.0.0.1",
    certificate: Path | None = None,
) -> Iterator[RtspServer]:
    """A server with ``mounts`` (path to pipeline); skips where there can be none."""
    if not available():
        pytest.skip("no GStreamer RTSP server on this machine")
    given = {
        "mounts": dict(mounts),
        "users": list(users),
        "digest": digest,
        "port": port,
        "address": address,
        "certificate": str(certificate) if certificate else None,
    }
    with subprocess.Popen(
        [PYTHON, str(SCRIPT), json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], START_S)
            assert ready, "the RTSP server did not start"
            yield RtspServer(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()
