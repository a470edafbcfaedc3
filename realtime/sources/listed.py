"""The sources that a configuration lists, as addresses."""

from __future__ import annotations

from realtime.config import Config
from realtime.errors import ConfigError
from realtime.sources.address import Address, Transport
from realtime.sources.parsing import parse
from realtime.toml_tables import without_secrets


def listed(config: Config) -> dict[str, Address]:
    """The name and the address of each source that is enabled, in order; opens nothing.

    Raises:
        ConfigError: naming the entry whose text makes no sense.
    """
    found = {}
    for index, (name, entry) in enumerate(zip(config.names(), config.sources, strict=True)):
        if not entry.enabled:
            continue
        try:
            found[name] = parse(
                entry.text,
                transport=Transport(entry.transport),
                allow_http=entry.allow_http,
                shown=without_secrets(entry.text, config.secrets),
            )
        except ConfigError as exc:
            key = "url" if entry.url else "source"
            raise ConfigError(f"Setting 'sources[{index}].{key}': {exc}") from None
    return found
