"""Attacks stay within their bound, get worse with it, and leave the network as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.adversarial import PixelRange, adversarial_batch, attack
from models.contracts import contract_for
from models.networks import INPUT, build
from realtime.contract import InputSpec


class Linear(nn.Module):
    """The logit is a known sum of pixels, so the worst change is known too."""

    weights: Tensor

    def __init__(self, side: int = 4) -> None:
        super().__init__()
        signs = torch.sign(
            torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        )
        self.register_buffer("weights", signs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        product = x * self.weights
        return product.sum((1, 2, 3))[:, None], product.sum(1)


def grey(count: int, side: int = 4) -> Tensor:
    """Whole grey levels away from black and white, in -1..1."""
    levels = torch.randint(
        40, 200, (count, 3, side, side), generator=torch.Generator().manual_seed(1)
    )
    return levels / 127.5 - 1


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("levels", [1, 4])
def test_the_worst_change_of_a_linear_network_is_found(steps: int, levels: int) -> None:
    torch.manual_seed(0)
    net, images = Linear(), grey(6)
    labels = torch.tensor([[0.0], [1.0]] * 3)
    changed = adversarial_batch(net, images, labels, levels / 255, steps)
    step = 2 * levels / 255  # of -1..1
    wanted = images + step * torch.where(labels[..., None, None] > 0, -net.weights, net.weights)
    assert torch.allclose(changed, wanted, atol=1e-5)


def test_the_bound_the_grid_and_the_range_are_kept() -> None:
    torch.manual_seed(0)
    net = build("cellnet").eval()
    levels = torch.randint(0, 256, (4, 3, 160, 160))
    images = levels / 127.5 - 1
    for steps in (1, 3):
        changed = adversarial_batch(net, images, torch.tensor([0.0, 0, 1, 1]), 2 / 255, steps)
        away = (changed + 1) * 127.5 - levels
        assert away.abs().max() <= 2 + 1e-3
        assert (away - away.round()).abs().max() < 1e-3
        assert changed.min() >= -1
        assert changed.max() <= 1
        assert away.abs().mean() > 0.5
        assert not changed.requires_grad


def test_the_network_is_left_as_it_was() -> None:
    net = build("cellnet").train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    adversarial_batch(net, torch.rand(2, 3, 160, 160) * 2 - 1, torch.tensor([0.0, 1.0]), 1 / 255, 2)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_black_and_white_follow_from_the_contract() -> None:
    spec = InputSpec((4, 4), "nchw", "rgb", 1 / 255, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2))
    found = PixelRange.of(spec, torch.zeros(1, 3, 4, 4))
    assert found.low.flatten().tolist() == pytest.approx([-1.0, -1.6, -1.5])
    assert found.high.flatten().tolist() == pytest.approx([1.0, 2.4, 3.5])
    plain = PixelRange.of(INPUT, torch.zeros(1, 3, 4, 4))
    assert plain.span.flatten().tolist() == pytest.approx([2.0, 2.0, 2.0])


def test_the_report_gets_worse_with_the_bound() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    contract = contract_for("cellnet")
    height, width = contract.input.size
    net = Linear(height)
    mark = (net.weights[0].permute(1, 2, 0).numpy()[..., ::-1] * 0.3).round(1)

    def crops(sign: float) -> list[np.ndarray]:
        noise = rng.integers(90, 160, (12, height, width, 3))
        return [np.clip(one + sign * 3 * mark, 0, 255).astype(np.uint8) for one in noise]

    found = attack(net, contract, crops(-1), crops(1), epsilons=(1 / 255, 8 / 255))
    assert found["pairs"] == 12
    assert found["before"]["auc"]["value"] > 0.8
    assert found["before"]["reals_called_fake"]["value"] <= 0.05
    rows = found["after"]
    assert [row["eps"] for row in rows] == ["1/255", "8/255"] * 2
    assert [row["attack"] for row in rows] == ["FGSM"] * 2 + ["PGD, 10 steps"] * 2
    for weak, hard in (rows[:2], rows[2:]):
        for key in ("fakes_made_real", "reals_made_fake", "both"):
            assert hard[key]["auc"]["value"] <= weak[key]["auc"]["value"]
        assert hard["both"]["auc"]["value"] == 0
        assert hard["fakes_made_real"]["fakes_found"]["value"] == 0
        assert hard["fakes_made_real"]["reals_called_fake"] == found["before"]["reals_called_fake"]
        assert hard["reals_made_fake"]["reals_called_fake"]["value"] == 1
