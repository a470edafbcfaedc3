"""The answers of a monitor's questions, over real sockets."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from realtime.errors import ConfigError
from realtime.health import Health, HealthServer, parse_address
from realtime.health_http import MAX_REQUESTS, Server
from realtime.metrics import Metrics
from realtime.types import SourceState
from tests.odd_credentials import ODD, leaks
from tests.unit.engine_views import MODEL, Engine, View


@pytest.fixture
def engine() -> Engine:
    return Engine((View("door"), View("hall")))


@pytest.fixture
def server(engine: Engine) -> Iterator[HealthServer]:
    metrics = Metrics()
    metrics.watch(engine)
    made = HealthServer("127.0.0.1:0", metrics, engine, provider="CPU")
    made.start()
    yield made
    made.stop()


def ask(server: HealthServer, path: str, method: str = "GET") -> http.client.HTTPResponse:
    host, port = parse_address(server.address)
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        return response


def found(server: HealthServer, path: str) -> tuple[int, dict]:
    response = ask(server, path)
    return response.status, json.loads(response.body)  # type: ignore[attr-defined]


def test_metrics_can_be_scraped(server: HealthServer) -> None:
    response = ask(server, "/metrics")
    assert response.status == 200
    assert response.getheader("Content-Type", "").startswith("text/plain; version=")
    assert b'fakewatch_frames_captured_total{source="door"} 10.0' in response.body  # type: ignore[attr-defined]
    assert response.getheader("Server") == "fakewatch"


def test_live_while_every_heart_beats(server: HealthServer, engine: Engine) -> None:
    assert found(server, "/live") == (200, {"live": True, "late_s": {}})
    engine.sources[1].heartbeat_mono -= 60
    engine.heartbeats["scorer"] = time.monotonic() - 30
    status, body = found(server, "/live")
    assert status == 503
    assert body["live"] is False
    assert set(body["late_s"]) == {"source hall", "scorer"}
    assert 60 <= body["late_s"]["source hall"] < 70


@pytest.mark.parametrize("state", [SourceState.ENDED, SourceState.FAILED])
def test_what_is_over_needs_no_heart(
    server: HealthServer, engine: Engine, state: SourceState
) -> None:
    engine.sources[0].heartbeat_mono -= 60
    engine.sources[0].state = state
    assert found(server, "/live")[0] == 200


def test_ready_while_one_source_is_live(server: HealthServer, engine: Engine) -> None:
    engine.sources[0].state = SourceState.RECONNECTING
    status, body = found(server, "/ready")
    assert (status, body["ready"], body["reasons"]) == (200, True, [])
    assert body["sources"] == {"door": "reconnecting", "hall": "live"}
    assert body["model"] == {"name": "detector", "provider": "CPU"}
    engine.sources[1].state = SourceState.BLACK
    status, body = found(server, "/ready")
    assert (status, body["ready"], body["reasons"]) == (503, False, ["no source is live"])


def test_not_ready_on_another_provider() -> None:
    engine = Engine((View("door"),))
    health = Health(Metrics(), engine, provider="CUDA")
    assert health.ready()[1]["reasons"] == ["the model runs on CPU, not on CUDA"]
    engine.model = replace(MODEL, provider="CUDA")
    assert health.ready()[0]
    assert Health(Metrics(), Engine(()), provider=None).ready()[1]["reasons"] == [
        "no source is live"
    ]


def test_no_answer_shows_a_credential() -> None:
    engine = Engine(tuple(View(odd.url, heartbeat_mono=0.0) for odd in ODD))
    health = Health(Metrics(), engine, clock=lambda: 100.0)
    text = json.dumps([health.live(), health.ready()], ensure_ascii=False)
    for odd in ODD:
        assert not leaks(text, odd)
    assert len(health.ready()[1]["sources"]) == len(ODD)


def test_head_has_the_same_head_and_no_body(server: HealthServer) -> None:
    for path in ("/metrics", "/live", "/ready"):
        head = ask(server, path, "HEAD")
        assert head.status == 200
        assert head.body == b""  # type: ignore[attr-defined]
        assert int(head.getheader("Content-Length", "0")) > 10


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed(server: HealthServer, method: str) -> None:
    response = ask(server, "/metrics", method)
    assert response.status == 405
    assert response.getheader("Allow") == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics/", "/..%2f..", "/metricsx"])
def test_other_paths_are_not_found(server: HealthServer, path: str) -> None:
    assert ask(server, path).status == 404


def test_a_query_is_ignored(server: HealthServer) -> None:
    assert ask(server, "/live?name[]=x&token=hunter2").status == 200


def test_a_bug_is_an_answer_of_its_own(
    server: HealthServer, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.sources = None  # type: ignore[assignment]
    assert ask(server, "/ready").status == 500
    assert "unexpected error in /ready" in caplog.text
    engine.sources = (View("door"),)
    assert ask(server, "/ready").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"GET",
        b"GET /live HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET " + b"/x" * 20_000 + b" HTTP/1.0\r\n\r\n",
        b"GET /live HTTP/1.0\r\n" + b"A: b\r\n" * 3000 + b"\r\n",
    ],
)
def test_nonsense_does_no_harm(server: HealthServer, sent: bytes) -> None:
    with socket.create_connection(parse_address(server.address), timeout=10) as connection:
        connection.sendall(sent)
        with suppress(OSError):  # it may have been cut off in the middle
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    assert found(server, "/live")[0] == 200


def test_who_says_nothing_or_little_is_cut_off(engine: Engine) -> None:
    server = Server(
        socket.AF_INET, ("127.0.0.1", 0), lambda path, accept: pytest.fail("no request"), 0.3
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="fw-test")
    thread.start()
    try:
        for sent in (b"", b"GET /live HT"):
            with socket.create_connection(server.server_address[:2], timeout=10) as connection:
                connection.sendall(sent)
                assert connection.recv(100) == b""
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_only_so_many_are_served_at_once_and_the_end_cuts_them(server: HealthServer) -> None:
    place = parse_address(server.address)
    idle = [socket.create_connection(place, timeout=10) for _ in range(MAX_REQUESTS)]
    limit = time.monotonic() + 10
    while threads() < MAX_REQUESTS and time.monotonic() < limit:
        time.sleep(0.01)
    with socket.create_connection(place, timeout=10) as one_too_many:
        assert one_too_many.recv(100) == b""
    assert threads() == MAX_REQUESTS
    server.stop()
    assert threads() == 0
    for connection in idle:
        connection.close()


def threads() -> int:
    return sum(thread.name == "fw-health-request" for thread in threading.enumerate())


def test_stopped_it_lets_the_port_go_and_may_be_stopped_again(engine: Engine) -> None:
    first = HealthServer("127.0.0.1:0", Metrics(), engine)
    first.start()
    ask(first, "/live")
    address = first.address
    first.stop()
    first.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(parse_address(address), timeout=10)
    second = HealthServer(address, Metrics(), engine)
    second.stop()  # without having started


def test_a_port_in_use_is_one_sentence(server: HealthServer, engine: Engine) -> None:
    with pytest.raises(ConfigError, match="Address already in use; stop the program") as caught:
        HealthServer(server.address, Metrics(), engine)
    assert server.address in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:80", ("::1", 80)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
        (":9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:x", "::1:80", "[::1]", "[]:80", "a:70000", "http://a:80"]
)
def test_nonsense_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write HOST:PORT such as 127\.0\.0\.1:9464") as caught:
        parse_address(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["203.0.113.7:1", f"{'a' * 70}:1"])
def test_an_address_that_is_not_ours_is_one_sentence(address: str, engine: Engine) -> None:
    with pytest.raises(
        ConfigError, match=r"Cannot offer metrics on .+; stop the program"
    ) as caught:
        HealthServer(address, Metrics(), engine)
    assert "\n" not in str(caught.value)


def test_it_works_on_ipv6(engine: Engine) -> None:
    try:
        server = HealthServer("[::1]:0", Metrics(), engine)
    except ConfigError:  # a machine without IPv6 says so in its own words
        return
    server.start()
    assert server.address.startswith("[::1]:")
    assert ask(server, "/live").status == 200
    server.stop()


@pytest.mark.parametrize(("address", "warned"), [("0.0.0.0:0", True), ("127.0.0.1:0", False)])
def test_who_listens_to_the_world_is_warned(
    engine: Engine, caplog: pytest.LogCaptureFixture, address: str, warned: bool
) -> None:
    server = HealthServer(address, Metrics(), engine)
    with caplog.at_level(logging.WARNING):
        server.start()
    server.stop()
    assert ("can be read by everybody" in caplog.text) is warned
