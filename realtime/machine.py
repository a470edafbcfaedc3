"""Facts about this machine and what is installed on it, gathered without importing any of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, resources, util
from pathlib import Path
from typing import Final

PROBE_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class SystemLibrary:
    """A shared object that a wheel takes from the system, and the Debian package that has it."""

    soname: str
    package: str
    core: bool
    """Nothing runs without it; else only the window needs it."""


def has_nvidia_driver() -> bool:
    """Whether the kernel module is loaded; the tools that come with it may not be installed."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def owners_of(path: str) -> list[str]:
    """Names of the installed distributions whose record lists ``path``, sorted."""
    owners = set()
    for distribution in metadata.distributions():
        if any(file.as_posix() == path for file in distribution.files or ()):
            owners.add(distribution.metadata["Name"])
    return sorted(owners)


def system_libraries() -> list[SystemLibrary]:
    """The table that the setup reads too."""
    text = resources.files("realtime").joinpath("system_libraries.txt").read_text("utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [SystemLibrary(soname, package, need == "core") for soname, package, need in rows]


def missing_objects(ldd_output: str) -> list[str]:
    """Sonames that ``ldd`` did not find."""
    lines = (line.split() for line in ldd_output.splitlines())
    return [words[0] for words in lines if words[1:4] == ["=>", "not", "found"]]


def binaries() -> Iterator[Path]:
    """Shared objects of OpenCV and of Qt's platform plugins, which lean on the system most."""
    opencv, qt = _folder("cv2"), _folder("PyQt5")
    if opencv is not None:
        yield from opencv.glob("cv2*.so")
    if qt is not None:
        platforms = qt / "Qt5/plugins/platforms"
        yield from (platforms / name for name in ("libqxcb.so", "libqoffscreen.so"))


def _folder(package: str) -> Path | None:
    spec = util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def ldd(path: Path) -> str:
    """What the dynamic loader finds for ``path``; empty where there is no such tool."""
    try:
        done = subprocess.run(  # noqa: S603 - the path comes from the installation
            ["ldd", str(path)],  # noqa: S607 - where it lies differs between systems
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def probe(code: str) -> tuple[bool, str]:
    """Run ``code`` in a fresh interpreter: whether it succeeded, and its last line."""
    try:
        done = subprocess.run(  # noqa: S603 - the code is a constant of the caller
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {PROBE_TIMEOUT_S:.0f} s"
    if done.returncode < 0:
        return False, f"crashed with signal {-done.returncode}"
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else "no output"


def has_fonts() -> bool:
    """Whether Qt will find any; it draws nothing where letters should be without."""
    home = Path.home()
    folders = ("/usr/share/fonts", "/usr/local/share/fonts", home / ".fonts", home / ".local/share")
    return any(next(Path(folder).rglob("*.[to]tf"), None) for folder in folders)


def version_of(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
