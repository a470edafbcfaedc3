"""Files that name other files: nothing they point at is ever opened, local or remote."""

from __future__ import annotations

import ctypes
import http.server
import os
import select
import struct
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from realtime.config import SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.file import FileSource
from tests.contract.clips import make_clip
from tests.faults.test_hostile_media import refused


class _Canary:
    """A web server and a video file that notice whether anybody comes."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self.file = make_clip(folder / "canary.ts", 5)
        self._watch = _watch_opens(self.file)
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.requests.append(self.path)
                self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="fw-test-canary"
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/x.ts"

    def opened(self) -> bool:
        """Whether the file was opened since the last call."""
        if not select.select([self._watch], [], [], 0)[0]:
            return False
        return bool(os.read(self._watch, 4096))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        os.close(self._watch)


def _watch_opens(path: Path) -> int:
    """A descriptor that becomes readable when ``path`` is opened (Linux inotify)."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    in_open = 0x20
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), in_open) > 0
    return int(descriptor)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[_Canary]:
    canary = _Canary(tmp_path)
    yield canary
    canary.close()


_HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
_MPD = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
 mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:full:2011"><Period>
 <AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1000">
 <BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"""
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n"
PLAYLISTS = {
    "hls": _HLS,
    "hls with bom": "\ufeff" + _HLS,
    "hls master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{}\n",
    "hls key": _HLS.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF'),
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "dash": _MPD,
    "sdp": _SDP + "a=control:{}\n",
    "m3u": "#EXTM3U\n{}\n",
    "asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "rtsp text": "RTSPtext\nrtsp://{}\n",
}


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".m3u8", ".mpd", ".sdp", ".ffconcat"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_opens_nothing(
    kind: str, suffix: str, tmp_path: Path, canary: _Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    targets = (canary.url, f"file://{canary.file}", str(canary.file), canary.file.name)
    for target in targets:
        path = tmp_path / f"clip{suffix}"
        path.write_text(PLAYLISTS[kind].format(*[target] * 2), "utf-8")
        error = refused(path)
        assert error.code in (SourceCode.FORMAT_REFUSED, SourceCode.NOT_MEDIA)
        assert "http" not in str(error)
        assert "canary" not in str(error)
    assert canary.requests == []
    assert not canary.opened()


def test_the_canaries_notice(tmp_path: Path, canary: _Canary) -> None:
    """Left to itself, FFmpeg would go there: so the test above can fail."""
    (tmp_path / "a.m3u8").write_text(_HLS.format(canary.url))
    with pytest.raises((OSError, ValueError)):
        av.open(str(tmp_path / "a.m3u8"), options={"protocol_whitelist": "file,http,tcp"})
    assert canary.requests == ["/x.ts"]
    assert not canary.opened()
    (tmp_path / "a.ffconcat").write_text(f"ffconcat version 1.0\nfile '{canary.file.name}'\n")
    with av.open(str(tmp_path / "a.ffconcat")) as container:
        assert len(list(container.decode(video=0))) == 5
    assert canary.opened()
    with pytest.raises(OSError, match="404"):
        urllib.request.urlopen(canary.url)


def test_a_movie_that_keeps_its_pictures_elsewhere(tmp_path: Path, canary: _Canary) -> None:
    """QuickTime data references name another file to read the samples from."""
    data = make_clip(tmp_path / "clip.mov", 5).read_bytes()
    own = struct.pack(">I4sI", 12, b"url ", 1)
    assert own in data
    target = os.fsencode(canary.file)
    foreign = struct.pack(">I4sI", 12 + len(target) + 1, b"url ", 0) + target + b"\0"
    grown = bytearray(data.replace(own, foreign))
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = grown.index(name) - 4
        (size,) = struct.unpack_from(">I", grown, place)
        struct.pack_into(">I", grown, place, size + len(foreign) - len(own))
    path = tmp_path / "elsewhere.mov"
    path.write_bytes(grown)
    with FileSource(path, SourceConfig()) as source:
        try:
            source.open()
            while source.read() is not None:
                pass
        except SourceError:
            pass
    assert not canary.opened()
