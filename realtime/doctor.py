"""What is wrong with this machine, and the command that mends it.

Packages are looked up without importing them, and whatever must really run (OpenCV, MediaPipe,
the model, the decoders) runs in a process of its own: a library that is missing or crashes is
what this file is here to report, not to die of.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from realtime.errors import ExitCode
from realtime.machine import (
    binaries,
    has_fonts,
    has_nvidia_driver,
    ldd,
    missing_objects,
    owners_of,
    probe,
    system_libraries,
    version_of,
)
from realtime.redact import redact

PYTHONS: Final = ((3, 10), (3, 12))

_IMPORT_OPENCV: Final = "import cv2; print(cv2.__version__)"
_FIND_A_FACE: Final = """
import numpy as np
from realtime.faces.mediapipe_backend import FaceDetector
with FaceDetector() as detector:
    detector.detect(np.zeros((180, 320, 3), np.uint8))
print("the face detector runs")
"""
_LOAD_THE_MODEL: Final = """
import sys
from realtime.config import ScorerConfig
from realtime.errors import FakewatchError
from realtime.scorer import load_scorer
try:
    scorer = load_scorer(ScorerConfig())
except FakewatchError as exc:
    sys.exit(str(exc))
print(scorer.info.provider, scorer.info.sha256[:12], scorer.info.name)
scorer.close()
"""
_LIST_DECODERS: Final = """
import av
found = []
for name in ("h264", "hevc", "vp8", "vp9", "av1"):
    try:
        av.codec.Codec(name, "r")
    except av.FFmpegError:
        continue
    found.append(name)
print(*found)
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``ok`` is None where something is amiss that the program can do without.

    ``detail`` says what was found, ``remedy`` is the command or the step that mends it, empty
    where there is nothing to mend.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def doctor(out: TextIO) -> int:
    """Write every finding to ``out``, line by line.

    Returns 0 if everything essential works, notes or not, and 1 if something is wrong.
    """
    words = {True: "ok", None: "note", False: "wrong"}
    wrong = 0
    for check in _checks():
        wrong += check.ok is False
        out.write(f"{words[check.ok]:<6}{check.name:<12}{redact(check.detail)}\n")
        if check.remedy:
            out.write(f"{'':<18}mend: {check.remedy}\n")
        out.flush()
    out.write(f"\n{wrong} wrong.\n" if wrong else "\nEverything essential works.\n")
    return ExitCode.INTERNAL if wrong else ExitCode.OK


def run_checks() -> list[Check]:
    """Every finding, in the order in which they build on each other; takes some seconds."""
    return list(_checks())


def _checks() -> Iterator[Check]:
    checks: Sequence[Callable[[], Check]] = (
        check_python,
        check_numpy,
        check_opencv,
        check_onnxruntime,
        check_faces,
        check_decoders,
        check_libraries,
        check_display,
    )
    for check in checks:
        yield check()
    yield from check_model()


def check_python() -> Check:
    """MediaPipe with its models inside has wheels for some versions of Python only."""
    fits = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    remedy = "" if fits else "make setup PYTHON=/path/to/python3.12"
    return Check("python", fits, f"{platform.python_version()} at {sys.executable}", remedy)


def check_numpy() -> Check:
    """MediaPipe was built against NumPy 1."""
    version = version_of("numpy")
    if version is None:
        return Check("numpy", False, "not installed", _pip("install", "numpy<2"))
    fits = version.startswith("1.")
    return Check("numpy", fits, version, "" if fits else _pip("install", "numpy<2"))


def check_opencv() -> Check:
    """Two OpenCV wheels overwrite each other's files, and pip says nothing."""
    wanted = "opencv-contrib-python<4.12"
    owners = owners_of("cv2/__init__.py")
    if len(owners) != 1:
        return Check("opencv", False, _owned(owners, "cv2"), _replace(owners, wanted))
    done, text = probe(_IMPORT_OPENCV)
    if done:
        return Check("opencv", True, f"{text}, from {owners[0]}")
    if "cannot open shared object file" in text:
        return Check("opencv", False, text, "see the line on libraries below")
    return Check("opencv", False, text, _replace(owners, wanted))


def check_onnxruntime() -> Check:
    """The CPU wheel beside the GPU wheel removes CUDA without a word."""
    owners = owners_of("onnxruntime/__init__.py")
    if len(owners) == 1:
        return Check("onnxruntime", True, f"{version_of(owners[0])}, from {owners[0]}")
    gpu = sys.platform in ("linux", "win32") and platform.machine() in ("x86_64", "AMD64")
    wanted = "onnxruntime-gpu" if gpu else "onnxruntime"
    return Check("onnxruntime", False, _owned(owners, "onnxruntime"), _replace(owners, wanted))


def check_faces() -> Check:
    """Newer MediaPipe releases have neither the graphs nor the models inside."""
    done, text = probe(_FIND_A_FACE)
    version = version_of("mediapipe") or "not installed"
    if done:
        return Check("mediapipe", True, f"{version}, {text}")
    remedy = _pip("install", "mediapipe>=0.10.14,<=0.10.21", "numpy<2")
    return Check("mediapipe", False, f"{version}: {text}", remedy)


def check_decoders() -> Check:
    """Which kinds of video can be read."""
    done, text = probe(_LIST_DECODERS)
    if not done or "h264" not in text.split():
        detail = "no H.264 decoder" if done else text
        return Check("decoders", False, detail, _pip("install", "--force-reinstall", "av"))
    return Check("decoders", True, text)


def check_libraries() -> Check:
    """Shared objects that OpenCV and Qt take from the system, as the loader sees them."""
    if sys.platform != "linux":
        return Check("libraries", True, "part of the wheels on this system")
    missing = sorted({name for path in binaries() for name in missing_objects(ldd(path))})
    packages, unknown, core = [], [], False
    table = {library.soname: library for library in system_libraries()}
    for soname in missing:
        if soname in table:
            packages.append(table[soname].package)
            core = core or table[soname].core
        else:
            unknown.append(soname)
    if not has_fonts():
        packages.append("fonts-dejavu-core")
    if not packages and not unknown:
        return Check("libraries", True, "all found")
    detail = ("not found: " + ", ".join(missing)) if missing else "no font is installed"
    remedy = f"find the package that holds {', '.join(unknown)}"
    if packages:
        remedy = "sudo apt-get install --no-install-recommends " + " ".join(dict.fromkeys(packages))
    return Check("libraries", False if core else None, detail, remedy)


def check_display() -> Check:
    """Without one there is no window, and everything else works."""
    shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform != "linux" or shown:
        return Check("display", True, shown or "the desktop")
    remedy = "fakewatch analyze, or fakewatch demo --headless, need none"
    return Check("display", None, "none, so no window can open", remedy)


def check_model() -> list[Check]:
    """The built-in weights, in a real session: what it runs on is what it says afterwards."""
    done, text = probe(_LOAD_THE_MODEL)
    if not done:
        return [Check("model", False, text, "restore weights/ as it was published")]
    provider, digest, name = text.split(maxsplit=2)
    return [
        Check("model", True, f"{name}, SHA-256 {digest}..., as its contract says"),
        judge_provider(provider, has_nvidia_driver(), version_of("onnxruntime-gpu")),
    ]


def judge_provider(provider: str, nvidia: bool, gpu_version: str | None) -> Check:
    """Whether ``provider``, the one that a session really got, is the best to be had here."""
    if "cuda" in provider.lower() or not nvidia:
        why = "" if nvidia else "; there is no NVIDIA driver"
        return Check("provider", True, f"{provider}{why}")
    if gpu_version is None:
        remedy = _replace(owners_of("onnxruntime/__init__.py"), "onnxruntime-gpu[cuda,cudnn]")
    else:
        remedy = _pip("install", f"onnxruntime-gpu[cuda,cudnn]=={gpu_version}")
    return Check("provider", None, f"{provider}, though there is an NVIDIA driver", remedy)


def _owned(owners: Sequence[str], package: str) -> str:
    return f"{package} belongs to {' and '.join(owners)}" if owners else f"no {package} installed"


def _replace(owners: Sequence[str], wanted: str) -> str:
    """Take out every owner first: what they share is broken as soon as one of them goes."""
    if not owners:  # perhaps hollow: pip believes that it is there
        return _pip("install", "--force-reinstall", "--no-deps", wanted)
    return f"{_pip('uninstall', '-y', *owners)} && {_pip('install', wanted)}"


def _pip(*words: str) -> str:
    return shlex.join([sys.executable, "-m", "pip", *words])
