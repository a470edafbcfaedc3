"""The detector of fixed features: what it sees, what it weighs, and that the weights are right."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from models import samples as tables
from models.bandnet import CHANNELS, INPUT, SIGMAS, BandNet, Bands
from models.catalog import Clip, clips
from models.checkpoints import Checkpoint, network
from models.contracts import contract_for
from models.discriminant import Known, fit, known
from models.explain import grad_cam
from models.recipe import main, without_fold, without_method
from models.samples import PHOTO, Amounts, Samples, gather, halves
from realtime.crops import to_tensor
from realtime.errors import ConfigError
from tests.conftest import needs_data
from tests.unit.data_folder import linked

SHAPE = (CHANNELS, 12, 6)
NOTHING: dict[str, Any] = {"amounts": Amounts(), "seed": 1, "report": lambda _: None}


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    noise = rng.normal(128, 40, (3, *INPUT.size, 3))
    return [
        np.clip(cv2.GaussianBlur(n, (0, 0), s), 0, 255).astype(np.uint8)
        for n, s in zip(noise, (0.6, 1.5, 4.0), strict=True)
    ]


@pytest.fixture
def net() -> BandNet:
    torch.manual_seed(0)
    made = BandNet(INPUT)
    for part in (made.usual, made.weight, made.bias):
        torch.nn.init.normal_(part)
    return made.requires_grad_(False).eval()


def tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(to_tensor(pictures, contract_for("bandnet")))


def cells(plane: np.ndarray) -> np.ndarray:
    return cv2.resize(plane, SHAPE[1:2] * 2, interpolation=cv2.INTER_AREA)


def planes_of(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blue, green, red = np.moveaxis(crop.astype(np.float32), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, 0.713 * (red - luma), 0.564 * (blue - luma)


def bands_of(plane: np.ndarray) -> list[np.ndarray]:
    found, before = [], plane
    for sigma in SIGMAS:
        reach = 2 * round(3 * sigma + 0.5) + 1
        blurred = cv2.GaussianBlur(plane, (reach, reach), sigma)
        found.append(before - blurred)
        before = blurred
    return found


def test_the_features_are_what_they_are_called_by_another_way(crops: list[np.ndarray]) -> None:
    found = Bands(INPUT.size)(tensor(crops)).numpy()
    assert found.shape == (3, CHANNELS, 12, 12)
    for crop, features in zip(crops, found, strict=True):
        strength, peak, step, together, mean = np.split(features, (9, 18, 27, 36))
        bands = [bands_of(plane) for plane in planes_of(crop)]
        for p, plane in enumerate(planes_of(crop)):
            for b, band in enumerate(bands[p]):
                size, power = cells(np.abs(band)) + 0.05, cells(band**2) + 0.0025
                np.testing.assert_allclose(strength[3 * p + b], np.log(size), atol=0.02)
                np.testing.assert_allclose(peak[3 * p + b], np.log(power**0.5 / size), atol=0.02)
            across, down = np.zeros_like(plane), np.zeros_like(plane)
            across[:, 1:], across[:, 0] = plane[:, 1:] - plane[:, :-1], plane[:, 0] - plane[:, 1]
            down[1:], down[0] = plane[1:] - plane[:-1], plane[0] - plane[1]
            both = np.vstack((across[:1] - across[1:2], across[1:] - across[:-1]))
            for d, detail in enumerate((across, down, both)):
                expected = np.log(cells(np.abs(detail)) + 0.05)
                np.testing.assert_allclose(step[3 * p + d], expected, atol=0.02)
            np.testing.assert_allclose(mean[p], cells(plane) / 30, atol=0.02)
        for q, (one, two) in enumerate(((0, 1), (0, 2), (1, 2))):
            for b in range(len(SIGMAS)):
                first, second = bands[one][b], bands[two][b]
                power = (cells(first**2) + 0.0025) * (cells(second**2) + 0.0025)
                expected = cells(first * second) / power**0.5
                np.testing.assert_allclose(together[3 * q + b], expected, atol=0.02)


def test_noise_has_the_peakedness_of_a_gaussian() -> None:
    noise = np.random.default_rng(3).normal(128, 20, (*INPUT.size, 1)).repeat(3, 2)
    found = Bands(INPUT.size)(tensor([np.clip(noise, 0, 255).astype(np.uint8)]))[0, 9]
    assert float(found.mean()) == pytest.approx(np.log((np.pi / 2) ** 0.5), abs=0.01)


def test_either_witness_is_enough(net: BandNet, crops: list[np.ndarray]) -> None:
    logit, cam = net(tensor(crops))
    odds = net.evidence(tensor(crops)).mean((2, 3))
    assert logit.shape == (3, 1)
    assert cam.shape == (3, 12, 12)
    assert (logit[:, 0] >= odds.max(1).values).all()
    assert (logit[:, 0] <= odds.max(1).values + np.log(2) + 1e-6).all()


def test_the_map_is_grad_cam_of_the_evidence(net: BandNet, crops: list[np.ndarray]) -> None:
    images = tensor(crops)
    cam = net(images)[1]
    np.testing.assert_allclose(grad_cam(net, images).numpy(), cam.numpy(), atol=1e-4)


def test_a_usual_face_has_an_even_map(net: BandNet, crops: list[np.ndarray]) -> None:
    net.usual.copy_(net.bands(tensor(crops[:1]))[0])
    logit, cam = net(tensor(crops[:1]))
    say = torch.softmax(net.bias, 0)
    np.testing.assert_allclose(cam.numpy(), float((say * net.bias).sum()), atol=1e-4)
    assert logit[0, 0] == pytest.approx(float(torch.logsumexp(net.bias, 0)), abs=1e-5)


def table(rng: np.random.Generator) -> Samples:
    """Four pairs, two lone forgeries, six reals; one feature forges, one varies among people."""
    rows, features = [], []

    def put(clip: int, forged: bool, way: np.ndarray, person: np.ndarray) -> None:
        for changed in (False, True):
            for _ in range(12):
                rows.append((clip, forged, changed))
                features.append(person + way + rng.normal(0, 0.3, SHAPE))

    def person() -> np.ndarray:
        found = rng.normal(0, 0.1, SHAPE)
        found[3] += rng.normal(0, 3)  # how people differ
        return found

    swap, drawn = np.zeros(SHAPE), np.zeros(SHAPE)
    swap[8], swap[3] = -1.0, 0.7
    drawn[2] = 1.5
    for i in range(4):
        own = person()
        put(i, False, np.zeros(SHAPE), own)
        put(4 + i, True, swap, own)
    for i in range(2):
        put(8 + i, True, drawn, person())
    for i in range(6):
        put(10 + i, False, np.zeros(SHAPE), person())
    for _ in range(400):
        for changed in (False, True):
            rows.append((PHOTO, False, changed))
            features.append(person() + rng.normal(0, 0.3, SHAPE))
    columns = np.array(rows)
    return Samples(
        np.array(features, np.float32),
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(bool),
        columns[:, 2].astype(bool),
    )


FOLDS = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3, 0, 1]
CHOSEN = Known((0, 1, 2, 3, 10, 11, 12), (8,), ((0, 4), (1, 5), (2, 6)))


def odds(net: BandNet, features: np.ndarray) -> np.ndarray:
    """Log-odds of both witnesses from halves of faces, by what `BandNet.evidence` does."""
    whole = torch.from_numpy(np.concatenate((features, features[..., ::-1]), -1))
    found = ((whole - net.usual)[:, None] * net.weight).sum(2)
    return (found.mean((2, 3)) + net.bias).detach().numpy()


@lru_cache(maxsize=1)
def learned() -> tuple[Samples, Checkpoint]:
    """A table and its fit, which takes seconds."""
    made = table(np.random.default_rng(0))
    return made, fit(made, CHOSEN, FOLDS, 1)


def test_the_discriminants_find_what_forges_and_not_what_varies() -> None:
    made, state = learned()
    net = network(state)
    assert isinstance(net, BandNet)
    say = net.weight.abs().mean((2, 3))
    assert say[0].argmax() == 8  # not 3, in which people differ more than swaps do
    assert say[0, 8] > 5 * say[0, 3]
    assert say[1].argmax() == 2

    def mean(clip: int, *, forged: bool) -> np.ndarray:
        return odds(net, made.of(clip, forged=forged, changed=False)).mean(0)

    # a pair and clips that were not learned from
    assert mean(7, forged=True)[0] > mean(3, forged=False)[0] + 2
    assert mean(9, forged=True)[1] > max(mean(i, forged=False)[1] for i in (13, 14, 15)) + 2
    # what they say of real clips not learned from: about nothing, in steps of 3 a deviation
    reals = np.array([mean(i, forged=False) for i in (3, 13, 14, 15)])
    assert abs(reals[:, 0].mean()) < 4.5
    assert abs(reals[:, 1].mean() + 3.0) < 4.5
    assert "4 forged clips, 3 of them beside their inputs" in state.recipe


def test_fitting_twice_gives_the_same_weights() -> None:
    made, one = learned()
    two = fit(made, CHOSEN, FOLDS, 1)
    for name, value in one.weights.items():
        assert torch.equal(value, two.weights[name])


@pytest.mark.parametrize(
    "chosen",
    [
        Known((0,), CHOSEN.alone, CHOSEN.pairs),
        Known(CHOSEN.real, (), CHOSEN.pairs),
        Known(CHOSEN.real, CHOSEN.alone, ()),
        Known(CHOSEN.real, (99,), CHOSEN.pairs),  # a clip without a face
    ],
)
def test_what_cannot_be_learned_from_is_said(chosen: Known) -> None:
    with pytest.raises(ConfigError, match="there must be two real clips"):
        fit(table(np.random.default_rng(0)), chosen, [0] * 100, 1)


def clip(name: str, kind: str, fake: bool, pair: str = "", fold: int = 0) -> Clip:
    split = "train" if kind == "first" else "validation"
    return Clip(Path(name), kind, fake, pair, split, fold=fold)


LIST = [
    clip("a", "input", False, "p", 1),
    clip("b", "swap", True, "p", 1),
    clip("c", "drawn", True, "", 2),
    clip("d", "first", False, "", 1),
    clip("e", "other", False, "", 2),
    clip("f", "input", False, "q", 0),
    clip("g", "lips", True, "q", 0),
]


def test_clips_are_sorted_into_pairs_and_others() -> None:
    assert known(LIST, lambda _: True) == Known([0, 3, 4, 5], [2], [(0, 1), (5, 6)])
    alone = known(LIST, lambda c: c.path.name != "a")
    assert alone == Known([3, 4, 5], [1, 2], [(5, 6)])


def test_a_fold_left_out_is_not_learned_from() -> None:
    names = {c.path.name for c in LIST if without_fold(1)(c)}
    assert names == {"c", "d", "e", "f", "g"}  # d was learned from before there were folds


def test_a_method_left_out_is_not_learned_from_nor_what_it_is_compared_with() -> None:
    names = {c.path.name for c in LIST if without_method("swap", LIST)(c)}
    assert names == {"c", "d", "f", "g"}


def test_halves_of_a_face_are_averaged() -> None:
    features = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    assert halves(features).tolist() == [[[[3.5, 3.5, 3.5, 3.5]]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pair, a lone forgery and a few photos of the real data."""
    chosen = {
        "real": ["DeepFaceLive_input__Dean_Wiesel_0.mp4", "liveportrait_hist__d1.mp4"],
        "fake": ["DeepFaceLive__Dean_Wiesel_0.mp4", "faceswapGAN__ver1.mp4"],
    }
    return linked(tmp_path / "data", chosen, photos=12)


@needs_data
def test_every_face_becomes_a_row_once_and_can_be_learned_from(
    folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    contract, amounts = contract_for("bandnet"), Amounts(forged=3, real=2, photos=6)
    found, made = gather(
        folder, tmp_path / "cache", contract, amounts=amounts, seed=1, report=said.append
    )
    again = gather(
        folder, tmp_path / "cache", contract, amounts=amounts, seed=1, report=said.append
    )[1]
    assert len([line for line in said if line.startswith("watching")]) == 1
    assert (made.features == again.features).all()
    assert made.features.shape[1:] == SHAPE
    assert np.isfinite(made.features).all()
    place = {c.path.name: i for i, c in enumerate(found)}
    pair = (
        place["DeepFaceLive_input__Dean_Wiesel_0.mp4"],
        place["DeepFaceLive__Dean_Wiesel_0.mp4"],
    )
    assert len(made.of(pair[1], forged=True, changed=True)) == 3
    # its own two, and the three beside its forgery
    assert len(made.of(pair[0], forged=False, changed=True)) == 5
    assert len(made.of(pair[0], forged=False, changed=False)) > 5
    assert len(made.of(PHOTO, forged=False, changed=True)) == 6
    state = fit(made, known(found, lambda _: True), [c.fold for c in found], 1)
    assert all(torch.isfinite(value).all() for value in state.weights.values())


@needs_data
def test_too_little_data_is_said_in_a_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(folder), "--out", str(tmp_path / "out")]
    arguments += ["--cache", str(tmp_path / "cache"), "--forged", "2", "--real", "2"]
    assert main([*arguments, "--photos", "4"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: To learn from, there must be")


def test_a_folder_without_forged_clips_is_said(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    cv2.imwrite(str(tmp_path / "faces" / "x.png"), np.full((80, 80, 3), 90, np.uint8))
    assert clips(tmp_path) == []
    with pytest.raises(ConfigError, match="needs real and forged clips"):
        gather(tmp_path, tmp_path, contract_for("bandnet"), **NOTHING)


def test_a_damaged_table_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the guard is looked at: what follows it fails for want of faces."""
    (tmp_path / "samples-x.npz").write_bytes(b"rubbish")
    monkeypatch.setattr(tables.bank, "fingerprint", lambda _: "x")
    monkeypatch.setattr(tables.catalog, "clips", lambda _: LIST[:2])
    monkeypatch.setattr(tables.catalog, "photos", lambda _: [])
    with pytest.raises(FileNotFoundError):
        gather(tmp_path, tmp_path, contract_for("bandnet"), **NOTHING)
