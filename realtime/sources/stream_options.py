"""How FFmpeg is asked to open a stream: what it may speak and read, and how long it may probe."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from realtime.config import Config
from realtime.sources import stream_errors
from realtime.sources.address import Address, Transport
from realtime.sources.worker import Closed, Worker

HTTP_FORMATS: Final = ("mpegts", "mpjpeg", "mjpeg", "hls")
"""What is read over HTTP; HLS may hold fragments of MP4 as well, which nothing else may."""
_FRAGMENTS: Final = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2")
_PROBE_US: Final = 1_000_000
_PROBE_BYTES: Final = 1_000_000
_UDP_BUFFER: Final = 1 << 21
"""Bytes in the kernel for packets of a key frame that come faster than they are read."""
_REORDER_US: Final = 100_000
"""How long a missing packet is waited for on UDP."""
_REORDER_PACKETS: Final = 128

_PROTOCOLS: Final = {
    ("rtsp", Transport.TCP): "rtsp,tcp",
    ("rtsp", Transport.UDP): "rtsp,tcp,udp,rtp",
    ("rtsps", Transport.TCP): "rtsps,tls,tcp",
    ("rtsps", Transport.UDP): "rtsps,tls,tcp,udp,rtp",
    ("http", Transport.TCP): "http,https,tls,tcp,crypto,httpproxy",
    # Never from an encrypted connection to one that is not.
    ("https", Transport.TCP): "https,tls,tcp,crypto,httpproxy",
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a stream is and what may be spoken on the way to it."""

    scheme: str
    host: str
    protocols: str

    @property
    def rtsp(self) -> bool:
        """Whether it is RTSP, and not HTTP."""
        return self.scheme in ("rtsp", "rtsps")

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme in ("rtsps", "https")


def route(address: Address) -> Route:
    """Where ``address`` leads.

    Raises:
        SourceError: FORMAT_REFUSED for any protocol but RTSP and HTTP, encrypted or not.
    """
    try:
        parts = urlsplit(address.target)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
    except ValueError:
        scheme = host = ""
    transport = address.transport if scheme in ("rtsp", "rtsps") else Transport.TCP
    protocols = _PROTOCOLS.get((scheme, transport))
    if protocols is None or not host:
        raise stream_errors.FORMAT_REFUSED.error(address.name)
    return Route(scheme, host, protocols)


def options(way: Route, address: Address, config: Config) -> dict[str, str]:
    """For FFmpeg's demuxer, protocols and probing.

    Nothing is thrown away while probing: with ``nobuffer`` the first key frame would go, and
    with it every picture up to the next one. Probing is short instead, and what was gathered
    meanwhile is decoded faster than it came.
    """
    # Longer than our own deadlines, which have to come first to be called what they are.
    longest_s = 2 * max(config.live.open_timeout_s, config.live.read_timeout_s)
    timeout_us = str(round(longest_s * 1e6))
    chosen = {
        "protocol_whitelist": way.protocols,
        "probesize": str(_PROBE_BYTES),
        "analyzeduration": str(_PROBE_US),
        "fpsprobesize": "3",  # the frame rate is no more than a claim, not worth a second
        "max_pixels": str(config.source.max_pixels),
    }
    if way.rtsp:
        chosen |= {
            "format_whitelist": "rtsp",
            "rtsp_transport": address.transport.value,
            "allowed_media_types": "video+audio" if config.cues.lipsync else "video",
            # Bounds the farewell to a server that takes nothing in any more.
            "timeout": timeout_us,
            "max_delay": str(_REORDER_US),
            "reorder_queue_size": str(_REORDER_PACKETS),
        }
        if address.transport is Transport.UDP:
            chosen["buffer_size"] = str(_UDP_BUFFER)
    else:
        chosen |= {
            "format_whitelist": ",".join((*HTTP_FORMATS, *_FRAGMENTS)),
            "rw_timeout": timeout_us,
        }
    if way.encrypted:
        chosen |= {"tls_verify": "1"} | _authorities()
    return chosen


def require_host(way: Route, name: str, seconds: float, resolver: Worker) -> None:
    """Make sure that the host has an address; FFmpeg cannot be stopped while it asks for one.

    The resolver of the system cannot be stopped either: a ``resolver``, not started yet, that
    hangs is left behind and ends when the system gives up.

    Raises:
        SourceError: CONNECTION_FAILED or TIMEOUT.
    """
    if _is_number(way.host):
        return
    resolver.start(lambda: None)
    try:
        resolver.call(lambda: socket.getaddrinfo(way.host, None, type=socket.SOCK_STREAM), seconds)
    except Closed:
        trouble = stream_errors.CLOSED
    except TimeoutError:
        trouble = stream_errors.OPEN_TIMEOUT
    except (OSError, UnicodeError):
        trouble = stream_errors.UNKNOWN_HOST
    else:
        return
    finally:
        resolver.stop()
    raise trouble.error(name)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _authorities() -> dict[str, str]:
    """The file of trusted certificates; without one FFmpeg trusts nobody."""
    paths = ssl.get_default_verify_paths()
    known = (os.environ.get(paths.openssl_cafile_env), paths.cafile, _DEBIAN, _FEDORA)
    return next(({"ca_file": path} for path in known if path and os.path.isfile(path)), {})


_DEBIAN: Final = "/etc/ssl/certs/ca-certificates.crt"
_FEDORA: Final = "/etc/pki/tls/certs/ca-bundle.crt"
