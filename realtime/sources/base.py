"""What every source is: the one interface between the outside world and the engine."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, runtime_checkable

from realtime.cues.sound import Sound
from realtime.cues.timing import Inspection
from realtime.types import Frame, SourceInfo


class FrameSource(Protocol):
    """A stream of frames, used by one thread at a time.

    Life: ``open``, any number of ``read`` and ``seek``, ``close``. ``close`` may be called at
    any time, more than once, and from another thread to end a blocked ``read``. A source may
    not be opened again after it was closed.
    """

    @property
    def source_id(self) -> str:
        """A short name, unique in a run, free of credentials."""
        ...

    @property
    def decode_errors(self) -> int:
        """How many frames were lost so far because they could not be decoded."""
        ...

    def open(self) -> SourceInfo:
        """Open and say what it is; raises `SourceError`. Returns within the open deadline."""
        ...

    def read(self) -> Frame | None:
        """The next frame, or None at the end; raises `SourceError`.

        Within an epoch ``time_s`` grows strictly. ``image`` is upright: rotation is applied.
        """
        ...

    def seek(self, time_s: float) -> None:
        """Make the next ``read`` return the frame shown at ``time_s``, in a new epoch.

        That is the last frame whose time is not after ``time_s``, or the first frame of all.
        A time beyond the end gives the last frame.

        Raises:
            SourceError: NOT_SEEKABLE if the source cannot go there.
        """
        ...

    def close(self) -> None:
        """Release everything."""
        ...

    def __enter__(self) -> FrameSource: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Listener(Protocol):
    """Gives the sound of an open source; used by one thread at a time."""

    @property
    def sound(self) -> Sound:
        """What is heard, on the clock of the frames."""
        ...

    def close(self) -> None:
        """Hear no more; may be called twice."""
        ...


@runtime_checkable
class Audible(Protocol):
    """A source that can also be heard."""

    def listener(self) -> Listener | None:
        """A listener beside the frames, None if there is nothing to hear; it opens nothing
        until sound is asked for."""
        ...


@runtime_checkable
class Inspectable(Protocol):
    """A source whose packets and sound can be read beside its frames."""

    def inspection(self) -> Inspection:
        """A reader of its own; opens nothing until something is asked for."""
        ...


def skipped_by(source: FrameSource) -> int:
    """How many frames ``source`` left out so far because they were too old to be shown.

    A source that may do so has them in ``skipped``; the others have no such thing.
    """
    return int(getattr(source, "skipped", 0))
