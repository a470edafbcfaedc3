"""Settings as frozen dataclasses, from a TOML file or from the command line.

Times are seconds, sizes are pixels of the source frame. ``${NAME}`` in a text value is replaced
by that environment variable, so that secrets stay out of files.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from realtime.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Bounds on what a source may be and how long it may take."""

    max_pixels: int = 36_000_000
    """Pictures with more pixels than this are refused; 8K has 33 million."""
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    max_decode_errors: int = 300
    """Give up after this many undecodable packets in a row."""


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """How live sources are kept alive and up to date."""

    open_timeout_s: float = 5.0
    """How long connecting may take."""
    read_timeout_s: float = 3.0
    """How long a connected source may deliver nothing before it is given up."""
    max_age_s: float = 0.5
    """Frames that have become older than this before their turn are dropped as stale."""
    stall_s: float = 2.0
    """A source is called stalled after this long without a frame, or after five frame times
    if that is longer."""
    retry_first_s: float = 1.0
    retry_max_s: float = 30.0
    """The wait before a new attempt to connect doubles from the first to the last of these,
    and each is drawn at random from the upper part of it, so that many sources do not return
    at once."""
    healthy_s: float = 60.0
    """After this long without trouble the next wait is the first one again."""
    black_s: float = 2.0
    """A picture that has been black for longer is told as black, not as one without a face."""
    frozen_s: float = 5.0
    """The same of a picture of which not one pixel has changed."""
    workers: int = 0
    """Threads that track faces, shared by all sources; 0 for one a processor."""


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """What a camera is asked for; what it then gives is told once if it differs."""

    width: int = 1280
    height: int = 720
    rate_hz: float = 30.0
    """Pictures a second."""


@dataclass(frozen=True, slots=True)
class ScreenConfig:
    """How screens and windows are watched."""

    rate_hz: float = 15.0
    """Pictures a second that are taken of them."""


@dataclass(frozen=True, slots=True)
class FacesConfig:
    """How faces are found and followed."""

    max_faces: int = 8
    detect_interval_s: float = 0.3
    """How often the whole frame is searched for new faces."""
    tile_interval_s: float = 1.2
    """How often large frames are searched in tiles, which finds the small faces."""
    min_confidence: float = 0.5
    lost_after_s: float = 1.25
    """A track that was not seen for longer has ended. The quarter of a second lets a face that
    was hidden for one second be found again before that."""


@dataclass(frozen=True, slots=True)
class ScorerConfig:
    """Which model judges the crops, where, and how often."""

    model: str = ""
    """Path of an ONNX file; empty for the built-in detector."""
    sha256: str = ""
    """What the file must hash to; empty to trust the hash in the JSON file beside it."""
    device: str = "auto"
    """auto, cuda or cpu."""
    rate_hz: float = 4.0
    """Scores a second for each face; frames are correlated, more of them prove little."""
    threads: int = 1
    views: bool = True
    """Whether changed copies of a face are scored beside it twice a second; evidence is called
    strong only if they agree. Scoring takes about three times as long with them."""


@dataclass(frozen=True, slots=True)
class VerdictConfig:
    """When a face may be judged and what it takes to change the verdict."""

    min_size_px: float = 48.0
    min_blur: float = 12.0
    max_yaw: float = 50.0
    max_pitch: float = 40.0
    max_occlusion: float = 0.5
    max_blockiness: float = 6.0
    min_brightness: float = 25.0
    half_life_s: float = 5.0
    """Half-life of the average of calibrated log-odds."""
    warm_up_s: float = 0.5
    """Assessable time before the first verdict, which is never graver than uncertain."""
    min_dwell_s: float = 2.0
    """How long the average must ask for another state before the state changes; a change to
    uncertain needs no waiting."""
    hysteresis: float = 0.08
    """How far below a threshold the probability must fall to leave its state again."""
    stale_after_s: float = 2.0
    """Without a new score for longer, the face is not assessable."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set."""

    source: SourceConfig = field(default_factory=SourceConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    screen: ScreenConfig = field(default_factory=ScreenConfig)
    faces: FacesConfig = field(default_factory=FacesConfig)
    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    verdict: VerdictConfig = field(default_factory=VerdictConfig)

    def __post_init__(self) -> None:
        _check(self)

    def as_dict(self) -> dict[str, Any]:
        """Nested plain dictionary, as written into ``run_start``."""
        return dataclasses.asdict(self)


def load(path: Path) -> Config:
    """Read a TOML file.

    Raises:
        ConfigError: naming the key, if the file cannot be read, is no TOML, holds an unknown
            key, a value of the wrong type or an environment variable that is not set.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"The configuration {path} is larger than 1 MB; give a smaller file.")
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as exc:
        raise ConfigError(f"Cannot read the configuration {path}: {exc.strerror}.") from None
    except ValueError as exc:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"The configuration {path} is not valid TOML: {exc}.") from None
    return from_table(table)


def from_table(table: Mapping[str, Any]) -> Config:
    """Build a `Config` from nested mappings; raises `ConfigError` as `load` does."""
    return _build(Config, table, "")


def _build(kind: type[T], table: Mapping[str, Any], prefix: str) -> T:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key not in hints:
            known = ", ".join(hints)
            raise ConfigError(f"Unknown setting {name!r}; known here: {known}.")
        values[key] = _convert(hints[key], value, name)
    return kind(**values)


def _convert(kind: type[Any], value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"Setting {name!r} must be a table.")
        return _build(kind, value, f"{name}.")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"Setting {name!r} must be of type {kind.__name__}.")
    return _expand(value, name) if kind is str else value


def _expand(value: str, name: str) -> str:
    def replace(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in os.environ:
            raise ConfigError(f"Setting {name!r} needs the environment variable {variable}.")
        return os.environ[variable]

    return re.sub(r"\$\{(\w+)\}", replace, value)


def _check(config: Config) -> None:
    positive = {
        "source.max_pixels": config.source.max_pixels,
        "source.open_timeout_s": config.source.open_timeout_s,
        "source.read_timeout_s": config.source.read_timeout_s,
        "source.max_decode_errors": config.source.max_decode_errors,
        "live.open_timeout_s": config.live.open_timeout_s,
        "live.read_timeout_s": config.live.read_timeout_s,
        "live.max_age_s": config.live.max_age_s,
        "live.stall_s": config.live.stall_s,
        "live.retry_first_s": config.live.retry_first_s,
        "live.retry_max_s": config.live.retry_max_s,
        "live.healthy_s": config.live.healthy_s,
        "live.black_s": config.live.black_s,
        "live.frozen_s": config.live.frozen_s,
        "camera.width": config.camera.width,
        "camera.height": config.camera.height,
        "camera.rate_hz": config.camera.rate_hz,
        "screen.rate_hz": config.screen.rate_hz,
        "faces.max_faces": config.faces.max_faces,
        "faces.detect_interval_s": config.faces.detect_interval_s,
        "faces.tile_interval_s": config.faces.tile_interval_s,
        "faces.lost_after_s": config.faces.lost_after_s,
        "scorer.rate_hz": config.scorer.rate_hz,
        "scorer.threads": config.scorer.threads,
        "verdict.half_life_s": config.verdict.half_life_s,
        "verdict.stale_after_s": config.verdict.stale_after_s,
    }
    for name, value in positive.items():
        if not 0 < value < float("inf"):
            raise ConfigError(f"Setting {name!r} must be greater than 0.")
    if config.scorer.device not in ("auto", "cuda", "cpu"):
        raise ConfigError("Setting 'scorer.device' must be auto, cuda or cpu.")
    if not 0 <= config.faces.min_confidence <= 1:
        raise ConfigError("Setting 'faces.min_confidence' must lie between 0 and 1.")
