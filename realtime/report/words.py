"""What a report says in words, the same in HTML and in PDF."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from realtime.evaluation.page import in_words
from realtime.redact import redact
from realtime.report.model import Person, Run
from realtime.types import Cue, DropCause, VerdictState

LIMITS: Final = (
    "Absence of evidence is no proof: a face of which nothing suspicious was found may still be "
    "forged, by a method that the detector does not know or does not see.",
    "Evidence is no proof either: real recordings are called suspicious at times, above all small, "
    "dark, filtered, retouched or strongly compressed ones.",
    "The probability counts real and fake as equally likely beforehand. Where fakes are rare, "
    "most alarms are false.",
    '"Not assessable" is no finding: the face was too small, too dark, covered, turned away or '
    "seen too briefly, and nothing is said about it.",
    "Only faces are judged. Voice, text, context, cut and the honesty of what is shown are not.",
    "A person here is one face that was followed without a break. The same human being who comes "
    "back later is counted anew, and nobody is identified.",
    "Do not rest a decision about a human being on this report alone.",
)

STATE_MEANS: Final[Mapping[VerdictState, str]] = {
    VerdictState.NOT_ASSESSABLE: "Nothing can be said about this face.",
    VerdictState.LITTLE_EVIDENCE: "Little speaks for a fake. That is no proof that it is real.",
    VerdictState.UNCERTAIN: "Something speaks for a fake, and not enough to call it evidence.",
    VerdictState.STRONG: "Strong evidence of a fake. It may still be wrong.",
    VerdictState.VERY_STRONG: "Very strong evidence of a fake. It may still be wrong.",
}

_CUES: Final[Mapping[str, tuple[str, str]]] = {
    "blink": (
        "Blinking",
        "People often do not blink for many seconds, and good forgeries blink. It says little.",
    ),
    "head": (
        "Head and gaze",
        "A face swapped onto a real, moving head moves as that head does. A still head says "
        "nothing.",
    ),
    "dynamics": (
        "Movement of the features",
        "It was learned from few clips. Unusual expressions, speech or frame rates can mislead it.",
    ),
    "pulse": (
        "Pulse in the skin",
        "A pulse that is found proves nothing: good swaps carry that of the person behind them. "
        "Light, make-up, movement and compression hide it.",
    ),
    "lipsync": (
        "Mouth and voice",
        "Dubbing, a delayed sound or a voice of somebody else look the same as a forged mouth.",
    ),
    "timing": (
        "Timing of pictures and sound",
        "Cutting, editing and unsteady recording repeat pictures too. No face is suspected for it.",
    ),
    "change": (
        "Change against its own beginning",
        "A face that was forged from the beginning does not change. Light and compression may.",
    ),
    "challenge": (
        "Answer to a challenge",
        "It tells only whether what was asked for was seen in time.",
    ),
}


def cue_title(cue: Cue) -> str:
    """The name of a witness for people."""
    known = _CUES.get(cue.name)
    return known[0] if known else redact(cue.name)


def cue_text(cue: Cue) -> str:
    """What a witness says."""
    return redact(cue.text)


def cue_limits(cue: Cue) -> str:
    """What a witness cannot tell."""
    known = _CUES.get(cue.name)
    return known[1] if known else "What it cannot tell is not described."


def shown_name(run: Run) -> str:
    """What the source is called; of a file without the folders, which `source_facts` has."""
    name = redact(run.start.source.name)
    return name if run.start.source.live else PurePath(name).name or name


def headline(run: Run) -> str:
    """The whole source in one sentence."""
    if not run.people and run.not_chosen:
        return "Nobody of those who were seen was chosen for this report."
    if not run.people:
        return "No face was found. Nothing is said about this source."
    worst = run.people[0]
    if worst.state is VerdictState.NOT_ASSESSABLE:
        return "No face could be assessed. Nothing is said about this source."
    number = "" if worst.probability is None else f" ({worst.probability:.2f})"
    return (
        f"Gravest verdict: {worst.state.words.lower()}{number}, person #{worst.track_id}. "
        f"{STATE_MEANS[worst.state]}"
    )


def clock(seconds: float) -> str:
    """A time in the source: 0:07.5, 12:30.0, 1:02:03.0."""
    tenths = round(max(0.0, seconds) * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def source_facts(run: Run) -> list[tuple[str, str]]:
    """What is known of the source."""
    source = run.start.source
    facts = [
        ("Name", redact(source.name)),
        ("Kind", "live source" if source.live else "file"),
        ("Picture", f"{source.width} × {source.height}, {redact(source.codec)}"),
    ]
    if source.duration_s is not None:
        facts.append(("Length, as it claims", clock(source.duration_s)))
    if source.frame_rate is not None:
        facts.append(("Pictures a second, as it claims", number(source.frame_rate)))
    if run.file is None:
        facts.append(("SHA-256", "none: this source is no file"))
    elif run.file.trouble:
        facts.append(("SHA-256", f"none: {run.file.trouble}"))
    else:
        facts.append(("SHA-256 of the file", run.file.sha256))
        facts.append(("Size of the file", f"{run.file.size_bytes:,} bytes"))
    facts.append(("Analysed at", redact(run.start.started_at)))
    facts.append(("With", f"fakewatch {run.start.version}"))
    return facts


def model_facts(run: Run) -> list[tuple[str, str]]:
    """The model card in brief."""
    model = run.start.model
    facts = [
        ("Name", redact(model.name)),
        ("SHA-256 of the model", model.sha256),
        ("Ran on", redact(model.provider)),
    ]
    if model.thresholds:
        names = ("uncertain", "strong", "very strong")
        named = zip(names, model.thresholds, strict=False)
        facts.append(
            ("Probability from which it says", ", ".join(f"{n} {t:.3g}" for n, t in named))
        )
    facts += [
        (title, redact(text))
        for title, text in (
            ("Trained on", model.trained_on),
            ("Licence", model.licence),
            ("Calibration", model.notes),
        )
        if text
    ]
    return facts


def frame_facts(run: Run) -> list[tuple[str, str]]:
    """The drop identity: every picture that came is accounted for."""
    if run.summary is None:
        until = "so far" if run.going_on else "until the run was broken off"
        return [("Analysed", f"{run.results:,}, {until}")]
    counts = run.summary.counts
    facts = [("Captured", f"{counts.captured:,}"), ("Analysed", f"{counts.analysed:,}")]
    facts += [
        (f"Not analysed: {_CAUSES[cause]}", f"{n:,}") for cause, n in counts.dropped.items() if n
    ]
    facts.append(("Still on their way", f"{counts.in_flight:,}"))
    facts.append(("Time analysed", f"{run.summary.media_s:.1f} s in {run.summary.wall_s:.1f} s"))
    return facts


_CAUSES: Final[Mapping[DropCause, str]] = {
    DropCause.SUPERSEDED: "a newer one came first",
    DropCause.STALE: "too old when its turn came",
    DropCause.DECODE_ERROR: "could not be decoded",
    DropCause.SCORER_BUSY: "the model was busy",
    DropCause.SEEK: "the viewer jumped elsewhere",
    DropCause.SHUTDOWN: "the run was stopped before",
}


def warnings(run: Run) -> list[str]:
    """What a reader must know before anything else."""
    found = []
    if run.summary is not None and run.summary.error is not None:
        found.append(f"The run broke off: {redact(run.summary.error)}")
    elif not run.complete:
        found.append(_missing(run))
    if run.file is not None and run.file.trouble:
        found.append(f"There is no hash of the file: {run.file.trouble}.")
    if run.not_chosen:
        found.append(
            f"{run.not_chosen} of the people who were seen are not in this report, because they "
            "were not chosen for it; the gravest verdict may be among them."
        )
    if run.left_out:
        found.append(f"{run.left_out} more faces, none of them graver, are not listed.")
    return found


_PARTS: Final = 6


def _missing(run: Run) -> str:
    """What of a source was not looked at."""
    if run.start.source.live and run.going_on:
        return f"The source was still watched when this was made; it ends at {clock(run.seen_s)}."
    if not (run.jumped or run.going_on):
        return (
            f"The run was ended before its source: what came after {clock(run.seen_s)} was not "
            "looked at."
        )
    spans = [f"{clock(first)} to {clock(last)}" for first, last in run.parts[:_PARTS]]
    more = len(run.parts) - len(spans)
    told = ", ".join(spans) + (f" and {more} more parts" if more else "")
    return f"Only a part of this file was analysed: {told}. Nothing is said about the rest."


def how_measured(run: Run) -> list[str]:
    """How the numbers came about, with the settings that were in force."""

    def setting(table: str, name: str) -> Any:
        part = run.start.config.get(table)
        return part.get(name, "?") if isinstance(part, Mapping) else "?"

    return [
        "Faces are followed from picture to picture; a face that was lost for more than "
        f"{setting('faces', 'lost_after_s')} s and comes back is a new person.",
        f"Each face is scored up to {setting('scorer', 'rate_hz')} times a second on its better "
        "pictures. The score is a log-odds of fake, calibrated as the model says.",
        "Scores are weighted by the quality of the picture and averaged with a half-life of "
        f"{setting('verdict', 'half_life_s')} s. A graver verdict must last for "
        f"{setting('verdict', 'min_dwell_s')} s before it is said. The verdict of a person is the "
        "gravest that lasted so long.",
        "Witnesses beside the model (blinking, pulse and others) each say a log-likelihood ratio "
        "in nats: above 0 speaks for a fake, below 0 against it, 0 says nothing. What they may "
        "move the verdict by is bounded.",
        "Times are those of the source. Where a time line holds more than one moment in one "
        "place, the gravest is drawn; gaps are times in which the face was not seen.",
        "The heat map shows which parts of a face its score rests on, on one fixed scale; it does "
        "not show what was changed.",
    ]


def held_out(run: Run) -> list[str]:
    """How good the model was where it was measured, for the built-in one; else nothing is known."""
    import weights  # noqa: PLC0415 - found only when it is needed

    folder = weights.DETECTOR.parent
    unknown = ["How good this model is was not measured here; ask whoever made it."]
    try:
        card = json.loads((folder / "detector.json").read_text("utf-8"))
        if card["sha256"] != run.start.model.sha256:
            return unknown
        measured = json.loads((folder / "evaluation.json").read_text("utf-8"))
        lines = in_words(measured)
    except (OSError, ValueError, KeyError, TypeError):
        return unknown
    return [
        "Measured on clips that its network had not seen (brackets: 95 % intervals). Other "
        "people, cameras and methods of forging give other numbers.",
        *(f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in lines),
    ]


def settings(config: Mapping[str, object], before: str = "") -> list[str]:
    """Every setting in force, one a line, without anything that looks like a credential."""
    lines: list[str] = []
    for key, value in config.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            lines += settings(value, f"{name}.")
        else:
            lines.append(redact(f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}"))
    return lines


def person_facts(person: Person) -> list[tuple[str, str]]:
    """One person in numbers."""
    facts = [
        ("In view", f"{clock(person.first_s)} to {clock(person.last_s)}"),
        ("Assessable for", f"{person.assessable_s:.1f} s"),
    ]
    blocked = ", ".join(f"{o.words} {s:.1f} s" for o, s in person.not_assessable.items())
    if blocked:
        facts.append(("Not assessable for", blocked))
    reached = ", ".join(f"{s.words.lower()} at {clock(t)}" for s, t in person.reached.items())
    facts.append(("First said", reached))
    if person.reasons and person.reasons_at_s is not None:
        facts.append((f"Reasons at {clock(person.reasons_at_s)}", "; ".join(person.reasons)))
    return facts
