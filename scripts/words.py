"""Keeps the catalogs of the window's words; ``make words`` runs it.

    .venv/bin/python scripts/words.py            # take over new texts, compile
    .venv/bin/python scripts/words.py --add fr   # begin one more language

Texts are those of `realtime.window.translate.tr` and its sisters in ``realtime/window``. New ones
stand untranslated in ``realtime/locale/*/LC_MESSAGES/fakewatch.po`` afterwards, and are listed.
"""

from __future__ import annotations

import argparse
import io
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from realtime.config import Config
from realtime.settings_help import documentation
from realtime.window.overrides import ANALYSIS

ROOT: Final = Path(__file__).resolve().parents[1]
WINDOW: Final = ROOT / "realtime" / "window"
LOCALE: Final = ROOT / "realtime" / "locale"
HEADER: Final = "# Words of fakewatch's window. Apache License 2.0, as the rest of fakewatch."
KEYWORDS: Final = {"tr": (1,), "trn": (1, 2), "later": (1,)}


def template() -> Catalog:
    """Every text of the window, with the files that say it."""
    catalog = Catalog(project="fakewatch", charset="utf-8")
    found = extract_from_dir(WINDOW, [("**.py", "python")], keywords=KEYWORDS, comment_tags=["TR:"])
    for name, _line, text, comments, _context in sorted(found, key=lambda one: (one[0], one[1])):
        # Without lines: a catalog that changes with every edit above a text is hard to merge.
        catalog.add(text, locations=[(f"realtime/window/{name}", 0)], auto_comments=comments)
    for text in _settings():
        catalog.add(text, locations=[("realtime/config.py", 0)])
    return catalog


def _settings() -> list[str]:
    """What is said of each setting that can be changed in the window; it stands beside it."""
    config, found = Config(), []
    for name in ANALYSIS:
        section, _, key = name.partition(".")
        found.append(documentation(type(getattr(config, section)))[key])
    return found


def catalogs() -> list[Path]:
    """The catalogs that there are."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/fakewatch.po"))


def load(path: Path) -> Catalog:
    """The catalog in that file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, domain="fakewatch")


def as_po(catalog: Catalog) -> bytes:
    """The catalog as it is written to a file; the same catalog gives the same bytes."""
    memory = io.BytesIO()
    write_po(
        memory,
        catalog,
        width=100,
        omit_header=False,
        include_lineno=False,
        ignore_obsolete=True,
    )
    return memory.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The catalog as the program reads it."""
    memory = io.BytesIO()
    write_mo(memory, catalog)
    return memory.getvalue()


def missing(catalog: Catalog) -> list[Message]:
    """Texts without a translation, or with a doubtful one."""
    return [
        message
        for message in catalog
        if message.id and (message.fuzzy or not all(_strings(message.string)))
    ]


def _strings(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (str(text or ""),)


def update(path: Path) -> list[Message]:
    """Take over what the program says now, compile, and give back what has no translation."""
    catalog = load(path)
    created = catalog.creation_date
    # Guessed translations are worse than none: they look finished.
    catalog.update(template(), no_fuzzy_matching=True)
    # Else the files would differ after each run.
    catalog.creation_date = created
    catalog.header_comment = HEADER
    path.write_bytes(as_po(catalog))
    path.with_suffix(".mo").write_bytes(as_mo(catalog))
    return missing(catalog)


def add(language: str) -> Path:
    """Begin a catalog of that language."""
    path = LOCALE / language / "LC_MESSAGES" / "fakewatch.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(as_po(_empty(language)))
    return path


def _empty(language: str) -> Catalog:
    return Catalog(
        locale=language,
        project="fakewatch",
        version="1",
        header_comment=HEADER,
        msgid_bugs_address="none",
        last_translator="none",
        language_team="none",
        revision_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        fuzzy=False,
    )


def main() -> None:
    """Update all catalogs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--add", metavar="CODE", help="begin one more language")
    options = parser.parse_args()
    if options.add:
        add(options.add)
    left = False
    for path in catalogs():
        for message in update(path):
            left = True
            sys.stderr.write(f"{path.parents[1].name}: no translation of {message.id!r}\n")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
