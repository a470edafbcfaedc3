"""The options of ``fakewatch feedback``; what they do stands in `realtime.feedback.command`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def add_actions(verb: argparse.ArgumentParser, make: type[argparse.ArgumentParser]) -> None:
    """The actions and options of the verb."""
    actions = verb.add_subparsers(required=True, metavar="ACTION", dest="action", parser_class=make)
    listing = actions.add_parser("list", help="what is kept, one entry a line")
    listing.add_argument("--person", metavar="KEY", help="of one person alone")
    listing.add_argument("--json", action="store_true", help="as JSON Lines, without pictures")
    exporting = actions.add_parser("export", help="a folder that training reads, and JSON Lines")
    exporting.add_argument("folder", metavar="DIR", type=Path, help="new or empty")
    exporting.add_argument(
        "--media", metavar="DIR", type=Path, help="take clips that were spoken of from there"
    )
    purging = actions.add_parser("purge", help="delete what is old")
    purging.add_argument("--days", type=_days, required=True, help="keep so many days")
    deleting = actions.add_parser("delete", help="delete a person, or single entries")
    deleting.add_argument("ids", nargs="*", type=int, metavar="ID", help="numbers as in list")
    deleting.add_argument("--person", metavar="KEY", help="everything of this person")
    for action in (listing, exporting, purging, deleting):
        action.add_argument(
            "--store", metavar="FILE", type=Path, help="instead of that in your folder for data"
        )


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100_000:
        raise argparse.ArgumentTypeError("give a number of days of at least 0")
    return value
