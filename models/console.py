"""What the command lines of the training side share: numbers, plain words, JSON, exit codes."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from realtime.errors import ConfigError, ExitCode, FakewatchError


def say(text: str) -> None:
    """One line to the standard error, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write_json(path: Path | None, value: Any) -> None:
    """Write ``value`` indented to ``path``, or to the standard output where there is none.

    Raises:
        ConfigError: if the file cannot be written.
    """
    text = json.dumps(value, indent=2) + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as exc:
        raise ConfigError(f"Cannot write {path}: {exc.strerror}.") from None


def exit_code(work: Callable[[], object]) -> int:
    """Do ``work``; an expected error becomes one sentence and its exit code."""
    try:
        work()
    except FakewatchError as exc:
        say(f"error: {exc}")
        return int(exc.exit_code)
    return int(ExitCode.OK)


def positive(text: str) -> float:
    """A number above 0, as the type of an option."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def share(text: str) -> float:
    """A number in 0..1, as the type of an option."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


def whole(text: str) -> int:
    """A whole number from 0, as the type of an option."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def count(text: str) -> int:
    """A whole number from 1, as the type of an option."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
