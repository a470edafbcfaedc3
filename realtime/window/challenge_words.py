"""A challenge in the words of the window: what to say to the person, and what came of it."""

from __future__ import annotations

from typing import Final

from realtime.challenge_types import (
    Act,
    ChallengeReport,
    Gauge,
    Outcome,
    Phase,
    Progress,
    StepReport,
)
from realtime.redact import redact
from realtime.window.states import duration
from realtime.window.translate import later, tr, trn

NAMES: Final = {
    Act.LEFT: later("Turn to their left"),
    Act.RIGHT: later("Turn to their right"),
    Act.HAND: later("Hand across the face"),
    Act.CHEEK: later("Finger in a cheek"),
    Act.CLOSER: later("Stand up or come closer"),
    Act.PHRASE: later("Say four words"),
    Act.LIGHT: later("Colours of our screen"),
}
OUTCOMES: Final = {
    Outcome.PASS: later("pass"),
    Outcome.FAIL: later("fail"),
    Outcome.UNCLEAR: later("unclear"),
}
SIGNS: Final = {Outcome.PASS: "✓", Outcome.FAIL: "✕", Outcome.UNCLEAR: "?"}
SAY: Final = {
    Act.LEFT: later("Please turn your head to your left until one ear is towards the camera."),
    Act.RIGHT: later("Please turn your head to your right until one ear is towards the camera."),
    Act.HAND: later("Please move an open hand slowly across your face, twice."),
    Act.CHEEK: later("Please press a finger into one cheek."),
    Act.CLOSER: later("Please stand up, or move close to the camera."),
    Act.PHRASE: later("Please say: {words}."),
    Act.LIGHT: later("Please look at the colours that I share on my screen, and keep still."),
}
_NEXT: Final = {
    Phase.REST: later("Wait until they look into the camera and keep still."),
    Phase.ASKED: later("Say this, then wait for it."),
    Phase.SEEN: later("Seen. It is measured on for a moment."),
    Phase.OVER: later("Nothing is asked for."),
}
_GAUGES: Final = {
    "turn of the head to their left": later("Turn of the head to their left"),
    "turn of the head to their right": later("Turn of the head to their right"),
    "part of the face that is covered": later("Part of the face that is covered"),
    "one cheek against the other": later("One cheek against the other"),
    "growth of the face": later("Growth of the face"),
    "movement of the mouth": later("Movement of the mouth"),
    "pictures of the lit face": later("Pictures of the lit face"),
    "rise of the score": later("Rise of the score"),
    "pictures without features": later("Pictures without features"),
}
_NUMBERS: Final = {
    "lost_share": later("without features"),
    "score_rise": later("rise of the score"),
    "score_spread": later("spread of the score"),
    "jump": later("features jump"),
    "voice": later("voice against mouth"),
    "voice_lag_ms": later("delay of the voice"),
    "light_correlation": later("light against face"),
    "light_delay_s": later("delay of the light"),
    "light_p": later("p of the light"),
}
_SHARES: Final = ("lost_share", "jump")
_UNITS: Final = {"voice_lag_ms": " ms", "light_delay_s": " s"}


def say(progress: Progress) -> str:
    """What to say to the person now; of what comes next, while they rest; empty at the end."""
    if progress.act is None:
        return ""
    if progress.prompt is None or progress.act is not Act.PHRASE:
        return tr(SAY[progress.act]).format(words="…")
    # The words were drawn, and only the prompt has them.
    words = progress.prompt.partition(": ")[2].rstrip(".")
    return tr(SAY[Act.PHRASE]).format(words=words)


def what_now(progress: Progress) -> str:
    """One sentence for the operator."""
    if progress.act is Act.LIGHT and progress.phase is Phase.ASKED:
        return tr(
            "Share your screen, say this, ask whether it is all right, then show the colours."
        )
    if progress.act is Act.LIGHT and progress.phase is Phase.SEEN:
        return tr("The colours are shown; the light on the face is measured.")
    return tr(_NEXT[progress.phase])


def gauge_text(gauge: Gauge) -> str:
    """What is measured now, and what is waited for."""
    name = tr(_GAUGES[gauge.name])
    unit = f" {gauge.unit}" if gauge.unit == "%" else gauge.unit
    places = 0 if gauge.unit or gauge.needed is None else 1
    value = "–" if gauge.value is None else f"{gauge.value:.{places}f}{unit}"
    if gauge.needed is None:
        return f"{name}: {value}"
    needed = f"{gauge.needed:.{places}f}{unit}"
    if gauge.name == "rise of the score":
        return tr("{name}: {value} (odd from {needed})").format(
            name=name, value=value, needed=needed
        )
    return tr("{name}: {value} of {needed}").format(name=name, value=value, needed=needed)


def step_line(act: Act, report: ChallengeReport, *, current: bool) -> str:
    """The line of an act in the list."""
    name = tr(NAMES[act])
    outcome = outcome_of(act, report)
    if outcome is None:
        return f"▶ {name}" if current else name
    text = f"{SIGNS[outcome]} {name}: {tr(OUTCOMES[outcome])}"
    return f"▶ {text}" if current else text


def outcome_of(act: Act, report: ChallengeReport) -> Outcome | None:
    """Of an act that was asked for, None if it was not yet."""
    asked = any(step.act is act and step.numbers for step in report.steps)
    left = any(step.act is act and step.text == "left out" for step in report.steps)
    return report.outcome_of(act) if asked or left else None


def step_text(act: Act, report: ChallengeReport) -> str:
    """Every attempt of an act: outcome, a sentence, numbers."""
    steps = [step for step in report.steps if step.act is act]
    parts = []
    for step in steps:
        head = tr(OUTCOMES[step.outcome])
        if len(steps) > 1:
            head = tr("Attempt {number}: {outcome}").format(number=step.attempt, outcome=head)
        parts.append("\n".join([f"{head} · {redact(step.text)}", *_numbers(step)]))
    whole = report.outcome_of(act)
    if len(steps) > 1 and whole is not None:
        parts.append(tr("Together: {outcome}").format(outcome=tr(OUTCOMES[whole])))
    return "\n\n".join(parts)


def _numbers(step: StepReport) -> list[str]:
    found = []
    for key, value in step.numbers.items():
        if value is None:
            continue
        shown = f"{100 * value:.0f} %" if key in _SHARES else f"{value:.2f}{_UNITS.get(key, '')}"
        if key == "voice_lag_ms":
            shown = f"{value:.0f} ms"
        elif key == "light_p":
            shown = f"{value:.3f}"
        found.append(f"{tr(_NUMBERS[key])}: {shown}")
    if step.after_s is not None and step.act is not Act.LIGHT:
        found.append(tr("seen after {time}").format(time=f"{step.after_s:.1f} s"))
    return found


def summary(report: ChallengeReport, *, running: bool) -> str:
    """The result as a whole in one line."""
    acts = {step.act for step in report.steps}
    found = [outcome_of(act, report) for act in acts]
    passed, failed = found.count(Outcome.PASS), found.count(Outcome.FAIL)
    count = trn("{passed} of {count} step passed", "{passed} of {count} steps passed", len(acts))
    text = count.format(passed=passed, count=len(acts))
    if failed:
        text += ", " + trn("{count} failed", "{count} failed", failed).format(count=failed)
    if running:
        return tr("So far: {text}").format(text=text)
    return f"{SIGNS[report.outcome]} {tr(OUTCOMES[report.outcome]).capitalize()}: {text}"


def left_text(seconds: float | None) -> str:
    """The countdown in words."""
    return "" if seconds is None else tr("{time} left").format(time=duration(seconds + 0.999))


def whole_text(report: ChallengeReport, person: str, when: str) -> str:
    """The result to be pasted somewhere."""
    lines = [
        tr("fakewatch: challenge of {person}, {when}").format(person=person, when=when),
        summary(report, running=False),
    ]
    for act in dict.fromkeys(step.act for step in report.steps):
        lines += ["", tr(NAMES[act]), step_text(act, report)]
    lines += ["", limits()]
    return "\n".join(lines)


def limits() -> str:
    """What a result does not say."""
    return tr(
        "A pass says only that nothing odd was seen; a fail is a reason to look closer. The limits"
        " were set on real people and never tried on a live swap."
    )
