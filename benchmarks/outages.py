"""How soon a live run tells what is wrong, and how it comes back: ``python -m benchmarks.outages``.

The whole engine with its default settings and the built-in detector watches a real RTSP server on
loopback that is killed, stopped, restarted after ``--outage`` seconds, refuses, hangs and loses
packets. Prints one line a figure. The last part measures the real program: how long a SIGTERM
takes, and what can be read after a SIGKILL.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from benchmarks.footage import like_a_camera
from benchmarks.soak import resources
from realtime.config import Config, LiveConfig
from realtime.live import LiveEngine, LiveInput
from realtime.scorer import Scorer, load_scorer
from realtime.sources import Transport, parse
from realtime.sources.synthetic import demo_clip
from realtime.types import (
    Crop,
    DropCause,
    FrameResult,
    RunStart,
    RunSummary,
    Score,
    SourceState,
    SourceStatus,
    VerdictState,
)
from tests.servers.rtsp import available, file_pipeline, rtsp_server
from tests.servers.scripted import Script, Unit, sets_of, units_of
from tests.servers.sockets import free_port, serving, silent

PATIENCE_S: Final = 120.0
ROOT: Final = Path(__file__).resolve().parents[1]


class Notes:
    """A sink that notes when (monotonic) results came, with a face or with a verdict."""

    needs_pictures = False

    def __init__(self, blocks: threading.Event | None = None) -> None:
        self.ages: list[float] = []
        self.first_face: dict[int, float] = {}
        self.first_verdict: dict[int, float] = {}
        self.results = 0
        self._blocks = blocks

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Note it."""
        if self._blocks is not None:
            self._blocks.wait()
        now, epoch = time.monotonic(), result.frame.epoch
        self.results += 1
        self.ages.append(now - result.frame.captured_mono)
        if len(result.faces):
            self.first_face.setdefault(epoch, now - self.ages[-1])
        states = {verdict.state for verdict in result.verdicts.values()}
        if states - {VerdictState.NOT_ASSESSABLE}:
            self.first_verdict.setdefault(epoch, now)

    def finish(self, summary: RunSummary) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to release."""


class Run:
    """One source in an engine: what was told of it and when."""

    def __init__(
        self, url: str, scorer: Scorer, live: LiveConfig, transport: Transport, sinks: Sequence[Any]
    ) -> None:
        self.notes = Notes()
        self.told: list[tuple[float, SourceStatus]] = []
        item = LiveInput("cam", parse(url, transport=transport), (self.notes, *sinks))
        self.engine = LiveEngine([item], scorer, Config(live=live), on_status=self._tell)
        self.begin = time.monotonic()
        self.summary: RunSummary | None = None

    def _tell(self, status: SourceStatus) -> None:
        self.told.append((time.monotonic(), status))

    def wait(self, state: SourceState, after: float) -> tuple[float, SourceStatus]:
        """When a state was first told after a moment, and how."""
        until(lambda: any(at > after and s.state is state for at, s in list(self.told)))
        return next((at, s) for at, s in self.told if at > after and s.state is state)


def until(ready: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come in time")
        time.sleep(0.005)


@contextmanager
def watch(
    url: str,
    scorer: Scorer,
    *,
    live: LiveConfig | None = None,
    transport: Transport = Transport.TCP,
    sinks: Sequence[Any] = (),
) -> Iterator[Run]:
    """A run for the length of a block; whose frames must all be accounted for."""
    run = Run(url, scorer, live or LiveConfig(), transport, sinks)
    run.engine.start()
    try:
        yield run
    finally:
        run.summary = run.engine.stop()["cam"]
    if run.summary.counts.in_flight:
        raise SystemExit("frames ended nowhere")


class Report:
    """Figures by name, printed as they come."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    def tell(self, name: str, value: float | str, unit: str = "s") -> None:
        """One line."""
        shown = f"{value:.3f} {unit}" if isinstance(value, float) else value
        print(f"{name:58} {shown}", flush=True)
        self.figures[name] = value


def connecting(report: Report, scorer: Scorer, units: Sequence[Unit]) -> None:
    """Servers that never become a stream."""
    with serving(silent) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        _told(report, "a silent server is told after", url, scorer)
    _told(report, "a refused connection", f"rtsp://127.0.0.1:{free_port()}/cam", scorer)
    script = Script(units, sets_of(units), users={"user": "right"})
    with serving(script.serve) as server:
        url = f"rtsp://user:wrong@127.0.0.1:{server.port}/cam"
        status = _told(report, "a wrong password", url, scorer)
        wait_s = (status.retry_at_mono or 0.0) - status.since_mono
        report.tell("  and is tried again after", wait_s)
    script.stopping.set()


def _told(report: Report, name: str, url: str, scorer: Scorer) -> SourceStatus:
    with watch(url, scorer) as run:
        at, status = run.wait(SourceState.RECONNECTING, 0.0)
        report.tell(f"{name} ({status.code})", at - run.begin)
    return status


def outages(report: Report, scorer: Scorer, mounts: dict[str, str], outage_s: float) -> None:
    """A camera that dies, one that goes silent, and their return."""
    with rtsp_server(mounts) as server:
        port = server.port
        holder = watch(f"rtsp://127.0.0.1:{port}/cam", scorer)
        run = holder.__enter__()
        until(lambda: 0 in run.notes.first_verdict)
        report.tell("connected and live after", run.wait(SourceState.LIVE, 0.0)[0] - run.begin)
        report.tell(
            "first verdict after the first face",
            run.notes.first_verdict[0] - run.notes.first_face[0],
        )
        died = time.monotonic()
        os.kill(server.pid, signal.SIGKILL)
        at, status = run.wait(SourceState.RECONNECTING, died)
        report.tell(f"a camera that dies is told after ({status.code})", at - died)
    try:
        time.sleep(outage_s)
        with rtsp_server(mounts, port=port) as server:
            back = time.monotonic()
            epoch = run.engine.sources[0].status.epoch + 1
            until(lambda: epoch in run.notes.first_verdict)
            face, verdict = run.notes.first_face[epoch], run.notes.first_verdict[epoch]
            report.tell(f"back after {outage_s:g} s, seen live again after", face - back)
            report.tell("  and the first verdict after the first face", verdict - face)
            begin = time.monotonic()
            os.kill(server.pid, signal.SIGSTOP)
            stalled, _ = run.wait(SourceState.STALLED, begin)
            lost, status = run.wait(SourceState.RECONNECTING, begin)
            report.tell("a camera that goes silent is stalled after", stalled - begin)
            report.tell(f"  and given up after ({status.code})", lost - begin)
            os.kill(server.pid, signal.SIGCONT)
            until(lambda: epoch + 1 in run.notes.first_verdict)
            face, verdict = run.notes.first_face[epoch + 1], run.notes.first_verdict[epoch + 1]
            report.tell("  and its first verdict after its first face again", verdict - face)
    finally:
        holder.__exit__(None, None, None)


def loss(report: Report, scorer: Scorer, clip: Path, seconds: float) -> None:
    """5 % of the packets are lost on UDP."""
    with rtsp_server({"/cam": file_pipeline(clip, loss=0.05)}) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        with watch(url, scorer, transport=Transport.UDP) as run:
            run.wait(SourceState.LIVE, 0.0)
            time.sleep(seconds)
    assert run.summary is not None
    counts = run.summary.counts
    lost = counts.dropped.get(DropCause.DECODE_ERROR, 0)
    report.tell(
        f"5 % of packets lost on UDP, {seconds:g} s",
        f"{counts.captured} frames: {counts.analysed} analysed, {lost} damaged and not shown, "
        f"{len(run.told)} states",
    )


def reconnects(report: Report, scorer: Scorer, units: Sequence[Unit]) -> None:
    """A hundred in a row, after the first 20."""
    live = LiveConfig(retry_first_s=0.001, retry_max_s=0.002)
    script = Script([Unit(unit.nals, unit.stamp) for unit in units[:15]], sets_of(units))
    with serving(script.serve) as server:
        with watch(f"rtsp://127.0.0.1:{server.port}/cam", scorer, live=live) as run:
            held = []
            for epoch in (20, 120):
                until(lambda: run.engine.sources[0].status.epoch >= epoch)  # noqa: B023
                gc.collect()
                held.append(resources())
        script.stopping.set()
    before, after = held
    growth = after["rss_mib"] / before["rss_mib"] - 1
    report.tell(
        "a hundred reconnects",
        f"{before['rss_mib']:.1f} to {after['rss_mib']:.1f} MiB ({growth:+.2%}), threads "
        f"{before['threads']} to {after['threads']}, file descriptors {before['fds']} to "
        f"{after['fds']} (both with those of the server)",
    )


class Slow:
    """A model that takes its time."""

    def __init__(self, inner: Scorer, seconds: float) -> None:
        self.contract, self.info = inner.contract, inner.info
        self._inner, self._seconds = inner, seconds

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        """As the model does, later."""
        time.sleep(self._seconds)
        return self._inner.score(crops, time_s)

    def close(self) -> None:
        """Nothing to free."""


def burdens(report: Report, scorer: Scorer, url: str, rate_hz: float, seconds: float) -> None:
    """A model ten times slower than the stream, and an output that never takes anything."""
    with watch(url, Slow(scorer, 10 / rate_hz)) as run:
        run.wait(SourceState.LIVE, 0.0)
        time.sleep(seconds)
    _burden(report, "a model that takes ten frame times", run)
    release = threading.Event()
    threading.Timer(seconds + 15, release.set).start()
    with watch(url, scorer, sinks=[Notes(release)]) as run:
        run.wait(SourceState.LIVE, 0.0)
        time.sleep(seconds)
        begin = time.monotonic()
    report.tell("an output that blocks, stop after", time.monotonic() - begin)
    release.set()
    _burden(report, "an output that blocks, the other one", run)


def _burden(report: Report, name: str, run: Run) -> None:
    assert run.summary is not None
    counts, (middle, late) = run.summary.counts, np.percentile(run.notes.ages, [50, 99])
    report.tell(
        name,
        f"{counts.captured} frames, {counts.analysed} analysed, age {1e3 * middle:.0f} ms median, "
        f"{1e3 * late:.0f} ms p99",
    )


def program(report: Report, url: str, folder: Path) -> None:
    """The real program: SIGTERM with a live, a silent and a refused source; SIGKILL."""
    out, video, settings = folder / "out.jsonl", folder / "out.mp4", folder / "cameras.toml"
    took = []
    with serving(silent) as hole:
        urls = [url, f"rtsp://127.0.0.1:{hole.port}/a", f"rtsp://127.0.0.1:{free_port()}/a"]
        settings.write_text("".join(f'[[sources]]\nurl = "{each}"\n' for each in urls), "utf-8")
        for _ in range(3):
            with _analyze("--config", settings, "--headless", "--jsonl", out) as process:
                until(lambda: out.exists() and out.read_text("utf-8").count('"face"') > 20)
                begin = time.monotonic()
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE_S)
                took.append(time.monotonic() - begin)
            if out.read_text("utf-8").count('"run_end"') != 1:
                raise SystemExit("the run has no end")
            out.unlink()
    report.tell("SIGTERM of the real program, longest of 3", max(took))
    with _analyze(url, "--jsonl", out, "--video", video) as process:
        until(lambda: out.exists() and out.read_text("utf-8").count('"face"') > 100)
        process.kill()
        process.wait(PATIENCE_S)
    text = out.read_text("utf-8")
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    with av.open(str(video)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    faces = sum(line["type"] == "face" for line in lines)
    report.tell("after a SIGKILL", f"{faces} faces in whole lines, {pictures} pictures in the mp4")


@contextmanager
def _analyze(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "realtime", "analyze", "--quiet", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def measure(options: argparse.Namespace, folder: Path, report: Report) -> None:
    """Everything, one after another."""
    clip = like_a_camera(
        options.clip or demo_clip(),
        folder / "clip.mp4",
        height=360,
        rate_hz=options.rate,
        minutes=15,
    )
    short = like_a_camera(
        options.clip or demo_clip(), folder / "short.mp4", height=360, rate_hz=15, minutes=0.1
    )
    units = units_of(short)[:60]
    scorer = load_scorer(Config().scorer)
    mounts = {"/cam": file_pipeline(clip)}
    connecting(report, scorer, units)
    outages(report, scorer, mounts, options.outage)
    reconnects(report, scorer, units)
    loss(report, scorer, clip, options.seconds)
    with rtsp_server(mounts) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        burdens(report, scorer, url, options.rate, options.seconds)
        program(report, url, folder)
    scorer.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outages")
    parser.add_argument("--clip", type=Path, help="a video with a face; default the demo clip")
    parser.add_argument("--rate", type=float, default=15.0, help="pictures a second")
    parser.add_argument("--outage", type=float, default=20.0, help="seconds without the server")
    parser.add_argument("--seconds", type=float, default=20.0, help="of what takes a while")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    if not available():
        raise SystemExit("no GStreamer RTSP server on this machine")
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        measure(options, Path(name), report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
