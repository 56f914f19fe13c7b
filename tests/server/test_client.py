"""The client where there is no service, and what it prints."""

import http.server
import socket
import threading
from contextlib import contextmanager

import pytest

from hybridmatte.server import Answer, Client, ServiceError


@pytest.fixture
def other_server():
    """The address of a server that answers pages."""
    with answering(b"<html>") as address:
        yield address


@contextmanager
def answering(body, status=200, headers=()):
    """Run a server that gives one answer to all requests; yields its address."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("ask", [Client.health, Client.methods, lambda client: client.auto(b"x")])
def test_no_service_is_one_sentence_with_the_address_and_what_to_do(ask):
    """A user met a bare ConnectionRefusedError."""
    said = (
        r"^url is http://127.0.0.1:9, where no service answers \(.*refused\), expected a service: .*hybridmatte serve"
    )
    with pytest.raises(ConnectionError, match=said):
        ask(Client("http://127.0.0.1:9"))


def test_a_name_that_is_none_is_one_sentence():
    with pytest.raises(ConnectionError, match="url is http://nowhere.invalid, where no service answers"):
        Client("http://nowhere.invalid").health()


@pytest.mark.parametrize("ask", [Client.health, Client.methods, lambda client: client.auto(b"x")])
def test_another_server_is_one_sentence(other_server, ask):
    with pytest.raises(ConnectionError, match=f"url is {other_server}, where another server answers, expected"):
        ask(Client(other_server))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"error": "down"}',
        b'{"error": {"code": 7}}',
        b'{"error": {"message": ["down"], "field": 1}}',
        b'["down"]',
    ],
)
def test_an_error_of_a_proxy_is_an_error_with_its_status(body):
    """A date in Retry-After, and JSON of another form, ended in a ValueError and a KeyError of the client itself."""
    date = ("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")
    with answering(body, 503, (date,)) as url, pytest.raises(ServiceError, match="answered with status 503") as caught:
        Client(url).auto(b"x")
    assert (caught.value.status, caught.value.retry_after, caught.value.kind) == (503, None, "")


def test_a_service_that_is_silent_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(TimeoutError, match=f"url is {url}, which has not answered in 0.2 s, expected"):
            Client(url, timeout=0.2).health()


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999", "http://[::1", "http://127.0.0.1:x"])
def test_addresses_that_are_none(url):
    with pytest.raises(ValueError, match="url is .*, expected one such as http://127.0.0.1:8000"):
        Client(url)


def test_an_answer_is_printed_without_its_bytes():
    """A user met a megabyte of PNG on the terminal."""
    answer = Answer({"alpha": bytes(12345), "cutout": bytes(7)}, {"width": 30, "height": 20})
    assert repr(answer) == str(answer) == "Answer(alpha: 12,345 bytes, cutout: 7 bytes; 30 x 20 pixels)"
