"""What FFmpeg's errors on a network mean to a person.

The text of an `FFmpegError` holds the whole URL with its password: it is never looked at, only
its class and number are.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

import av.error
from av.error import FFmpegError

from realtime.errors import SourceCode, SourceError


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of failure; ``sentence`` has a place for the name of the source."""

    code: SourceCode
    sentence: str
    transient: bool = True

    def error(self, name: str) -> SourceError:
        """To be raised for the source ``name``, which must be redacted."""
        text = self.sentence.replace("{name}", name)
        return SourceError(text, self.code, transient=self.transient)


AUTH_FAILED: Final = Trouble(
    SourceCode.AUTH_FAILED,
    # Without the sign for "at": what stands before one is masked wherever this is shown.
    "{name} refuses the user name and password; check both.",
)
FORBIDDEN: Final = Trouble(
    SourceCode.PERMISSION,
    "{name} may not be watched by this user; ask whoever runs it for the right to.",
    transient=False,
)
NOT_FOUND: Final = Trouble(
    SourceCode.NOT_FOUND,
    "There is no such stream at {name}; check the path behind the host.",
)
BUSY: Final = Trouble(
    SourceCode.BUSY,
    "{name} cannot serve another viewer now; close other programs that watch it.",
)
REFUSED_REQUEST: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "{name} turned the request down; check its address, and whether it offers TCP or UDP.",
)
SERVER_ERROR: Final = Trouble(
    SourceCode.BUSY,
    "{name} reports an error of its own; look at the camera or server, or wait.",
)
REFUSED: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "Nothing listens at {name}; check host and port, and whether the device is on.",
)
UNREACHABLE: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "{name} cannot be reached; check the network between here and there.",
)
UNKNOWN_HOST: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "The host of {name} is not known by that name; check its spelling and the name server.",
)
BROKEN_OFF: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "{name} broke off the connection; look at the camera or server, and at the network.",
)
TLS: Final = Trouble(
    SourceCode.TLS,
    "No trusted encrypted connection to {name} could be made; if its certificate is its own, name"
    " that certificate's file in the environment variable SSL_CERT_FILE.",
)
NOT_A_STREAM: Final = Trouble(
    SourceCode.NOT_MEDIA,
    "{name} answers, but with no stream that can be read; check the address.",
    transient=False,
)
FORMAT_REFUSED: Final = Trouble(
    SourceCode.FORMAT_REFUSED,
    "What {name} offers is not accepted, or it points elsewhere; give an RTSP, MPEG-TS, MJPEG or"
    " HLS address.",
    transient=False,
)
CODEC_UNSUPPORTED: Final = Trouble(
    SourceCode.CODEC_UNSUPPORTED,
    "The video codec of {name} is not known; set the camera to H.264.",
    transient=False,
)
NO_VIDEO: Final = Trouble(
    SourceCode.NO_VIDEO,
    "{name} sends no video; give the address of a stream with a picture.",
    transient=False,
)
OPEN_TIMEOUT: Final = Trouble(
    SourceCode.TIMEOUT,
    "{name} did not answer in time; check whether it is on and the network is fast enough.",
)
READ_TIMEOUT: Final = Trouble(
    SourceCode.TIMEOUT,
    "{name} has stopped sending; look at the camera or server, and at the network.",
)
NO_PICTURE: Final = Trouble(
    SourceCode.CORRUPT,
    "{name} sends, but no picture can be made of it; set its codec to H.264 and a key frame every"
    " second or two.",
)
LOSSY: Final = Trouble(
    SourceCode.CORRUPT,
    "{name} arrives too damaged to be judged; read it over TCP, or look at the network.",
)
UNREADABLE: Final = Trouble(
    SourceCode.CORRUPT,
    "{name} sends what cannot be read; look at the camera or server, and at the network.",
)
CLOSED: Final = Trouble(
    SourceCode.CONNECTION_FAILED,
    "{name} was closed while it was being opened; open it again.",
)

_CLASSES: Final[tuple[tuple[type[FFmpegError], Trouble], ...]] = (
    (av.error.HTTPUnauthorizedError, AUTH_FAILED),
    (av.error.HTTPForbiddenError, FORBIDDEN),
    (av.error.HTTPNotFoundError, NOT_FOUND),
    (av.error.HTTPTooManyRequestsError, BUSY),
    (av.error.HTTPServerError, SERVER_ERROR),
    (av.error.HTTPClientError, REFUSED_REQUEST),
    (av.error.DecoderNotFoundError, CODEC_UNSUPPORTED),
    (av.error.DemuxerNotFoundError, FORMAT_REFUSED),
    (av.error.ProtocolNotFoundError, FORMAT_REFUSED),
    (av.error.PatchWelcomeError, CODEC_UNSUPPORTED),
    (av.error.InvalidDataError, NOT_A_STREAM),
    (av.error.EOFError, BROKEN_OFF),
)
_NUMBERS: Final = {
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: OPEN_TIMEOUT,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EHOSTDOWN: UNREACHABLE,
    errno.ENETDOWN: UNREACHABLE,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EBUSY: BUSY,
    errno.EINVAL: FORMAT_REFUSED,
}


def opening(error: FFmpegError, *, encrypted: bool) -> Trouble:
    """Why a stream could not be opened; ``encrypted`` if TLS was to be spoken.

    The time that is up and a connection that was closed on purpose are not seen here: FFmpeg
    reports them as anything, so whoever set the deadline looks there first.
    """
    for kind, trouble in _CLASSES:
        if isinstance(error, kind):
            return trouble
    number = error.errno or 0
    if number in _NUMBERS:
        return _NUMBERS[number]
    # A handshake that fails is an input or output error whatever the reason was.
    return TLS if encrypted and number == errno.EIO else BROKEN_OFF


def reading(error: FFmpegError) -> Trouble:
    """Why a stream that was open gave no packet; UNREADABLE may be the packet alone."""
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return AUTH_FAILED
    if isinstance(error, av.error.InvalidDataError):
        return UNREADABLE
    return READ_TIMEOUT if error.errno == errno.ETIMEDOUT else BROKEN_OFF
