"""The wheel holds what it must, nothing else, and works where only it is installed."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from realtime import __version__

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {"realtime", "models", "weights", f"fakewatch-{__version__}.dist-info"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from what git would hand over, so that no build leftover gets in."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name == f"fakewatch-{__version__}-py3-none-any.whl"


def test_the_wheel_holds_the_weights(names: list[str]) -> None:
    assert {"weights/detector.onnx", "weights/detector.json", "weights/MODEL_CARD.md"} <= set(names)


def test_the_wheel_holds_every_module_and_nothing_else(names: list[str]) -> None:
    assert {name.split("/")[0] for name in names} == TOP_LEVEL
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("realtime", "models", "weights")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= set(names)
    pages = {"realtime/evaluation/report.html", "realtime/report/report.html"}
    words = {f"realtime/locale/de/LC_MESSAGES/fakewatch.{ending}" for ending in ("po", "mo")}
    assert {"realtime/system_libraries.txt", *pages, *words} <= set(names)


def test_metadata_states_name_licence_and_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = f"fakewatch-{__version__}.dist-info"
        about = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        assert f"{info}/licenses/LICENSE" in archive.namelist()
        assert "fakewatch = realtime.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert about["Name"] == "fakewatch"
    assert "Apache-2.0" in (about["License-Expression"] or about["License"])
    assert set(about["Requires-Python"].split(",")) == {">=3.10", "<3.13"}
    assert {"gui", "gpu", "train", "dev"} <= set(about.get_all("Provides-Extra"))
    plain = {
        Requirement(text).name for text in about.get_all("Requires-Dist") if "extra ==" not in text
    }
    assert "torch" not in plain
    assert "PyQt5" in plain


@pytest.mark.parametrize(
    ("system", "machine", "wanted"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("win32", "AMD64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
        ("darwin", "x86_64", "onnxruntime"),
    ],
)
def test_one_onnxruntime_on_every_platform(system: str, machine: str, wanted: str) -> None:
    where = {"sys_platform": system, "platform_machine": machine}
    chosen = [
        requirement.name
        for requirement in _runtime_requirements()
        if requirement.name.startswith("onnxruntime")
        and (requirement.marker is None or requirement.marker.evaluate(where))
    ]
    assert chosen == [wanted]


def test_the_installed_wheel_finds_its_weights(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(wheel)], check=True, cwd=tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import realtime, weights\n"
        "from realtime.config import ScorerConfig\n"
        "from realtime.scorer import load_scorer\n"
        "assert realtime.__file__.startswith(sys.argv[1]), realtime.__file__\n"
        "assert str(weights.DETECTOR).startswith(sys.argv[1]), weights.DETECTOR\n"
        "scorer = load_scorer(ScorerConfig(device='cpu'))\n"
        "print(scorer.info.name, realtime.__version__)\n"
        "scorer.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == __version__


def _locked() -> dict[str, list[Requirement]]:
    locked: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return locked


def _setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _lines(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line and line[0] != "#"]


def _runtime_requirements() -> list[Requirement]:
    return _lines(_setup()["options"]["install_requires"])


def _all_requirements() -> list[Requirement]:
    extras = _setup()["options.extras_require"]
    return _runtime_requirements() + [one for text in extras.values() for one in _lines(text)]


@pytest.mark.parametrize("python", ["3.10.12", "3.11.2", "3.12.3"])
def test_the_lock_fits_every_supported_python(python: str) -> None:
    where = {
        "python_version": python.rsplit(".", 1)[0],
        "python_full_version": python,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }

    def applies(marker: Marker | None) -> bool:
        return marker is None or marker.evaluate(where)

    locked = _locked()
    for wanted in _all_requirements():
        if not applies(wanted.marker):
            continue
        pins = [pin for pin in locked[canonicalize_name(wanted.name)] if applies(pin.marker)]
        assert len(pins) == 1, wanted
        (version,) = (spec.version for spec in pins[0].specifier)
        assert wanted.specifier.contains(version), f"{wanted} against {pins[0]}"


def test_everything_in_the_lock_is_hashed_and_names_no_host() -> None:
    for name in ("constraints.txt", "scripts/uv.txt"):
        text = (ROOT / name).read_text("utf-8")
        blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)
        assert not re.search(r"://|--index|--find-links|--extra-index", text)


def test_torch_and_torchvision_are_a_pair() -> None:
    """torchvision names the one torch that it was built for; their markers must agree."""
    locked = _locked()
    assert [pin.marker for pin in locked["torch"]] == [pin.marker for pin in locked["torchvision"]]
