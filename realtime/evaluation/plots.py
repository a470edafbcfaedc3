"""The figures of a report, as PNG in data URIs: numbers only, no picture of anybody."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from realtime.evaluation.metrics import roc

REAL: Final = "#2a7f62"
FAKE: Final = "#b5452c"
INK: Final = "#333333"
_WIDTH: Final = 7.2
_ROW: Final = 0.3

Estimate = Mapping[str, Any] | None


def score_plot(results: Sequence[Mapping[str, Any]]) -> str:
    """The score of every clip, one row a source or method, reals above."""
    kinds: dict[tuple[bool, str], list[float]] = {}
    for line in results:
        if line["log_odds"] is not None:
            kinds.setdefault((line["fake"], line["kind"]), []).append(line["log_odds"])
    rows = sorted(kinds, reverse=True)
    figure, axes = _figure(_ROW * len(rows) + 1.0)
    for place, row in enumerate(rows):
        values = np.array(kinds[row])
        spread = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes.scatter(values, place + spread, s=16, alpha=0.7, color=FAKE if row[0] else REAL)
        if len(values) > 1:
            axes.plot([values.mean()] * 2, [place - 0.35, place + 0.35], color=INK, linewidth=1.5)
    names = [f"{'fake' if fake else 'real'}: {kind}" for fake, kind in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("score of the clip: mean log-odds of fake (bar: mean of the row)")
    return _uri(figure)


def roc_plot(results: Sequence[Mapping[str, Any]]) -> str:
    """The ROC curve of whole clips."""
    scored = [line for line in results if line["log_odds"] is not None]
    real, fake = (
        np.array([line["log_odds"] for line in scored if line["fake"] is side])
        for side in (False, True)
    )
    figure, axes = _figure(3.6, 3.8)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    axes.step(*roc(real, fake), where="post", color=FAKE)
    axes.set_xlabel("share of real clips called fake")
    axes.set_ylabel("share of fake clips found")
    return _uri(figure)


def reliability_plot(bins: Sequence[Mapping[str, Any]]) -> str:
    """What was said against what was so; the area of a dot is its weight."""
    figure, axes = _figure(3.6, 3.8)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    full = [b for b in bins if b["count"]]
    axes.scatter(
        [b["predicted"] for b in full],
        [b["observed"] for b in full],
        s=[30 + 600 * b["weight"] for b in full],
        color=FAKE,
        alpha=0.7,
    )
    for b in full:
        axes.annotate(str(b["count"]), (b["predicted"], b["observed"]), ha="center", fontsize=7)
    axes.set(xlim=(0, 1), ylim=(-0.05, 1.05))
    axes.set_xlabel("probability shown (number of clips in the dot)")
    axes.set_ylabel("share of fakes at even odds")
    return _uri(figure)


def interval_plot(rows: Sequence[tuple[str, Estimate]], label: str, chance: float | None) -> str:
    """Values with their intervals, the first row on top."""
    known = [(name, found) for name, found in rows if found is not None][::-1]
    figure, axes = _figure(_ROW * len(known) + 0.9)
    for place, (_, found) in enumerate(known):
        interval = found["interval_95"]
        if interval:
            axes.plot(interval, [place, place], color=FAKE, linewidth=2)
        axes.scatter([found["value"]], [place], color=FAKE, zorder=3, s=22)
    axes.set_yticks(range(len(known)), [name for name, _ in known])
    if chance is not None:
        axes.axvline(chance, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(label)
    return _uri(figure)


def shift_plot(conditions: Sequence[Mapping[str, Any]]) -> str:
    """How far each condition moves reals and fakes."""
    shown = [c for c in conditions if c["name"] != "original"][::-1]
    figure, axes = _figure(_ROW * len(shown) + 0.9)
    for key, colour, offset in (("shift_real", REAL, 0.18), ("shift_fake", FAKE, -0.18)):
        values = [c[key] or 0.0 for c in shown]
        axes.barh(np.arange(len(shown)) + offset, values, 0.34, color=colour, label=key[6:])
    axes.set_yticks(range(len(shown)), [c["name"] for c in shown])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("mean change of the score (log-odds; to the right: looks more like a fake)")
    axes.legend(fontsize=8, frameon=False)
    return _uri(figure)


def reason_plot(seconds: Mapping[str, float], assessed: float) -> str:
    """For how long faces were assessed, and why not."""
    rows = [("assessed", assessed), *seconds.items()][::-1]
    figure, axes = _figure(_ROW * len(rows) + 0.9)
    colours = [REAL if name == "assessed" else INK for name, _ in rows]
    axes.barh([name.replace("_", " ") for name, _ in rows], [s for _, s in rows], color=colours)
    axes.set_xlabel("seconds of faces in view")
    return _uri(figure)


def _figure(height: float, width: float = _WIDTH) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _uri(figure: Figure) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
