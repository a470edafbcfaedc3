"""An RTSP server that plays a script: each access unit, its stamp, and what goes wrong when.

RTP travels interleaved in the connection (RFC 2326, section 10.12); H.264 as in RFC 6184, in single
NAL unit packets; RFC 2617 for both schemes of authentication.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av

RTP_HZ = 90_000
NTP_UNIX_S = 2_208_988_800
REALM, NONCE = "loopback", "5ca1ab1e"


@dataclass(frozen=True)
class Unit:
    """One access unit: its NAL units, its stamp (90 kHz), seconds to wait before it is sent.

    With ``wall_s`` a sender report goes before it, which gives its stamp that Unix time.
    """

    nals: tuple[bytes, ...]
    stamp: int
    wait_s: float = 0.0
    wall_s: float | None = None


@dataclass
class Script:
    """What is played to every connection.

    ``sets`` are the parameter sets told in the description. After the units the server is
    silent for ``silence_s`` and then hangs up. ``users`` may look, anybody if it is empty.
    """

    units: Sequence[Unit]
    sets: tuple[bytes, ...] = ()
    silence_s: float = 0.0
    users: dict[str, str] = field(default_factory=dict)
    digest: bool = False
    status: str = "200 OK"
    encoding: str = "H264/90000"
    stopping: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    silent_since: float = 0.0
    """When the last unit was sent to the newest client, of ``time.monotonic()``."""

    def serve(self, connection: socket.socket) -> None:
        """Speak RTSP with one client."""
        _Session(self, connection).run()


class _Session:
    def __init__(self, script: Script, connection: socket.socket) -> None:
        self._script = script
        self._connection = connection
        self._sequence = 0

    def run(self) -> None:
        for request in _requests(self._connection):
            method, url, _ = request.split("\r\n", 1)[0].split(" ", 2)
            self._script.seen.append(method)
            if not self._allowed(method, request):
                scheme = f'Digest realm="{REALM}", nonce="{NONCE}"'
                basic = f'Basic realm="{REALM}"'
                wanted = scheme if self._script.digest else basic
                self._answer(request, "401 Unauthorized", f"WWW-Authenticate: {wanted}\r\n")
            elif method == "DESCRIBE":
                self._describe(request, url)
            elif method == "SETUP":
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                self._answer(request, "200 OK", transport + "Session: 1\r\n")
            elif method == "PLAY":
                self._answer(request, "200 OK", "Session: 1\r\n")
                self._play()
                return
            else:
                self._answer(request, "200 OK", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")

    def _allowed(self, method: str, request: str) -> bool:
        if not self._script.users or method == "OPTIONS":
            return True
        given = re.search(r"(?im)^Authorization: (\w+) (.*?)\r$", request)
        if given is None:
            return False
        if not self._script.digest:
            try:
                user, _, password = base64.b64decode(given[2]).decode().partition(":")
            except ValueError:
                return False
            return self._script.users.get(user) == password
        parts = dict(re.findall(r'(\w+)="([^"]*)"', given[2]))
        password = self._script.users.get(parts["username"], "")
        secret = _md5(f"{parts['username']}:{REALM}:{password}")
        wanted = _md5(f"{secret}:{NONCE}:{_md5(method + ':' + parts['uri'])}")
        return parts["username"] in self._script.users and parts["response"] == wanted

    def _describe(self, request: str, url: str) -> None:
        sets = ",".join(base64.b64encode(one).decode() for one in self._script.sets)
        known = f";sprop-parameter-sets={sets}" if sets else ""
        text = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            f"a=rtpmap:96 {self._script.encoding}\r\na=fmtp:96 packetization-mode=1{known}\r\n"
            f"a=control:{url}/track\r\n"
        )
        kind = "Content-Type: application/sdp\r\n"
        self._answer(request, self._script.status, f"{kind}Content-Length: {len(text)}\r\n", text)

    def _answer(self, request: str, status: str, head: str = "", body: str = "") -> None:
        number = re.search(r"(?im)^CSeq: *(\d+)", request)
        sequence = number[1] if number else "0"
        text = f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{head}\r\n{body}"
        self._connection.sendall(text.encode())

    def _play(self) -> None:
        due = time.monotonic()
        for unit in self._script.units:
            due += unit.wait_s
            if self._script.stopping.wait(max(0.0, due - time.monotonic())):
                return
            stamp = unit.stamp & 0xFFFFFFFF
            if unit.wall_s is not None:
                whole, part = divmod(unit.wall_s + NTP_UNIX_S, 1)
                report = struct.pack(
                    ">BBHIIIIII", 0x80, 200, 6, 1, int(whole), int(part * 2**32), stamp, 0, 0
                )
                self._interleave(1, report)
            for i, nal in enumerate(unit.nals):
                last = 0x80 if i == len(unit.nals) - 1 else 0
                head = struct.pack(">BBHII", 0x80, last | 96, self._sequence & 0xFFFF, stamp, 1)
                self._sequence += 1
                self._interleave(0, head + nal)
        self._script.silent_since = time.monotonic()
        if self._script.silence_s:
            self._connection.settimeout(self._script.silence_s)
            while self._connection.recv(65536):  # until the client has gone
                pass

    def _interleave(self, channel: int, packet: bytes) -> None:
        self._connection.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _requests(connection: socket.socket) -> Iterable[str]:
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            received = connection.recv(65536)
            if not received:
                return
            buffer += received
        request, _, buffer = buffer.partition(b"\r\n\r\n")
        yield request.decode("utf-8", "replace") + "\r\n\r\n"


def units_of(path: Path, *, start: int = 0, step: int = 3600, wait_s: float = 0.0) -> list[Unit]:
    """The access units of a clip of H.264 without B-frames, ``step`` ticks apart."""
    units: list[Unit] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_start_codes = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            for piece in to_start_codes.filter(packet if packet.size else None):
                nals = tuple(nals_of(bytes(piece)))
                units.append(Unit(nals, start + len(units) * step, wait_s))
    return units


def nals_of(data: bytes) -> list[bytes]:
    """The NAL units between start codes."""
    return [nal.rstrip(b"\0") for nal in re.split(rb"\x00\x00\x00?\x01", data) if nal]


def sets_of(units: Sequence[Unit]) -> tuple[bytes, ...]:
    """The parameter sets in the first unit."""
    return tuple(nal for nal in units[0].nals if nal[0] & 0x1F in (7, 8))
