"""Live sources whose behaviour is scripted, and sinks that remember, for tests of the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from realtime.errors import SourceCode, SourceError
from realtime.sources.address import Address, SourceKind
from realtime.types import (
    Clock,
    Frame,
    FrameResult,
    Image,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceStatus,
)

GONE = SourceError("The camera does not answer.", SourceCode.TIMEOUT, transient=True)


def address(name: str) -> Address:
    """Of a stream; nothing is ever opened under it."""
    return Address(SourceKind.STREAM, f"rtsp://u:secret@{name}/1", f"rtsp://{name}/1")


class LivePictures:
    """One connection that delivers ``picture(n)`` ``rate_hz`` times a second.

    ``at(n)`` is called before the n-th read ends and may block on `closed`, raise, or return
    False for the end of the stream. As a real one it is behind once nobody reads for a while:
    frames keep their pace, and what was missed comes at once.
    """

    def __init__(
        self,
        picture: Callable[[int], Image],
        rate_hz: float = 30.0,
        at: Callable[[LivePictures, int], bool | None] = lambda _, __: None,
        lost_every: int = 0,
    ) -> None:
        self.source_id = "inner"
        self.picture = picture
        self.rate_hz = rate_hz
        self.at = at
        self.lost_every = lost_every
        self.decode_errors = 0
        self.count = 0
        self.closed = threading.Event()
        self.closes = 0
        self.begin = 0.0

    def open(self) -> SourceInfo:
        self.begin = time.monotonic()
        height, width = self.picture(0).shape[:2]
        return SourceInfo("scripted", width, height, None, self.rate_hz, False, True, "raw")

    def read(self) -> Frame | None:
        if self.at(self, self.count) is False:
            return None
        due = self.begin + self.count / self.rate_hz
        if self.closed.wait(max(0.0, due - time.monotonic())):
            raise SourceError("The source was closed.", SourceCode.CONNECTION_FAILED)
        if self.lost_every and self.count % self.lost_every == 0:
            self.decode_errors += 1
        index, self.count = self.count, self.count + 1
        image = self.picture(index)
        image.setflags(write=False)
        now = time.monotonic()
        return Frame("inner", 0, index, index / self.rate_hz, now, None, Clock.PTS, image)

    def seek(self, time_s: float) -> None:
        raise SourceError("It is live.", SourceCode.NOT_SEEKABLE)

    def close(self) -> None:
        self.closes += 1
        self.closed.set()

    def __enter__(self) -> LivePictures:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Remembering:
    """A sink that keeps what it got, in order; ``at`` is called with every result."""

    def __init__(self, at: Callable[[FrameResult], None] = lambda _: None) -> None:
        self.heard: list[RunStart | FrameResult | SourceStatus | RunSummary] = []
        self.at = at
        self.changed = threading.Condition()

    def _keep(self, item: RunStart | FrameResult | SourceStatus | RunSummary) -> None:
        with self.changed:
            self.heard.append(item)
            self.changed.notify_all()

    def start(self, start: RunStart) -> None:
        self._keep(start)

    def write(self, result: FrameResult) -> None:
        self.at(result)
        self._keep(result)

    def status(self, status: SourceStatus) -> None:
        self._keep(status)

    def finish(self, summary: RunSummary) -> None:
        self._keep(summary)

    def close(self) -> None:
        pass

    @property
    def results(self) -> list[FrameResult]:
        with self.changed:
            return [item for item in self.heard if isinstance(item, FrameResult)]

    @property
    def summaries(self) -> list[RunSummary]:
        with self.changed:
            return [item for item in self.heard if isinstance(item, RunSummary)]

    def wait_for(self, ready: Callable[[list[FrameResult]], bool], timeout_s: float = 30) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready(self.results):
            assert time.monotonic() < deadline, "it never came"
            with self.changed:
                self.changed.wait(0.05)
