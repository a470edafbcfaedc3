"""The map of the exported model is Grad-CAM, and pointing is measured against chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.bandnet import INPUT
from models.explain import Places, grad_cam, localisation, places
from models.networks import CellNet, build
from realtime.crops import to_tensor
from realtime.scorer import OnnxScorer
from realtime.types import Crop
from tests.unit import checkpoint_files
from tools import export_onnx


@pytest.fixture(scope="module")
def net() -> CellNet:
    """Random, but with statistics and a head that make maps differ from cell to cell."""
    torch.manual_seed(4)
    found = build("cellnet")
    torch.nn.init.normal_(found.head.weight, std=0.03)
    with torch.no_grad():
        found.bias.fill_(0.7)
        found(torch.rand(8, 3, *INPUT.size) * 2 - 1)  # in training mode: moves running statistics
    return found.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    rng = np.random.default_rng(1)
    smooth = rng.integers(0, 256, (4, INPUT.size[0] // 8, INPUT.size[1] // 8, 3)).astype(np.uint8)
    return [
        Crop(0, np.kron(s, np.ones((8, 8, 1), np.uint8)), np.eye(2, 3, dtype=np.float32))
        for s in smooth
    ]


def test_the_exported_map_is_grad_cam(net: CellNet, crops: list[Crop], tmp_path: Path) -> None:
    checkpoint = checkpoint_files.save(net, tmp_path / "c.pt")
    output = tmp_path / "d.onnx"
    assert export_onnx.main(["--checkpoint", str(checkpoint), "--output", str(output)]) == 0
    scorer = OnnxScorer(output, device="cpu")
    try:
        scores = scorer.score(crops, 0.0)
        tensor = torch.from_numpy(to_tensor([c.pixels for c in crops], scorer.contract))
    finally:
        scorer.close()
    maps = grad_cam(net, tensor).numpy()
    assert maps.std() > 0.01  # or nothing would be shown
    for cam, score in zip(maps, scores, strict=True):
        assert score is not None
        assert score.cam is not None
        np.testing.assert_allclose(score.cam, cam, atol=1e-4)


def test_grad_cam_adds_up_to_the_logit_and_leaves_nothing_behind(net: CellNet) -> None:
    images = torch.rand(2, 3, *INPUT.size, generator=torch.Generator().manual_seed(3)) * 2 - 1
    maps = grad_cam(net, images)
    with torch.no_grad():
        logit = net(images)[0]
    assert maps.mean((1, 2)) + net.bias == pytest.approx(logit[:, 0], abs=1e-4)
    assert not maps.requires_grad
    assert not net.head._forward_pre_hooks


def disc(x: int, y: int, radius: int = 6) -> np.ndarray:
    rows, columns = np.mgrid[:40, :40]
    return (((rows - y) ** 2 + (columns - x) ** 2) <= radius**2).astype(np.float32)


def peak(x: int, y: int) -> np.ndarray:
    rows, columns = np.mgrid[:10, :10]
    return np.exp(-((rows - y / 4) ** 2 + (columns - x / 4) ** 2) / 2).astype(np.float32)


def test_a_map_that_points_hits_and_one_that_does_not_misses() -> None:
    masks = [disc(10, 10), disc(30, 30), disc(20, 20)]
    right = places([peak(10, 10), peak(30, 30), peak(20, 20)], masks)
    assert [p.hit for p in right] == [True, True, True]
    assert [p.centre_hit for p in right] == [False, False, True]
    assert [p.other_hit for p in right] == [False, False, False]
    assert all(p.overlap > 0.4 > p.other_overlap for p in right)
    assert all(p.area == pytest.approx(masks[0].mean()) for p in right)
    wrong = places([peak(30, 30), peak(10, 10), peak(35, 5)], masks)
    assert [p.hit for p in wrong] == [False, False, False]
    assert all(p.overlap == 0 for p in wrong)


def test_overlap_by_hand_and_masks_that_show_nothing() -> None:
    mask = np.zeros((40, 40), np.float32)
    mask[:, :20] = 0.6
    half = np.zeros((40, 40), np.float32)
    half[:20, :] = 1.0
    (found,) = places([half], [mask])
    assert found.overlap == pytest.approx(1 / 3)
    assert found.area == 0.5
    (silent,) = places([-half - 0.1], [mask])
    assert silent.overlap == 0
    assert (
        places([half, half], [np.zeros((40, 40), np.float32), np.ones((40, 40), np.float32)]) == []
    )


def test_rates_and_gains_come_with_intervals() -> None:
    good = Places(True, 0.5, False, False, 0.1, 0.3)
    bad = Places(False, 0.1, True, False, 0.1, 0.3)
    found = localisation([good] * 30 + [bad] * 10)
    assert found["hit_rate"]["value"] == 0.75
    assert found["centre_hit_rate"]["value"] == 0.25
    assert found["hit_gain_over_centre"]["value"] == 0.5
    low, high = found["hit_gain_over_centre"]["interval_95"]
    assert -1 < low < 0.5 < high < 1
    assert found["overlap_gain_over_everything"]["value"] == pytest.approx(0.1)
    assert localisation([])["overlap"] is None
