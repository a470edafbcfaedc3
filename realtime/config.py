"""Settings as frozen dataclasses, from a TOML file or from the command line.

Times are seconds, sizes are pixels of the source frame. The text below each field is what
`fakewatch config explain` prints, so every field has one. How a file becomes these is said in
`realtime/toml_tables.py`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from realtime import toml_tables
from realtime.config_bounds import check
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.toml_tables import MAX_CONFIG_BYTES, NOT_A_SETTING, Secret

__all__ = ["MAX_CONFIG_BYTES", "Config", "from_table", "load"]


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Bounds on what a source may be and how long it may take."""

    max_pixels: int = 36_000_000
    """Pictures with more pixels than this are refused; 8K has 33 million."""
    open_timeout_s: float = 10.0
    """How long opening a file may take."""
    read_timeout_s: float = 10.0
    """How long a file may give no frame before it is given up."""
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
    """The first wait before a new attempt to connect."""
    retry_max_s: float = 30.0
    """The longest one. The bound on the wait doubles from the first to this, and each wait is
    drawn at random from 0 to its bound, so that many sources do not return at once. After a wrong
    password it is always the longest."""
    healthy_s: float = 60.0
    """After this long without trouble the next wait is the first one again."""
    black_s: float = 2.0
    """A picture that has been black for longer is told as black, not as one without a face."""
    frozen_s: float = 5.0
    """The same of a picture of which not one pixel has changed."""
    workers: int = 0
    """Threads that track faces, shared by all sources; 0 for one a processor."""
    decoders: int = 32
    """Live sources in one process at most. Each is decoded by one thread of its own, so this
    bounds the threads that decode; more cameras are better shared between processes."""


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """What a camera is asked for; what it then gives is told once if it differs."""

    width: int = 1280
    """Pixels across."""
    height: int = 720
    """Pixels down."""
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
    """At most so many faces are followed at a time."""
    detect_interval_s: float = 0.3
    """How often the whole frame is searched for new faces."""
    tile_interval_s: float = 1.2
    """How often large frames are searched in tiles, which finds the small faces."""
    min_confidence: float = 0.5
    """How sure the detector must be that it sees a face, 0 to 1."""
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
    """Threads that the model runs on where it runs on the CPU."""
    views: bool = True
    """Whether changed copies of a face are scored beside it once a second; evidence is called
    strong only if they agree. With them scoring takes nearly twice as long."""


@dataclass(frozen=True, slots=True)
class VerdictConfig:
    """When a face may be judged and what it takes to change the verdict."""

    min_size_px: float = 48.0
    """The shorter side of a face that can be judged."""
    min_blur: float = 12.0
    """The variance of the Laplacian of the face at 128 px; below about 20 is soft."""
    max_yaw: float = 50.0
    """How far a face may be turned to a side, in degrees."""
    max_pitch: float = 40.0
    """How far it may look up or down, in degrees."""
    max_occlusion: float = 0.5
    """Which share of it may be covered or out of the picture, 0 to 1."""
    max_blockiness: float = 6.0
    """How much steps in brightness on the grid of 8 pixels may exceed those beside it."""
    min_brightness: float = 25.0
    """The mean brightness of the face, 0 to 255."""
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
class CuesConfig:
    """Which witnesses stand beside the classifier; docs/cues.md says what each can tell."""

    blink: bool = True
    """Eyelids: how often, how long, how completely and how evenly they close."""
    head: bool = True
    """Whether head, gaze and features move as those of one rigid head in depth."""
    dynamics: bool = True
    """A small learned model of how features move within a second or two."""
    dynamics_model: str = ""
    """Path of the ONNX file of that model; empty for the built-in one."""
    pulse: bool = True
    """The colour of the skin with each heartbeat, and whether its regions agree."""
    lipsync: bool = True
    """Whether mouth and voice move together; needs the sound of the source."""
    hear: str = ""
    """What is heard with screens, windows and cameras: speaker for what this computer plays,
    microphone, either with :NAME for one in particular; empty for nothing. Of what is heard two
    numbers are kept for each hundredth of a second of the last minute, never words."""
    timing: bool = True
    """Repeated pictures, unusual rates and stretched sound in files; no face is suspected."""
    change: bool = True
    """Whether a face changed against its own first 20 seconds."""
    fuse: bool = True
    """Whether what the witnesses say moves the verdict, or is only shown."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """What a live run tells others over HTTP: /metrics for Prometheus, /live and /ready."""

    address: str = ""
    """HOST:PORT to listen on, such as 127.0.0.1:9464; empty for nowhere. There is no password:
    whoever reaches it can read it."""


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """Clips of what led to an alert, cut from streams as they came."""

    folder: str = ""
    """Where they go; empty for no clips. They show people: nobody else should read there."""
    before_s: float = 5.0
    """How much before an alert a clip begins, at the key frame before that."""
    after_s: float = 5.0
    """How much after it the clip ends."""
    on: str = "strong"
    """The state of a face that is an alert: uncertain, strong or very_strong, or graver."""
    min_gap_s: float = 30.0
    """From one clip of a source to the next."""
    max_megabytes: float = 64.0
    """At most so much memory is taken by the newest packets of a source."""

    def __post_init__(self) -> None:
        if self.on not in ("uncertain", "strong", "very_strong"):
            raise ConfigError("on must be uncertain, strong or very_strong.")


@dataclass(frozen=True, slots=True)
class FeedbackConfig:
    """What people say about faces in the window, kept on this machine with their consent alone."""

    place: str = ""
    """The file that it is kept in; empty for feedback.sqlite3 in your folder for data."""
    keep_days: float = 0.0
    """How many days each entry is kept; what is older is deleted when the window opens. 0 for as
    long as nobody deletes it."""
    crops: bool = False
    """Whether pictures of the face are offered to be kept with it; they are for training."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source of many. One of ``url`` and ``source`` names it."""

    name: str = ""
    """What it is called in results, metrics and files: letters, digits, dots, dashes; the word
    source and its number if there is none. No two may have the same."""
    url: str = field(default="", repr=False)
    """rtsp:// or rtsps://, user and password included. ${NAME} stands for an environment
    variable, ${file:/path} for the content of a file."""
    source: str = field(default="", repr=False)
    """Anything else that can be watched: a camera (0, /dev/video0, its name), a video file,
    screen:1, window:"title*"."""
    transport: str = "tcp"
    """How RTSP travels: tcp or udp."""
    allow_http: bool = False
    """Whether url may be http:// or https://."""
    enabled: bool = True
    """false leaves the source out without taking it from the file."""
    evidence: bool = True
    """Whether alerts keep clips, where the table evidence names a folder and this is a stream."""

    def __post_init__(self) -> None:
        if self.name and not _ENTRY_NAME.fullmatch(self.name):
            raise ConfigError(
                "its name may have up to 64 letters, digits, dots, dashes and underscores."
            )
        if bool(self.url) is bool(self.source):
            raise ConfigError("it must have one of url and source.")
        if self.transport not in ("tcp", "udp"):
            raise ConfigError("its transport must be tcp or udp.")

    @property
    def text(self) -> str:
        """Whatever names it, with its credentials."""
        return self.url or self.source


_ENTRY_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")


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
    cues: CuesConfig = field(default_factory=CuesConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    sources: tuple[SourceEntry, ...] = ()
    secrets: tuple[Secret, ...] = field(
        default=(), repr=False, compare=False, metadata=NOT_A_SETTING
    )
    """What was filled in from outside; never shown."""

    def __post_init__(self) -> None:
        check(self)

    def __repr__(self) -> str:
        """Without any secret, as a test or a debugger may print it."""
        return f"Config({self.as_dict()})"

    def as_dict(self) -> dict[str, Any]:
        """Nested plain dictionary without any secret, as written into ``run_start``."""
        table: dict[str, Any] = {
            name: dataclasses.asdict(getattr(self, name))
            for name in toml_tables.settings_of(Config)
            if name != "sources"
        }
        table["sources"] = [_shown(entry, self.secrets) for entry in self.sources]
        shown: dict[str, Any] = toml_tables.without_secrets(table, self.secrets)
        return shown

    def names(self) -> tuple[str, ...]:
        """What each of ``sources`` is called, in order."""
        return tuple(
            entry.name or f"source-{number}" for number, entry in enumerate(self.sources, 1)
        )


def load(path: Path) -> Config:
    """Read a TOML file.

    Raises:
        ConfigError: naming the key, if the file cannot be read, is no TOML, holds an unknown
            key, a value that does not fit, or a secret that cannot be had.
    """
    return from_table(toml_tables.read(path))


def from_table(table: Mapping[str, Any]) -> Config:
    """Build a `Config` from nested mappings; raises `ConfigError` as `load` does."""
    secrets: list[Secret] = []
    config = toml_tables.build(Config, table, secrets)
    return dataclasses.replace(config, secrets=tuple(secrets))


def _shown(entry: SourceEntry, secrets: tuple[Secret, ...]) -> dict[str, Any]:
    table = dataclasses.asdict(entry)
    for name in ("url", "source"):
        table[name] = redact(toml_tables.without_secrets(table[name], secrets))
    return table
