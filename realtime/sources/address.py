"""What a person calls a source, taken apart: a file, a stream, a camera, a screen or a window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SourceKind(str, Enum):
    """Which class of `realtime.sources` reads it."""

    FILE = "file"
    STREAM = "stream"
    CAMERA = "camera"
    SCREEN = "screen"
    WINDOW = "window"


class Transport(str, Enum):
    """How the packets of RTSP travel."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Address:
    """A source that can be opened again and again.

    ``target`` is the path of a file, the whole URL of a stream *with its credentials*, the
    index, path or name of a camera, the number of a screen (0 for all of them together) or a
    pattern for the title of a window. ``region`` is x, y, width and height in pixels of that
    screen or window, None for the whole. ``name`` is redacted and the only part to be shown.
    """

    kind: SourceKind
    target: str
    name: str
    region: tuple[int, int, int, int] | None = None
    transport: Transport = Transport.TCP

    @property
    def live(self) -> bool:
        """Whether it goes on without being read, so that late frames have to be dropped."""
        return self.kind is not SourceKind.FILE

    def __repr__(self) -> str:
        """Without the target, which may hold a password."""
        return f"Address({self.kind.value}, {self.name!r})"
