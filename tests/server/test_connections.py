"""Clients that send or read slowly, over a real socket: each connection ends in time."""

import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn

from hybridmatte.server import connections, gate, serving
from hybridmatte.server.work import Result
from tests.server.asgi import application

LARGE = bytes(40 << 20)  # more than the buffers of the system take


@pytest.fixture
def address(monkeypatch, tmp_path):
    """A service with short deadlines, and workers that answer with a large file."""
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(connections, "LEFTOVER_SECONDS", 0.5)
    monkeypatch.setattr(connections, "READING_SECONDS", 0.5)
    monkeypatch.setattr(gate, "DRAIN_SECONDS", 0.3)
    monkeypatch.setattr(serving, "KEEP_ALIVE_SECONDS", 1)

    async def do(work):
        return Result(dict.fromkeys(work.outputs, LARGE), {"width": 3, "height": 2})

    app, _ = application(monkeypatch, tmp_path, do=do, upload_seconds=0.5)
    server, listener = uvicorn.Server(serving.config_of(app)), serving._listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def test_a_kept_connection_answers_at_once(address):
    """Each answer after the first came 40 ms late: its body waited for the receipt of its header."""
    connection, seconds = http.client.HTTPConnection(*address, timeout=10), []
    for _ in range(20):
        start = time.monotonic()
        connection.request("GET", "/health")
        connection.getresponse().read()
        seconds.append(time.monotonic() - start)
    connection.close()
    assert min(seconds[1:]) < 0.02


def trickle(address, data, pause=0.1, seconds=10.0):
    """Send a byte after each pause until the service closes the connection; return what it has answered, and when."""
    start, answer = time.monotonic(), b""
    with socket.create_connection(address) as connection:
        connection.settimeout(pause)
        for byte in data:
            if time.monotonic() - start > seconds:
                raise AssertionError(f"the connection is open after {seconds} s")
            try:
                connection.sendall(bytes([byte]))
                while piece := connection.recv(65536):
                    answer += piece
                return answer, time.monotonic() - start
            except TimeoutError:
                continue
            except OSError:
                return answer, time.monotonic() - start
    raise AssertionError("all has been sent")


def send_for(connection, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(b"x")
        time.sleep(0.1)


def received(connection, pause=0.0):
    """Return all that comes until the connection is closed."""
    answer = bytearray()
    while piece := connection.recv(1 << 20):
        answer += piece
        time.sleep(pause)
    return bytes(answer)


def sentence(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["message"]


def test_slow_headers_end(address):
    """Slow loris: a byte of a header from time to time holds a connection."""
    answer, _ = trickle(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 1000)
    assert sentence(answer) == (408, "the headers have not arrived after 0.5 s, expected all of them")


def test_a_connection_without_a_request_ends(address):
    with socket.create_connection(address, timeout=10) as connection:
        assert connection.recv(100) == b""


def test_slow_bodies_end(address):
    head = b"POST /v1/decode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head + b"abc")
        status, message = sentence(received(connection))
    assert (status, message) == (408, "the body has not arrived after 0.5 s, expected all of it")


def test_a_body_that_nobody_reads_ends(address):
    """After the answer, bytes of the body would keep the connection for ever."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        with pytest.raises(OSError, match="reset|pipe|closed"):
            send_for(connection, 10)


def test_an_answer_that_is_not_read_ends(address):
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"POST /v1/decode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na")
        time.sleep(2)
        assert len(received(connection)) < len(LARGE)


def test_an_answer_that_is_read_slowly_comes(address):
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/decode HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
        )
        assert len(received(connection, pause=0.02)) > len(LARGE)


def test_requests_of_a_living_connection_pass(address):
    connection = http.client.HTTPConnection(*address, timeout=10)
    for _ in range(4):
        connection.request("GET", "/health")
        assert connection.getresponse().read().startswith(b"{")
        time.sleep(0.3)
    connection.close()


@pytest.mark.parametrize("data", [b"\x16\x03\x01 no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * (80 << 10)])
def test_what_is_no_request_is_refused_in_json(address, data):
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(data)
        status, message = sentence(received(connection))
    assert status == 400
    assert message == "the request is malformed, expected one of HTTP/1.1 with headers of at most 65536 bytes"
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", "/metrics")
    assert b'hybridmatte_requests_total{command="other",status="400"} 1.0' in connection.getresponse().read()
    connection.close()
