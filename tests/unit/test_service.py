"""What is handed out to run fakewatch as a service agrees with the program and with itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from realtime import settings_help
from realtime.arguments import parse
from realtime.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "fakewatch.service").read_text("utf-8").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        return
    # The program is not installed under /opt here; everything else is looked at as it is.
    text = (DEPLOY / "fakewatch.service").read_text("utf-8")
    copy = tmp_path / "fakewatch.service"
    copy.write_text(text.replace("/opt/fakewatch/bin/fakewatch", sys.executable), "utf-8")
    done = subprocess.run(
        [systemd, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened_and_ends_in_time() -> None:
    found = unit()
    for key, value in {
        "User": "fakewatch",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "Restart": "on-failure",
    }.items():
        assert found[key] == [value], key
    assert set(found) >= {"MemoryMax", "ReadWritePaths", "LoadCredential", "SystemCallFilter"}
    assert 3 < int(found["TimeoutStopSec"][0]) <= 30
    assert found["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert found["SuccessExitStatus"] == [str(int(ExitCode.INTERRUPTED))]
    never_again = {int(code) for code in found["RestartPreventExitStatus"][0].split()}
    assert never_again == {ExitCode.USAGE, ExitCode.MODEL}


def test_the_program_understands_its_command_in_the_unit() -> None:
    (command,) = unit()["ExecStart"]
    program, *arguments = command.split()
    assert program == "/opt/fakewatch/bin/fakewatch"
    options = parse(arguments)
    assert options.verb == "analyze"
    assert str(options.config) == "/etc/fakewatch/cameras.toml"
    assert options.jsonl == "-"


def test_the_example_of_settings_is_good(tmp_path: Path) -> None:
    text = (DEPLOY / "cameras.toml").read_text("utf-8")
    (credential,) = (value.split(":")[0] for value in unit()["LoadCredential"])
    path = f"/run/credentials/fakewatch.service/{credential}"
    assert path in text
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n", "utf-8")
    copy = tmp_path / "cameras.toml"
    copy.write_text(text.replace(path, str(secret)), "utf-8")
    lines = settings_help.check(copy)
    assert lines[0].startswith("ok: 1 source and 1 disabled")
    assert "hunter2" not in "".join(lines)


def requirements(path: Path) -> list[Requirement]:
    text = path.read_text("utf-8").replace("\\\n", " ")
    lines = (line.split(" --hash")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_headless_opencv_takes_the_place_of_the_other_in_the_same_version() -> None:
    (headless,) = requirements(DEPLOY / "headless.txt")
    assert headless.name == "opencv-contrib-python-headless"
    locked = (ROOT / "constraints.txt").read_text("utf-8")
    (version,) = re.findall(r"^opencv-contrib-python==([0-9.]+)", locked, re.MULTILINE)
    assert str(headless.specifier) == f"=={version}"
    assert "--hash=sha256:" in (DEPLOY / "headless.txt").read_text("utf-8")


def test_what_is_left_out_is_asked_for_and_comes_nowhere() -> None:
    left_out = requirements(DEPLOY / "headless-overrides.txt")
    asked = (ROOT / "setup.cfg").read_text("utf-8").casefold()
    for one in left_out:
        assert one.name in asked
        assert one.marker is not None
        assert not any(
            one.marker.evaluate({"sys_platform": system}) for system in ("linux", "win32", "darwin")
        )
    assert {one.name for one in left_out} == {"opencv-contrib-python", "pyqt5", "qtpy"}


def dockerfile() -> list[str]:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_everything_that_the_image_takes_is_there_and_handed_to_docker() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = [line for line in dockerfile() if line.startswith("COPY") and "--from" not in line]
    assert copied
    for line in copied:
        for name in line.split()[1:-1]:
            assert (ROOT / name).exists(), name
            assert name in allowed, name


def test_the_image_runs_unprivileged_and_can_be_asked_for_its_health() -> None:
    lines = dockerfile()
    last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    (user,) = (line for line in last if line.startswith("USER"))
    assert re.fullmatch(r"USER [1-9][0-9]*:[1-9][0-9]*", user)
    (check,) = (line for line in last if line.startswith("HEALTHCHECK"))
    program, flag, code = json.loads(check[check.index("[") :])
    assert (program, flag) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert "/live" in code
    (command,) = (json.loads(line[4:]) for line in last if line.startswith("CMD"))
    options = parse(command)
    assert options.metrics.rpartition(":")[2] in code
    assert f"EXPOSE {options.metrics.rpartition(':')[2]}" in last


@pytest.mark.parametrize("name", ["headless.sh", "setup.sh"])
def test_scripts_are_whole(name: str) -> None:
    script = ROOT / "scripts" / name
    done = subprocess.run(
        ["bash", "-n", str(script)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert script.stat().st_mode & 0o111
