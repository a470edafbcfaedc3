"""Builds frozen dataclasses from TOML, names the key of every mistake, and fills in secrets.

``${NAME}`` in a text value is replaced by that environment variable and ``${file:/path}`` by what
stands in that file, so that passwords stay out of the settings. What was filled in is remembered,
to be taken out again of everything that is shown.
"""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import quote

from realtime.errors import ConfigError
from realtime.redact import MASK, redact

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

MAX_CONFIG_BYTES: Final = 1_000_000
MAX_SECRET_BYTES: Final = 65_536
MIN_SECRET: Final = 4
MAX_ENTRIES: Final = 1024
NOT_A_SETTING: Final = {"setting": False}
"""Metadata of a field of a dataclass that no file can set."""

_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")
_NAMES: Final = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text value that was put together: as it was written, as it is, and what was filled in."""

    written: str
    value: str
    parts: tuple[str, ...]


def settings_of(kind: type[Any]) -> dict[str, Any]:
    """The names of what can be set in a dataclass, with their types, in order."""
    hints = get_type_hints(kind)
    return {
        field.name: hints[field.name]
        for field in dataclasses.fields(kind)
        if field.metadata.get("setting", True)
    }


def element_of(hint: Any) -> type[Any] | None:
    """The dataclass whose tables make up a list, None for every other type."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        element: type[Any] = arguments[0]
        return element if dataclasses.is_dataclass(element) else None
    return None


def read(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        ConfigError: if the file cannot be read, is too large or is no TOML.
    """
    shown = redact(path)
    try:
        if not path.is_file() and path.exists():
            raise ConfigError(f"Cannot read the configuration {shown}: it is no regular file.")
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(
                f"The configuration {shown} is larger than 1 MB; give a smaller file."
            )
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as exc:
        raise ConfigError(f"Cannot read the configuration {shown}: {exc.strerror}.") from None
    except RecursionError:
        raise ConfigError(f"The configuration {shown} is nested too deeply.") from None
    except ValueError as exc:  # TOMLDecodeError, UnicodeDecodeError, and a NUL in the path
        raise ConfigError(f"The configuration {shown} is not valid TOML: {redact(exc)}.") from None


def build(kind: type[T], table: Mapping[str, Any], secrets: list[Secret], prefix: str = "") -> T:
    """An instance of the dataclass ``kind``; ``secrets`` takes what was filled in.

    Raises:
        ConfigError: naming the key of an unknown setting or of a value that does not fit.
    """
    known = settings_of(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise ConfigError(
                f"Unknown setting {redact(repr(name))}; known here: {', '.join(known)}."
            )
        values[key] = _convert(known[key], value, name, secrets)
    try:
        return kind(**values)
    except ConfigError as exc:
        if not prefix:
            raise
        raise ConfigError(f"Setting {prefix.rstrip('.')!r}: {exc}") from None


def without_secrets(value: Any, secrets: tuple[Secret, ...]) -> Any:
    """Nested settings in which everything that was filled in is as it was written, or masked."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item, secrets) for item in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        if value == secret.value:
            return secret.written
    for secret in secrets:
        for part in secret.parts:
            # A shorter one would mask words by chance, and be read from what is missing.
            if len(part) >= MIN_SECRET:
                value = value.replace(part, MASK)
    return value


def _convert(kind: Any, value: Any, name: str, secrets: list[Secret]) -> Any:
    element = element_of(kind)
    if element is not None:
        return _build_list(element, value, name, secrets)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"Setting {name!r} must be a table.")
        return build(kind, value, secrets, f"{name}.")
    if kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise ConfigError(f"Setting {name!r} is too large.") from None
    if type(value) is not kind:
        raise ConfigError(f"Setting {name!r} must be {_NAMES[kind]}.")
    return fill_in(value, name, secrets) if kind is str else value


def _build_list(element: type[T], value: Any, name: str, secrets: list[Secret]) -> tuple[T, ...]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ConfigError(f"Setting {name!r} must be a list of tables, each headed [[{name}]].")
    if len(value) > MAX_ENTRIES:
        raise ConfigError(f"Setting {name!r} has more than {MAX_ENTRIES} entries.")
    return tuple(
        build(element, item, secrets, f"{name}[{index}].") for index, item in enumerate(value)
    )


def fill_in(written: str, name: str, secrets: list[Secret]) -> str:
    """``written`` with the values of its placeholders; what was filled in goes into ``secrets``.

    Raises:
        ConfigError: naming the setting ``name``, if a placeholder has no value.
    """
    parts: list[str] = []

    def replace(match: re.Match[str]) -> str:
        plain = part = _look_up(match[1], name)
        # Before the @ of a URL stands data that must not be read as a part of the URL.
        if "://" in written[: match.start()] and "@" in written[match.end() :]:
            part = quote(part, safe=":", errors="replace")
        parts.extend({plain, part} - {""})
        return part

    value = _PLACEHOLDER.sub(replace, written)
    if value != written:
        secrets.append(Secret(written, value, tuple(parts)))
    return value


def _look_up(what: str, name: str) -> str:
    if what.startswith("file:"):
        return _secret_file(what.removeprefix("file:"), name)
    if not re.fullmatch(r"\w+", what):
        raise ConfigError(
            f"Setting {name!r} has a placeholder that is neither ${{NAME}} nor ${{file:/path}}."
        )
    if what not in os.environ:
        raise ConfigError(f"Setting {name!r} needs the environment variable {what}.")
    return os.environ[what]


def _secret_file(path: str, name: str) -> str:
    shown = f"the secret file {redact(path)} of setting {name!r}"
    try:
        # Without waiting: a pipe that nobody writes into would hold up the start for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ConfigError(f"Cannot use {shown}: it is no regular file.")
            data = file.read(MAX_SECRET_BYTES + 1)
        if len(data) > MAX_SECRET_BYTES:
            raise ConfigError(f"Cannot use {shown}: it is larger than {MAX_SECRET_BYTES} bytes.")
        return data.decode("utf-8").rstrip("\r\n")
    except OSError as exc:
        raise ConfigError(f"Cannot read {shown}: {exc.strerror}.") from None
    except ValueError:  # not UTF-8, or a NUL in the path; the message would quote the content
        raise ConfigError(f"Cannot use {shown}: it does not hold text in UTF-8.") from None
