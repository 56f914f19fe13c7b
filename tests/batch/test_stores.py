"""Stores by themselves: which failures are tried again, and what messages say."""

import http.server
import threading

import pytest

from hybridmatte.batch import stores
from hybridmatte.batch.parts import Remote, without_secrets
from hybridmatte.batch.stores import ATTEMPTS, Stores

SECRET = "?X-Amz-Signature=abc123&X-Amz-Expires=3"


@pytest.fixture
def server(monkeypatch):
    """Serve answers of given statuses, one after another, then b"content"; return the server, with its requests."""
    pytest.importorskip("aiohttp")
    pytest.importorskip("fsspec")
    monkeypatch.setattr(stores, "FIRST_WAIT", 1e-3)

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.server.requests.append(status)
            self.send_response(status)
            self.send_header("Content-Length", "7")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"content")

        do_GET = do_HEAD = answer  # noqa: N815 - the names of the base class

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.statuses, running.requests = [], []
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def address_of(server):
    return Remote(f"http://me:pass@127.0.0.1:{server.server_port}/cat.jpg{SECRET}")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_fails_for_a_while_is_asked_again(server, status):
    server.statuses = [status] * 4
    assert Stores().read(address_of(server)).getvalue() == b"content"


def check_failure(server, status, error, sentence, n_requests):
    """Assert how a server that always answers with a status is reported, without the secrets of the address."""
    server.statuses = [status] * 100
    with pytest.raises(error, match=sentence) as caught:
        Stores().read(address_of(server))
    assert len(server.requests) == n_requests
    assert "abc123" not in str(caught.value)
    assert "pass" not in str(caught.value)


def test_a_missing_file_is_asked_for_once(server):
    """By both ways to ask for the size."""
    sentence = r"cat.jpg\S* does not exist or is not shown, expected a file"
    check_failure(server, 404, FileNotFoundError, sentence, 2)


def test_a_server_that_stays_down_is_an_error_without_secrets(server):
    sentence = rf"cat.jpg\S* cannot be used \(.*\) after {ATTEMPTS} attempts, expected"
    check_failure(server, 503, OSError, sentence, 2 * ATTEMPTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image https://me:pass@host/a.jpg is", "image https://***@host/a.jpg is"),
        ("'https://h/a?id=5&sig=x%2F' and b", "'https://h/a?id=5&sig=***' and b"),
        (
            "https://h/a?AWSAccessKeyId=A&Signature=B&Expires=3",
            "https://h/a?AWSAccessKeyId=***&Signature=***&Expires=3",
        ),
        ("https://h/a?access_token=x", "https://h/a?access_token=***"),
        ("s3://bucket/me@home/a.jpg", "s3://bucket/me@home/a.jpg"),
        ("s3://bucket/a.jpg", "s3://bucket/a.jpg"),
    ],
)
def test_texts_have_no_secrets(text, expected):
    assert without_secrets(text) == expected
    assert str(Remote(text)) == expected
