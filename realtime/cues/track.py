"""The witnesses of one track, from the settings that name them to what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from realtime.config import CuesConfig
from realtime.cues.base import SAY_EVERY_S, Comparing, Sighting, Witness
from realtime.cues.blink import BlinkWitness
from realtime.cues.change import ChangeWitness
from realtime.cues.dynamics import DynamicsWitness
from realtime.cues.dynamics_model import load_dynamics
from realtime.cues.head import HeadWitness
from realtime.cues.lipsync import LipSyncWitness
from realtime.cues.pulse import PulseWitness
from realtime.cues.sound import Sound
from realtime.types import Cue

_ROUNDING_S: Final = 5e-4


@dataclass(frozen=True, slots=True)
class Kit:
    """What the witnesses of all tracks of a source share: how each is made, by name."""

    makers: Mapping[str, Callable[[], Witness]]

    @classmethod
    def of(cls, config: CuesConfig, sound: Callable[[], Sound | None] = lambda: None) -> Kit:
        """The witnesses that the settings ask for; ``sound`` gives what is heard of the source.

        Raises:
            ModelError: if the model of one of them cannot be used.
        """
        makers: dict[str, Callable[[], Witness]] = {
            "blink": BlinkWitness,
            "head": HeadWitness,
            **_dynamics(config),
            "pulse": PulseWitness,
            "lipsync": partial(LipSyncWitness, sound),
            "change": ChangeWitness,
        }
        return cls({name: make for name, make in makers.items() if getattr(config, name)})


def _dynamics(config: CuesConfig) -> dict[str, Callable[[], Witness]]:
    """All tracks share one model, which is not even read where it is switched off."""
    if not config.dynamics:
        return {}
    return {"dynamics": partial(DynamicsWitness, load_dynamics(config.dynamics_model))}


class TrackCues:
    """Shows one track to its witnesses; used by one thread at a time."""

    def __init__(self, kit: Kit) -> None:
        self._witnesses: Sequence[Witness] = [make() for make in kit.makers.values()]
        self._said: tuple[Cue, ...] = ()
        self._said_at: float | None = None
        self._last: float | None = None

    @property
    def said(self) -> tuple[Cue, ...]:
        """What each said last, in a fixed order."""
        return self._said

    def see(self, sighting: Sighting) -> tuple[Cue, ...]:
        """Take in one sighting; what each witness says now, renewed twice a second."""
        if self._last is not None and sighting.time_s <= self._last:
            return self._said
        self._last = sighting.time_s
        for witness in self._witnesses:
            witness.see(sighting)
        return self.ask(sighting.time_s)

    def ask(self, time_s: float) -> tuple[Cue, ...]:
        """What each says at ``time_s``, renewed if the last answer is old enough."""
        said_at = self._said_at
        if said_at is None or time_s - said_at >= SAY_EVERY_S - _ROUNDING_S:
            cues = tuple(witness.cue(time_s) for witness in self._witnesses)
            for witness in self._witnesses:
                if isinstance(witness, Comparing):
                    witness.hear(time_s, cues)
            self._said, self._said_at = cues, time_s
        return self._said
