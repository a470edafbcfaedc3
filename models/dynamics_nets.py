"""What may judge a window of landmarks: a small temporal network, or statistics and a line.

Both take windows ``(N, SAMPLES, POINTS, 2)`` of `realtime.cues.landmark_windows` and give one
log-odds of fake each, ``(N,)``. What standardises them is part of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from models.dynamics_fakes import places
from realtime.cues.landmark_windows import POINTS, RATE_HZ, REGIONS, SAMPLES

_TINY: Final = 1e-7
_BANDS_HZ: Final = ((0.5, 3.0), (3.0, 6.0), (6.0, 13.0))


class TemporalNet(nn.Module):
    """Three convolutions over time, on positions about their mean and on their differences.

    About 25,000 weights. ``size`` divides both kinds of channels, ``(2, 2 * POINTS)``.
    """

    def __init__(self, width: int = 32, drop: float = 0.3) -> None:
        super().__init__()
        self.size: Tensor
        self.register_buffer("size", torch.ones(2, 2 * POINTS))
        self.enter = nn.Conv1d(4 * POINTS, width, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2 * step, dilation=step) for step in (1, 2, 4)
        )
        self.drop = nn.Dropout(drop)
        self.leave = nn.Linear(2 * width, 1)

    def channels(self, windows: Tensor) -> Tensor:
        """``(N, 4 * POINTS, SAMPLES)``, standardised."""
        flat = windows.reshape(-1, SAMPLES, 2 * POINTS)
        places_ = flat - flat.mean(dim=1, keepdim=True)
        steps = torch.nn.functional.pad(flat[:, 1:] - flat[:, :-1], (0, 0, 1, 0))
        both = torch.cat((places_ / self.size[0], steps / self.size[1]), dim=2)
        return both.clamp(-8, 8).transpose(1, 2)

    def standardise(self, windows: Tensor) -> None:
        """Set ``size`` from windows ``(N, ...)``."""
        flat = windows.reshape(-1, SAMPLES, 2 * POINTS)
        self.size[0] = (flat - flat.mean(dim=1, keepdim=True)).std(dim=(0, 1)) + _TINY
        self.size[1] = (flat[:, 1:] - flat[:, :-1]).std(dim=(0, 1)) + _TINY

    def forward(self, windows: Tensor) -> Tensor:
        """Log-odds ``(N,)``."""
        x = torch.relu(self.enter(self.drop(self.channels(windows))))
        for layer in self.layers:
            x = x + torch.relu(layer(x))
        pooled = torch.cat((x.mean(dim=2), x.amax(dim=2)), dim=1)
        found: Tensor = self.leave(self.drop(pooled))[:, 0]
        return found


class Committee(nn.Module):
    """The mean of networks that differ in what they began with and drew: it strays less."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, windows: Tensor) -> Tensor:
        """Log-odds ``(N,)``."""
        return torch.stack([member(windows) for member in self.members]).mean(dim=0)


class Statistics(nn.Module):
    """How strongly, how alike and with what each region of a face moves, ``(N, COUNT)``.

    For each region: the logarithm of the power of its movement in three bands, which share of its
    acceleration is that of the region as a whole, how a step goes on in the next; for each two
    regions, how their mean vertical movements correlate.
    """

    COUNT: Final = 5 * len(REGIONS) + len(REGIONS) * (len(REGIONS) - 1) // 2

    def __init__(self) -> None:
        super().__init__()
        time = torch.arange(SAMPLES, dtype=torch.float64)
        window = torch.hann_window(SAMPLES, periodic=False, dtype=torch.float64)
        frequencies = torch.arange(1, SAMPLES // 2 + 1, dtype=torch.float64)
        angles = 2 * math.pi * frequencies[:, None] * time[None] / SAMPLES
        self.waves: Tensor
        self.register_buffer(
            "waves", torch.cat((angles.cos() * window, angles.sin() * window)).float()
        )
        hertz = (frequencies * RATE_HZ / SAMPLES).tolist()
        bands = [[float(low <= f < high) for f in hertz] for low, high in _BANDS_HZ]
        self.bands: Tensor
        self.register_buffer("bands", torch.tensor(bands).repeat(1, 2))
        shares = torch.zeros(len(REGIONS), POINTS)
        for row, region in enumerate(REGIONS):
            at = torch.from_numpy(places(region))
            shares[row, at] = 1 / len(at)
        self.shares: Tensor
        self.register_buffer("shares", shares)
        upper = [(i, j) for i in range(len(REGIONS)) for j in range(i + 1, len(REGIONS))]
        self.first: Tensor
        self.second: Tensor
        self.register_buffer("first", torch.tensor([i for i, _ in upper]))
        self.register_buffer("second", torch.tensor([j for _, j in upper]))

    def forward(self, windows: Tensor) -> Tensor:
        """The statistics of each window."""
        centred = windows - windows.mean(dim=1, keepdim=True)
        spectrum = torch.matmul(self.waves, centred.reshape(-1, SAMPLES, 2 * POINTS))
        power = torch.matmul(self.bands, spectrum * spectrum).reshape(-1, 3, POINTS, 2)
        bands = torch.log(torch.matmul(power.sum(dim=3), self.shares.T) + _TINY)
        steps = windows[:, 1:] - windows[:, :-1]
        bends = steps[:, 1:] - steps[:, :-1]
        mean_bend = torch.matmul(self.shares, bends)
        alike = (mean_bend * mean_bend).sum(dim=(1, 3)) / (
            torch.matmul(self.shares, bends * bends).sum(dim=(1, 3)) + _TINY
        )
        onward = torch.matmul(self.shares, steps[:, 1:] * steps[:, :-1]).sum(dim=(1, 3)) / (
            torch.matmul(self.shares, steps * steps).sum(dim=(1, 3)) + _TINY
        )
        height = torch.matmul(self.shares, centred[..., 1:])[..., 0]
        own = torch.sqrt((height * height).sum(dim=1) + _TINY)
        first, second = height[:, :, self.first], height[:, :, self.second]
        together = (first * second).sum(dim=1) / (own[:, self.first] * own[:, self.second])
        return torch.cat((bands.flatten(1), alike, onward, together), dim=1)


class StatisticsNet(nn.Module):
    """A straight line through standardised statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.statistics = Statistics()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(Statistics.COUNT))
        self.register_buffer("std", torch.ones(Statistics.COUNT))
        self.line = nn.Linear(Statistics.COUNT, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Log-odds ``(N,)``."""
        standard = (self.statistics(windows) - self.mean) / self.std
        found: Tensor = self.line(standard.clamp(-5, 5))[:, 0]
        return found
