"""Landmark dynamics: windows on real time, and a witness that says when it cannot judge."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from realtime.cli import main
from realtime.config import CuesConfig
from realtime.cues.dynamics import AVERAGE_S, HOLD_S, DynamicsWitness
from realtime.cues.dynamics_model import MOST, DynamicsModel, load_dynamics
from realtime.cues.landmark_windows import (
    LANDMARKS,
    POINTS,
    RATE_HZ,
    SAMPLES,
    WINDOW_S,
    align,
    mean_face,
    resample,
    select,
    why_not,
    window,
)
from realtime.cues.track import Kit
from realtime.errors import ModelError
from realtime.types import Cue
from tests.unit.landmark_faces import (
    REFERENCE,
    resting_face,
    sighting,
    spread_model,
    talking,
    turned,
    watched,
    written,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DynamicsModel:
    return DynamicsModel(written(tmp_path_factory.mktemp("dynamics")))


def said(witness: DynamicsWitness, times: list[float], **how: object) -> list[Cue]:
    """What it says twice a second while it sees a face at these times."""
    cues, asked = [], -1.0
    for one in watched(times, **how):
        witness.see(one)
        if one.time_s - asked >= 0.5:
            asked = one.time_s
            cues.append(witness.cue(asked))
    return cues


def at_rate(rate_hz: float, seconds: float, start: float = 0.0) -> list[float]:
    return [start + i / rate_hz for i in range(int(seconds * rate_hz))]


def test_every_landmark_is_taken_once() -> None:
    assert len(set(LANDMARKS)) == POINTS
    assert max(LANDMARKS) < 478


@pytest.mark.parametrize(("yaw", "roll", "scale"), [(0, 0, 1), (30, 0, 0.4), (-25, 20, 3)])
def test_turning_moving_and_scaling_a_head_changes_no_window(
    yaw: float, roll: float, scale: float
) -> None:
    seen = select(turned(resting_face(), yaw, roll, scale))[None]
    apart = align(seen, REFERENCE)[0] - REFERENCE
    assert np.abs(apart - apart.mean(axis=0)).max() < 1e-4
    assert np.abs(apart).max() < 1e-4


def test_a_mirror_image_is_not_turned_into_the_face() -> None:
    flipped = resting_face() * (-1, 1, 1)
    found = align(select(flipped.astype(np.float32))[None], REFERENCE)[0]
    assert np.abs(found - REFERENCE).max() > 0.1


def test_an_open_mouth_is_still_open_once_aligned() -> None:
    shut = align(select(talking(0.0))[None], REFERENCE)[0]
    wide = align(select(talking(0.125))[None], REFERENCE)[0]
    lips = LANDMARKS.index(13)
    assert wide[lips, 1] - shut[lips, 1] == pytest.approx(5 / 90, abs=2e-3)


def test_points_that_coincide_are_no_face() -> None:
    assert np.isnan(align(np.zeros((1, POINTS, 3)), REFERENCE)).all()


def test_the_mean_face_is_the_face_that_all_are_views_of() -> None:
    views = [(0, 0, 1.0), (20, 5, 0.5), (-15, -10, 2.0)]
    faces = np.stack([select(turned(resting_face(), *view)) for view in views])
    mean = mean_face(faces)
    corners = LANDMARKS.index(33), LANDMARKS.index(263)
    assert np.linalg.norm(mean[corners[0]] - mean[corners[1]]) == pytest.approx(1.0)
    assert np.abs(align(faces, mean) - mean).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [12.5, 15.0, 24.0, 30.0, 60.0])
def test_a_line_in_time_stays_a_line_whatever_the_rate(rate_hz: float) -> None:
    times = np.arange(0, 3, 1 / rate_hz)
    found = resample(times, 2 * times[:, None], float(times[-1]))
    grid = times[-1] - np.arange(SAMPLES - 1, -1, -1) / RATE_HZ
    assert found[:, 0] == pytest.approx(2 * grid)


def test_a_window_is_nearly_the_same_at_every_rate_and_with_frames_missing() -> None:
    rng = np.random.default_rng(0)
    whole = np.arange(0, 90) / 60
    kept = whole[(rng.random(90) > 0.3) | (np.arange(90) == 89)]
    windows = [
        window(times, select(np.stack([talking(t) for t in times])), REFERENCE)
        for times in (whole, kept, whole[1::2], whole[89::-4][::-1])
    ]
    for other in windows[1:]:
        assert np.abs(other - windows[0]).max() < 0.01
    assert np.ptp(windows[0][:, LANDMARKS.index(13), 1]) == pytest.approx(10 / 90, abs=0.01)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (at_rate(25, 1.0), "not seen for"),
        ([], "not seen for"),
        (at_rate(8, 3.0), "pictures a second"),
        ([t for t in at_rate(25, 2.0) if not 1.0 < t < 1.3], "pictures are missing"),
    ],
)
def test_why_there_is_no_window(times: list[float], why: str) -> None:
    found = why_not(np.array(times), times[-1] if times else 0.0)
    assert found is not None
    assert why in found


@pytest.mark.parametrize("rate_hz", [12.0, 15.0, 25.0, 30.0, 60.0])
def test_a_window_is_judged_after_its_time_at_every_rate(
    model: DynamicsModel, rate_hz: float
) -> None:
    cues = said(DynamicsWitness(model), at_rate(rate_hz, 6.0))
    assert not cues[2].assessable
    assert "not seen for 1.2 seconds" in cues[2].text
    assert all(cue.assessable for cue in cues[4:])
    assert cues[-1].value == pytest.approx(0.45, rel=0.2)  # what such lips give


def test_eight_pictures_a_second_are_too_few(model: DynamicsModel) -> None:
    cues = said(DynamicsWitness(model), at_rate(8, 8.0))
    assert not any(cue.assessable for cue in cues)
    assert "pictures a second" in cues[-1].text


def test_a_clip_of_one_second_is_too_short(model: DynamicsModel) -> None:
    assert not any(cue.assessable for cue in said(DynamicsWitness(model), at_rate(30, 1.0)))


def test_single_dropped_frames_change_little_and_long_gaps_end_the_window(
    model: DynamicsModel,
) -> None:
    rng = np.random.default_rng(1)
    times = at_rate(30, 8.0)
    some = [t for t in times if rng.random() > 0.25]
    whole, ragged = (said(DynamicsWitness(model), chosen)[-1] for chosen in (times, some))
    assert ragged.value == pytest.approx(whole.value, rel=0.1)
    stuttering = [t for t in times if t % 1.0 > 0.3]
    cues = said(DynamicsWitness(model), stuttering)
    assert not any(cue.assessable for cue in cues)
    assert "pictures are missing" in cues[-1].text


def test_a_profile_says_nothing(model: DynamicsModel) -> None:
    cues = said(DynamicsWitness(model), at_rate(25, 5.0), yaw=55.0)
    assert not any(cue.assessable for cue in cues)
    assert "turned away" in cues[-1].text


def test_a_hidden_face_says_nothing(model: DynamicsModel) -> None:
    cues = said(DynamicsWitness(model), at_rate(25, 5.0), hidden=True)
    assert not any(cue.assessable for cue in cues)
    assert "covered" in cues[-1].text


def test_what_was_said_stands_for_a_moment_and_no_longer(model: DynamicsModel) -> None:
    witness = DynamicsWitness(model)
    before = said(witness, at_rate(25, 4.0))[-1]
    after = said(witness, at_rate(25, 5.0, start=4.0), yaw=60.0)
    assert after[1].value == pytest.approx(before.value, rel=0.1)
    assert not after[-1].assessable
    again = said(witness, at_rate(25, 3.0, start=9.0))
    assert again[-1].assessable


def test_a_face_that_is_out_of_sight_says_nothing(model: DynamicsModel) -> None:
    witness = DynamicsWitness(model)
    said(witness, at_rate(25, 3.0))
    assert witness.cue(3.0 + HOLD_S - 0.5).assessable
    assert not witness.cue(3.0 + HOLD_S + 0.5).assessable


def test_the_average_forgets_what_was_long_ago(model: DynamicsModel) -> None:
    witness = DynamicsWitness(model)
    still = said(witness, at_rate(15, 30.0), opening=0.0)[-1]
    assert still.value == pytest.approx(0.0, abs=1e-3)
    assert still.details["windows"] <= 2 * AVERAGE_S + 1
    assert still.confidence == 1.0
    talks = said(witness, at_rate(15, AVERAGE_S + 3, start=30.0))[-1]
    assert talks.value == pytest.approx(0.47, rel=0.15)


def test_what_it_says_is_the_calibrated_mean_within_its_bounds(tmp_path: Path) -> None:
    fitted = {"slope": 2.0, "offset": -0.25, "bound": 1.5}
    model = DynamicsModel(written(tmp_path, calibration=fitted))
    cue = said(DynamicsWitness(model), at_rate(25, 4.0))[-1]
    assert cue.value is not None
    assert cue.llr == pytest.approx(2 * cue.value - 0.25)
    assert model.contract.llr(100.0) == 1.5
    assert model.contract.llr(-100.0) == -1.5


def test_words_follow_the_evidence(tmp_path: Path) -> None:
    for offset, words in ((1.0, "forged"), (-1.0, "filmed"), (0.0, "little")):
        fitted = {"slope": 0.0, "offset": offset, "bound": 2.0}
        model = DynamicsModel(written(tmp_path, calibration=fitted))
        assert words in said(DynamicsWitness(model), at_rate(25, 3.0))[-1].text


def test_memory_is_bounded_at_any_rate(model: DynamicsModel) -> None:
    witness = DynamicsWitness(model)
    for time_s in at_rate(1000, 4.0):
        witness.see(sighting(time_s))
    assert len(witness._times) == len(witness._points) < 250
    assert witness.cue(3.999).assessable


def test_a_model_without_finite_answers_says_nothing(tmp_path: Path) -> None:
    model = DynamicsModel(written(tmp_path, spread_model(float("nan"))))
    assert not any(cue.assessable for cue in said(DynamicsWitness(model), at_rate(25, 4.0)))


def test_the_built_in_model_is_whole_and_shared_by_all_threads() -> None:
    found: list[DynamicsModel] = []
    threads = [threading.Thread(target=lambda: found.append(load_dynamics())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(one) for one in found}) == 1
    assert found[0].contract.bound <= MOST
    assert found[0].contract.slope >= 0
    assert CuesConfig().dynamics_model == ""


def test_threads_that_ask_at_once_get_their_own_answers(model: DynamicsModel) -> None:
    windows = np.random.default_rng(2).normal(size=(8, SAMPLES, POINTS, 2)).astype(np.float32)
    alone = [float(model.logits(one[None])[0]) for one in windows]
    found: dict[int, set[float]] = {}

    def ask(i: int) -> None:
        found[i] = {float(model.logits(windows[i][None])[0]) for _ in range(50)}

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(8)] == [{value} for value in alone]


def test_another_file_under_the_same_name_is_read_anew(tmp_path: Path) -> None:
    first = load_dynamics(str(written(tmp_path)))
    assert load_dynamics(str(tmp_path / "dynamics.onnx")) is first
    second = load_dynamics(str(written(tmp_path, spread_model(2.0))))
    assert second is not first


def cut_off(folder: Path) -> Path:
    path = written(folder)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def other_bytes(folder: Path) -> Path:
    path = written(folder)
    path.write_bytes(spread_model(3.0).SerializeToString())
    return path


def without_contract(folder: Path) -> Path:
    path = written(folder)
    path.with_suffix(".json").unlink()
    return path


def no_json(folder: Path) -> Path:
    path = written(folder)
    path.with_suffix(".json").write_text("[1, 2", "utf-8")
    return path


def two_outputs(folder: Path) -> Path:
    model = spread_model()
    model.graph.output.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["batch"]))
    return written(folder, model)


def wrong_shape(folder: Path) -> Path:
    model = spread_model()
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch", 1, POINTS, 2])
    )
    return written(folder, model)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: f / "dynamics.onnx", "does not exist"),
        (lambda f: f, "must be a file that ends in .onnx"),
        (cut_off, "not an ONNX file, or damaged"),
        (other_bytes, "SHA-256 differ"),
        (without_contract, "has no contract"),
        (no_json, "is no JSON object"),
        (two_outputs, "one input and one output"),
        (wrong_shape, "not one number each"),
        (lambda f: written(f, rate_hz=30.0), "'rate_hz'"),
        (lambda f: written(f, landmarks=[1, 2]), "'landmarks'"),
        (lambda f: written(f, reference=[[0.0, 0.0, 0.0]]), "incomplete or out of range"),
        (lambda f: written(f, calibration={"slope": 1.0}), "incomplete or out of range"),
        (
            lambda f: written(f, calibration={"slope": 1.0, "offset": 0.0, "bound": 9.0}),
            "incomplete or out of range",
        ),
        (lambda f: "http://user:secret@host/dynamics.onnx", "must be a local file"),
    ],
)
def test_a_model_that_is_not_right_is_one_sentence(tmp_path: Path, make: object, says: str) -> None:
    with pytest.raises(ModelError) as error:
        load_dynamics(str(make(tmp_path)))
    text = str(error.value)
    assert says in text
    assert "secret" not in text
    assert "\n" not in text
    assert text.endswith(".")


def test_the_contract_beside_the_built_in_model_says_what_it_is_worth() -> None:
    import weights

    about = json.loads(weights.DYNAMICS.with_suffix(".json").read_text("utf-8"))
    assert about["window_s"] == WINDOW_S
    assert "real clips" in about["trained_on"]
    low, high = about["held_out"]["clips"]["interval_95"]
    assert 0 < low < about["held_out"]["clips"]["value"] < high < 1


def test_all_tracks_share_the_model_of_the_settings(tmp_path: Path) -> None:
    path = written(tmp_path)
    make = Kit.of(CuesConfig(dynamics_model=str(path))).makers["dynamics"]
    cues = []
    for witness in (make(), make()):
        assert isinstance(witness, DynamicsWitness)
        assert witness._model is load_dynamics(str(path))
        cues.append(said(witness, at_rate(25, 3.0))[-1])
    assert cues[0] == cues[1]


def test_a_model_is_not_read_where_nobody_asks_for_it(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.onnx")
    assert "dynamics" not in Kit.of(CuesConfig(dynamics=False, dynamics_model=missing)).makers
    with pytest.raises(ModelError, match="does not exist"):
        Kit.of(CuesConfig(dynamics_model=missing))


def test_a_missing_model_ends_the_program_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "fakewatch.toml"
    missing = tmp_path / "none.onnx"
    settings.write_text(f'[cues]\ndynamics_model = "{missing}"\n', "utf-8")
    assert main(["demo", "--headless", "--config", str(settings)]) == 4
    told = capsys.readouterr().err.strip().splitlines()
    assert told[-1] == f"fakewatch: The model {missing} does not exist."
    assert not any("Traceback" in line for line in told)
