"""The network: an exact class activation map, a small size, a residual that knows no softness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from models.contracts import contract_for
from models.networks import CELL, CROP, INPUT, CellNet, Residual, build
from realtime.contract import ModelContract


@pytest.fixture(scope="module")
def net() -> CellNet:
    torch.manual_seed(0)
    made = build("cellnet")
    for module in made.modules():  # statistics as if trained, so that channels differ
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    torch.nn.init.normal_(made.head.weight, std=0.5)
    torch.nn.init.constant_(made.bias, -0.3)
    return made.eval()


def noise(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, *INPUT.size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_shapes_and_size(net: CellNet) -> None:
    found = net.evidence(noise())
    side = INPUT.size[0] // CELL
    assert found.logit.shape == (3, 1)
    assert found.cam.shape == found.cells.shape == (3, side, side)
    assert sum(p.numel() for p in net.parameters()) <= 2_000_000


def test_the_mean_of_the_map_and_the_bias_are_the_logit(net: CellNet) -> None:
    logit, cam = net(noise())
    assert cam.std() > 1e-3
    torch.testing.assert_close(cam.mean((1, 2)) + net.bias, logit[:, 0], atol=1e-5, rtol=0)


def test_the_map_is_grad_cam(net: CellNet) -> None:
    """Grad-CAM (Selvaraju et al., ICCV 2017) on the last feature map, from its definition."""
    kept: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        inputs[0].retain_grad()
        kept.append(inputs[0])

    handle = net.head.register_forward_hook(keep)
    logit, cam = net(noise(1))
    handle.remove()
    logit.sum().backward()
    gradient = kept[0].grad
    assert gradient is not None
    weights = gradient.sum((2, 3), keepdim=True)
    torch.testing.assert_close((weights * kept[0]).sum(1), cam, atol=1e-4, rtol=0)


def test_dropout_rests_when_it_infers(net: CellNet) -> None:
    assert torch.equal(net(noise())[0], net(noise())[0])


def test_the_residual_of_a_flat_picture_is_zero_and_of_a_smooth_one_small() -> None:
    residual = Residual()
    assert residual(torch.full((1, 3, 32, 32), 0.3)).abs().max() < 1e-3
    assert residual(noise(1)).abs().max() <= 4


def test_the_residual_does_not_tell_how_strong_texture_is_but_where() -> None:
    residual = Residual()
    rng = np.random.default_rng(0)
    texture = rng.normal(0, 0.4, (64, 64, 1)).repeat(3, 2).astype(np.float32)
    soft = cv2.GaussianBlur(texture, (0, 0), 1.0)
    patched = texture.copy()
    patched[16:48, 16:48] = soft[16:48, 16:48]

    def power(picture: np.ndarray) -> torch.Tensor:
        return residual(torch.from_numpy(picture).permute(2, 0, 1)[None]).square()[0].mean(0)

    whole = [float(power(p).mean()) for p in (texture, soft, 0.3 * texture)]
    assert max(whole) / min(whole) < 1.1
    inside, outside = power(patched)[20:44, 20:44].mean(), power(patched)[:12].mean()
    assert inside < 0.3 * outside


def test_the_contract_says_what_the_network_takes() -> None:
    contract = contract_for("cellnet")
    assert (contract.input, contract.crop) == (INPUT, CROP)
    assert ModelContract.from_metadata(contract.to_metadata()) == contract
    assert all(side % CELL == 0 for side in INPUT.size)
