"""How often a real person would fail a challenge.

    python -m benchmarks.challenge --data DATA

Every real clip of DATA goes through the engine. Its first two seconds are the rest, and each
window of three seconds after them is judged as if it were an act that was seen: signing hands
before faces, turns, speech. The built-in model judges, which has seen these clips.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from models import catalog
from models.console import exit_code
from realtime.challenge import Act, Observed, artefacts, judged
from realtime.challenge_view import View
from realtime.config import Config
from realtime.pipeline import Pipeline
from realtime.scorer import load_scorer
from realtime.sinks.challenge import ChallengeSink
from realtime.sources.file import FileSource
from realtime.types import FrameResult

_REST_S: Final = 2.0
_WINDOW_S: Final = 3.0


class _Collecting(ChallengeSink):
    def __init__(self) -> None:
        super().__init__(lambda _line: None)
        self.seen: list[Observed] = []
        self._view = View()

    def write(self, result: FrameResult) -> None:
        self.seen.append(self._view.see(result))


def measure(data: Path, console: Console) -> None:
    """Prints the outcome of every window, counted."""
    config = Config()
    scorer = load_scorer(config.scorer)
    total: Counter[str] = Counter()
    for clip in catalog.clips(data):
        if clip.fake:
            continue
        sink = _Collecting()
        pipeline = Pipeline(
            FileSource(str(clip.path), config.source, "file"), scorer, config, [sink]
        )
        pipeline.start()
        while not pipeline.wait(0.2):
            pass
        pipeline.stop()
        first = sink.seen[0].time_s if sink.seen else 0.0
        rest = [s for s in sink.seen if s.time_s < first + _REST_S and s.found]
        own: Counter[str] = Counter()
        start, most = first + _REST_S, 0.0
        while rest and (during := [s for s in sink.seen if start <= s.time_s < start + _WINDOW_S]):
            own[judged(Act.CHEEK, rest, during, 1.0)[0].value] += 1
            most = max(most, artefacts(rest, during)["jump"] or 0.0)
            start += _WINDOW_S
        total += own
        console.print(f"{clip.path.name}: {dict(own)}, jump {most:.3f}")
    console.print(dict(total))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="challenge", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args(arguments)
    return exit_code(lambda: measure(options.data, Console()))


if __name__ == "__main__":
    sys.exit(main())
