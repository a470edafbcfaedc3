"""What Linux says of a camera before it is opened: the node, its rights, and who else has it.

OpenCV reports everything that can go wrong with the one word False, so the questions are asked
here: of the file system, and of the driver by two calls of the Video4Linux API version 2
(VIDIOC_QUERYCAP and VIDIOC_REQBUFS, Linux media subsystem documentation, "Function Reference").
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from realtime.errors import SourceCode, SourceError
from realtime.redact import redact

_QUERYCAP: Final = 0x80685600
_CAPABILITY: Final = struct.Struct("=16s32s32sIII12x")
_REQBUFS: Final = 0xC0145608
_BUFFERS: Final = struct.Struct("=IIIII")
_CAPTURE, _CAPTURE_PLANES, _DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_MMAP: Final = 1


class Node:
    """A claim on a device node, kept while the camera is in use.

    An advisory lock tells two of our own programs apart even before the driver can, and goes
    with the process, however that ends.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Give it up."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def claim(path: str, name: str) -> Node:
    """Take the camera at ``path``, or say why it cannot be had; ``name`` is for messages.

    Raises:
        SourceError: NOT_FOUND, PERMISSION, BUSY, or NOT_MEDIA for what is no camera.
    """
    try:
        # Opening a pipe or another kind of device can do things: look first.
        if not stat.S_ISCHR(os.stat(path).st_mode):
            raise no_camera(name)
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the path
        raise cannot_open(exc, path, name) from None
    try:
        _lock(descriptor, path, name)
        _require_pictures(descriptor, name)
        _require_free(descriptor, path, name)
    except BaseException:
        os.close(descriptor)
        raise
    return Node(descriptor)


def cannot_open(exc: OSError | ValueError, path: str, name: str) -> SourceError:
    """Why the node could not be opened, as an error to raise."""
    number = exc.errno if isinstance(exc, OSError) else errno.ENOENT
    if number == errno.EACCES:
        return SourceError(
            f"The camera {name} may not be opened by you; run `sudo usermod -aG "
            f"{_group(path)} $USER` and log in again.",
            SourceCode.PERMISSION,
        )
    if number == errno.EPERM:
        return SourceError(
            f"The system forbids access to the camera {name}; start the container or service "
            f"with this device (docker run --device {redact(path)}).",
            SourceCode.PERMISSION,
        )
    if number == errno.EBUSY:
        return busy(path, name)
    if number in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENAMETOOLONG):
        return SourceError(
            f"There is no camera {name}; connect it, or see `fakewatch devices` for those there "
            "are.",
            SourceCode.NOT_FOUND,
            transient=True,
        )
    return SourceError(
        f"The camera {name} cannot be opened ({os.strerror(number or 0)}); connect it again.",
        SourceCode.CONNECTION_FAILED,
        transient=True,
    )


def busy(path: str, name: str) -> SourceError:
    """The error that says that another program has the camera, and which."""
    others = [program for number, program in holders(path) if number != os.getpid()]
    by = f" by {redact(', '.join(sorted(set(others))))}" if others else ""
    return SourceError(
        f"The camera {name} is in use{by}; close the program that shows its picture.",
        SourceCode.BUSY,
        transient=True,
    )


def no_camera(name: str) -> SourceError:
    """The error for something that exists and is no camera."""
    return SourceError(
        f"{name} is no camera; see `fakewatch devices` for those there are.",
        SourceCode.NOT_MEDIA,
    )


def holders(path: str) -> list[tuple[int, str]]:
    """Processes that have the node open, as far as this user may see them: id and program."""
    found = []
    real = os.path.realpath(path)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_points_to(link, real) for link in (entry / "fd").iterdir()):
                found.append((int(entry.name), (entry / "comm").read_text("utf-8").strip()))
    return found


def _points_to(link: Path, real: str) -> bool:
    with suppress(OSError):  # the file was closed in the meantime
        return os.readlink(link) == real
    return False


def _lock(descriptor: int, path: str, name: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy(path, name) from None
    except OSError:
        return  # a file system without locks


def _require_pictures(descriptor: int, name: str) -> None:
    answer = bytearray(_CAPABILITY.size)
    try:
        fcntl.ioctl(descriptor, _QUERYCAP, answer)
    except OSError as exc:
        if exc.errno in (errno.ENOTTY, errno.EINVAL):
            raise no_camera(name) from None
        raise cannot_open(exc, name, name) from None
    *_, all_nodes, this_node = _CAPABILITY.unpack(answer)
    abilities = this_node if all_nodes & _DEVICE_CAPS else all_nodes
    if not abilities & (_CAPTURE | _CAPTURE_PLANES):
        # A camera has more nodes than one: the others carry metadata or codecs.
        raise SourceError(
            f"{name} is the part of a camera that gives no pictures; see `fakewatch devices` for "
            "the one that does.",
            SourceCode.NOT_MEDIA,
        )


def _require_free(descriptor: int, path: str, name: str) -> None:
    """Ask for one buffer and give it back: a camera that streams for someone else refuses."""
    for count in (1, 0):
        request = bytearray(_BUFFERS.pack(count, 1, _MMAP, 0, 0))
        try:
            fcntl.ioctl(descriptor, _REQBUFS, request)
        except OSError as exc:
            if exc.errno == errno.EBUSY:
                raise busy(path, name) from None
            return  # another way of streaming; opening it will tell


def _group(path: str) -> str:
    with suppress(OSError, KeyError):
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    return "video"
