"""What one piece of feedback is."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import cv2
import numpy as np

from realtime.redact import redact
from realtime.types import Cue, FloatArray, Image, VerdictState

_AROUND = 0.6


class Label(str, Enum):
    """What somebody says that it was."""

    REAL = "real"
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Consent:
    """What whoever gives the feedback has agreed to; ``given_s`` is the Unix time of that.

    ``scores``: that numbers and hashes are kept. ``crops``: that pictures of the face are, too.
    """

    scores: bool
    crops: bool = False
    given_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture of a face at a time of the source. ``png`` is None where only its hash is kept.

    ``sha256`` is that of the PNG, ``width`` and ``height`` are in pixels.
    """

    time_s: float
    sha256: str
    width: int
    height: int
    png: bytes | None = None

    @classmethod
    def of(cls, time_s: float, image: Image, box: FloatArray) -> Crop:
        """The face at ``box`` (x, y, width, height) of ``image`` ``(H, W, 3)`` BGR and as much
        around it as a detector needs, without loss.

        Raises:
            ValueError: if the box lies outside the picture.
        """
        return cls.whole(time_s, around(image, box))

    @classmethod
    def whole(cls, time_s: float, part: Image) -> Crop:
        """All of a picture that was cut out before; takes some time for large ones."""
        done, data = cv2.imencode(".png", np.ascontiguousarray(part))
        if not done:
            raise ValueError("the picture could not be written as PNG")
        png = data.tobytes()
        high, wide = part.shape[:2]
        return cls(time_s, hashlib.sha256(png).hexdigest(), wide, high, png)


def around(image: Image, box: FloatArray) -> Image:
    """The part of ``image`` that `Crop.of` keeps, not copied; raises `ValueError` as it does."""
    x, y, w, h = (float(value) for value in box)
    left, top = max(0, round(x - _AROUND * w)), max(0, round(y - _AROUND * h))
    right, bottom = round(x + (1 + _AROUND) * w), round(y + (1 + _AROUND) * h)
    part = image[top : max(top, bottom), left : max(left, right)]
    if part.size == 0:
        raise ValueError("the box lies outside the picture")
    return part


@dataclass(frozen=True, slots=True)
class Feedback:
    """ "This was real" or "this was fake", about a person or a span of time.

    ``start_s`` to ``end_s`` in seconds of the source. ``track_id`` is None where everything in
    the span is meant. ``person`` groups what belongs to one human being, so that all of it can
    be deleted; empty for `person_key`. ``scores`` are pairs of a time and the calibrated
    log-odds of fake then.

    Raises:
        ValueError: on construction, if the span is no span.
    """

    label: Label
    source: str
    start_s: float
    end_s: float
    model_sha256: str
    track_id: int | None = None
    person: str = ""
    source_sha256: str = ""
    model_name: str = ""
    version: str = ""
    state: VerdictState | None = None
    probability: float | None = None
    reasons: tuple[str, ...] = ()
    scores: tuple[tuple[float, float], ...] = ()
    cues: tuple[Cue, ...] = ()
    crops: tuple[Crop, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not (
            math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s <= self.end_s
        ):
            raise ValueError("feedback must have a span of time whose end is not before its start")

    def cleaned(self) -> Feedback:
        """The same without credentials and numbers that are none, and with a person."""
        source = redact(self.source)
        person = redact(self.person) or person_key(self.source_sha256 or source, self.track_id)
        reasons = tuple(redact(reason) for reason in self.reasons)
        return replace(
            self,
            source=source,
            person=person,
            probability=_finite(self.probability),
            reasons=reasons,
            scores=tuple(pair for pair in self.scores if all(map(math.isfinite, pair))),
            note=redact(self.note),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry of the store. ``created_s`` is Unix time."""

    id: int
    created_s: float
    consent: Consent
    feedback: Feedback


def person_key(source: str, track_id: int | None) -> str:
    """Who is meant where nobody has given a name: a track of a source, 16 hexadecimal digits.

    ``source`` is the hash of the file where there is one, so that the same clip under another
    name is the same.
    """
    return hashlib.sha256(f"{source}\n{track_id}".encode()).hexdigest()[:16]


def cue_table(cue: Cue) -> dict[str, Any]:
    """A cue as it is written; numbers that JSON cannot hold become null."""
    return {
        "name": cue.name,
        "value": _finite(cue.value),
        "llr": _finite(cue.llr) or 0.0,
        "confidence": _finite(cue.confidence) or 0.0,
        "seconds": _finite(cue.seconds) or 0.0,
        "text": redact(cue.text),
        "details": {name: _finite(value) for name, value in cue.details.items()},
    }


def cue_from(table: Mapping[str, Any]) -> Cue:
    """The cue that `cue_table` wrote."""
    details = {name: v for name, v in table["details"].items() if v is not None}
    return Cue(
        *(table["name"], table["value"], table["llr"], table["confidence"], table["seconds"]),
        table["text"],
        details,
    )


def to_json(value: object) -> str:
    """One line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
