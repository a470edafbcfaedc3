"""The training side of landmark dynamics: pseudo-fakes, windows, fits, what is measured, files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import dynamics
from models.catalog import Clip
from models.dynamics_data import Track, track_of_clip
from models.dynamics_export import export
from models.dynamics_fakes import EYES, INNER, MAKERS, MOUTH, places
from models.dynamics_fit import Plan, fit, judge, mirror_order, mirrored, weights_of
from models.dynamics_measure import Judged, Line, calibrate, measure
from models.dynamics_nets import Statistics, StatisticsNet, TemporalNet
from models.dynamics_windows import Aligned, Windows, aligned, as_judged, drawn, gather
from realtime.cues.dynamics import DynamicsWitness
from realtime.cues.dynamics_model import MOST, DynamicsModel, load_dynamics
from realtime.cues.landmark_windows import LANDMARKS, POINTS, RATE_HZ, SAMPLES
from realtime.types import FloatArray
from tests.unit.landmark_faces import REFERENCE, sighting, talking

OUTLINE = places("jaw", "forehead")


def clip(name: str, *, fake: bool = False, fold: int = 0, kind: str = "", pair: str = "") -> Clip:
    return Clip(
        Path(f"{name}.mp4"),
        kind or ("method" if fake else "source"),
        fake,
        pair,
        "validation",
        name,
        fold,
    )


def talk(seconds: float = 4.0, rate_hz: float = 30.0, opening: float = 5.0) -> Track:
    times = np.arange(0, seconds, 1 / rate_hz)
    points = np.stack([talking(t, opening=opening) for t in times])
    good = np.ones(len(times), bool)
    return Track(times, points, good, np.zeros(len(times), np.float32))


@pytest.fixture(scope="module")
def spoken() -> Aligned:
    return aligned(talk(), REFERENCE)


def movement(points: np.ndarray) -> np.ndarray:
    """How far each point strays from its mean."""
    return np.asarray(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)))


def test_a_track_without_its_head_movement_is_still_but_for_the_lips(spoken: Aligned) -> None:
    strays = movement(spoken.points)
    assert strays[OUTLINE].max() < 1e-4
    assert strays[places("inner lips")].min() > 0.03


@pytest.mark.parametrize("name", MAKERS)
def test_a_maker_changes_the_face_and_not_what_it_is_given(name: str, spoken: Aligned) -> None:
    rng = np.random.default_rng(5)
    times, points = spoken.times[:40], spoken.points[:40].copy()
    points += 0.01 * np.sin(3 * times)[:, None, None] * rng.normal(size=(1, POINTS, 2))
    before = points.copy()
    donor = np.roll(points, 7, axis=0)
    changed = MAKERS[name](times, points, donor, rng)
    assert (points == before).all()
    assert changed.shape == points.shape
    assert np.isfinite(changed).all()
    assert np.abs(changed - points).max() > 1e-3
    assert np.abs(changed - points).max() < 1.0


@pytest.mark.parametrize("name", ["sliding", "springing", "still eyes", "repeated", "warped"])
def test_what_happens_to_the_inner_face_leaves_the_outline(name: str, spoken: Aligned) -> None:
    rng = np.random.default_rng(6)
    times, points = spoken.times[:40], spoken.points[:40]
    changed = MAKERS[name](times, points, points, rng)
    assert (changed[:, OUTLINE] == points[:, OUTLINE]).all()


def test_makers_do_what_they_are_called(spoken: Aligned) -> None:
    times, points = spoken.times[:40], spoken.points[:40]
    rng = np.random.default_rng(7)
    lips = places("inner lips")
    shaken = points + 0.01 * rng.normal(size=points.shape)
    still = MAKERS["still eyes"](times, shaken, points, rng)
    assert movement(still)[EYES].max() < 0.2 * movement(shaken)[EYES].min()
    twice = MAKERS["repeated"](times, points, points, rng)
    assert (twice[1, INNER] == twice[0, INNER]).all()
    swapped = MAKERS["other mouth"](times, points, np.zeros_like(points), rng)
    assert movement(swapped)[MOUTH].max() == pytest.approx(0, abs=1e-12)
    for _ in range(20):
        slow = MAKERS["smoothed"](times, points, points, rng)
        assert movement(slow)[lips].max() <= movement(points)[lips].max() * 1.001


def test_windows_are_drawn_at_many_rates_and_are_as_those_that_are_judged(
    spoken: Aligned,
) -> None:
    found = drawn(spoken, 40, np.random.default_rng(1))
    assert found.shape == (40, SAMPLES, POINTS, 2)
    lips = LANDMARKS.index(13)
    assert np.ptp(found[:, :, lips, 1], axis=1) == pytest.approx(10 / 90, abs=0.03)
    judged = as_judged(spoken)
    assert len(judged) == 6  # twice a second from 1.24 s on
    assert np.ptp(judged[:, :, lips, 1], axis=1) == pytest.approx(10 / 90, abs=0.02)


@pytest.mark.parametrize("rate_hz", [5.0, 8.0])
def test_too_slow_a_track_is_neither_learned_from_nor_judged(rate_hz: float) -> None:
    slow = aligned(talk(rate_hz=rate_hz), REFERENCE)
    assert not len(drawn(slow, 10, np.random.default_rng(1)))
    assert not len(as_judged(slow))


def test_what_cannot_be_used_is_in_no_window(spoken: Aligned) -> None:
    usable = np.ones(len(spoken.times), bool)
    usable[::20] = False
    broken = Aligned(spoken.times, spoken.points, usable)
    assert not len(as_judged(broken))
    assert not len(drawn(broken, 10, np.random.default_rng(1)))


def test_training_sees_the_windows_that_the_witness_sees() -> None:
    """The same frames through the witness give the windows that are measured here."""

    class Keeping(DynamicsModel):
        def __init__(self) -> None:
            self.contract = replace(load_dynamics().contract, reference=REFERENCE)
            self.seen: list[FloatArray] = []

        def logits(self, windows: FloatArray) -> np.ndarray:
            self.seen.append(windows[0])
            return np.zeros(1)

    track = talk(rate_hz=25.0)
    keeping = Keeping()
    witness = DynamicsWitness(keeping)
    for time_s in track.times:
        witness.see(sighting(float(time_s)))
        witness.cue(float(time_s))
    expected = as_judged(aligned(track, REFERENCE))
    assert len(keeping.seen) == len(expected)
    assert np.abs(np.stack(keeping.seen) - expected).max() < 1e-5


def test_another_mouth_never_comes_from_another_fold(
    spoken: Aligned, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "b", "c"]
    clips = [clip("a", fold=0), clip("b", fold=0), clip("c", fold=1)]
    tracks = [Aligned(spoken.times, spoken.points + i, spoken.usable) for i in range(3)]
    found = gather(clips, tracks, 2, 1, seed=3)
    assert set(found.clip.tolist()) == {0, 1}.union({2})
    lone = found.where(found.clip == names.index("c"))
    assert (lone.maker == -1).all()  # nobody else is in its fold
    assert set(found.where(found.clip == 0).maker.tolist()) == {-1, *range(len(MAKERS))}


def test_the_mirror_of_a_mirror_is_the_face() -> None:
    windows = np.random.default_rng(3).normal(size=(2, SAMPLES, POINTS, 2)).astype(np.float32)
    assert (mirrored(mirrored(windows)) == windows).all()
    order = mirror_order()
    assert sorted(order.tolist()) == list(range(POINTS))
    assert (order[order] == np.arange(POINTS)).all()
    middle = [LANDMARKS.index(i) for i in (168, 6, 195, 4, 1, 2, 152, 10, 0, 17, 13, 14)]
    assert (order[middle] == middle).all()


def test_reals_weigh_as_much_as_fakes_and_clips_of_a_source_alike() -> None:
    clips = [clip("a"), clip("b"), clip("f", fake=True), clip("g", fake=True, kind="other")]
    rows = [(0, -1)] * 9 + [(1, -1)] + [(2, -1)] * 4 + [(3, -1)] * 2 + [(0, 0)] * 3 + [(1, 4)]
    windows = Windows(
        np.zeros((len(rows), 1, 1, 2), np.float32),
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
    )
    weights = weights_of(windows, clips, 0.25)

    def share(chosen: np.ndarray) -> float:
        return float(weights[chosen].sum())

    made = windows.maker >= 0
    fake = windows.clip >= 2
    assert share(~made & ~fake) == pytest.approx(0.5)
    assert share(fake) == pytest.approx(0.125)
    assert share(made) == pytest.approx(0.375)
    assert share(~made & (windows.clip == 0)) == pytest.approx(0.25)
    assert not weights_of(windows, clips, 0.0)[fake].any()


def two_kinds() -> tuple[Windows, list[Clip]]:
    """Real lips move with the face's slow sway, forged ones tremble."""
    rng = np.random.default_rng(8)
    values, owners = [], []
    for owner in range(8):
        for _ in range(12):
            sway = 0.02 * np.sin(np.linspace(0, 4, SAMPLES) + rng.uniform(0, 6))
            window = np.zeros((SAMPLES, POINTS, 2)) + sway[:, None, None]
            if owner >= 4:
                window[:, MOUTH] += 0.02 * rng.normal(size=(SAMPLES, len(MOUTH), 2))
            values.append(window + 1e-3 * rng.normal(size=window.shape))
            owners.append(owner)
    clips = [clip(str(i), fake=i >= 4, fold=i % 4) for i in range(8)]
    made = np.full(len(owners), -1)
    return Windows(np.array(values, np.float32), np.array(owners), made), clips


@pytest.mark.parametrize("kind", ["statistics", "temporal"])
def test_a_fit_tells_apart_what_can_be_told_and_gives_the_same_twice(kind: str) -> None:
    windows, clips = two_kinds()
    plan = Plan(kind, visible=1.0, members=1, steps=80, batch=16, rate=5e-3)  # type: ignore[arg-type]
    seen = windows.where(windows.clip % 4 != 0)
    unseen = windows.where(windows.clip % 4 == 0)
    nets = [fit(seen, clips, plan, seed=1) for _ in range(2)]
    one, two = (judge(net, unseen.values) for net in nets)
    assert (one == two).all()
    assert np.median(one[unseen.clip == 4]) > one[unseen.clip == 0].max()


def test_statistics_have_no_size_of_still_faces_to_fall_over() -> None:
    with torch.inference_mode():
        found = Statistics()(torch.zeros(2, SAMPLES, POINTS, 2))
    assert found.shape == (2, Statistics.COUNT)
    assert torch.isfinite(found).all()


def test_a_frequency_is_counted_in_its_band() -> None:
    time = torch.arange(SAMPLES) / RATE_HZ
    found = []
    for hertz in (1.6, 4.7, 9.4):
        window = torch.zeros(1, SAMPLES, POINTS, 2)
        window[0, :, :, 1] = 0.02 * torch.sin(2 * torch.pi * hertz * time)[:, None]
        with torch.inference_mode():
            found.append(Statistics()(window)[0, : 3 * 10].reshape(3, 10)[:, 0])
    assert [int(one.argmax()) for one in found] == [0, 1, 2]


@pytest.mark.parametrize("net", [StatisticsNet(), TemporalNet()], ids=lambda n: type(n).__name__)
def test_models_are_small_and_the_same_in_onnx(tmp_path: Path, net: torch.nn.Module) -> None:
    assert sum(part.numel() for part in net.parameters()) <= 200_000
    path = tmp_path / "dynamics.onnx"
    fitted = Line(0.5, -0.25, 2.0)
    digest = export(
        net.eval(), REFERENCE, fitted, path, trained_on="nothing", held_out={"clips": None}
    )
    about = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert about["sha256"] == digest
    model = DynamicsModel(path)
    assert (model.contract.slope, model.contract.offset) == (0.5, -0.25)
    windows = 0.02 * np.random.default_rng(9).normal(size=(5, SAMPLES, POINTS, 2))
    windows = windows.astype(np.float32)
    assert model.logits(windows) == pytest.approx(judge(net, windows), abs=1e-3)


def judged(count: int, apart: float, seed: int = 0) -> list[Judged]:
    rng = np.random.default_rng(seed)
    return [
        Judged(
            clip(str(i), fake=i % 2 == 1, kind="DeepFaceLive" if i % 2 else "", pair=str(i // 2)),
            rng.normal(apart * (i % 2), 1.0) + 0.1 * rng.normal(size=30),
        )
        for i in range(count)
    ]


def test_calibration_gives_back_the_odds_that_the_scores_were_drawn_with() -> None:
    """Means a distance d apart with unit spread have the log-likelihood ratio d x - d^2 / 2."""
    fitted = calibrate(judged(600, 1.5))
    assert fitted.slope == pytest.approx(1.3, abs=0.4)
    assert fitted.slope * 0.75 + fitted.offset == pytest.approx(0.0, abs=0.2)
    assert fitted.bound == MOST
    assert 0 < calibrate(judged(600, 0.3)).bound < 1


def test_a_clip_that_repeats_itself_counts_once() -> None:
    plain = judged(40, 1.0)
    longer = [Judged(one.clip, np.tile(one.logits, 1 + 5 * (i % 3))) for i, one in enumerate(plain)]
    assert calibrate(longer).slope == pytest.approx(calibrate(plain).slope, rel=0.1)


def test_a_model_that_is_worse_than_chance_says_nothing() -> None:
    fitted = calibrate(judged(60, -1.5))
    assert (fitted.slope, fitted.offset) == (0.0, 0.0)


def test_what_is_measured() -> None:
    found = measure(judged(60, 1.0))
    assert (found["real"], found["fake"]) == (30, 30)
    assert found["clips"]["value"] == pytest.approx(0.76, abs=0.12)  # of means one spread apart
    low, high = found["clips"]["interval_95"]
    assert low < found["clips"]["value"] < high
    assert found["pairs"]["count"] == found["live_swaps"]["count"] == 30
    assert found["other_fakes"] is None
    assert set(found["methods"]) == {"DeepFaceLive"}


def recordings(folder: Path, cache: Path) -> Path:
    """A folder of files that are no videos, whose tracks are already kept."""
    for number in range(12):
        fake = number % 2 == 1
        path = folder / ("fake" if fake else "real") / f"kind{number % 3}" / f"clip{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number + 1))
        _keep(talk(3.0, opening=2.0 if fake else 5.0 + number / 10), path, cache)
    return folder


def _keep(track: Track, path: Path, cache: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.dynamics_data._follow", lambda _: track)
        track_of_clip(path, cache)


def test_the_command_makes_every_file_from_kept_tracks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    data = recordings(tmp_path / "data", out / "tracks")
    arguments = ["--data", str(data), "--out", str(out), "--windows", "12"]
    arguments += ["--kind", "statistics", "--visible", "0.5"]
    assert dynamics.main(arguments) == 0
    first = (out / "dynamics.onnx").read_bytes()
    for folder in (out, *(out / f"fold-{fold}" for fold in range(5))):
        assert DynamicsModel(folder / "dynamics.onnx").contract.slope >= 0
    about = json.loads((out / "dynamics.json").read_text("utf-8"))
    assert "6 real clips" in about["trained_on"]
    assert about["held_out"]["clips"]["value"] > 0.8  # lips of fakes move half as far
    assert "AUC of windows" in capsys.readouterr().err
    assert dynamics.main(arguments) == 0
    assert (out / "dynamics.onnx").read_bytes() == first


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dynamics.main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: There is no")
    taken = tmp_path / "file"
    taken.write_text("taken")
    assert dynamics.main(["--data", str(tmp_path), "--out", str(taken)]) == 2
    assert "Cannot write to" in capsys.readouterr().err
