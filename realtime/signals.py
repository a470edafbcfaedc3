"""What Ctrl-C, SIGTERM and SIGHUP do: end in good order, at once the second time, read anew."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from realtime.errors import ExitCode

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = b"\x1b[?25h"

_Handler = Callable[[int, FrameType | None], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the outside has asked for; whoever runs looks at it now and then."""

    stop: threading.Event = field(default_factory=threading.Event)
    reload: threading.Event = field(default_factory=threading.Event)


@contextmanager
def interrupting() -> Iterator[None]:
    """The first Ctrl-C or SIGTERM raises `KeyboardInterrupt`, the second ends the process.

    For the main thread only, as all of this is.
    """

    def interrupt() -> None:
        raise KeyboardInterrupt

    with _handling(dict.fromkeys(_ENDING, _first_and_second(interrupt))):
        yield


@contextmanager
def wishing(*, reloadable: bool) -> Iterator[Wishes]:
    """The first Ctrl-C or SIGTERM sets ``stop``, the second ends the process.

    Nothing is interrupted in the middle. SIGHUP sets ``reload`` where ``reloadable``.
    """
    wishes = Wishes()
    handlers = dict.fromkeys(_ENDING, _first_and_second(wishes.stop.set))
    if reloadable and hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = lambda _number, _frame: wishes.reload.set()
    with _handling(handlers):
        yield wishes


def _first_and_second(first: Callable[[], None]) -> _Handler:
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            # Not an exception: whatever hangs must not be asked to clean up. Results are flushed
            # with every frame.
            os._exit(ExitCode.INTERRUPTED)
        asked = True
        first()

    return handle


@contextmanager
def _handling(handlers: dict[signal.Signals, _Handler]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
