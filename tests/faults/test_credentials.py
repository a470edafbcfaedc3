"""Twenty odd credentials go through the whole program and come out nowhere."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from realtime.errors import ConfigError
from realtime.sources.parsing import parse
from tests.odd_credentials import ODD, Odd, leaks

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_no_address_shows_what_it_holds(odd: Odd) -> None:
    try:
        address = parse(odd.url)
    except ConfigError as exc:
        told = [str(exc), repr(exc)]
    else:
        told = [repr(address), str(address), address.name, repr([address])]
    assert not leaks("\n".join(told), odd)


def accepted() -> list[Odd]:
    """Those that can be opened at all."""
    found = []
    for odd in ODD:
        try:
            parse(odd.url)
        except ConfigError:
            continue
        found.append(odd)
    return found


def test_no_output_of_a_live_run_shows_a_credential(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = tmp_path / "out.jsonl"
    used = accepted()
    assert len(used) >= 15
    options = ["--max-seconds", "6", "--metrics", f"127.0.0.1:{port}", "--log-level", "debug"]
    command = [sys.executable, "-m", "realtime", "analyze", *options, "--jsonl", str(lines)]
    process = subprocess.Popen(
        [*command, *(odd.url for odd in used)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    answers = ""
    while process.poll() is None and not answers.count("fakewatch_reconnects_total{"):
        try:
            answers = "".join(
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read().decode()
                for path in ("/metrics", "/live")
            )
        except OSError:  # it does not listen yet
            process_wait(process)
    out, complaint = process.communicate(timeout=100)
    shown = out.decode() + complaint.decode() + lines.read_text("utf-8") + answers
    assert "fakewatch_source_state{" in answers, complaint.decode()
    assert "Traceback" not in shown
    for odd in used:
        assert not leaks(shown, odd), odd.name
    assert all(json.loads(line) for line in lines.read_text("utf-8").splitlines())


def process_wait(process: subprocess.Popen[bytes]) -> None:
    """A moment, unless it ends before."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return
