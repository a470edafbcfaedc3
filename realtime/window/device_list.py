"""The cameras, screens and windows of this machine, as they are offered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from realtime import devices
from realtime.redact import redact
from realtime.sources import Address, SourceKind
from realtime.window.recents import screen_name
from realtime.window.translate import later


@dataclass(frozen=True, slots=True)
class Choice:
    """One device. ``address`` is None where it cannot be opened; ``about`` then says why."""

    kind: SourceKind
    name: str
    about: str
    address: Address | None


def cameras() -> list[Choice]:
    """Every camera, also those that cannot be opened; raises `SourceError`."""
    found = []
    for camera in devices.list_cameras():
        name = redact(camera.name)
        address = Address(SourceKind.CAMERA, camera.path or str(camera.index), name)
        if camera.problem is None:
            found.append(Choice(SourceKind.CAMERA, name, redact(camera.path), address))
        else:
            found.append(Choice(SourceKind.CAMERA, name, redact(camera.problem), None))
    return found


def screens() -> list[Choice]:
    """Every screen; raises `SourceError` where there is none."""
    found = []
    for screen in devices.list_screens():
        name = screen_name(screen.number)
        address = Address(SourceKind.SCREEN, str(screen.number), name)
        found.append(Choice(SourceKind.SCREEN, name, _size(*screen.area[2:]), address))
    return found


def windows() -> list[Choice]:
    """Every window that can be seen; raises `SourceError` where windows cannot be captured."""
    found = []
    for window in devices.list_windows():
        name = redact(window.title)
        address = Address(SourceKind.WINDOW, f"0x{window.number:x}", name)
        found.append(Choice(SourceKind.WINDOW, name, _size(*window.area[2:]), address))
    return sorted(found, key=lambda choice: choice.name.casefold())


def _size(width: int, height: int) -> str:
    return f"{width} × {height}"


KINDS: Final[tuple[tuple[SourceKind, str, Callable[[], list[Choice]]], ...]] = (
    (SourceKind.CAMERA, later("Cameras"), cameras),
    (SourceKind.SCREEN, later("Screens"), screens),
    (SourceKind.WINDOW, later("Windows"), windows),
)
