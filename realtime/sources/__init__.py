"""Where frames come from: one file for each kind of source, one way to choose among them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from realtime.config import Config, SourceConfig
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sources.address import Address, SourceKind, Transport
from realtime.sources.base import FrameSource
from realtime.sources.file import FileSource
from realtime.sources.parsing import URL, parse

if TYPE_CHECKING:
    from realtime.sources.tap import PacketTap

__all__ = [
    "Address",
    "FileSource",
    "FrameSource",
    "SourceKind",
    "Transport",
    "open_source",
    "parse",
]


def open_source(
    address: Address | str | bytes | os.PathLike[str],
    config: Config | SourceConfig,
    source_id: str = "file",
    tap: PacketTap | None = None,
) -> FrameSource:
    """The source at ``address``, not opened yet; a text is taken apart by `parse`.

    With a `SourceConfig` alone, everything is the path of a video file except what has the form
    of a URL. ``tap`` receives the encoded packets of a stream; other kinds have none.

    Raises:
        ConfigError: if a text makes no sense, or a URL comes with settings for files alone.
    """
    if isinstance(config, SourceConfig):
        return FileSource(_path(address), config, source_id)
    if not isinstance(address, Address):
        address = parse(address)
    if address.kind is SourceKind.FILE:
        return FileSource(address.target, config.source, source_id)
    return _open_live(address, config, source_id, tap)


def _open_live(
    address: Address, config: Config, source_id: str, tap: PacketTap | None
) -> FrameSource:
    # Imported when they are needed: each kind has libraries of its own.
    if address.kind is SourceKind.STREAM:
        from realtime.sources.stream import StreamSource  # noqa: PLC0415

        return StreamSource(address, config, source_id, tap=tap)
    if address.kind is SourceKind.CAMERA:
        from realtime.sources.camera import CameraSource  # noqa: PLC0415

        return CameraSource(address, config, source_id)
    if address.kind is SourceKind.SCREEN:
        from realtime.sources.screen import ScreenSource  # noqa: PLC0415

        return ScreenSource(address, config, source_id)
    from realtime.sources.window import WindowSource  # noqa: PLC0415

    return WindowSource(address, config, source_id)


def _path(address: Address | str | bytes | os.PathLike[str]) -> str:
    if isinstance(address, Address):
        given = address.target if address.kind is SourceKind.FILE else f"{address.kind.value}://"
    else:
        given = os.fsdecode(address)
    if not given:
        raise ConfigError("The name of the source is empty; give the path of a video file.")
    if URL.match(given) and not os.path.isfile(given):
        raise ConfigError(f"{redact(given)} is a URL; give the path of a video file.")
    return given
