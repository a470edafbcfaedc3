"""Every published detector by name."""

from __future__ import annotations

from typing import Final

from models.peers import caddm, classifiers, efficientnet, facenet, mesonet, minifasnet, xception
from models.peers.base import Peer
from realtime.errors import ConfigError

PEERS: Final[dict[str, Peer]] = {
    peer.name: peer
    for module in (mesonet, minifasnet, facenet, efficientnet, xception, caddm)
    for peer in module.PEERS
}


def find(arch: str, classes: int = 2) -> Peer:
    """The peer of that name; ``classes`` counts for ``torchvision:NAME`` only.

    Raises:
        ConfigError: if there is none, naming those that there are.
    """
    if arch.startswith(classifiers.PREFIX):
        return classifiers.classifier(arch, classes)
    if arch not in PEERS:
        raise ConfigError(
            f"There is no architecture {arch!r}; there are {', '.join(PEERS)}, "
            f"{classifiers.PREFIX}NAME and onnx, and the networks trained here."
        )
    return PEERS[arch]
