"""What a live source is doing, and how long to wait before it is tried again. No thread in here.

The wait before the n-th attempt is drawn evenly from 0 to a bound that doubles from one attempt to
the next ("full jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from realtime.config import LiveConfig
from realtime.errors import ConfigError, FakewatchError, SourceCode, SourceError
from realtime.picture_state import text_of
from realtime.redact import redact
from realtime.sources.address import SourceKind
from realtime.types import SourceState, SourceStatus

HOPELESS: Final = frozenset(
    {
        SourceCode.CODEC_UNSUPPORTED,
        SourceCode.PERMISSION,
        SourceCode.FORMAT_REFUSED,
        SourceCode.NOT_A_FILE,
        SourceCode.NOT_FOUND,
        SourceCode.NOT_MEDIA,
        SourceCode.TOO_LARGE,
    }
)
"""Without somebody's help the next attempt ends as this one did."""
LOCAL_RETRY_S: Final = 2.0
"""The longest wait for what is on this machine: asking a camera or a window burdens no server,
and it comes back when a person plugs it in or opens it."""
STALL_FRAMES: Final = 5
"""Frame times without a frame that make a stall, if that is longer than the set time."""
AUTH_JITTER: Final = 0.1
"""A wrong password is tried again after the longest wait and up to this share more: a camera that
counts attempts must not lock out its owner."""
_PICTURES: Final = frozenset({SourceState.BLACK, SourceState.FROZEN, SourceState.PROTECTED})
_DELIVERING: Final = _PICTURES | {SourceState.LIVE, SourceState.STALLED}
_OVER: Final = frozenset({SourceState.ENDED, SourceState.FAILED})
_SMOOTHING: Final = 0.1
_MAX_DOUBLINGS: Final = 16


def patience(config: LiveConfig, kind: SourceKind) -> LiveConfig:
    """The settings, with the waits that suit this kind of source."""
    if kind in (SourceKind.STREAM, SourceKind.FILE):
        return config
    longest = max(config.retry_first_s, min(config.retry_max_s, LOCAL_RETRY_S))
    return replace(config, retry_max_s=longest)


class LifeCycle:
    """The states of one source; not thread-safe.

    Every method that may change the state leaves the newest in `status`. ``random`` gives
    numbers from 0 to 1. A source that is ``finite`` is waited for as long as it takes.
    """

    def __init__(
        self,
        source_id: str,
        config: LiveConfig,
        *,
        finite: bool = False,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._finite = finite
        self._clock = clock
        self._random = random
        self._healthy_since: float | None = None
        self._frame_at: float | None = None
        self._interval: float | None = None
        self._picture: SourceState | None = None
        self._status = SourceStatus(source_id, SourceState.CONNECTING, clock())

    @property
    def status(self) -> SourceStatus:
        """What the source is doing now."""
        return self._status

    @property
    def over(self) -> bool:
        """Whether it has ended or failed for good."""
        return self._status.state in _OVER

    @property
    def delivering(self) -> bool:
        """Whether a connection stands that has delivered at least one frame."""
        return self._status.state in _DELIVERING

    @property
    def silent_s(self) -> float:
        """How long there has been no frame from a connection that had delivered, else 0."""
        if self._frame_at is None or not self.delivering:
            return 0.0
        return max(0.0, self._clock() - self._frame_at)

    @property
    def stall_after_s(self) -> float:
        """After how much silence the source counts as stalled."""
        return max(self._config.stall_s, STALL_FRAMES * (self._interval or 0.0))

    def trying(self) -> None:
        """An attempt to connect begins."""
        attempt = self._status.attempt + 1
        self._status = replace(self._status, attempt=attempt, retry_at_mono=None)

    def connected(self, epoch: int) -> None:
        """A connection stands; it has to deliver a frame before anything is called live."""
        self._status = replace(self._status, epoch=epoch)

    def frame(self) -> None:
        """A frame came."""
        now = self._clock()
        if self._frame_at is not None and self._status.state is not SourceState.STALLED:
            step = now - self._frame_at
            before = step if self._interval is None else self._interval
            self._interval = before + _SMOOTHING * (step - before)
        self._frame_at = now
        if self._healthy_since is None:
            self._healthy_since = now
        self._enter(self._picture or SourceState.LIVE)

    def picture(self, state: SourceState | None) -> None:
        """What the pictures show: BLACK, FROZEN, PROTECTED, or None for anything lively."""
        if not self.delivering:
            return  # a frame of the connection before
        self._picture = state
        if self._status.state is not SourceState.STALLED:
            self._enter(state or SourceState.LIVE)

    def tick(self) -> None:
        """Look at the clock: silence for too long is a stall."""
        if not self._finite and self.silent_s >= self.stall_after_s:
            self._enter(SourceState.STALLED)

    def lost(self, error: FakewatchError) -> float | None:
        """The connection broke or did not come; seconds to wait, None if that is pointless."""
        now = self._clock()
        healthy_for = 0.0 if self._healthy_since is None else now - self._healthy_since
        self._forget_connection()
        if self._finite or is_hopeless(error):
            self.failed(error)
            return None
        if healthy_for >= self._config.healthy_s:
            self._status = replace(self._status, attempt=0)
        wait_s = self._wait_s(error)
        self._enter(SourceState.RECONNECTING, error, retry_at=now + wait_s)
        return wait_s

    def paused(self) -> None:
        """Somebody wants nothing to be analysed for a while; nothing is wrong."""
        self._forget_connection()
        self._enter(SourceState.PAUSED)

    def resumed(self) -> None:
        """It goes on: with the first attempt to connect, as at the beginning."""
        self._status = replace(self._status, attempt=0)
        self._enter(SourceState.CONNECTING)

    def ended(self) -> None:
        """It came to its end."""
        self._forget_connection()
        self._enter(SourceState.ENDED)

    def failed(self, error: FakewatchError) -> None:
        """It will not be tried again."""
        self._forget_connection()
        self._enter(SourceState.FAILED, error)

    def _wait_s(self, error: FakewatchError) -> float:
        longest = self._config.retry_max_s
        if isinstance(error, SourceError) and error.code is SourceCode.AUTH_FAILED:
            return longest * (1.0 - AUTH_JITTER * self._random())
        doublings = min(max(0, self._status.attempt - 1), _MAX_DOUBLINGS)
        return self._random() * min(longest, self._config.retry_first_s * 2.0**doublings)

    def _forget_connection(self) -> None:
        self._healthy_since = self._frame_at = self._interval = self._picture = None

    def _enter(
        self,
        state: SourceState,
        error: FakewatchError | None = None,
        retry_at: float | None = None,
    ) -> None:
        status = self._status
        again = state is SourceState.RECONNECTING
        if status.state in _OVER or (status.state is state and not again):
            return
        since = status.since_mono if status.state is state else self._clock()
        code = error.code.value if isinstance(error, SourceError) else None
        self._status = replace(
            status,
            state=state,
            since_mono=since,
            retry_at_mono=retry_at,
            code=code,
            text=_text(state, error),
        )


def _text(state: SourceState, error: FakewatchError | None) -> str | None:
    if error is not None:
        return redact(error)
    return text_of(state) if state in _PICTURES else None


def is_hopeless(error: FakewatchError) -> bool:
    """Whether trying again without somebody's help is pointless."""
    if isinstance(error, SourceError):
        return not error.transient and error.code in HOPELESS
    return isinstance(error, ConfigError)
