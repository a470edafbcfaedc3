"""Train a detector from nothing but real faces: ``python -m models.train --help``."""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models import catalog, checkpoints
from models.checkpoints import Checkpoint
from models.console import exit_code, say
from models.contracts import contract_for
from models.dataset import Batch, Curriculum, PairBatches, collate, make_pair
from models.networks import ARCHITECTURES, build
from models.prepare import Face, clip_faces, photo_faces
from realtime.errors import ConfigError, ExitCode
from realtime.evaluation.metrics import auc

_CELL_WEIGHT: Final = 2.0
_PAIR_WEIGHT: Final = 0.5
_WARM_UP: Final = 0.02
"""Share of the run in which the learning rate rises."""
_EMA_HALF_LIFE: Final = 300
"""Steps after which an old weight counts half in the moving average."""
_VALIDATION_SEED: Final = 99
_LOG_EVERY: Final = 50
_COLUMNS: Final = ("step", "seconds", "progress", "rate", "loss", "image", "cells", "pairs", "auc")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how: exactly one of ``minutes`` and ``steps`` bounds the run.

    With ``steps`` the same seed gives the same weights; with ``minutes`` the learning rate and
    the difficulty follow the clock. ``pairs`` make one batch, ``rate`` is the highest learning
    rate, ``save_every_s`` and ``validate_every_s`` are seconds.
    """

    minutes: float | None
    steps: int | None
    pairs: int = 16
    rate: float = 2e-3
    seed: int = 1
    workers: int = 1
    threads: int = 1
    device: str = "cpu"
    save_every_s: float = 120.0
    validate_every_s: float = 240.0
    validation_pairs: int = 384


class Trainer:
    """One run: the network, its moving average and the optimizer, from first step to last."""

    def __init__(
        self, arch: str, plan: Plan, train: Sequence[Face], held_out: Sequence[Face], out: Path
    ) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self._plan = plan
        self._out = out
        self._device = torch.device(plan.device)
        self._contract = contract_for(arch)
        self._net = build(arch).to(self._device).to(memory_format=torch.channels_last)
        self._average = build(arch).to(self._device).requires_grad_(False).eval()
        self._average.load_state_dict(self._net.state_dict())
        self._optimizer = torch.optim.AdamW(self._net.parameters(), plan.rate, weight_decay=0.02)
        self._curriculum = Curriculum(plan.steps)
        self._batches = PairBatches(train, self._contract, self._curriculum, plan.pairs, plan.seed)
        self._validation = validation_batches(held_out, arch, plan.validation_pairs)
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
        """Train to the end; returns the best AUC on pseudo-fakes of people not trained on."""
        started = time.monotonic() - self._seconds
        saved = validated = self._seconds
        sums: list[Tensor] = []
        for batch in self._stream():
            self._seconds = time.monotonic() - started
            progress = self._progress()
            if progress >= 1:
                break
            sums.append(self._learn(batch, progress))
            self.step += 1
            if self.step % _LOG_EVERY == 0:
                self._log(progress, sums, None)
                sums.clear()
            if self._seconds - validated >= self._plan.validate_every_s:
                validated = self._seconds
                report(f"step {self.step}, {progress:.0%}: AUC {self._validate(progress):.3f}")
            if self._seconds - saved >= self._plan.save_every_s:
                saved = self._seconds
                self._save("last.pt")
        final = self._validate(self._progress())
        self._save("last.pt")
        report(f"step {self.step}, done: AUC {final:.3f}, best {self._best:.3f}")
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
        self._net.train()
        images = batch.images.to(self._device, memory_format=torch.channels_last)
        found = self._net.evidence(images)
        parts = losses(found.logit, found.cells, batch.labels, batch.cells)
        total = parts[0] + _CELL_WEIGHT * parts[1] + _PAIR_WEIGHT * parts[2]
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._net.parameters(), 5.0)
        self._optimizer.step()
        self._follow()
        return torch.stack((total, *parts)).detach().cpu()

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

    def _validate(self, progress: float) -> float:
        reals, fakes = [], []
        with torch.inference_mode():
            for batch in self._validation:
                logits = self._average(batch.images.to(self._device))[0].cpu().numpy()[:, 0]
                reals.append(logits[: len(logits) // 2])
                fakes.append(logits[len(logits) // 2 :])
        area = auc(np.concatenate(reals), np.concatenate(fakes))
        self._log(progress, [], area)
        if area >= self._best:
            self._best = area
            self._save("best.pt")
        return area

    def _save(self, name: str) -> None:
        state = Checkpoint(
            arch=self._contract.arch,
            step=self.step,
            seconds=self._seconds,
            best=self._best,
            pictures=self.step * self._plan.pairs * 2,
            seed=self._plan.seed,
            raw=self._net.state_dict(),
            weights=self._average.state_dict(),
            optimizer=self._optimizer.state_dict(),
            random=torch.get_rng_state(),
        )
        checkpoints.save(self._out / name, state)

    def _log(self, progress: float, sums: Sequence[Tensor], area: float | None) -> None:
        path = self._out / "log.csv"
        values: list[Any] = [self.step, round(self._seconds, 1), round(progress, 4)]
        values.append(f"{self._optimizer.param_groups[0]['lr']:.2e}")
        mean = torch.stack(list(sums)).mean(0).tolist() if sums else [math.nan] * 4
        values += ["" if math.isnan(v) else round(v, 4) for v in mean]
        values.append("" if area is None else round(area, 4))
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(_COLUMNS)
            writer.writerow(values)


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


def validation_batches(faces: Sequence[Face], arch: str, count: int) -> list[Batch]:
    """The same pairs at every call, of all difficulties, from people that training never saw."""
    contract = contract_for(arch)
    rng = np.random.default_rng(_VALIDATION_SEED)
    pairs = []
    for i in range(count if faces else 0):
        face = faces[int(rng.integers(len(faces)))]
        pair = make_pair(face, contract, rng, i / count)
        if pair is not None:
            pairs.append(pair)
    if not pairs:
        raise ConfigError("No picture of a held-out person is left to validate with.")
    return [collate(pairs[i : i + 32], contract) for i in range(0, len(pairs), 32)]


def load_faces(
    data: Path, cache: Path, report: Callable[[str], None]
) -> tuple[list[Face], list[Face]]:
    """Faces to train on and photos of people held out to validate with.

    Raises:
        ConfigError: if the folder cannot be used.
    """
    photos = photo_faces(catalog.photos(data), cache, report)
    recorded = [clip for clip in catalog.clips(data) if not clip.fake and clip.split == "train"]
    faces = photos + clip_faces(recorded, cache, report)
    train = [face for face in faces if face.split == "train"]
    if not train:
        raise ConfigError(f"Every face in {data} is held out; nothing to train on.")
    return train, [face for face in photos if face.split == "validation"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    try:
        return exit_code(lambda: _train(options))
    except KeyboardInterrupt:
        say("interrupted; go on with --resume")
        return int(ExitCode.INTERRUPTED)


def _train(options: argparse.Namespace) -> None:
    plan = Plan(
        minutes=None if options.steps else options.minutes,
        steps=options.steps,
        pairs=options.pairs,
        rate=options.rate,
        seed=options.seed,
        workers=options.workers,
        threads=options.threads or max(1, (os.cpu_count() or 1) - options.workers),
        validation_pairs=options.validation_pairs,
        device=options.device or ("cuda" if torch.cuda.is_available() else "cpu"),
    )
    last = options.out / "last.pt"
    found = checkpoints.load(last) if options.resume else None
    if found is not None and found.arch != options.arch:
        raise ConfigError(f"{last} is of a network {found.arch}, not {options.arch}.")
    if found is None and last.exists():
        raise ConfigError(f"{options.out} holds a run already; add --resume or take another --out.")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"Cannot write to {options.out}: {exc.strerror}.") from None
    train, held_out = load_faces(options.data, options.cache, say)
    say(f"{len(train)} faces to train on, {len(held_out)} held out, on {plan.device}")
    trainer = Trainer(options.arch, plan, train, held_out, options.out)
    if found is not None:
        trainer.resume(found)
        say(f"resumed at step {trainer.step}")
    trainer.run(say)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="models.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/, faces.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), default="cellnet")
    parser.add_argument("--minutes", type=_positive, default=40.0, help="how long (40)")
    parser.add_argument("--steps", type=_count, help="how many steps instead; reproducible")
    parser.add_argument("--pairs", type=_count, default=16, help="pairs a batch (16)")
    parser.add_argument("--rate", type=_positive, default=2e-3, help="learning rate (0.002)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make pairs (1)")
    parser.add_argument("--threads", type=_count, help="of the network; default: cores - workers")
    parser.add_argument("--device", help="cpu, cuda; default: cuda if there is one")
    parser.add_argument("--validation-pairs", type=_count, default=384)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    return parser.parse_args(arguments)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
