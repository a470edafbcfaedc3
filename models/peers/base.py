"""What a family of published checkpoints has to say of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from realtime.contract import ModelContract
from realtime.errors import ModelError

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Peer:
    """One architecture whose checkpoints can be converted.

    ``build`` makes the network with random weights; it takes ``(N, C, h, w)`` as the contract
    says and gives logits ``(N, K)``, before any sigmoid or softmax, because log-odds lose
    nothing where probabilities saturate. ``read`` gets the tensors out of a published file, and
    ``published`` turns the name of a tensor in the network into its name in that file; the file
    must hold exactly those, of exactly these shapes.

    ``reals_below_zero``: whether its authors state that real faces land on the real side, so
    that an export can be held to it.
    """

    name: str
    build: Callable[[], nn.Module]
    read: Callable[[Path], Weights]
    contract: ModelContract
    published: Callable[[str], str] = str
    reals_below_zero: bool = False

    def load(self, path: Path) -> nn.Module:
        """The network with the weights of ``path``, ready to infer.

        Raises:
            ModelError: if the file is missing, damaged, holds code, or is not of this network.
        """
        net = self.build()
        load_strictly(net, self.read(path), path, self.name, self.published)
        return net.requires_grad_(False).eval()


def load_strictly(
    net: nn.Module,
    weights: Weights,
    path: Path,
    arch: str,
    published: Callable[[str], str] = str,
) -> None:
    """Fill every tensor of ``net``, and use every tensor of ``weights``.

    The counters of batches that batch normalisation keeps for training are not asked for: old
    checkpoints lack them and inference never reads them.

    Raises:
        ModelError: naming the first tensor that is missing, left over or of another shape.
    """
    state = {name: value for name, value in net.state_dict().items() if not _is_counter(name)}
    given = {name: value for name, value in weights.items() if not _is_counter(name)}
    names = {published(own): own for own in state}
    _check_names(set(names), set(given), path, arch)
    for name, own in names.items():
        if given[name].shape != state[own].shape:
            raise ModelError(
                f"The weights in {path} do not fit {arch}: {name!r} is of shape "
                f"{tuple(given[name].shape)}, not {tuple(state[own].shape)}."
            )
    ready = {own: given[name].to(state[own].dtype) for name, own in names.items()}
    net.load_state_dict(ready, strict=False)  # what is left out was checked above


def _check_names(wanted: set[str], given: set[str], path: Path, arch: str) -> None:
    missing, extra = sorted(wanted - given), sorted(given - wanted)
    if not missing and not extra:
        return
    said = []
    if missing:
        said.append(f"it lacks {missing[0]!r}{_and_more(missing)}")
    if extra:
        said.append(f"it has {extra[0]!r}{_and_more(extra)}, which {arch} does not know")
    raise ModelError(f"The checkpoint {path} is not of {arch}: {' and '.join(said)}.")


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")
