"""The report as one HTML page that needs nothing beside it, and the same in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined


@dataclass(frozen=True, slots=True)
class Section:
    """A table that another program adds to the page; all cells are text."""

    title: str
    texts: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def page(report: Mapping[str, Any], sections: Sequence[Section] = ()) -> str:
    """HTML of what `realtime.evaluation.run.report` gave."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("realtime.evaluation").joinpath("report.html").read_text("utf-8")
    # The macros look up what is not in every report.
    shown = {"robustness": None, **report}
    return environment.from_string(source).render(r=shown, plots=_plots(shown), sections=sections)


def in_words(report: Mapping[str, Any]) -> list[str]:
    """The headline numbers, a line each."""
    overall, pairs, alarms = report["overall"], report["pairs"], report["false_alarms"]
    strong, detected = alarms["clips_reaching_strong"], report["detection"]["detected"]
    clips, calibration = report["clips"], report["calibration"]
    delay = report["detection"]["median_delay_s"]
    lines = [
        f"{clips['real']} real and {clips['fake']} fake clips, "
        f"{clips['real_scored']} and {clips['fake_scored']} with a score",
        f"AUC of clips {words(overall['auc'])}",
        f"real clips that reach strong: {strong['count']} of {strong['of']}; "
        f"false alarms per hour {words(alarms['per_hour'], 1)}",
        f"fake clips that reach strong: {detected['count']} of {detected['of']}"
        + ("" if delay is None else f", after {delay:.1f} s (median)"),
    ]
    if pairs["groups"]:
        above = pairs["fake_above_its_real"]
        lines.insert(
            2,
            f"AUC on {pairs['groups']} real/fake pairs of one source {words(pairs['auc'])}; "
            f"{above['count']} of {above['of']} fakes score above their own real clip",
        )
    if calibration is not None:
        lines.append(
            f"calibration error {words(calibration['expected_calibration_error'])}, "
            f"Brier {words(calibration['brier'])}"
        )
    share = report["assessability"]["share_not_assessable"]
    if share is not None:
        lines.append(f"not assessable: {share:.0%} of the time of faces in view")
    lines += report["missing"]
    if report["failed"]:
        lines.append(f"{len(report['failed'])} clips could not be used")
    return lines


def words(found: Mapping[str, Any] | None, digits: int = 3) -> str:
    """An estimate as text: the value, and its interval in brackets."""
    if found is None or found["value"] is None:
        return "not known"
    interval = found["interval_95"]
    beside = f" ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})" if interval else ""
    return f"{found['value']:.{digits}f}{beside}"


def _plots(report: Mapping[str, Any]) -> dict[str, str | None]:
    from realtime.evaluation import plots  # noqa: PLC0415 - slow to import

    results, clips = report["results"], report["clips"]
    changed, methods = report["robustness"], report["methods"]
    both = clips["real_scored"] and clips["fake_scored"]
    found: dict[str, str | None] = dict.fromkeys(
        ("scores", "roc", "reliability", "methods", "robustness", "shifts", "reasons")
    )
    if clips["real_scored"] or clips["fake_scored"]:
        found["scores"] = plots.score_plot(results)
    if both:
        found["roc"] = plots.roc_plot(results)
        rows = [(f"{name} ({m['clips']})", m["auc"]) for name, m in methods.items()]
        found["methods"] = plots.interval_plot(rows, "AUC, with its 95 % interval", 0.5)
    if report["calibration"] is not None:
        found["reliability"] = plots.reliability_plot(report["calibration"]["bins"])
    seconds = report["assessability"]["seconds_by_reason"]
    if seconds:
        blocked = sum(seconds.values())
        found["reasons"] = plots.reason_plot(seconds, report["assessability"]["face_s"] - blocked)
    if changed is not None and changed["conditions"]:
        rows = [(c["name"], c["auc"]) for c in changed["conditions"]]
        if any(auc is not None for _, auc in rows):
            found["robustness"] = plots.interval_plot(rows, "AUC, with its 95 % interval", 0.5)
        found["shifts"] = plots.shift_plot(changed["conditions"])
    return found
