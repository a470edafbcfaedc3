"""What this computer plays, heard from a real sound server where there is one."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime import config as settings
from realtime.config import Config, CuesConfig
from realtime.cues.sound import FEATURE_HZ
from realtime.errors import ConfigError
from realtime.sources.device_sound import DeviceSound
from realtime.sources.sound_process import HEADER, SAMPLES, SENTENCE

PATIENCE_S = 60.0


@pytest.fixture
def silent_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No sound server can be found, and none is started."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    monkeypatch.setenv("PULSE_RUNTIME_PATH", str(tmp_path))


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The name of a speaker that nobody hears, of a sound server that is the test's own."""
    server = shutil.which("pulseaudio")
    if server is None or shutil.which("paplay") is None:
        pytest.skip("no sound server on this machine")
    socket = tmp_path / "native"
    monkeypatch.setenv("PULSE_SERVER", f"unix:{socket}")
    monkeypatch.setenv("PULSE_RUNTIME_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    properties = "sink_properties=device.description=Test_speaker"
    command = [server, "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit"]
    command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
    command += ["-L", f"module-null-sink sink_name=test {properties}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not socket.exists():
            assert time.monotonic() < deadline, "the sound server did not start"
            assert process.poll() is None, "the sound server has ended"
            time.sleep(0.05)
        yield "Test_speaker"
        process.kill()


def beeps(path: Path, at: tuple[float, ...], seconds: float) -> Path:
    times = np.arange(round(seconds * 16_000)) / 16_000
    loud = np.zeros(len(times), bool)
    for begin in at:
        loud |= (times >= begin) & (times < begin + 0.2)
    tone = np.where(loud, 0.5 * np.sin(2 * np.pi * 700 * times), 0.0)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((tone * 32767).astype("<i2").tobytes())
    return path


def heard_onsets(ears: DeviceSound) -> list[float]:
    span = ears.sound.span(time.monotonic())
    if span is None:
        return []
    heard = ears.sound.between(*span)
    loud = heard.level > -4.0
    first = np.flatnonzero(loud & ~np.concatenate(([False], loud[:-1])))
    return [span[0] + float(i) / FEATURE_HZ for i in first]


def test_what_the_computer_plays_is_heard_when_it_is_played(speaker: str, tmp_path: Path) -> None:
    clip = beeps(tmp_path / "beeps.wav", (0.3, 1.0, 2.2), 3.0)
    ears = DeviceSound(f"speaker:{speaker}")
    try:
        deadline = time.monotonic() + PATIENCE_S
        while ears.sound.span(time.monotonic()) is None:
            assert time.monotonic() < deadline, "nothing is heard"
            time.sleep(0.05)
        began = time.monotonic()
        subprocess.run(["paplay", str(clip)], check=True, timeout=PATIENCE_S)
        time.sleep(0.5)
        onsets = heard_onsets(ears)
    finally:
        ears.close()
    assert np.diff(onsets) == pytest.approx([0.7, 1.2], abs=0.1)
    assert began < onsets[0] < time.monotonic()


@pytest.mark.parametrize("what", ["speaker", "microphone"])
def test_without_a_sound_server_one_sentence_is_logged(
    silent_machine: None, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    said = outcome(what, caplog)
    assert said == [
        "Nothing is heard: This system offers no sound to record; start its sound server."
    ]


def test_a_name_that_nothing_has_gets_the_names_there_are(
    speaker: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = outcome("speaker:nothing like it", caplog)
    assert len(said) == 1
    assert said[0].startswith("Nothing is heard: No speaker is called nothing like it; there are:")
    assert speaker in said[0]


def outcome(what: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    ears = DeviceSound(what)
    deadline = time.monotonic() + PATIENCE_S
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.05)
    ears.close()
    ears.close()
    assert ears.sound.span(time.monotonic()) is None
    return [record.getMessage() for record in caplog.records]


def test_records_are_what_the_reader_takes(silent_machine: None) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "realtime.sources.sound_process", "microphone"],
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    kind, _, size = HEADER.unpack(done.stdout[: HEADER.size])
    assert kind == SENTENCE
    assert len(done.stdout) == HEADER.size + size
    assert struct.calcsize("<cdI") == HEADER.size
    assert SAMPLES != SENTENCE


def test_what_is_heard_is_a_setting_with_two_words(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[cues]\nhear = "speaker:Headset"\n', "utf-8")
    assert settings.load(file).cues.hear == "speaker:Headset"
    file.write_text('[cues]\nhear = "loudspeaker"\n', "utf-8")
    with pytest.raises(ConfigError, match="must be speaker, microphone, or either with :NAME"):
        settings.load(file)
    assert Config(cues=CuesConfig()).cues.hear == ""
