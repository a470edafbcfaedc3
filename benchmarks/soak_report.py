"""What a soak must hold, and whether it did: pure functions over the lines that it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

MOST_IN_FLIGHT: Final = 3
"""One waits, one is worked on, and one is between its capture and the slot."""
MAX_AGE_S: Final = 0.5
MAX_SLOPE: Final = 0.01
"""Of resident memory, a share of it each hour, after the warm-up."""
SLOPE_NEEDS_S: Final = 1200.0
"""Over less time the noise of the allocator is larger than the bound."""
POOLS: Final = 4
"""Threads that OpenCV and others start once and keep."""
AGE_STEP_S: Final = 0.001
AGES: Final = 5000
"""Bins of the histograms of ages; the last holds whatever is older."""


def bin_of(age_s: float) -> int:
    """Where an age belongs."""
    return min(max(int(age_s / AGE_STEP_S), 0), AGES - 1)


def percentile(bins: Iterable[tuple[int, int]], share: float) -> float:
    """The age in seconds that ``share`` (0 to 1) of all are at most, 0 if there are none.

    ``bins`` are numbers of bins and how many ages fell into them; a bin may come again.
    """
    counts = np.zeros(AGES, np.int64)
    for number, count in bins:
        counts[number] += count
    total = np.cumsum(counts)
    if not total[-1]:
        return 0.0
    return float((np.searchsorted(total, share * total[-1]) + 1) * AGE_STEP_S)


def slope(times_s: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes between all pairs of points, an hour, as a share of the median.

    Theil (1950) and Sen (1968): a few samples in the middle of a collection bend nothing.
    """
    x, y = np.asarray(times_s, float), np.asarray(values, float)
    first, second = np.triu_indices(len(x), 1)
    if not len(first):
        return 0.0
    steps = (y[second] - y[first]) / (x[second] - x[first])
    return float(np.median(steps) * 3600 / np.median(y))


def broken_by(sample: Mapping[str, Any]) -> list[str]:
    """What one sample breaks: the identity of a source at that moment, or a drop of no cause."""
    found = []
    for name, source in sample["sources"].items():
        lost = sum(source["dropped"].values())
        if source["captured"] != source["analysed"] + lost + source["in_flight"]:
            found.append(f"{name}: the counts do not add up")
        if not 0 <= source["in_flight"] <= MOST_IN_FLIGHT:
            found.append(f"{name}: {source['in_flight']} frames are on their way")
        if source["captured"] != source["delivered"]:
            found.append(
                f"{name}: {source['captured']} counted, {source['delivered']} delivered by reads"
            )
    return found


def broken_by_end(end: Mapping[str, Any]) -> list[str]:
    """What the end breaks, when nothing may be on its way any more."""
    found = []
    for name, source in end["sources"].items():
        if source["in_flight"]:
            found.append(f"{name}: {source['in_flight']} frames ended nowhere")
        if source["captured"] != source["delivered"]:
            found.append(f"{name}: {source['captured']} counted, {source['delivered']} delivered")
        if not 0 <= source["analysed"] - source["results"] <= source["sink_dropped"]:
            found.append(
                f"{name}: {source['analysed']} analysed, {source['results']} arrived and "
                f"{source['sink_dropped']} were lost on the way"
            )
        if source["states"] and source["states"][-1] != "ended":
            found.append(f"{name}: the last state told was {source['states'][-1]}")
    # Libraries keep a pool of threads from their first use on.
    for kind, spare in (("threads", POOLS), ("fds", 0)):
        if end["after"][kind] > end["before"][kind] + spare:
            found.append(f"{kind}: {end['before'][kind]} before, {end['after'][kind]} after")
    return found + [f"{name} was left running" for name in end["left"]]


def judge(lines: Sequence[Mapping[str, Any]], warm_up_s: float) -> dict[str, Any]:
    """The summary of a soak from its lines; ``broken`` is empty if it held everything."""
    samples = [line for line in lines if line["kind"] == "sample"]
    warm = [line for line in samples if line["time_s"] >= warm_up_s] or samples
    broken = [
        f"at {line['time_s']:.0f} s, {words}" for line in samples for words in broken_by(line)
    ]
    ages = list(chain.from_iterable(line["ages"] for line in samples))
    p99 = percentile(ages, 0.99)
    if p99 > MAX_AGE_S:
        broken.append(f"one frame in a hundred was older than {p99:.3f} s")
    for kind, spare in (("threads", 1), ("fds", 2)):
        first, most = warm[0][kind], max(line[kind] for line in warm[len(warm) // 2 :])
        if most > first + spare:
            broken.append(f"{kind} grew from {first} to {most}")
    growth = slope([line["time_s"] for line in warm], [line["rss_mib"] for line in warm])
    if warm[-1]["time_s"] - warm[0]["time_s"] >= SLOPE_NEEDS_S and growth > MAX_SLOPE:
        broken.append(f"memory grew by {growth:.2%} an hour")
    end = next((line for line in lines if line["kind"] == "end"), None)
    broken += ["it was cut short"] if end is None else broken_by_end(end)
    last = (end or samples[-1])["sources"]
    seconds = samples[-1]["time_s"]
    return {
        "minutes": round(seconds / 60, 2),
        "sources": len(last),
        "captured": sum(source["captured"] for source in last.values()),
        "analysed": sum(source["analysed"] for source in last.values()),
        "dropped": _by_cause(last),
        "analysed_hz": {
            name: round(source["analysed"] / seconds, 2) for name, source in last.items()
        },
        "scores_hz": {name: round(source["scores"] / seconds, 2) for name, source in last.items()},
        "age_s": {f"p{100 * share:g}": percentile(ages, share) for share in (0.5, 0.99, 0.999)},
        "latency_s": _latency(samples),
        "rss_mib": {"warm": warm[0]["rss_mib"], "end": warm[-1]["rss_mib"]},
        "rss_slope_an_hour": round(growth, 5),
        "threads": [warm[0]["threads"], warm[-1]["threads"]],
        "fds": [warm[0]["fds"], warm[-1]["fds"]],
        "connections": sum(source["epoch"] + 1 for source in last.values()),
        "broken": broken,
    }


def _by_cause(sources: Mapping[str, Any]) -> dict[str, int]:
    causes = sorted({cause for source in sources.values() for cause in source["dropped"]})
    return {
        cause: sum(source["dropped"].get(cause, 0) for source in sources.values())
        for cause in causes
    }


def _latency(samples: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    total = list(chain.from_iterable(line["latencies"] for line in samples))
    return {f"p{100 * share:g}": percentile(total, share) for share in (0.5, 0.99)}
