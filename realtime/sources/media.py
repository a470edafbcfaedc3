"""Opens a media file that nobody vouches for.

The rules: only regular files; the file is opened here and FFmpeg is handed its bytes, never its
name, so that no name is taken for a URL, a pattern or a list; the container formats are those
of `FORMATS`, which keeps playlists and pictures out; every attempt of a demuxer to open
something else fails; probing is bounded in bytes and in time.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from typing import Any, Final

import av
import av.container
import av.logging
from av.error import FFmpegError

from realtime.errors import SourceCode, SourceError
from realtime.redact import redact

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
"""Demuxers that read one file and nothing else."""
SUPPORTED: Final = "MP4, MOV, MKV, WebM, AVI, MPEG-TS, MPEG-PS, FLV, WMV or Ogg"
PROBE_BYTES: Final = 5_000_000
PROBE_US: Final = 5_000_000
BUFFER_BYTES: Final = 1 << 16

_HEADER_BYTES: Final = 32
_STILL_BRANDS: Final = (b"avif", b"heic", b"heix", b"mif1")
_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_PLAYLISTS: Final = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"v=0")
_CONTAINERS: Final = (b"\x1aE\xdf\xa3", b"RIFF", b"FLV", b"OggS", b"\x30\x26\xb2\x75")

# Whoever embeds the engine may have asked FFmpeg to talk. Its texts hold names and addresses,
# and a log callback into Python from a decoder thread can block on the interpreter lock.
av.logging.set_level(None)


class MediaFile:
    """The bytes of a regular file, handed out until a deadline or until cancelled.

    FFmpeg swallows exceptions of its callbacks or reports them later on an unrelated call.
    Therefore nothing is raised here: reading stops as if the file had ended, and the reason
    stands in ``failure``. The deadline is looked at before each read; a read that hangs inside
    the kernel, on a dead network mount say, cannot be cut short and ends when the kernel
    gives up.
    """

    def __init__(self, descriptor: int, header: bytes) -> None:
        self.header = header
        self.failure: OSError | TimeoutError | None = None
        self._descriptor = descriptor
        self._deadline = float("inf")
        self._cancelled = False

    def extend(self, seconds: float) -> None:
        """Set the deadline to ``seconds`` from now."""
        self._deadline = time.monotonic() + seconds

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self._deadline

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """End a read that is going on in another thread as soon as it asks for more bytes."""
        self._cancelled = True

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, none at the end or after a failure."""
        if self._cancelled:
            return b""
        if self.expired:
            self.failure = self.failure or TimeoutError()
            return b""
        try:
            return os.read(self._descriptor, size)
        except OSError as exc:
            self.failure = exc
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; the new position, or -1 if there is no such place."""
        try:
            return os.lseek(self._descriptor, offset, whence)
        except (OSError, OverflowError):
            return -1

    def tell(self) -> int:
        """The position in bytes."""
        return self.seek(0, os.SEEK_CUR)

    def close(self) -> None:
        """Give the file back to the system."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_file(path: str | bytes | os.PathLike[Any]) -> MediaFile:
    """Open a regular, not empty file.

    Raises:
        SourceError: NOT_FOUND, PERMISSION, NOT_A_FILE, EMPTY, or FORMAT_REFUSED for a picture
            that calls itself a video container.
    """
    name = redact(os.fsdecode(path))
    try:
        # Opening a device can do things and opening a pipe can wait for ever: look first.
        _require_regular(os.stat(path), name)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        raise _cannot_open(exc, name) from None
    try:
        # It may have been exchanged in between.
        _require_regular(os.fstat(descriptor), name)
        header = os.read(descriptor, _HEADER_BYTES)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError as exc:
        os.close(descriptor)
        raise _cannot_open(exc, name) from None
    except SourceError:
        os.close(descriptor)
        raise
    if header[4:8] == b"ftyp" and header[8:12] in _STILL_BRANDS:
        os.close(descriptor)
        raise _is_picture(name)
    return MediaFile(descriptor, header)


def open_container(file: MediaFile, name: str, max_pixels: int) -> av.container.InputContainer:
    """Let FFmpeg recognise the container; ``name`` is for messages and must be redacted.

    Raises:
        SourceError: FORMAT_REFUSED, NOT_MEDIA, CORRUPT or TIMEOUT.
    """
    nested: list[str] = []

    def deny(url: str, flags: int, options: dict[str, str]) -> io.BytesIO:
        del flags, options
        nested.append(url)
        return io.BytesIO(b"")

    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "none",
        "probesize": str(PROBE_BYTES),
        "analyzeduration": str(PROBE_US),
        "max_pixels": str(max_pixels),  # for the decoders that probing runs
    }
    file.seek(0)
    container = None
    try:
        container = av.open(
            file,
            io_open=deny,
            options=options,
            metadata_errors="replace",
            buffer_size=BUFFER_BYTES,
        )
    except FFmpegError as exc:
        if file.failure is None:
            raise _not_opened(file.header, exc.errno, name) from None
    if file.failure is None and not nested and container is not None:
        assert isinstance(container, av.container.InputContainer)
        return container
    if container is not None:
        container.close()
    if file.failure is not None:
        raise broken_off(file.failure, name)
    raise _refused(name)


def broken_off(failure: OSError | TimeoutError, name: str) -> SourceError:
    """What to tell of a `MediaFile` that stopped handing out bytes."""
    if isinstance(failure, TimeoutError):
        return SourceError(
            f"Reading {name} took too long; copy it to a local disk or raise the time limit.",
            SourceCode.TIMEOUT,
            transient=True,
        )
    reason = failure.strerror or "unknown error"
    return SourceError(
        f"Reading {name} failed ({reason}); check the disk it lies on.", SourceCode.CORRUPT
    )


def _require_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{name} is a directory; give a video file.", SourceCode.NOT_A_FILE)
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(
            f"{name} is a device, pipe or socket; give a video file.", SourceCode.NOT_A_FILE
        )
    if status.st_size == 0:
        raise SourceError(f"The file {name} is empty; give a video file.", SourceCode.EMPTY)


def _cannot_open(exc: OSError | ValueError, name: str) -> SourceError:
    if isinstance(exc, PermissionError):
        return SourceError(
            f"The file {name} may not be read; check its permissions.", SourceCode.PERMISSION
        )
    number = exc.errno if isinstance(exc, OSError) else errno.ENOENT
    if number in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
        return SourceError(f"There is no file {name}; check the path.", SourceCode.NOT_FOUND)
    reason = os.strerror(number) if number else "unknown error"
    return SourceError(
        f"The file {name} cannot be opened ({reason}); check the disk it lies on.",
        SourceCode.NOT_FOUND,
    )


def _not_opened(header: bytes, number: int | None, name: str) -> SourceError:
    if header.startswith(_PICTURES) or (header[:4] == b"RIFF" and header[8:12] == b"WEBP"):
        return _is_picture(name)
    if header.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PLAYLISTS):
        return SourceError(
            f"{name} is a playlist that names other files; give the video itself.",
            SourceCode.FORMAT_REFUSED,
        )
    if number == errno.EINVAL:  # recognised, but not on the list
        return _refused(name)
    if header[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") or header.startswith(
        _CONTAINERS
    ):
        return SourceError(
            f"The video {name} is damaged or cut off before its index; get it again.",
            SourceCode.CORRUPT,
        )
    return SourceError(
        f"{name} is not a video; give a file in {SUPPORTED} format.", SourceCode.NOT_MEDIA
    )


def _is_picture(name: str) -> SourceError:
    return SourceError(
        f"{name} is a picture; give a video in {SUPPORTED} format.", SourceCode.FORMAT_REFUSED
    )


def _refused(name: str) -> SourceError:
    return SourceError(
        f"The format of {name} is not accepted; convert it to {SUPPORTED}.",
        SourceCode.FORMAT_REFUSED,
    )
