"""What `fakewatch config` says: every setting there is, and whether a file of settings is good.

The words come from the texts below the fields in `realtime/config.py`.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from realtime.config import Config, load
from realtime.health import parse_address
from realtime.redact import redact
from realtime.sources.listed import listed
from realtime.toml_tables import element_of, settings_of

_WIDTH: Final = 98
_UNITS: Final = {"_s": "seconds", "_px": "pixels", "_hz": "a second", "_bytes": "bytes"}
_HEAD: Final = (
    "Every setting of fakewatch, with its default. A file needs only what it changes. In texts, "
    "${NAME} stands for an environment variable and ${file:/path} for the content of a file."
)


def explain() -> str:
    """All settings as TOML that says what each is for, and that changes nothing as it is."""
    lines = [*_comment(_HEAD)]
    for name, kind in settings_of(Config).items():
        element = element_of(kind)
        lines.append("")
        if element is None:
            lines += [*_comment(_summary(kind)), f"[{name}]", *_fields(kind)]
        else:
            # A list is empty by default; what its tables may hold stands in comments.
            table = [f"[[{name}]]", *_fields(element)]
            lines += _comment(_summary(element))
            lines += [f"#{line}" if line.startswith("#") else f"# {line}" for line in table]
    return "\n".join(lines) + "\n"


def check(path: Path) -> list[str]:
    """What is to be said of the file of settings at ``path``, which is good; opens no source.

    Raises:
        ConfigError: if it is not.
    """
    config = load(path)
    found = listed(config)
    disabled = len(config.sources) - len(found)
    address = config.as_dict()["metrics"]["address"]
    if address:
        parse_address(config.metrics.address)
    parts = [
        _count(len(found), "source") + (f" and {disabled} disabled" if disabled else ""),
        f"{_count(_changes(config), 'setting')} changed",
        f"metrics on {address}" if address else "no metrics",
    ]
    # A line for each, because redaction takes everything up to the last @ of a line.
    lines = [f"ok: {', '.join(parts)}", *(f"  {n}: {one.name}" for n, one in found.items())]
    return [redact(line) for line in lines]


def documentation(kind: type[Any]) -> dict[str, str]:
    """The text below each field of a dataclass, on one line; fields without one are missing."""
    tree = _classes(kind.__module__)[kind.__name__]
    found = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    found[field.target.id] = " ".join(text.split())
    return found


@functools.cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes of a module as they are written; read once, since a dialog waits for them."""
    body = ast.parse(inspect.getsource(sys.modules[module])).body
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}


def _fields(kind: type[Any]) -> Iterator[str]:
    words = documentation(kind)
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    for name in settings_of(kind):
        yield from _comment(words.get(name, ""))
        unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
        note = "" if unit is None else f"  # {unit}"
        yield f"{name} = {_literal(defaults[name])}{note}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)


def _summary(kind: type[Any]) -> str:
    return " ".join((inspect.getdoc(kind) or "").replace("``", "").split())


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _changes(config: Config) -> int:
    plain = Config()
    return sum(
        getattr(getattr(config, section), name) != getattr(getattr(plain, section), name)
        for section, kind in settings_of(Config).items()
        if element_of(kind) is None
        for name in settings_of(kind)
    )
