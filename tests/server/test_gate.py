"""What is checked before anything is read: host, origin, token, paths, methods; and the page's files."""

import json

import pytest

from hybridmatte.server.settings import Settings, is_loopback
from tests.server.asgi import Ask, application, ask, form

BEARER = (("authorization", "Bearer secret"),)


@pytest.fixture
def page(tmp_path):
    """A folder with a page."""
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<p>hello")
    (tmp_path / "page" / "app.js").write_text("1")
    (tmp_path / "page" / "notes.py").write_text("1")
    (tmp_path / "secret.html").write_text("secret")
    return tmp_path / "page"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        pytest.param((("host", "evil.example:8000"),), "host is 'evil.example:8000'", id="another name (rebinding)"),
        pytest.param((("host", ""),), "host is ''", id="no name"),
        pytest.param((("host", "127.0.0.1.evil.example"),), "host is", id="a name that begins like an address"),
        pytest.param((("host", "[::1"),), "host is", id="half an address"),
        pytest.param((("origin", "https://evil.example"),), "origin is 'https://evil.example'", id="foreign page"),
        pytest.param((("origin", "http://127.0.0.1:9"),), "origin is", id="page of another port"),
        pytest.param((("origin", "null"),), "origin is 'null'", id="page in a sandbox"),
        pytest.param((("origin", "http://["),), "origin is 'http://['", id="half an origin"),
        pytest.param((("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")), "another site", id="no-cors"),
    ],
)
def test_foreign_pages_are_refused(monkeypatch, page, headers, said):
    """A page of the web can make a browser send requests to this machine."""
    content, body = form(image=b"x")
    app, recorder = application(monkeypatch, page)
    (reply,) = ask(app, Ask("/v1/auto", "POST", (body,), (*content, *headers)))
    assert reply.status == 400
    assert said in reply.error["message"]
    assert recorder.works == []


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1", "127.8.8.8", "[::1]:8000", "proxy.example", "PROXY.example"]
)
def test_names_of_this_machine_and_allowed_ones_pass(monkeypatch, page, host):
    app, _ = application(monkeypatch, page, hosts=("Proxy.Example",))
    own = (("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin"))
    assert ask(app, Ask("/", headers=own))[0].body == b"<p>hello"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param((), 401, id="none"),
        pytest.param((("authorization", "Bearer wrong"),), 401, id="wrong"),
        pytest.param((("authorization", "Basic secret"),), 401, id="another scheme"),
        pytest.param((("authorization", "secret"),), 401, id="no scheme"),
        pytest.param((("authorization", "Bearer s\xe9cret"),), 401, id="other letters"),
        pytest.param(BEARER, 200, id="right"),
        pytest.param((("authorization", "bearer secret"),), 200, id="right, small letters"),
    ],
)
def test_a_token_is_asked_for(monkeypatch, page, headers, status):
    app, recorder = application(monkeypatch, page, token="secret", host="0.0.0.0")
    content, body = form(image=b"x")
    replies = ask(
        app,
        Ask("/v1/auto", "POST", (body,), (*content, *headers, ("host", "machine.example"))),
        Ask("/metrics", headers=headers),
        Ask("/openapi.json", headers=headers),
    )
    assert [reply.status for reply in replies] == [status] * 3
    assert ("www-authenticate" in replies[0].headers) == (status == 401)
    assert len(recorder.works) == (status == 200)


def test_page_and_health_need_no_token(monkeypatch, page):
    app, _ = application(monkeypatch, page, token="secret")
    replies = ask(app, Ask("/"), Ask("/page/app.js"), Ask("/health"))
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert b'"needs_token": true' in replies[2].body


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.3", "machine.example"])
def test_addresses_of_others_need_a_token(host):
    with pytest.raises(ValueError, match=f"host is {host}, .*expected a token.* --token WORD, or .*HYBRIDMATTE_TOKEN"):
        Settings(host=host)
    assert Settings(host=host, token="secret").token == "secret"
    assert "secret" not in repr(Settings(host=host, token="secret"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.1.2.3"])
def test_addresses_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": 70000}, "port is 70000, expected at most 65535"),
        ({"port": -1}, "port is -1, expected at least 0"),
        ({"workers": 0}, "workers is 0, expected at least 1"),
        ({"timeout": 0}, "timeout is 0, expected more than 0"),
        ({"queue_timeout": float("nan")}, "queue_timeout is nan, expected more than 0"),
        ({"token": ""}, "token is empty, expected a word"),
        ({"token": "two words"}, "token has spaces"),
    ],
)
def test_wrong_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        Settings(**settings)


@pytest.mark.parametrize(
    "path",
    [
        "/page/../secret.html",
        "/page/..%2fsecret.html",
        "/page//etc/passwd",
        "/page/notes.py",
        "/page/missing.js",
        "/page/",
        "/page/\0.js",
        "/favicon.ico",
        "/v1/other",
        "/docs",
        "/redoc",
    ],
)
def test_there_is_nothing_else(monkeypatch, page, path):
    (reply,) = ask(application(monkeypatch, page)[0], Ask(path))
    assert reply.status == 404
    assert reply.error["kind"] == "not found"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nothing", "there is no path '/nothing', expected one of /, /health, /metrics, /openapi.json, /v1/auto, "),
        ("/v1/mate", "there is no path '/v1/mate' (is /v1/matte meant?), expected one of "),
        ("/v1/auto/", "there is no path '/v1/auto/' (is /v1/auto meant?), expected one of "),
    ],
)
def test_another_path_lists_all(monkeypatch, page, path, said):
    """A user met one path of eleven, and an empty redirection for a slash too many."""
    replies = ask(application(monkeypatch, page)[0], Ask(path), Ask(path, "POST", (b"x",)))
    for reply in replies:
        assert (reply.status, reply.error["message"][: len(said)]) == (404, said)
        assert all(f"/v1/{name}" in reply.error["message"] for name in ("methods", "decode", "trimap", "refine"))


def test_links_do_not_lead_out_of_the_page(monkeypatch, page):
    (page / "link.html").symlink_to(page.parent / "secret.html")
    assert ask(application(monkeypatch, page)[0], Ask("/page/link.html"))[0].status == 404


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/", "POST", "GET, HEAD"),
        ("/health", "DELETE", "GET, HEAD"),
        ("/v1/auto", "GET", "POST"),
        ("/v1/methods", "POST", "GET"),
    ],
)
def test_wrong_methods(monkeypatch, page, path, method, allowed):
    (reply,) = ask(application(monkeypatch, page)[0], Ask(path, method))
    assert reply.status == 405
    assert reply.headers["allow"] == allowed
    assert reply.error["kind"] == "method not allowed"
    assert reply.error["message"] == f"the method is {method}, expected {allowed.replace(', ', ' or ')}"


def test_pages_are_kept_by_the_browser_until_they_change(monkeypatch, page):
    app, _ = application(monkeypatch, page)
    first, head = ask(app, Ask("/page/app.js"), Ask("/page/app.js", "HEAD"))
    known = (("if-none-match", f'"other", W/{first.headers["etag"]}'),)
    (again,) = ask(application(monkeypatch, page)[0], Ask("/page/app.js", headers=known))
    (page / "app.js").write_text("22")
    (changed,) = ask(application(monkeypatch, page)[0], Ask("/page/app.js", headers=known))
    assert (first.status, first.body, again.status, again.body) == (200, b"1", 304, b"")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1")
    assert (changed.status, changed.body) == (200, b"22")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/health", "/v1/other", "/openapi.json"])
def test_headers_of_security(monkeypatch, page, path):
    headers = ask(application(monkeypatch, page)[0], Ask(path))[0].headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"] == ("no-cache" if path == "/" else "no-store")


@pytest.mark.parametrize("name", ["proxy.example:8000", "http://proxy.example", ""])
def test_an_allowed_host_is_a_name_alone(name):
    """A port in it would never match."""
    with pytest.raises(ValueError, match="a name of hosts is .*, expected one without port"):
        Settings(hosts=(name,))


def test_a_name_that_no_file_system_takes_is_not_found(monkeypatch, page):
    app, _ = application(monkeypatch, page)
    assert ask(app, Ask(f"/page/{'a' * 300}.js"))[0].status == 404


def test_a_service_that_cannot_be_made_is_failing_and_says_why(monkeypatch, page, caplog):
    """A container would else wait for it for ever."""
    app, recorder = application(monkeypatch, page)

    def broken():
        raise ImportError("no such module")

    monkeypatch.setattr(app, "_make_api", broken)
    monkeypatch.setattr(type(recorder), "start", lambda _: None)
    refused, reply = ask(app, Ask("/v1/methods"), Ask("/health"))
    assert refused.status == 503
    assert json.loads(reply.body)["status"] == "failing"
    assert "no such module" in caplog.text
