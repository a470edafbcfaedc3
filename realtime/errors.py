"""Every error that is not a bug, each with the exit code that the command line ends with."""

from __future__ import annotations

from enum import Enum, IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; a finding is a result, not an error."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    SOURCE = 3
    MODEL = 4
    NOTHING_ASSESSABLE = 5
    FAIL_ON = 10
    INTERRUPTED = 130


class SourceCode(str, Enum):
    """A closed list of what can be wrong with a source."""

    NOT_FOUND = "not_found"
    PERMISSION = "permission"
    NOT_A_FILE = "not_a_file"
    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    FORMAT_REFUSED = "format_refused"
    NO_VIDEO = "no_video"
    NO_FRAMES = "no_frames"
    TOO_LARGE = "too_large"
    CODEC_UNSUPPORTED = "codec_unsupported"
    CORRUPT = "corrupt"
    TIMEOUT = "timeout"
    NOT_SEEKABLE = "not_seekable"
    AUTH_FAILED = "auth_failed"
    TLS = "tls"
    CONNECTION_FAILED = "connection_failed"
    BUSY = "busy"


class FakewatchError(Exception):
    """Base of all expected errors.

    The message is one sentence for a person: what is wrong and what to do. It must already be
    redacted; `realtime.redact.redact` is applied again wherever it leaves the program.
    """

    exit_code = ExitCode.INTERNAL


class ConfigError(FakewatchError):
    """An option, a configuration file or an output path that cannot be used."""

    exit_code = ExitCode.USAGE


class SourceError(FakewatchError):
    """A source that cannot be opened or read.

    ``transient`` says whether trying again later may help.
    """

    exit_code = ExitCode.SOURCE

    def __init__(self, message: str, code: SourceCode, *, transient: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient


class ModelError(FakewatchError):
    """A model file that is missing, damaged, of the wrong hash or against its contract."""

    exit_code = ExitCode.MODEL


class ProviderUnavailable(ModelError):
    """The device that was asked for is not to be had, so nothing runs on another one silently."""


class SinkError(FakewatchError):
    """An output that cannot be written (any more)."""

    exit_code = ExitCode.USAGE


class OutputClosed(SinkError):
    """Whoever read our output has gone away, as in ``| head``; no reason to complain."""

    exit_code = ExitCode.OK
