"""Answers over HTTP how a run is doing: ``/metrics``, ``/live`` and ``/ready``.

Meant for a monitor on the same machine, so it listens on loopback unless told otherwise.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from realtime.errors import ConfigError
from realtime.health_http import Answer, Server
from realtime.metrics import EngineView, Metrics
from realtime.redact import redact
from realtime.types import SourceState

log = logging.getLogger(__name__)

DEFAULT_ADDRESS: Final = "127.0.0.1:9464"
_OVER: Final = (SourceState.ENDED, SourceState.FAILED)
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def parse_address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, ``[IPv6]:PORT``, ``:PORT`` or ``PORT``, the last two on loopback.

    Port 0 takes any that is free.

    Raises:
        ConfigError: if it is none of them.
    """
    match = _ADDRESS.fullmatch(text if ":" in text else f":{text}")
    port = -1 if match is None else int(match["port"])
    if match is None or not 0 <= port <= 65_535 or match["six"] == "":
        raise ConfigError(
            f"The address {redact(text)!r} for metrics cannot be used; write HOST:PORT such as "
            f"{DEFAULT_ADDRESS} or [::1]:9464."
        )
    return match["six"] or match["host"] or "127.0.0.1", port


class Health:
    """What ``/live`` and ``/ready`` say, whoever asks.

    ``provider`` is where the model has to run (``CUDA``, ``CPU``), None if anywhere will do.
    Heartbeats are fresh for ``fresh_s`` seconds of ``clock``. Besides those of the sources, an
    engine may have ``heartbeats``, a mapping from the names of its other parts to such times.
    """

    def __init__(
        self,
        metrics: Metrics,
        engine: EngineView,
        *,
        provider: str | None = None,
        fresh_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._engine = engine
        self._provider = provider
        self._fresh_s = fresh_s
        self._clock = clock

    def live(self) -> tuple[bool, dict[str, Any]]:
        """Whether every part still shows signs of life; which do not, with their age in seconds.

        A source that has ended or failed for good is not expected to.
        """
        now = self._clock()
        others: Mapping[str, float] = getattr(self._engine, "heartbeats", {})
        beats = {redact(name): beat for name, beat in others.items()}
        for source in self._engine.sources:
            if source.status.state not in _OVER:
                beats[f"source {self._name(source.source_id)}"] = source.heartbeat_mono
        late = {
            name: round(now - beat, 1) for name, beat in beats.items() if now - beat > self._fresh_s
        }
        return not late, {"live": not late, "late_s": late}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether faces are being judged as asked; if not, why not."""
        model, reasons = self._engine.model, []
        if self._provider is not None and model.provider != self._provider:
            reasons.append(f"the model runs on {model.provider}, not on {self._provider}")
        states = {self._name(s.source_id): s.status.state for s in self._engine.sources}
        if SourceState.LIVE not in states.values():
            reasons.append("no source is live")
        body = {
            "ready": not reasons,
            "reasons": [redact(reason) for reason in reasons],
            "model": {"name": redact(model.name), "provider": redact(model.provider)},
            "sources": {name: state.value for name, state in states.items()},
        }
        return not reasons, body

    def _name(self, source_id: str) -> str:
        return self._metrics.label(source_id) or "another"


class HealthServer:
    """The server with its threads: made, it holds the port; started, it answers until stopped.

    Raises:
        ConfigError: if the address cannot be understood or had, in one sentence.
    """

    def __init__(
        self,
        address: str,
        metrics: Metrics,
        engine: EngineView,
        *,
        provider: str | None = None,
        fresh_s: float = 10.0,
    ) -> None:
        host, port = parse_address(address)
        health = Health(metrics, engine, provider=provider, fresh_s=fresh_s)
        self._server = _bind(host, port, _Pages(health, metrics))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="fw-health", daemon=True
        )
        self._stopped = False

    @property
    def address(self) -> str:
        """Where it listens, as ``HOST:PORT`` or ``[IPv6]:PORT``."""
        return self._server.shown

    def start(self) -> None:
        """Begin to answer, and warn if others than this machine can ask."""
        if not _is_loopback(self._server.server_address[0]):
            log.warning(
                "Metrics and health on %s can be read by everybody who reaches this machine; "
                "put them on 127.0.0.1 or behind a firewall.",
                self.address,
            )
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Close the port and every connection, and wait for the threads; may be called again."""
        if self._stopped:
            return
        self._stopped = True
        deadline = time.monotonic() + timeout_s
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join(timeout_s)
        self._server.server_close()
        self._server.end_requests(deadline)


class _Pages:
    """What there is to ask for."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics

    def answer(self, path: str, accept: str) -> Answer:
        """Status, content type and body for a path; ``accept`` as in the header."""
        if path == "/metrics":
            body, kind = self._metrics.exposition(accept)
            return HTTPStatus.OK, kind, body
        if path in ("/live", "/ready"):
            good, found = self._health.live() if path == "/live" else self._health.ready()
            status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
            text = json.dumps(found, ensure_ascii=False)
            return status, "application/json", text.encode() + b"\n"
        return HTTPStatus.NOT_FOUND, "text/plain", b"Ask for /metrics, /live or /ready.\n"


def _bind(host: str, port: int, pages: _Pages) -> Server:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        return Server(family, place, pages.answer)
    except (OSError, UnicodeError) as exc:
        reason = redact(getattr(exc, "strerror", None) or exc)
        raise ConfigError(
            f"Cannot offer metrics on {redact(host)}:{port}: {reason}; stop the program that has "
            "the port or name another address."
        ) from None


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False
