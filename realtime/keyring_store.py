"""Passwords of streams in the keyring of the system, and nowhere else.

Linux has the Secret Service (GNOME Keyring, KWallet), macOS the Keychain, Windows the Credential
Locker; the library keyring finds which. Where there is none, or only one that would write plain
text or forget silently, nothing is stored and one sentence says so. A keyring may ask its owner to
unlock it and waits for the answer: call this from no thread that must not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from realtime.errors import ConfigError
from realtime.redact import redact

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE: Final = "fakewatch"
_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_REMEDY: Final = "type it again next time, or have ${NAME} in the settings stand for it"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may see a stream; the password is in no representation of this."""

    user: str
    password: str = field(repr=False)


def host_of(url: str) -> str:
    """What a password belongs to: scheme, host and port of a URL, without all else.

    Raises:
        ConfigError: if the URL has no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        host = port = None
    if not host or port is None:
        raise ConfigError(f"{redact(url)} names no host; write rtsp://HOST/PATH.")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{shown}:{port}"


def save(url: str, credentials: Credentials) -> None:
    """Keep them for the host of ``url``; what was kept for the same user there is replaced.

    Raises:
        ConfigError: if the URL has no host, the user no name, or the system no keyring that
            keeps it; nothing is stored then.
    """
    service, user, password = _service(host_of(url)), credentials.user, credentials.password
    if not user:
        raise ConfigError("A password is kept by its user; give the user too.")
    _call(lambda ring: ring.set_password(service, user, password))
    kept = _call(lambda ring: ring.get_password(service, user))
    if kept != credentials.password:
        raise ConfigError(f"The keyring did not keep the password; {_REMEDY}.")


def load(url: str, user: str) -> Credentials | None:
    """What is kept for ``user`` at the host of ``url``, None if nothing is.

    Raises:
        ConfigError: if the URL has no host, or the system no keyring that can be read.
    """
    service = _service(host_of(url))
    password = _call(lambda ring: ring.get_password(service, user))
    return None if password is None else Credentials(user, password)


def forget(url: str, user: str) -> bool:
    """Delete what is kept; whether there was something. Raises `ConfigError` as `load` does."""
    service = _service(host_of(url))
    if load(url, user) is None:
        return False
    _call(lambda ring: ring.delete_password(service, user))
    return True


def remember(url: str, credentials: Credentials) -> None:
    """As `save`, and these are what `recall` gives for every stream of that host from now on.

    What was remembered before for another user of that host is deleted: nothing would find it.

    Raises:
        ConfigError: as `save`.
    """
    before = recall(url)
    save(url, credentials)
    _call(lambda ring: ring.set_password(SERVICE, host_of(url), credentials.user))
    if before is not None and before.user != credentials.user:
        forget(url, before.user)


def recall(url: str) -> Credentials | None:
    """What was remembered last for the host of ``url``, None if nothing was.

    Raises:
        ConfigError: if the URL has no host, or the system no keyring that can be read.
    """
    host = host_of(url)
    user = _call(lambda ring: ring.get_password(SERVICE, host))
    return None if user is None else load(url, user)


def forget_host(url: str) -> bool:
    """Delete what `recall` would give; whether there was something. Raises as `recall` does."""
    known, host = recall(url), host_of(url)
    if known is None:
        return False
    _call(lambda ring: ring.delete_password(SERVICE, host))
    return forget(url, known.user)


def require() -> None:
    """Raises `ConfigError`, one sentence, where this system has no keyring."""
    _ring()


def _service(host: str) -> str:
    return f"{SERVICE} {host}"


def _call(work: Callable[[KeyringBackend], T]) -> T:
    """What the keyring answers; raises `ConfigError` without one, or if it refuses."""
    ring = _ring()
    try:
        return work(ring)
    except Exception as exc:  # noqa: BLE001 - whatever a backend of the system raises
        raise _refused(exc) from None


def _ring() -> KeyringBackend:
    import keyring  # noqa: PLC0415 - looks through everything that is installed
    from keyring.backends import fail, null  # noqa: PLC0415

    try:
        ring = keyring.get_keyring()
    except Exception as exc:  # noqa: BLE001 - whatever a backend of the system raises
        raise _refused(exc) from None
    # One that forgets is none, and plain text is what a keyring is there to avoid.
    plain = type(ring).__module__.startswith("keyrings.alt")
    if plain or isinstance(ring, (fail.Keyring, null.Keyring)):
        raise ConfigError(
            f"This system has no keyring, so no password is kept; {_REMEDY}, or install GNOME "
            "Keyring or KWallet."
        )
    return ring


def _refused(exc: Exception) -> ConfigError:
    # The text of the error stays out: nobody knows what a backend puts there.
    return ConfigError(f"The keyring of the system refused ({type(exc).__name__}); {_REMEDY}.")
