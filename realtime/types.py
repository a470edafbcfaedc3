"""Everything that flows through the program, in the order in which it flows.

source -> Frame -> Faces -> Score, Cue -> Verdict -> FrameResult -> sinks -> RunSummary

Pictures are ``(height, width, 3)`` uint8 arrays in BGR order. Coordinates are pixels of the
whole frame with the origin at its top left corner, times are seconds, probabilities are those
of the face being fake. Every array that flows is read-only: who wants to draw copies first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""``(H, W, 3)`` uint8, BGR."""

FloatArray = NDArray[np.float32]

LANDMARK_COUNT: Final = 478
"""MediaPipe FaceMesh with irises: 468 on the face, then five for each iris."""


class Clock(str, Enum):
    """Where a frame's time comes from."""

    PTS = "pts"
    """The presentation time stamp of the container or the stream."""
    MONOTONIC = "monotonic"
    """This machine's monotonic clock when the frame arrived."""


class WallClock(str, Enum):
    """Which clock says when a frame was exposed."""

    RTCP = "rtcp"
    """The camera's own, from the sender reports of RTCP (RFC 3550, section 6.4.1)."""
    SYSTEM = "system"
    """This machine's, when the frame arrived."""


class DropCause(str, Enum):
    """Why a captured frame was never analysed."""

    SUPERSEDED = "superseded"
    """A live source delivered a newer frame first."""
    STALE = "stale"
    """The frame had become older than the bound on frame age."""
    DECODE_ERROR = "decode_error"
    """The decoder could not turn a packet into a picture."""
    SCORER_BUSY = "scorer_busy"
    """The scorer could not take it."""
    SEEK = "seek"
    """The viewer jumped elsewhere before its turn came."""
    SHUTDOWN = "shutdown"
    """The run was stopped before its turn came."""


class SourceState(str, Enum):
    """What a source is doing; shown to the user as it is."""

    CONNECTING = "connecting"
    LIVE = "live"
    PAUSED = "paused"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    BLACK = "black"
    FROZEN = "frozen"
    PROTECTED = "protected"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What a source is doing, since when, and what comes next.

    ``since_mono`` is ``time.monotonic()`` when the state began. ``attempt`` counts the attempts
    to connect since the source was last healthy, ``retry_at_mono`` is when the next one is due.
    ``code`` and ``text`` say what went wrong: a `realtime.errors.SourceCode` value and one
    redacted sentence, None where nothing did. ``epoch`` is that of the newest connection.
    """

    source_id: str
    state: SourceState
    since_mono: float
    epoch: int = 0
    attempt: int = 0
    retry_at_mono: float | None = None
    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How hard a live source is worked on now, for people and for metrics.

    ``score_rate_hz`` is scores a second for each face, ``track_rate_hz`` frames a second at
    most, None where every frame may be tracked. ``reduced`` says whether one of them was
    lowered because the machine cannot keep up.
    """

    score_rate_hz: float
    track_rate_hz: float | None
    reduced: bool


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source once it is open.

    ``name`` is redacted and safe to show. ``duration_s`` and ``frame_rate`` (frames a second)
    are the container's claims, None where it makes none, and never used for timing.
    """

    name: str
    width: int
    height: int
    duration_s: float | None
    frame_rate: float | None
    seekable: bool
    live: bool
    codec: str


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture and when it was.

    ``epoch`` grows with every reconnect and every seek: whoever keeps a state per track starts
    anew when it changes. ``index`` counts the frames of the source from 0 and is unique in a run.
    ``pts_s`` is None where the stream carries no time. ``captured_mono`` is
    ``time.monotonic()`` at capture, or when it could have been had the frame not waited in buffers,
    if the source can tell; ``wall_s`` is the Unix time of exposure if the source knows.
    """

    source_id: str
    epoch: int
    index: int
    pts_s: float | None
    captured_mono: float
    wall_s: float | None
    clock: Clock
    image: Image
    wall_clock: WallClock | None = None
    """Which clock ``wall_s`` is from, None where there is no such time."""

    @property
    def time_s(self) -> float:
        """Seconds on this frame's own clock, strictly increasing within an epoch."""
        return self.captured_mono if self.pts_s is None else self.pts_s


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How much a face crop can be trusted to show.

    ``size_px``: the shorter side of the box. ``blur``: variance of the Laplacian of the face
    scaled to 128 px (below about 20 is soft, above 300 crisp). ``yaw``, ``pitch``, ``roll`` in
    degrees, zero facing the camera, positive to the viewer's right, down and clockwise.
    ``blockiness``: excess of luma steps on the 8-pixel grid over those beside it, 0 none.
    ``occlusion``: estimated share of the face that is covered or out of the frame, 0 to 1.
    ``brightness``: mean luma of the face, 0 to 255.
    """

    size_px: float
    blur: float
    yaw: float
    pitch: float
    roll: float
    blockiness: float
    occlusion: float
    brightness: float

    def as_dict(self) -> dict[str, float]:
        """Rounded for output; the keys are part of the JSON Lines format."""
        return {name: round(float(getattr(self, name)), 3) for name in self.__slots__}


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The tracked faces of one frame, as parallel arrays over N faces.

    ``track_ids`` ``(N,)`` int64, from 1, unique in a run and never used again. ``boxes``
    ``(N, 4)`` float32 ``x, y, width, height``: the bounding box of the first 468 landmarks where
    there are any, else the detector's. ``confidence`` ``(N,)`` float32 in 0..1. ``landmarks``
    ``(N, 478, 3)`` float32: x and y in pixels of the frame, z in the same scale, smaller nearer;
    all NaN for a face whose landmarks were not found. ``quality`` has one entry a face.
    """

    track_ids: NDArray[np.int64]
    boxes: FloatArray
    confidence: FloatArray
    landmarks: FloatArray
    quality: tuple[FaceQuality, ...]

    def __len__(self) -> int:
        return len(self.track_ids)

    def has_landmarks(self, i: int) -> bool:
        """Whether the landmarks of face ``i`` were found."""
        return not np.isnan(self.landmarks[i, 0, 0])

    @classmethod
    def none(cls) -> Faces:
        """No face at all."""
        return cls(
            np.empty(0, np.int64),
            np.empty((0, 4), np.float32),
            np.empty(0, np.float32),
            np.empty((0, LANDMARK_COUNT, 3), np.float32),
            (),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One face cut out for the model.

    ``pixels`` ``(H, W, 3)`` uint8 BGR at the model's input size. ``to_crop`` ``(2, 3)`` float32
    maps frame pixels to crop pixels; its inverse puts the heat map back on the face.
    """

    track_id: int
    pixels: Image
    to_crop: FloatArray


VIEWS: Final = ("mirrored", "compressed", "shrunk")
"""Changed copies of a crop that are scored beside it, as a person reads them."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What the classifier says of one crop.

    ``logit`` is the raw log-odds of fake, ``log_odds`` the calibrated one, ``probability`` its
    logistic in 0..1. ``cam`` is the class activation map ``(h, w)`` float32 in units of the
    logit (positive speaks for fake), None where the model has none; ``to_crop`` as in `Crop`,
    for a crop of ``crop_size`` (width, height) pixels. ``views`` are the calibrated log-odds of
    changed copies of the same crop in the order of `VIEWS`, empty if none were scored.
    """

    track_id: int
    time_s: float
    logit: float
    log_odds: float
    probability: float
    cam: FloatArray | None
    to_crop: FloatArray
    crop_size: tuple[int, int]
    views: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Cue:
    """One witness beside the classifier.

    ``value`` in the cue's own unit, None while not assessable; ``text`` then says why. ``llr``
    is the log-likelihood ratio of fake against real in nats (positive speaks for fake), 0 while
    not assessable; ``confidence`` 0..1 how good the view was; ``seconds`` for how long it has
    watched; ``text`` one phrase for a person; ``details`` its other numbers, by name.
    """

    name: str
    value: float | None
    llr: float
    confidence: float
    seconds: float
    text: str
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def assessable(self) -> bool:
        """Whether it has something to say."""
        return self.value is not None

    @classmethod
    def silent(cls, name: str, why: str, seconds: float = 0.0) -> Cue:
        """A witness that cannot judge, and why."""
        return cls(name, None, 0.0, 0.0, seconds, f"not assessable: {why}")


class VerdictState(str, Enum):
    """The five things the program ever says of a face; none of them is "real"."""

    NOT_ASSESSABLE = "not_assessable"
    LITTLE_EVIDENCE = "little_evidence"
    UNCERTAIN = "uncertain"
    STRONG = "strong"
    VERY_STRONG = "very_strong"

    @property
    def words(self) -> str:
        """As shown to a person."""
        return _WORDS[self]

    @property
    def rank(self) -> int:
        """0 for not assessable, then growing with the evidence for a fake."""
        return _RANKS[self]


_WORDS: Final[Mapping[VerdictState, str]] = {
    VerdictState.NOT_ASSESSABLE: "Not assessable",
    VerdictState.LITTLE_EVIDENCE: "Little evidence",
    VerdictState.UNCERTAIN: "Uncertain",
    VerdictState.STRONG: "Strong evidence",
    VerdictState.VERY_STRONG: "Very strong evidence",
}
_RANKS: Final[Mapping[VerdictState, int]] = {state: i for i, state in enumerate(VerdictState)}


class Obstacle(str, Enum):
    """Why a face could not be assessed; the keys of ``not_assessable`` in the output."""

    WARMING_UP = "warming_up"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TURNED_AWAY = "turned_away"
    COVERED = "covered"
    TOO_COMPRESSED = "too_compressed"
    TOO_DARK = "too_dark"
    NO_LANDMARKS = "no_landmarks"
    NO_SCORE = "no_score"

    @property
    def words(self) -> str:
        """As shown to a person."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one track at one moment.

    ``probability`` is the smoothed, calibrated probability of fake, None while not assessable.
    ``since_s`` is how long the state has lasted. ``reasons`` are short phrases, the weightiest
    first; ``obstacles`` is not empty exactly if the state is NOT_ASSESSABLE. ``assessable_s``
    is for how long in all the track could be assessed. ``evidence`` is what the witnesses beside
    the classifier have added to the log-odds of ``probability``.
    """

    track_id: int
    state: VerdictState
    probability: float | None
    since_s: float
    assessable_s: float
    reasons: tuple[str, ...]
    obstacles: tuple[Obstacle, ...] = ()
    evidence: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """A whole track, said once when it ends.

    ``state`` and ``probability`` are the gravest that the track reached and kept for the
    minimum dwell, NOT_ASSESSABLE and None if it was never assessed. ``not_assessable`` maps
    obstacles to seconds.
    """

    track_id: int
    epoch: int
    first_s: float
    last_s: float
    state: VerdictState
    probability: float | None
    assessable_s: float
    not_assessable: Mapping[Obstacle, float]
    cues: tuple[Cue, ...] = ()
    """What each witness said last."""


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """The drop identity of one source: captured = analysed + dropped + in flight, always."""

    captured: int = 0
    analysed: int = 0
    dropped: Mapping[DropCause, int] = field(default_factory=dict)

    @property
    def in_flight(self) -> int:
        """Frames that are between capture and result right now."""
        return self.captured - self.analysed - sum(self.dropped.values())


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """Everything known about one frame; what every sink receives, in order.

    ``scores`` holds only the faces scored on this very frame; in a live run, where the model
    answers later, those that came since the result before, each with the time of its own frame and
    maybe for a face that is not seen in this one. ``heat`` holds the newest score
    of each visible track, for painting. ``ended`` are the tracks that ended before this frame.
    ``age_s`` is the time from capture to this result.
    """

    frame: Frame
    faces: Faces
    scores: Mapping[int, Score]
    heat: Mapping[int, Score]
    cues: Mapping[int, tuple[Cue, ...]]
    verdicts: Mapping[int, Verdict]
    ended: tuple[TrackSummary, ...]
    counts: FrameCounts
    age_s: float
    source_cues: tuple[Cue, ...] = ()
    """What is noticed of the source as a whole; no face is suspected for it."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model really runs, and where; the rest as its contract has it, for people.

    ``thresholds`` are the probabilities from which it is uncertain, strong and very strong.
    """

    name: str
    sha256: str
    provider: str
    trained_on: str = ""
    licence: str = ""
    notes: str = ""
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStart:
    """Facts that hold for a whole run; sent to every sink before the first frame.

    A live run begins with its first connection; ``source`` is what was found then.
    """

    source: SourceInfo
    started_at: str
    version: str
    model: ModelInfo
    config: Mapping[str, object]
    source_id: str = "file"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The end of a run, sent to every sink after the last frame.

    ``worst`` is the track with the most suspicion among the assessable ones, None if there
    was none. ``media_s`` is how much media time was analysed, ``wall_s`` how long it took.
    ``error`` is one redacted sentence if the run broke off, else None.
    """

    counts: FrameCounts
    tracks: tuple[TrackSummary, ...]
    worst: TrackSummary | None
    wall_s: float
    media_s: float
    error: str | None = None
    cues: tuple[Cue, ...] = ()
    """What was noticed of the source as a whole."""
