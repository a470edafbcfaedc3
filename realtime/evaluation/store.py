"""Observations that are kept, so that an interrupted evaluation goes on where it was.

A kept observation is found again by the bytes of the clip, the model, the settings, and the
source code of the engine: whatever could change the result changes the name. It holds numbers
only, no picture.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from realtime.config import Config
from realtime.contract import ModelContract
from realtime.errors import ConfigError
from realtime.evaluation.observe import Observation
from realtime.file_hash import sha256_of
from realtime.redact import redact

_FORMAT: Final = "1"
_APART: Final = (
    *("cli.py", "doctor.py", "headless.py", "heatmap.py", "labels.py", "logs.py", "machine.py"),
    *("overlay.py", "__main__.py", "demo/", "evaluation/", "sinks/", "window/"),
)
"""What cannot change the numbers; all else can, a part that is new included."""
_MEASURING: Final = ("evaluation/observe.py", "evaluation/recode.py")
_WHERE: Final = ("model", "sha256", "device", "threads")


class Store:
    """A folder of observations made with one model and one configuration."""

    def __init__(self, folder: Path, model: str, contract: ModelContract, config: Config) -> None:
        """``model`` is the SHA-256 of the model file.

        Raises:
            ConfigError: if the folder cannot be made.
        """
        decisive = json.dumps(settings(config), sort_keys=True)
        text = f"{_FORMAT}\n{model}\n{contract}\n{decisive}\n{_engine()}"
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._folder = folder / f"observations-{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError(
                f"Cannot keep results in {redact(folder)}: {exc.strerror}; name another --cache."
            ) from None

    def get(self, clip: Path, condition: str) -> Observation | None:
        """What was kept of a clip under a condition, None if nothing whole was."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            return Observation.from_dict(json.loads(self._path(clip, condition).read_text("utf-8")))
        return None

    def put(self, clip: Path, condition: str, found: Observation) -> None:
        """Keep it; a disk that is full costs the next run time, not this one its result."""
        with suppress(OSError):
            path = self._path(clip, condition)
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            part.write_text(json.dumps(found.as_dict()), "utf-8")
            part.replace(path)

    def _path(self, clip: Path, condition: str) -> Path:
        name = hashlib.sha256(f"{_fingerprint(clip)}\n{condition}".encode()).hexdigest()[:24]
        return self._folder / f"{name}.json"


def settings(config: Config) -> dict[str, Any]:
    """The settings that decide the numbers: not which file the model is, nor where it runs."""
    table = config.as_dict()
    scorer = {name: value for name, value in table["scorer"].items() if name not in _WHERE}
    return {**table, "scorer": scorer}


def default_folder() -> Path:
    """Where observations are kept if nobody says: beside the embedded clip."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "fakewatch"


_fingerprint = cache(sha256_of)


@cache
def _engine() -> str:
    digest = hashlib.sha256()
    with resources.as_file(resources.files("realtime")) as root:
        for file in sorted(root.rglob("*.py")):
            name = file.relative_to(root).as_posix()
            if name in _MEASURING or not name.startswith(_APART):
                digest.update(name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
