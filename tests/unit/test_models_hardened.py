"""The adversarial round of the built-in detector: what is attacked is trusted less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.adversarial import adversarial_batch
from models.bandnet import INPUT, BandNet
from models.checkpoints import network
from models.contracts import contract_for
from models.discriminant import fit
from models.hardened import main, shift_spread
from realtime.crops import to_tensor
from tests.unit.test_models_bandnet import CHOSEN, FOLDS, learned

CONTRACT = contract_for("bandnet")
LEVEL = 1 / 255


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(60, 190, (*INPUT.size, 3), dtype=np.uint8) for _ in range(4)]


def moved(net: BandNet, crops: list[np.ndarray]) -> float:
    """How far one step of the gradient's sign within one grey level carries the logit."""
    clean = torch.from_numpy(to_tensor(crops, CONTRACT))
    changed = adversarial_batch(net, clean, torch.zeros(len(crops), 1), LEVEL, 1)
    with torch.inference_mode():
        return float((net(changed)[0] - net(clean)[0]).mean())


def test_an_attack_carries_less_far_after_the_round(crops: list[np.ndarray]) -> None:
    samples, state = learned()
    before = network(state).requires_grad_(False)
    assert isinstance(before, BandNet)
    spread = shift_spread(before, crops, CONTRACT, LEVEL)
    assert np.linalg.eigvalsh(spread)[0] > -1e-9
    np.testing.assert_allclose(spread, spread.T)
    after = network(fit(samples, CHOSEN, FOLDS, 1, attacked=30 * spread)).requires_grad_(False)
    assert isinstance(after, BandNet)
    assert 0 < moved(after, crops) < 0.9 * moved(before, crops)


def test_a_folder_without_data_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--runs", str(tmp_path), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--cache", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
