"""How long it takes until a fault of a stream is noticed: ``python -m benchmarks.stream_faults``.

Every server is real and on loopback, the deadlines are those of the default settings. Prints one
line a fault: seconds from the fault to the error, and its code. Then one stream is opened, read
and closed ``--cycles`` times, and what is left of memory, threads and file descriptors is printed.
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from realtime.config import Config
from realtime.errors import SourceError
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from tests.contract.clips import make_clip
from tests.servers.scripted import Script, sets_of, units_of
from tests.servers.sockets import free_port, serving, silent

CAMERA = {"tune": "zerolatency", "sc_threshold": "0"}


def noticed(url: str, script: Script | None = None) -> tuple[float, str, int]:
    """Seconds from the start, or from when ``script`` fell silent, to the error; its code, and
    how many frames were read."""
    frames, code = 0, "end"
    begin = time.monotonic()
    with StreamSource(parse(url, allow_http=True), Config()) as source:
        try:
            source.open()
            while source.read() is not None:
                frames += 1
        except SourceError as exc:
            code = exc.code.value
        end = time.monotonic()
    return end - (begin if script is None else script.silent_since), code, frames


def closed(url: str, after_s: float) -> float:
    """Seconds from `close` until the thread that was waiting has ended."""
    source = StreamSource(parse(url, allow_http=True), Config())

    def use() -> None:
        try:
            source.open()
            while source.read() is not None:
                pass
        except SourceError:
            pass

    thread = threading.Thread(target=use)
    thread.start()
    time.sleep(after_s)
    begin = time.monotonic()
    source.close()
    thread.join()
    return time.monotonic() - begin


@contextmanager
def played(script: Script) -> Iterator[str]:
    with serving(script.serve) as server:
        try:
            yield f"rtsp://127.0.0.1:{server.port}/cam"
        finally:
            script.stopping.set()


def measure(folder: Path) -> None:
    units = units_of(make_clip(folder / "clip.mp4", 50, options=CAMERA))
    sets = sets_of(units)
    for scheme in ("rtsp", "rtsps", "http"):
        with serving(silent) as server:
            tell(f"silent server, {scheme}", *noticed(f"{scheme}://127.0.0.1:{server.port}/cam"))
    slow = [replace(unit, wait_s=0.04) for unit in units]
    for fault, silence_s in (("stall in mid-stream", 60), ("server hangs up in mid-stream", 0)):
        script = Script(slow, sets, silence_s)
        with played(script) as url:
            tell(fault, *noticed(url, script))
    tell("nothing listens", *noticed(f"rtsp://127.0.0.1:{free_port()}/cam"))
    tell("unknown host", *noticed("rtsp://nonesuch.invalid/cam"))
    with played(Script(units, sets, users={"user": "right"})) as url:
        tell("wrong password", *noticed(url.replace("//", "//user:wrong@")))
    for status in ("404 Not Found", "403 Forbidden", "503 Service Unavailable"):
        with played(Script([], status=status)) as url:
            tell(status, *noticed(url))
    with serving(Script(units, sets).serve, tls=True) as server:
        tell("untrusted certificate", *noticed(f"rtsps://127.0.0.1:{server.port}/cam"))
    with resolver_hangs():
        tell("name server hangs", *noticed("rtsp://nonesuch.invalid/cam"))
    with serving(silent) as server:
        took = closed(f"rtsp://127.0.0.1:{server.port}/cam", 0.5)
        print(f"{'close while it opens':32} {took:7.3f} s")
    with played(Script(units, sets, 60)) as url:
        print(f"{'close while it reads':32} {closed(url, 1.5):7.3f} s")


@contextmanager
def resolver_hangs() -> Iterator[None]:
    """A name server that does not answer is nothing that loopback has."""
    end = threading.Event()
    with mock.patch.object(socket, "getaddrinfo", side_effect=lambda *_, **__: end.wait(60) and []):
        try:
            yield
        finally:
            end.set()


def tell(fault: str, seconds: float, code: str, frames: int) -> None:
    print(f"{fault:32} {seconds:7.3f} s  {code}" + (f" after {frames} frames" if frames else ""))


def cycles(folder: Path, count: int) -> None:
    units = units_of(make_clip(folder / "clip.mp4", 50, size=(1280, 720), options=CAMERA))
    script = Script(units, sets_of(units), 60)
    with played(script) as url:
        for turn in range(count + 1):
            with StreamSource(parse(url), Config()) as source:
                source.open()
                for _ in range(20):
                    source.read()
            if turn in (0, 20, count):
                gc.collect()
                time.sleep(0.2)
                fds = len(os.listdir("/proc/self/fd"))
                print(
                    f"after {turn:3} reconnects: {rss():6.1f} MiB resident, "
                    f"{threading.active_count()} threads, {fds} file descriptors"
                )


def rss() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cycles", type=int, default=100)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name))
        cycles(Path(name), given.cycles)


if __name__ == "__main__":
    main()
