"""What the window is asked to show, and what may be said of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from realtime.config import Config
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sources import Address
from realtime.sources.listed import listed
from realtime.window.job import Wanted
from realtime.window.translate import tr, trn


@dataclass(frozen=True, slots=True)
class Request:
    """Sources to be played at once, a tile each if there are ``many``.

    ``config`` replaces the settings of the window, None leaves them. ``name`` is free of
    credentials.
    """

    wanted: tuple[Wanted, ...]
    name: str
    config: Config | None = field(default=None, repr=False)
    many: bool = False

    @property
    def title(self) -> str:
        """Of the window."""
        return title_of(self.name)


def one(source: str | Address) -> Request:
    """A source with the settings of the window; a text is taken apart when it is opened."""
    name = source.name if isinstance(source, Address) else shown(source)
    return Request((Wanted("source", name, source),), name)


def all_of(config: Config, name: str = "") -> Request:
    """All sources of ``config`` with its settings; ``name`` is that of its file.

    Raises:
        ConfigError: if it lists no source, or one that makes no sense.
    """
    found = listed(config)
    if not found:
        raise ConfigError(
            tr("The configuration lists no source; add [[sources]] with a url or a source.")
        )
    if len(found) == 1:
        ((source_id, address),) = found.items()
        return Request((Wanted(source_id, address.name, address),), address.name, config)
    wanted = tuple(Wanted(source_id, source_id, each) for source_id, each in found.items())
    return Request(wanted, redact(name) or _count(len(wanted)), config, many=True)


def _count(sources: int) -> str:
    return trn("{count} source", "{count} sources", sources).format(count=sources)


def title_of(name: str) -> str:
    """The title of a window that shows the source of that name."""
    # Of a path the end; and Qt reads [*] as the mark of a changed document.
    name = name if "://" in name else os.path.basename(name) or name
    return f"{name.replace('[*]', '[*][*]')} — fakewatch"


def shown(text: str) -> str:
    """What stands for a source in little room: the end of a path, no secret of a URL."""
    return redact(text if "://" in text else os.path.basename(text) or text)
