"""What the window says, in the language of who looks at it.

Texts are written in English where they are shown, as ``tr("Open {name}").format(name=name)``:
values go in afterwards, so that a translation can put them elsewhere. What stands in a table
that is made at import is ``tr(table[key])``, its texts marked with `later`. Catalogs are made
by ``make words``. No Qt here, but for the question what language the system speaks.
"""

from __future__ import annotations

import gettext
import logging
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

DOMAIN: Final = "fakewatch"
FOLDER: Final = Path(__file__).resolve().parents[1] / "locale"
SYSTEM: Final = "system"
"""Stands for the language of the system."""
ENGLISH: Final = "en"
_OWN_NAMES: Final = {ENGLISH: "English", "de": "Deutsch"}


class _Chosen:
    """The catalog in use; English, which needs none, until a language is chosen."""

    language = ENGLISH
    catalog = gettext.NullTranslations()


def tr(text: str) -> str:
    """``text`` in the chosen language, or as it is where there is no translation."""
    return _Chosen.catalog.gettext(text) if text else ""


def trn(one: str, many: str, count: int) -> str:
    """``one`` or ``many`` in the chosen language, whichever ``count`` asks for there."""
    return _Chosen.catalog.ngettext(one, many, count)


def later(text: str) -> str:
    """``text`` itself, which a later ``tr()`` will translate."""
    return text


def languages() -> dict[str, str]:
    """Codes of the languages that the window speaks, and what each calls itself."""
    codes = [path.parents[1].name for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")]
    return {code: _OWN_NAMES.get(code, code) for code in (ENGLISH, *sorted(codes))}


def chosen() -> str:
    """The code of the language in use."""
    return _Chosen.language


def choose(language: str) -> str:
    """Speak that language from now on, or `SYSTEM`'s, and give back its code.

    What is unknown is English. Texts that are shown already stay as they are.
    """
    code = _of_system() if language == SYSTEM else language
    if code not in languages():
        code = ENGLISH
    catalog = gettext.NullTranslations()
    if code != ENGLISH:
        try:
            catalog = gettext.translation(DOMAIN, FOLDER, [code])
        except (OSError, ValueError, UnicodeError) as exc:
            log.warning("the translations into %s cannot be read: %s", code, exc)
            code = ENGLISH
    _Chosen.language, _Chosen.catalog = code, catalog
    return code


def _of_system() -> str:
    """The first language that the system asks for and that the window speaks."""
    from qtpy.QtCore import QLocale  # noqa: PLC0415 - the rest must not need Qt

    return first_spoken(QLocale.system().uiLanguages())


def first_spoken(wanted: list[str]) -> str:
    """The first of these codes, such as de-AT, that the window speaks, else English."""
    known = languages()
    for name in wanted:
        code = name.replace("_", "-").partition("-")[0].lower()
        if code in known:
            return code
    return ENGLISH
