"""One run of training, from its first step to its last, through any number of interruptions."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tensorboardX import SummaryWriter
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models import checkpoints
from models.adversarial import adversarial_batch
from models.checkpoints import Checkpoint
from models.contracts import contract_for
from models.dataset import Batch, Curriculum, PairBatches
from models.networks import CellNet
from models.supply import Supply
from realtime.evaluation.metrics import auc

_CELL_WEIGHT: Final = 2.0
_PAIR_WEIGHT: Final = 0.5
_WARM_UP: Final = 0.02
"""Share of the run in which the learning rate rises."""
_EMA_HALF_LIFE: Final = 300
"""Steps after which an old weight counts half in the moving average."""
_LOG_EVERY: Final = 50
_COLUMNS: Final = ("step", "seconds", "progress", "rate", "loss", "image", "cells", "pairs")
_DOMAINS: Final = ("photo", "video", "call")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how: exactly one of ``minutes`` and ``steps`` bounds the run.

    With ``steps`` the same seed gives the same weights; with ``minutes`` the learning rate and
    the difficulty follow the clock. ``pairs`` make one batch, ``rate`` is the highest learning
    rate, ``adversarial`` the share of batches that are attacked before they are learned from,
    ``save_every_s`` and ``validate_every_s`` are seconds.
    """

    minutes: float | None
    steps: int | None
    pairs: int = 16
    rate: float = 1.5e-3
    seed: int = 1
    workers: int = 1
    threads: int = 1
    device: str = "cpu"
    adversarial: float = 0.0
    start_hard: bool = False
    save_every_s: float = 120.0
    validate_every_s: float = 240.0


class Trainer:
    """The network, its moving average and the optimizer."""

    def __init__(
        self, arch: str, plan: Plan, supply: Supply, out: Path, start: Checkpoint | None = None
    ) -> None:
        """``start`` holds the weights to begin with, as an earlier run left them."""
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self._plan = plan
        self._out = out
        self._device = torch.device(plan.device)
        self._contract = contract_for(arch)
        self._net = CellNet()
        self._history = ""
        self._pictures = 0
        if start is not None:
            self._net.load_state_dict(start.weights)
            self._history, self._pictures = f"{start.recipe}; then ", start.pictures
        self._net = self._net.to(self._device).to(memory_format=torch.channels_last)
        self._average = CellNet().to(self._device).requires_grad_(False).eval()
        self._average.load_state_dict(self._net.state_dict())
        self._optimizer = torch.optim.AdamW(self._net.parameters(), plan.rate, weight_decay=0.02)
        self._curriculum = Curriculum(plan.steps, 1.0 if plan.start_hard else 0.15)
        self._batches = PairBatches(
            supply.maker, self._contract, self._curriculum, plan.pairs, plan.seed
        )
        self._supply = supply
        self._board: SummaryWriter | None = None
        self.step = 0
        self._seconds = 0.0
        self._best = 0.0

    def resume(self, found: Checkpoint) -> None:
        """Go on where a checkpoint of this run was written."""
        self._net.load_state_dict(found.raw)
        self._average.load_state_dict(found.weights)
        self._optimizer.load_state_dict(found.optimizer)
        torch.set_rng_state(found.random)
        self.step, self._seconds, self._best = found.step, found.seconds, found.best

    def run(self, report: Callable[[str], None]) -> float:
        """Train to the end; returns the best mean AUC on held-out pseudo-fakes."""
        started = time.monotonic() - self._seconds
        saved = validated = self._seconds
        sums: list[Tensor] = []
        self._board = SummaryWriter(str(self._out / "board"), flush_secs=30)
        try:
            for batch in self._stream():
                self._seconds = time.monotonic() - started
                progress = self._progress()
                if progress >= 1:
                    break
                sums.append(self._learn(batch, progress))
                self.step += 1
                if self.step % _LOG_EVERY == 0:
                    self._log(progress, sums, {})
                    sums.clear()
                if self._seconds - validated >= self._plan.validate_every_s:
                    validated = self._seconds
                    report(f"step {self.step}, {progress:.0%}: {self._validate(progress)}")
                if self._seconds - saved >= self._plan.save_every_s:
                    saved = self._seconds
                    self._save("last.pt")
            report(f"step {self.step}, done: {self._validate(self._progress())}")
            self._save("last.pt")
        finally:
            self._board.close()
            self._board = None
        return self._best

    def _progress(self) -> float:
        if self._plan.steps is not None:
            return self.step / self._plan.steps
        assert self._plan.minutes is not None
        return self._seconds / (60 * self._plan.minutes)

    def _stream(self) -> Iterator[Batch]:
        last = self._plan.steps if self._plan.steps is not None else 2**31
        workers = self._plan.workers
        loader: DataLoader[Batch] = DataLoader(
            self._batches,
            batch_size=None,
            sampler=range(self.step, last),
            num_workers=workers,
            prefetch_factor=3 if workers else None,
            # a forked process would inherit the locks of OpenCV's and torch's sleeping threads
            multiprocessing_context="spawn" if workers else None,
            # its own, or each start of the loader would draw from the generator of the dropout
            generator=torch.Generator(),
        )
        yield from loader

    def _learn(self, batch: Batch, progress: float) -> Tensor:
        self._curriculum.advance(progress)
        rate = self._plan.rate * schedule(progress)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        images = batch.images.to(self._device, memory_format=torch.channels_last)
        if self._attacks():
            labels = batch.labels.to(self._device)
            images = adversarial_batch(self._average, images, labels, 2 / 255, 1)
        self._net.train()
        # the products of half precision are summed in full, and the loss needs no scaling
        prepared = self._net.prepare(images)
        with torch.autocast(self._device.type, torch.bfloat16):
            features = self._net.features(prepared)
        found = self._net.conclude(features.float())
        parts = losses(found.logit, found.cells, batch.labels, batch.cells)
        total = parts[0] + _CELL_WEIGHT * parts[1] + _PAIR_WEIGHT * parts[2]
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._net.parameters(), 5.0)
        self._optimizer.step()
        self._follow()
        return torch.stack((total, *parts)).detach().cpu()

    def _attacks(self) -> bool:
        share = self._plan.adversarial
        return share > 0 and np.random.default_rng((self._plan.seed, self.step)).random() < share

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average, batch-norm statistics included, towards the network."""
        decay = min(0.5 ** (1 / _EMA_HALF_LIFE), (1 + self.step) / (10 + self.step))
        state = self._net.state_dict()
        for name, value in self._average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(state[name], 1 - decay)
            else:
                value.copy_(state[name])

    def _validate(self, progress: float) -> str:
        areas = {}
        with torch.inference_mode():
            for domain, batches in self._supply.validation.items():
                logits = [self._average(b.images.to(self._device))[0].cpu() for b in batches]
                pairs = [values.numpy()[:, 0].reshape(2, -1) for values in logits]
                reals, fakes = np.concatenate(pairs, axis=1)
                areas[domain] = auc(reals, fakes)
        self._log(progress, [], areas)
        mean = float(np.mean(list(areas.values())))
        if mean >= self._best:
            self._best = mean
            self._save("best.pt")
        return "AUC " + ", ".join(f"{name} {area:.3f}" for name, area in areas.items())

    def _save(self, name: str) -> None:
        state = Checkpoint(
            arch=self._contract.arch,
            step=self.step,
            seconds=self._seconds,
            best=self._best,
            pictures=self._pictures + self.step * self._plan.pairs * 2,
            seed=self._plan.seed,
            recipe=f"{self._history}{self._recipe()}",
            raw=self._net.state_dict(),
            weights=self._average.state_dict(),
            optimizer=self._optimizer.state_dict(),
            random=torch.get_rng_state(),
        )
        checkpoints.save(self._out / name, state)

    def _recipe(self) -> str:
        made_of = "pseudo-fakes of real faces"
        if self._supply.forged:
            made_of += f" and {self._supply.forged} forged clips beside their inputs"
        return (
            f"{self.step} steps of {2 * self._plan.pairs} pictures, {made_of}, "
            f"{self._seconds / 60:.0f} minutes"
        )

    def _log(self, progress: float, sums: Sequence[Tensor], areas: dict[str, float]) -> None:
        path = self._out / "log.csv"
        rate = float(self._optimizer.param_groups[0]["lr"])
        values: list[Any] = [self.step, round(self._seconds, 1), round(progress, 4), f"{rate:.2e}"]
        mean = torch.stack(list(sums)).mean(0).tolist() if sums else [math.nan] * 4
        values += ["" if math.isnan(v) else round(v, 4) for v in mean]
        values += [round(areas[name], 4) if name in areas else "" for name in _DOMAINS]
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow((*_COLUMNS, *(f"auc_{name}" for name in _DOMAINS)))
            writer.writerow(values)
        if self._board is None:
            return
        for name, value in zip(_COLUMNS[4:], mean, strict=True):
            if not math.isnan(value):
                self._board.add_scalar(f"loss/{name}", value, self.step)
        for name, area in areas.items():
            self._board.add_scalar(f"auc/{name}", area, self.step)


def schedule(progress: float) -> float:
    """Learning rate as a share of its maximum: a short linear rise, then half a cosine."""
    if progress < _WARM_UP:
        return max(progress / _WARM_UP, 0.02)
    along = min(1.0, (progress - _WARM_UP) / (1 - _WARM_UP))
    return 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2


def losses(
    logit: Tensor, cells: Tensor, labels: Tensor, shares: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Image, cell and pair loss of a batch whose first half are the reals of the second.

    Cross entropy of the image's label, cross entropy of each cell's blended share, and the
    logistic loss of how far the pseudo-fake lies above its own real picture.
    """
    labels, shares = labels.to(logit.device), shares.to(logit.device)
    image = nn.functional.binary_cross_entropy_with_logits(logit, labels)
    patch = nn.functional.binary_cross_entropy_with_logits(cells, shares)
    real, fake = logit.chunk(2)
    return image, patch, nn.functional.softplus(real - fake).mean()
