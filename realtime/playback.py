"""What a viewer asks of playback, and when the next frame is due. Starts no thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from realtime.types import DropCause, SourceState


class PresentationClock:
    """Says when a frame of a file is due, so that playback keeps the pace of its time stamps.

    When the machine is too slow the clock falls back instead of hurrying to catch up: files
    drop nothing, they play slower.
    """

    MAX_LAG_S = 0.25

    def __init__(self) -> None:
        self._anchor: tuple[float, float] | None = None

    def restart(self) -> None:
        """Forget the past; the next frame is due at once."""
        self._anchor = None

    def wait_s(self, time_s: float, now: float | None = None) -> float:
        """Seconds until the frame of media time ``time_s`` is due, 0 if it is."""
        now = time.monotonic() if now is None else now
        if self._anchor is not None:
            due = self._anchor[0] + time_s - self._anchor[1]
            if now - due <= self.MAX_LAG_S:
                return max(0.0, due - now)
        self._anchor = (now, time_s)
        return 0.0


class Playback:
    """Pause, step and jump, asked for by any thread and obeyed by the capture thread.

    ``paced`` holds every frame back until it is due. ``on_state`` hears of LIVE and PAUSED.
    """

    def __init__(self, *, paced: bool, on_state: Callable[[SourceState], None]) -> None:
        self._paced = paced
        self._on_state = on_state
        self._changed = threading.Condition()
        self._clock = PresentationClock()
        self._paused = False
        self._steps = 0
        self._target: float | None = None
        self._stopped = False

    def pause(self) -> None:
        """Hold before the next frame."""
        with self._changed:
            self._paused = True
            self._steps = 0
            self._changed.notify_all()

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Pause, and let one frame through."""
        with self._changed:
            self._paused = True
            self._steps += 1
            self._changed.notify_all()

    def jump(self, time_s: float, *, pause: bool = False) -> None:
        """Go on from ``time_s``; while paused, the one frame there is let through."""
        with self._changed:
            self._target = max(0.0, time_s)
            self._paused = self._paused or pause
            self._steps = 1 if self._paused else 0
            self._changed.notify_all()

    def stop(self) -> None:
        """End all waiting, for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def take_jump(self) -> float | None:
        """Where to jump before the next frame is read, if anywhere."""
        with self._changed:
            target, self._target = self._target, None
            if target is not None:
                self._clock.restart()
            return target

    def wait_for_jump(self) -> bool:
        """Wait at the end of the source; False if playback was stopped instead."""
        with self._changed:
            while self._target is None and not self._stopped:
                self._changed.wait()
            return not self._stopped

    def wait_for_turn(self, time_s: float) -> DropCause | None:
        """Hold the frame of media time ``time_s`` until it is due; why to drop it, if so."""
        with self._changed:
            while not self._stopped:
                if self._target is not None:
                    return DropCause.SEEK
                if self._paused:
                    self._clock.restart()
                    self._on_state(SourceState.PAUSED)
                    if self._steps > 0:
                        self._steps -= 1
                        return None
                    self._changed.wait()
                    continue
                self._on_state(SourceState.LIVE)
                wait_s = self._clock.wait_s(time_s) if self._paced else 0.0
                if wait_s <= 0.0:
                    return None
                self._changed.wait(wait_s)
        return DropCause.SHUTDOWN
