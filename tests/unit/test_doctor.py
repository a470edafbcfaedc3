"""The doctor finds real damage and names the command that mends it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from realtime import doctor, machine

LDD = """\
\tlinux-vdso.so.1 (0x00007ffd5b5f2000)
\tlibGL.so.1 => not found
\tlibxcb-xkb.so.1 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f3e1c000000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f3e1d000000)
"""


@pytest.fixture
def second_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another OpenCV distribution on the path, as pip would have recorded it."""
    info = tmp_path / "opencv_python-4.11.0.86.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: opencv-python\nVersion: 4.11\n")
    (info / "RECORD").write_text("cv2/__init__.py,,\n")
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2/__init__.py").touch()  # what is not there is not listed
    monkeypatch.syspath_prepend(tmp_path)


def test_two_opencv_wheels_are_found_and_both_must_go(second_opencv: None) -> None:
    check = doctor.check_opencv()
    assert check.ok is False
    assert "opencv-contrib-python and opencv-python" in check.detail
    assert "uninstall -y opencv-contrib-python opencv-python" in check.remedy
    assert check.remedy.startswith(sys.executable)


def test_a_hollow_package_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "owners_of", lambda path: [])
    check = doctor.check_opencv()
    assert check.ok is False
    assert check.detail == "no cv2 installed"
    assert "install --force-reinstall --no-deps 'opencv-contrib-python<4.12'" in check.remedy


def test_a_wrong_finding_makes_the_doctor_return_1(second_opencv: None) -> None:
    out = io.StringIO()
    assert doctor.doctor(out) == 1
    lines = out.getvalue().splitlines()
    wrong = next(line for line in lines if line.startswith("wrong opencv"))
    assert lines[lines.index(wrong) + 1].strip().startswith("mend: ")
    assert lines[-1].endswith("wrong.")


@pytest.fixture(scope="module")
def checks() -> list[doctor.Check]:
    """Every finding about the environment that the tests run in."""
    return doctor.run_checks()


def test_this_environment_is_healthy(checks: list[doctor.Check]) -> None:
    assert [check for check in checks if check.ok is False] == []


def test_every_check_reports_once_and_mends_what_is_amiss(checks: list[doctor.Check]) -> None:
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert {"python", "numpy", "opencv", "onnxruntime", "model", "libraries"} <= set(names)
    for check in checks:
        assert check.detail
        assert bool(check.remedy) == (check.ok is not True)


def test_looking_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from realtime.doctor import check_faces, check_libraries, check_model, check_opencv\n"
        "check_opencv(), check_faces(), check_libraries(), check_model()\n"
        "heavy = {'av', 'cv2', 'mediapipe', 'onnxruntime', 'PyQt5', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_shared_objects_become_one_apt_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ldd", lambda path: LDD)
    check = doctor.check_libraries()
    assert check.ok is False  # libGL is what OpenCV needs
    assert "libGL.so.1, libxcb-xkb.so.1" in check.detail
    assert check.remedy.endswith("install --no-install-recommends libgl1 libxcb-xkb1")


def test_what_only_the_window_misses_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ldd", lambda path: LDD.replace("libGL.so.1 => not", "a => b"))
    assert doctor.check_libraries().ok is None


def test_an_unknown_shared_object_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ldd", lambda path: "\tlibodd.so.9 => not found\n")
    check = doctor.check_libraries()
    assert check.ok is None
    assert "libodd.so.9" in check.detail
    assert "libodd.so.9" in check.remedy


def test_the_checked_binaries_exist() -> None:
    paths = list(machine.binaries())
    assert len(paths) >= 3
    assert all(path.is_file() for path in paths)
    assert all("libc.so" in machine.ldd(path) for path in paths)


def test_the_library_table_is_complete_and_unambiguous() -> None:
    table = machine.system_libraries()
    sonames = [library.soname for library in table]
    assert len(set(sonames)) == len(sonames)
    assert {"libGL.so.1", "libgthread-2.0.so.0"} == {row.soname for row in table if row.core}
    # What Qt's X11 plugin takes from the system and minimal systems lack begins like this.
    qxcb = next(path for path in machine.binaries() if path.name == "libqxcb.so")
    linked = {line.split()[0] for line in machine.ldd(qxcb).splitlines() if "=> /" in line}
    needed = {name for name in linked if name.startswith(("libxcb-", "libxkbcommon"))}
    assert needed
    # libxcb-util comes with libxcb-image, which needs it.
    assert needed - {"libxcb-util.so.1"} <= set(sonames)


@pytest.mark.parametrize(
    ("provider", "nvidia", "version", "ok"),
    [("cpu", False, None, True), ("cuda", True, "1.31.1", True), ("cpu", True, "1.31.1", None)],
)
def test_a_gpu_that_lies_idle_is_noted(
    provider: str, nvidia: bool, version: str | None, ok: bool | None
) -> None:
    check = doctor.judge_provider(provider, nvidia, version)
    assert check.ok is ok
    if ok is None:
        assert "onnxruntime-gpu[cuda,cudnn]==1.31.1" in check.remedy


def test_the_cpu_wheel_on_a_machine_with_a_gpu_is_replaced() -> None:
    remedy = doctor.judge_provider("cpu", True, None).remedy
    assert "uninstall -y onnxruntime" in remedy
    assert "install 'onnxruntime-gpu[cuda,cudnn]'" in remedy


def test_a_crash_and_an_error_are_reported_not_suffered() -> None:
    assert machine.probe("import os; os.abort()") == (False, "crashed with signal 6")
    assert machine.probe("import sys; sys.exit('no luck')") == (False, "no luck")
    assert machine.probe("print('first'); print('last')") == (True, "last")


def test_no_display_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert doctor.check_display().ok is None
    monkeypatch.setenv("DISPLAY", ":7")
    assert doctor.check_display().ok is True
