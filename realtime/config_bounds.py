"""What numbers and words the settings may be, whoever sets them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from realtime.errors import ConfigError
from realtime.toml_tables import settings_of

if TYPE_CHECKING:
    from realtime.config import Config

_POSITIVE: Final = frozenset(
    (
        "source.max_pixels",
        "source.open_timeout_s",
        "source.read_timeout_s",
        "source.max_decode_errors",
        "live.open_timeout_s",
        "live.read_timeout_s",
        "live.max_age_s",
        "live.stall_s",
        "live.retry_first_s",
        "live.retry_max_s",
        "live.healthy_s",
        "live.black_s",
        "live.frozen_s",
        "live.decoders",
        "camera.width",
        "camera.height",
        "camera.rate_hz",
        "screen.rate_hz",
        "faces.max_faces",
        "faces.detect_interval_s",
        "faces.tile_interval_s",
        "faces.lost_after_s",
        "scorer.rate_hz",
        "scorer.threads",
        "evidence.max_megabytes",
        "verdict.half_life_s",
        "verdict.stale_after_s",
    )
)
"""What may not be 0; nothing may be below it."""

_AT_MOST: Final[Mapping[str, float]] = {
    "live.workers": 256,
    "evidence.before_s": 60,
    "evidence.after_s": 600,
    "evidence.max_megabytes": 4096,
    "faces.max_faces": 256,
    "feedback.keep_days": 100_000,
    "faces.min_confidence": 1,
    "scorer.threads": 256,
    "verdict.max_occlusion": 1,
    "verdict.hysteresis": 1,
}


def check(config: Config) -> None:
    """Raises `ConfigError` for the first value that makes no sense, naming its key."""
    for name, value in _numbers(config):
        if not math.isfinite(value) or value < 0 or (value == 0 and name in _POSITIVE):
            least = "greater than 0" if name in _POSITIVE else "0 or greater"
            raise ConfigError(f"Setting {name!r} must be {least}.")
        if value > _AT_MOST.get(name, math.inf):
            raise ConfigError(f"Setting {name!r} must be at most {_AT_MOST[name]}.")
    if config.scorer.device not in ("auto", "cuda", "cpu"):
        raise ConfigError("Setting 'scorer.device' must be auto, cuda or cpu.")
    if config.cues.hear and config.cues.hear.partition(":")[0] not in ("speaker", "microphone"):
        raise ConfigError("Setting 'cues.hear' must be speaker, microphone, or either with :NAME.")
    if config.live.retry_max_s < config.live.retry_first_s:
        raise ConfigError("Setting 'live.retry_max_s' must not be less than live.retry_first_s.")
    seen: dict[str, int] = {}
    for index, name in enumerate(config.names()):
        if name in seen:
            raise ConfigError(
                f"Settings 'sources[{seen[name]}].name' and 'sources[{index}].name' are the same; "
                "give each source a name of its own."
            )
        seen[name] = index


def _numbers(config: Config) -> Iterator[tuple[str, float]]:
    for section in settings_of(type(config)):
        part = getattr(config, section)
        if dataclasses.is_dataclass(part):
            for one in dataclasses.fields(part):
                value = getattr(part, one.name)
                if isinstance(value, int | float):
                    yield f"{section}.{one.name}", value
