"""Files that are broken, mislabelled or meant to do harm: one sentence and nothing else."""

from __future__ import annotations

import itertools
import math
import os
import random
import re
import socket
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.config import SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources import open_source
from realtime.sources.file import FileSource
from tests.contract.clips import make_audio, make_clip, read_index

REPOSITORY = Path(__file__).resolve().parents[2]


def refused(path: str | bytes | Path, config: SourceConfig | None = None) -> SourceError:
    """Open ``path``, which must fail with one sentence that names it."""
    with (
        FileSource(path, config or SourceConfig()) as source,
        pytest.raises(SourceError) as caught,
    ):
        source.open()
    text = str(caught.value)
    assert re.fullmatch(r"[^\n]+[;:(][^\n]+\.", text), text
    assert "Errno" not in text
    assert "<none>" not in text
    assert os.path.basename(os.fsdecode(path)).isprintable() is False or os.fsdecode(path) in text
    return caught.value


# Broken and mislabelled


def _png(path: Path, side: int) -> Path:
    assert cv2.imwrite(str(path.with_suffix(".png")), np.zeros((side, side), np.uint8))
    return path.with_suffix(".png").rename(path)


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _bytes(data: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return make


def _cut(suffix: str, size: int) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        whole = make_clip(path.parent / f"whole{suffix}")
        return _bytes(whole.read_bytes()[:size])(path)

    return make


def _renamed(make: Callable[[Path], object], name: str) -> Callable[[Path], Path]:
    def rename(path: Path) -> Path:
        make(path.parent / name)
        return (path.parent / name).rename(path)

    return rename


def _wave(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))


def _no_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def _cover(path: Path) -> None:
    """A song with a cover, which FFmpeg presents as a video stream."""
    sound = make_audio(path.with_name("plain.m4a"))
    picture = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    atom = struct.pack(">I4sII", 16 + len(picture), b"data", 13, 0) + picture
    for name in (b"covr", b"ilst"):
        atom = struct.pack(">I4s", 8 + len(atom), name) + atom
    handler = struct.pack(">I4sIII12sB", 33, b"hdlr", 0, 0, 0, b"", 0)
    handler = handler[:16] + b"mdirappl" + handler[24:]
    meta = struct.pack(">I4sI", 12 + len(handler) + len(atom), b"meta", 0) + handler + atom
    user = struct.pack(">I4s", 8 + len(meta), b"udta") + meta
    data = bytearray(sound.read_bytes())
    movie = data.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", data, movie)
    assert movie + size == len(data)
    struct.pack_into(">I", data, movie, size + len(user))
    path.write_bytes(bytes(data) + user)


def _unknown_codec(path: Path) -> None:
    clip = make_clip(path.with_name("known.avi"), 5)
    path.write_bytes(clip.read_bytes().replace(b"FMP4", b"QQ7Q"))


BROKEN: dict[str, tuple[Callable[[Path], Path], SourceCode, str]] = {
    "empty": (_empty, SourceCode.EMPTY, "is empty"),
    "random": (_bytes(random.Random(1).randbytes(200_000)), SourceCode.NOT_MEDIA, "not a video"),
    "text": (_bytes(b"Dear reader,\n" * 500), SourceCode.NOT_MEDIA, "not a video"),
    "one byte": (_bytes(b"\x00"), SourceCode.NOT_MEDIA, "not a video"),
    "zeros": (_bytes(bytes(100_000)), SourceCode.NOT_MEDIA, "not a video"),
    "elf": (_bytes(Path(sys.executable).read_bytes()[:100_000]),
            SourceCode.NOT_MEDIA, "not a video"),
    "mp4 without index": (_cut(".mp4", 1000), SourceCode.CORRUPT, "cut off"),
    "head of mkv": (_cut(".mkv", 100), SourceCode.CORRUPT, "cut off"),
    "head of avi": (_cut(".avi", 100), SourceCode.CORRUPT, "cut off"),
    "png": (lambda path: _png(path, 64), SourceCode.FORMAT_REFUSED, "is a picture"),
    "huge png": (lambda path: _png(path, 12_000), SourceCode.FORMAT_REFUSED, "is a picture"),
    "heic": (_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(200)), SourceCode.FORMAT_REFUSED,
             "is a picture"),
    "wav": (_renamed(_wave, "a.wav"), SourceCode.FORMAT_REFUSED, "not accepted"),
    "audio only": (_renamed(make_audio, "a.m4a"), SourceCode.NO_VIDEO, "holds no video"),
    "song with cover": (_renamed(_cover, "a.m4a"), SourceCode.NO_VIDEO, "holds no video"),
    "no frames": (_renamed(_no_frames, "a.avi"), SourceCode.NO_FRAMES, "holds no pictures"),
    "unknown codec": (_renamed(_unknown_codec, "a.avi"), SourceCode.CODEC_UNSUPPORTED, "codec"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_sentence(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, code, words = BROKEN[name]
    path = make(tmp_path / "clip.mp4")
    error = refused(path)
    assert error.code is code, error
    assert words in str(error)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.mp4").code is SourceCode.NOT_FOUND
    assert refused(make_clip(tmp_path / "a.mp4", 1) / "below").code is SourceCode.NOT_FOUND
    assert refused(tmp_path / ("x" * 300)).code is SourceCode.NOT_FOUND
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "loop").code is SourceCode.NOT_FOUND
    with pytest.raises(SourceError) as caught:
        open_source("a\0b", SourceConfig()).open()
    assert caught.value.code is SourceCode.NOT_FOUND


def test_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is a directory" in str(refused(tmp_path))
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        listener.bind("socket.mp4")
        for path in ("/dev/zero", tmp_path / "pipe.mp4", tmp_path / "link.mp4", "socket.mp4"):
            error = refused(path)
            assert error.code is SourceCode.NOT_A_FILE
            assert "is a device, pipe or socket" in str(error)


def in_a_process(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code on a file, in a process whose user or memory is its own."""
    return subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_unreadable(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 1)
    path.chmod(0)
    program = (
        "import os, sys\n"
        "from realtime.config import SourceConfig\n"
        "from realtime.errors import SourceError\n"
        "from realtime.sources import FileSource\n"
        "if os.geteuid() == 0: os.setgid(65534), os.setuid(65534)\n"
        "try: FileSource(sys.argv[1], SourceConfig()).open()\n"
        "except SourceError as exc: print(exc.code.value, exc)\n"
    )
    run = in_a_process(program, path)
    expected = f"permission The file {path} may not be read; check its permissions.\n"
    assert run.stdout == expected
    assert run.stderr == ""


def test_pictures_larger_than_allowed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 2, size=(640, 480))
    error = refused(path, SourceConfig(max_pixels=640 * 480 - 1))
    assert error.code is SourceCode.TOO_LARGE
    assert "640 x 480" in str(error)
    with FileSource(path, SourceConfig(max_pixels=640 * 480)) as source:
        assert source.open().width == 640


@pytest.mark.parametrize("stated", [12_000, 64])
def test_a_video_of_huge_pictures_is_refused_before_memory_is_asked_for(
    stated: int, tmp_path: Path
) -> None:
    """Whether the container states their size or lies about it."""
    png = _png(tmp_path / "picture", 12_000).read_bytes()
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width = stream.height = 12_000
        stream.pix_fmt = "gray"
        packet = av.Packet(png)
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        packet.time_base = Fraction(1, 25)
        packet.is_keyframe = True
        container.mux(packet)
    data = bytearray(path.read_bytes())
    entry = data.index(b"png ", data.index(b"stsd"))
    struct.pack_into(">HH", data, entry + 28, stated, stated)
    path.write_bytes(data)
    program = (
        "import resource, sys\n"
        "from realtime.config import SourceConfig\n"
        "from realtime.errors import SourceError\n"
        "from realtime.sources import FileSource\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: FileSource(sys.argv[1], SourceConfig()).open()\n"
        "except SourceError as exc: print(exc)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = in_a_process(program, path)
    sentence, kilobytes = run.stdout.splitlines()
    assert "within 36 megapixels" in sentence
    assert int(kilobytes) < 60_000  # one picture takes 144 MB


# Names


NAMES = [
    "http:x.mp4",
    "concat:a|b.mp4",
    "file:x.mp4",
    "pipe:0",
    "data:video,x",
    "-rf.mp4",
    "-",
    "a%03d.png",
    "two words.mp4",
    'it\'s "quoted".mp4',
    "a;reboot;$(x)`y`&.mp4",
    "line\nbreak.mp4",
    "名前 ü ё ש.mp4",
    "\u202egpj.mp4",
    "*?[a].mp4",
    "clip.m3u8",
    "no suffix",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_only_a_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", 3).rename(tmp_path / name)
    with open_source(name, SourceConfig()) as source:
        info = source.open()
        frames = [source.read() for _ in range(3)]
    assert [read_index(frame.image) for frame in frames if frame] == [0, 1, 2]
    assert "\n" not in info.name
    assert "\u202e" not in info.name


def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.mp4"
    os.rename(make_clip(tmp_path / "clip.mp4", 2), name)
    for given in (name, os.fsdecode(name)):
        with FileSource(given, SourceConfig()) as source:
            info = source.open()
            assert source.read() is not None
        info.name.encode("utf-8")


def test_a_name_cannot_forge_a_line(tmp_path: Path) -> None:
    error = refused(tmp_path / "x\n2026 INFO all is well\x1b[2J.mp4")
    assert "\\n2026" in str(error)
    assert "\x1b" not in str(error)


# Mutations


def _mutate(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed))
        if chance.random() < 0.4:  # headers are where the trouble is
            place = chance.randrange(min(len(changed), 1024))
        length = min(chance.choice([1, 1, 2, 4, 16, 200]), len(changed) - place)
        kind = chance.randrange(6)
        if kind == 0:
            changed[place : place + length] = chance.randbytes(length)
        elif kind == 1:
            changed[place : place + length] = b"\xff" * length
        elif kind == 2:
            changed[place : place + length] = bytes(length)
        elif kind == 3:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 4:
            changed[place:place] = changed[place : place + length]
        else:
            del changed[place : place + length]
    if chance.random() < 0.2:
        del changed[chance.randrange(1, len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_mutations_give_frames_or_one_sentence(
    suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = make_clip(tmp_path / f"clip{suffix}", 20, audio=suffix != ".avi").read_bytes()
    config = SourceConfig(max_decode_errors=30, open_timeout_s=20, read_timeout_s=20)
    outcomes: set[object] = set()
    sentences = set()
    for seed in range(60):
        path = tmp_path / f"mutant{suffix}"
        path.write_bytes(_mutate(clip, random.Random(f"{suffix} {seed}")))
        try:
            with FileSource(path, config) as source:
                source.open()
                for seek_to in (None, 0.4, math.inf, 0.0):
                    if seek_to is not None:
                        source.seek(seek_to)
                    times = []
                    while (frame := source.read()) is not None:
                        times.append(frame.time_s)
                        assert frame.image.ndim == 3
                        assert len(times) < 1000
                    assert all(a < b for a, b in itertools.pairwise(times))
                    outcomes.add(bool(times))
        except SourceError as exc:
            outcomes.add(exc.code)
            sentences.add(str(exc))
    assert True in outcomes
    assert outcomes & set(SourceCode)
    assert all(re.fullmatch(r"[^\n]+\.", sentence) for sentence in sentences)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
