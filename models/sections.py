"""What `models.evaluate` adds to the page of an evaluation, as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from realtime.evaluation.page import Section, words

_MADE: Final = (
    "Pseudo-fakes are made from photos of people whom training never saw, in the way that training "
    "makes its own. They say whether the network learned that lesson, not whether it knows "
    "finished forgeries. Intervals: bootstrap over photos."
)
_AGE: Final = (
    "Ages are those of the data sets, mostly estimates themselves. Small groups prove nothing."
)
_TONE: Final = (
    "Skin tone is annotated nowhere. It is estimated from the colour of cheek pixels (individual "
    "typology angle, Chardon et al. 1991) of uncalibrated pictures: light, make-up, white balance "
    "and compression move it, and it says nothing certain of any person. Small groups "
    "prove nothing."
)
_MAP: Final = (
    "Of pseudo-fakes the blended place is known. A hit: the highest point of the map lies in it. "
    "Chance is what the middle of the crop, a random point (the share of the crop that is blended) "
    "or the map of another face hits. Overlap: intersection over union with the part of the map "
    "above half its maximum. A map may be high at the same cells of every face; the last column "
    "leaves that out, by taking off the mean map of the real crops."
)
_ATTACK: Final = (
    "White-box attacks on the crop itself, by somebody who has the network: the worst case. Rates "
    "are those at the threshold that calls 5 % of the unchanged real crops fake."
)


def sections(extra: Mapping[str, Any]) -> list[Section]:
    """Tables of what `models.evaluate.pseudo_fakes` found, as far as it was measured."""
    found = []
    if "pseudo_fakes" in extra:
        found.append(_pseudo_fakes(extra["pseudo_fakes"]))
        found += [
            _group("By age (pseudo-fakes)", _AGE, extra["groups"]["age"]),
            _group(
                "By skin tone, estimated (pseudo-fakes)",
                _TONE,
                extra["groups"]["skin_tone_estimated"],
            ),
        ]
        if extra["explanation"] is not None:
            found.append(_explanation(extra["explanation"]))
        if extra["adversarial"] is not None:
            found.append(_adversarial(extra["adversarial"]))
    if "splits" in extra:
        found.append(_splits(extra["splits"]))
    return found


def _pseudo_fakes(table: Mapping[str, Any]) -> Section:
    thirds = ("none" if auc is None else f"{auc:.2f}" for auc in table["auc_easy_middle_hard"])
    rows = [
        ("AUC, all difficulties", words(table["auc"])),
        ("AUC of the easy / middle / hard third", " / ".join(thirds)),
        ("scores above its own real picture", words(table["fake_above_its_real"])),
        *(
            (f"AUC where the texture changed by: {name} ({count})", f"{value:.2f}")
            for name, (value, count) in table["auc_by_texture"].items()
        ),
    ]
    title = f"Pseudo-fakes: {table['pairs']} pairs of {table['photos']} photos"
    return Section(title, (_MADE,), ("measure", "value"), tuple(rows))


def _group(title: str, text: str, table: Mapping[str, Any]) -> Section:
    rows = tuple(
        (
            name,
            str(row["photos"]),
            str(row["pairs"]),
            words(row["auc"], 2),
            f"{row['mean_real_logit']:.2f}",
            words(row["real_crops_above_strong"], 2),
        )
        for name, row in table.items()
    )
    columns = ("group", "photos", "pairs", "AUC", "mean logit, real", "real crops above STRONG")
    return Section(title, (text,), columns, rows)


def _explanation(table: Mapping[str, Any]) -> Section:
    labels = {
        "hit_rate": "hits",
        "centre_hit_rate": "chance: the middle of the crop hits",
        "area": "chance: a random point hits",
        "other_hit_rate": "chance: the map of another face hits",
        "hit_gain_over_centre": "gain over the middle",
        "hit_gain_over_other": "gain over another face's map",
        "overlap": "overlap",
        "other_overlap": "chance: overlap of another face's map",
        "overlap_gain_over_other": "gain over another face's map",
        "overlap_gain_over_everything": "gain over marking everything",
    }
    parts = {
        "all": "all pseudo-fakes",
        "called_fake": "those with a logit above 0",
        "above_the_usual": "all, above the usual map",
    }
    rows = [("crops", *(str(table[part]["crops"]) for part in parts))]
    rows += [(label, *(words(table[part][key]) for part in parts)) for key, label in labels.items()]
    columns = ("measure", *parts.values())
    return Section("Does the heat map point at the blend?", (_MAP,), columns, tuple(rows))


def _adversarial(table: Mapping[str, Any]) -> Section:
    def row(name: str, made: str, numbers: Mapping[str, Any]) -> tuple[str, ...]:
        return (
            name,
            made,
            words(numbers["auc"]),
            words(numbers["fakes_found"], 2),
            words(numbers["reals_called_fake"], 2),
        )

    changes = {
        "fakes_made_real": "fakes made to look real",
        "reals_made_fake": "reals made to look fake",
        "both": "both",
    }
    rows = [row("none", "nothing", table["before"])]
    rows += [
        row(f"{one['attack']}, {one['eps']}", label, one[key])
        for one in table["after"]
        for key, label in changes.items()
    ]
    columns = ("attack", "changes", "AUC", "fakes found", "reals called fake")
    title = f"Attacks on the crop ({table['pairs']} pairs)"
    return Section(title, (_ATTACK,), columns, tuple(rows))


def _splits(table: Mapping[str, Any]) -> Section:
    fresh = table["never_used"]
    alarms = fresh["false_alarms"]
    rows = (
        ("clips of this folder that were trained on, left out above", str(table["trained_on"])),
        ("clips that calibration used, in the numbers above", str(table["calibrated_on"])),
        ("without these: AUC of clips", words(fresh["overall"]["auc"])),
        ("without these: AUC on pairs", words(fresh["pairs"]["auc"])),
        ("without these: false alarms per hour", words(alarms["per_hour"], 1)),
        ("without these: real clips that reach STRONG", words(alarms["clips_reaching_strong"], 2)),
    )
    text = "Clips that calibration used cannot show false alarms fairly."
    return Section("Without the clips of the calibration", (text,), ("measure", "value"), rows)
