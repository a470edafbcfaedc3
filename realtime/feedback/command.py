"""The verb ``fakewatch feedback``: what is kept, and getting rid of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TextIO

from realtime.errors import ConfigError, ExitCode
from realtime.feedback.export import export, record
from realtime.feedback.place import default_path
from realtime.feedback.records import Kept, to_json
from realtime.feedback.store import FeedbackStore


def feedback(options: argparse.Namespace, out: TextIO) -> ExitCode:
    """Do what was asked for; data and counts go to ``out``.

    Raises:
        ConfigError, SinkError: as `FeedbackStore` and `export` do.
    """
    path = options.store or default_path()
    if options.action == "delete" and bool(options.ids) is bool(options.person):
        raise ConfigError("Name the numbers of entries or --person KEY; fakewatch feedback list.")
    if not os.path.exists(path):
        if options.store is not None:
            raise ConfigError(f"There is no feedback in {path}; name another file.")
        out.write("no feedback is kept\n")
        return ExitCode.OK
    with FeedbackStore(path) as store:
        _ACTIONS[options.action](store, options, out)
    out.flush()
    return ExitCode.OK


def line(kept: Kept) -> str:
    """One entry for people."""
    said = kept.feedback
    when = datetime.fromtimestamp(kept.created_s, timezone.utc).strftime("%Y-%m-%d %H:%M")
    who = "everyone" if said.track_id is None else f"face {said.track_id}"
    crops = f", {len(said.crops)} crops" if kept.consent.crops and said.crops else ""
    note = f": {said.note}" if said.note else ""
    return (
        f"{kept.id}  {when}  {said.label.value}  person {said.person}  {said.source}  {who}  "
        f"{said.start_s:.1f}-{said.end_s:.1f} s{crops}{note}"
    )


def _list(store: FeedbackStore, options: argparse.Namespace, out: TextIO) -> None:
    entries = store.entries(person=options.person)
    for kept in entries:
        out.write((to_json(record(kept)) if options.json else line(kept)) + "\n")
    if not entries and not options.json:
        out.write("no feedback is kept\n")


def _export(store: FeedbackStore, options: argparse.Namespace, out: TextIO) -> None:
    done = export(store, options.folder, options.media)
    out.write(
        f"{done.entries} entries, {done.real_crops} crops said to be real, {done.fake_crops} said "
        f"to be fake, {done.clips} clips; {done.contradicted} left out that were called both\n"
    )


def _purge(store: FeedbackStore, options: argparse.Namespace, out: TextIO) -> None:
    out.write(f"{store.purge(options.days)} entries deleted, {store.count()} kept\n")


def _delete(store: FeedbackStore, options: argparse.Namespace, out: TextIO) -> None:
    gone = store.delete_person(options.person) if options.person else store.delete(*options.ids)
    out.write(f"{gone} entries deleted, {store.count()} kept\n")


_ACTIONS: dict[str, Callable[[FeedbackStore, argparse.Namespace, TextIO], None]] = {
    "list": _list,
    "export": _export,
    "purge": _purge,
    "delete": _delete,
}
