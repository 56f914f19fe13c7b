"""Bodies, files and options of requests, and the form of answers, with workers that only remember their work."""

import json
from email import message_from_bytes

import pytest

from hybridmatte.server import uploads
from hybridmatte.server.failures import TIME_LIMIT, Refusal
from tests.server.asgi import Ask, application, ask, form

IMAGE = (("content-type", "image/png"),)


def post(path, body=b"picture", headers=IMAGE):
    return Ask(path, "POST", body if isinstance(body, tuple) else (body,), headers)


def post_form(path, **files):
    headers, body = form(**files)
    return post(path, body, headers)


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """Return a function that sends one request, and returns its answer and the work that it made."""

    def send(one, do=None, **settings):
        app, recorder = application(monkeypatch, tmp_path, do=do, **settings)
        (reply,) = ask(app, one)
        return reply, recorder.works

    return send


def test_a_body_is_the_image_or_a_form(answer):
    for one in (post("/v1/auto"), post("/v1/auto", headers=()), post_form("/v1/auto", image=b"picture")):
        reply, (work,) = answer(one)
        assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"picture", "image/png")
        assert work.uploads["image"].data == b"picture"
        description = json.loads(reply.headers["x-hybridmatte-description"])
        assert description == {"output": "cutout", "width": 3, "height": 2}


def test_chunks_of_any_size_are_one_form(answer):
    headers, body = form(image=b"\r\n--y\r\n-\r--\n" * 50, trimap=b"\r")
    for size in (1, 7, 1000):
        chunks = tuple(body[start : start + size] for start in range(0, len(body), size))
        _, (work,) = answer(post("/v1/matte", chunks, headers))
        assert {name: upload.data for name, upload in work.uploads.items()} == {
            "image": b"\r\n--y\r\n-\r--\n" * 50,
            "trimap": b"\r",
        }


def test_several_outputs_are_a_form_with_a_description(answer):
    reply, (work,) = answer(post("/v1/auto?output=alpha,trimap&format=tiff&bits=16"))
    message = message_from_bytes(f"Content-Type: {reply.headers['content-type']}\r\n\r\n".encode() + reply.body)
    parts = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
    assert list(parts) == ["description", "alpha", "trimap"]
    assert json.loads(parts["description"].get_payload()) == {"width": 3, "height": 2}
    assert parts["description"].get_filename() is None
    assert (parts["alpha"].get_filename(), parts["alpha"].get_content_type()) == ("alpha.tiff", "image/tiff")
    assert (work.outputs, work.style) == (("alpha", "trimap"), ("tiff", 16))


@pytest.mark.parametrize(
    ("one", "status", "message"),
    [
        pytest.param(post("/v1/auto", b""), 400, "the body is empty, expected image", id="empty body"),
        pytest.param(post("/v1/matte"), 400, "trimap is missing, expected it as a part of the form", id="no trimap"),
        pytest.param(post_form("/v1/auto", mask=b"x"), 400, "image is missing", id="no image"),
        pytest.param(post_form("/v1/auto", image=b""), 400, "image is empty, expected a file", id="empty file"),
        pytest.param(
            post_form("/v1/auto", image=b"x", quality=b"fast"),
            400,
            "quality is an option, expected in the address: ?quality=fast",
            id="option as a part",
        ),
        pytest.param(post_form("/v1/auto", picture=b"x"), 400, "a part is named 'picture', expected image", id="name"),
        pytest.param(post_form("/v1/trimap", mask=b"x", alpha=b"x"), 400, "mask and alpha came", id="mask and alpha"),
        pytest.param(
            post("/v1/auto", form(image=b"x")[1].replace(b"--x--", b"") + form(image=b"x")[1], form()[0]),
            400,
            "image came twice, expected one file",
            id="twice",
        ),
        pytest.param(post("/v1/auto", b"--x\r\n", form()[0]), 400, "its end is missing", id="cut form"),
        pytest.param(post("/v1/auto", b"no form at all", form()[0]), 400, "the form is malformed", id="no form"),
        pytest.param(
            post("/v1/auto", b"x", (("content-type", "multipart/form-data"),)), 400, "without a boundary", id="boundary"
        ),
        pytest.param(post("/v1/auto", b"x", (("content-length", "-5"),)), 400, "content-length is '-5'", id="length"),
        pytest.param(post("/v1/auto?erode=x"), 422, "erode is 'x', expected a number", id="no number"),
        pytest.param(post("/v1/auto?erode=-1"), 422, "erode is '-1', expected at least 0", id="negative"),
        pytest.param(post("/v1/auto?erode=inf"), 422, "erode is 'inf', expected a finite number", id="infinite"),
        pytest.param(post("/v1/auto?label=1.5"), 422, "label is '1.5', expected an integer", id="no integer"),
        pytest.param(post("/v1/auto?invert=maybe"), 422, "invert is 'maybe', expected true or false", id="no truth"),
        pytest.param(post("/v1/auto?bits=12"), 422, "bits is 12, expected 8 or 16", id="bits"),
        pytest.param(post("/v1/auto?format=gif"), 422, "format is 'gif', expected 'png' or 'tiff'", id="format"),
        pytest.param(
            post("/v1/auto?colour=red"), 422, "colour is 'red', expected no option of that name", id="unknown"
        ),
        pytest.param(post("/v1/auto?output=alpha,beta"), 422, "output is 'beta', expected cutout or", id="output"),
        pytest.param(post("/v1/auto?output=alpha,alpha"), 422, "output is alpha,alpha, expected each once", id="again"),
        pytest.param(post("/v1/auto?segmenter=onnx:/x"), 422, "segmenter is 'onnx:/x', expected 'bundled'", id="file"),
        pytest.param(post("/v1/auto?network=x/y"), 422, "network is 'x/y', expected no option", id="download"),
        pytest.param(
            post("/v1/auto?quality=fast&quality=best"), 422, "quality came 2 times, expected once", id="repeated"
        ),
        pytest.param(
            post("/v1/auto?output=alpha&output=trimap"),
            422,
            "output came 2 times, expected once; several are separated by commas",
            id="outputs",
        ),
        pytest.param(post("/v1/auto?point=1"), 422, "point is '1', expected X,Y", id="point"),
        pytest.param(post("/v1/auto?box=1,2,3"), 422, "box is '1,2,3', expected X0,Y0,X1,Y1", id="box"),
        pytest.param(post("/v1/trimap?from=image"), 422, "from is 'image', expected 'mask' or 'alpha'", id="from"),
        pytest.param(
            post_form("/v1/auto?segmenter=bundled", image=b"x", mask=b"x"), 422, "expected none with a mask", id="both"
        ),
    ],
)
def test_wrong_requests_are_one_sentence(answer, one, status, message):
    reply, works = answer(one)
    assert (reply.status, works) == (status, [])
    assert reply.headers["content-type"] == "application/json"
    assert message in reply.error["message"]
    assert set(reply.error) == {"message", "field", "kind"}


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("qualty=fast", " (is quality meant?)"),
        ("drop-gps=1", " (is drop_gps meant?)"),
        ("Method=cf", " (is method meant?)"),
        ("network=x", " (names a file of the service or a download)"),
        ("zzz=1", ""),
    ],
)
def test_an_unknown_option_lists_those_of_the_path(answer, query, hint):
    """A user met only that there was no such option."""
    reply, _ = answer(post_form(f"/v1/matte?{query}", image=b"x", trimap=b"x"))
    listed = ": /v1/matte has bits, drop_gps, format, method, output, quality, weights"
    assert reply.error["message"].endswith(f"expected no option of that name{hint}{listed}")


@pytest.mark.parametrize(
    ("query", "label"), [("%2B3,4.5", 1), ("3,4.5", 1), ("+3,4.5", 1), ("-3,4.5", 0), ("3,4.5,0", 0), ("3,4.5,1", 1)]
)
def test_points_with_signs(answer, query, label):
    _, (work,) = answer(post(f"/v1/auto?point={query}&point=1,2&box=0,1,2,3"))
    assert work.options["point"] == [(3, 4.5, label), (1, 2, 1)]
    assert work.options["box"] == (0, 1, 2, 3)


def test_the_option_from_says_what_a_body_is(answer):
    _, (work,) = answer(post("/v1/trimap?from=alpha"))
    assert list(work.uploads) == ["alpha"]
    _, (work,) = answer(post("/v1/trimap"))
    assert list(work.uploads) == ["mask"]


def test_names_of_files_hold_no_folders_and_no_lines(answer):
    for sent, shown in ((rb"..\..\etc/pass\nwd.png", "nwd.png"), ("caf\u00e9 (1).png".encode(), "caf\u00e9 (1).png")):
        body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="%s"\r\n\r\ny\r\n--x--\r\n' % sent
        _, (work,) = answer(post("/v1/auto", body, form()[0]))
        assert work.uploads["image"].name == shown


@pytest.mark.parametrize("is_stated", [True, False])
def test_bytes_are_bounded_before_and_while_they_come(answer, is_stated):
    headers = (*IMAGE, ("content-length", "11")) if is_stated else IMAGE
    reply, works = answer(post("/v1/auto", (b"123456", b"78901"), headers), max_bytes=10)
    assert (reply.status, works) == (413, [])
    assert reply.error["message"].endswith("expected at most 10")


def test_all_bodies_together_are_bounded(monkeypatch, tmp_path):
    """Each of many requests may be as long as the longest."""
    app, _ = application(monkeypatch, tmp_path, max_bytes=10, workers=9)
    slow = [post("/v1/auto", (b"12345678", 0.3, b"")) for _ in range(6)]
    statuses = sorted(reply.status for reply in ask(app, *slow, together=True))
    assert statuses == [200] * 5 + [429]


def test_a_body_that_does_not_come_ends(answer):
    reply, works = answer(post("/v1/auto", (b"1", 5.0, b"2")), upload_seconds=0.1)
    assert (reply.status, reply.error["kind"], works) == (408, "timeout", [])


def test_a_part_with_endless_headers_ends(answer):
    body = b"--x\r\nX-Header: " + b"y" * uploads.MAX_HEADER_BYTES + b"\r\n\r\nz\r\n--x--\r\n"
    reply, _ = answer(post("/v1/auto", body, form()[0]))
    assert reply.status == 400
    assert "the form is malformed" in reply.error["message"]


def test_more_requests_than_the_queue_takes(monkeypatch, tmp_path):
    app, recorder = application(monkeypatch, tmp_path, workers=1, queue=2)
    slow = [post("/v1/auto", (b"1", 0.2, b"2")) for _ in range(5)]
    replies = ask(app, *slow, together=True)
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 2
    assert len(recorder.works) == 3
    assert {reply.headers["retry-after"] for reply in refused} == {"2"}


def test_the_work_of_a_client_that_leaves_is_cancelled(answer):
    states = []

    async def do(_work):
        import asyncio

        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            states.append("cancelled")
            raise

    answer(Ask("/v1/auto", "POST", (b"picture",), IMAGE, leaves=True), do)
    assert states == ["cancelled"]


def test_a_fault_is_hidden_from_the_client_and_logged_once(answer, caplog):
    async def do(_work):
        raise RuntimeError("secret of the program")

    reply, _ = answer(post("/v1/auto"), do)
    assert (reply.status, reply.error["kind"]) == (500, "internal")
    assert b"secret" not in reply.body
    assert caplog.text.count("RuntimeError: secret of the program") == 1


def test_requests_are_refused_in_json_when_the_service_ends_at_once(monkeypatch, tmp_path, caplog):
    """Under way, in a body, and later ones; what has been answered stays."""
    import asyncio

    begun = asyncio.Event()

    async def do(_work):
        begun.set()
        await asyncio.sleep(60)

    app, _ = application(monkeypatch, tmp_path, do=do)
    monkeypatch.setattr(app, "_ask_api", ending_after("/v1/methods", app, begun, app._ask_api))
    slow_body = post("/v1/auto", (b"1", 5.0, b"2"))
    replies = ask(app, post("/v1/auto"), slow_body, Ask("/v1/methods"), together=True)
    later = ask(app, post("/v1/auto"))
    assert [reply.status for reply in (*replies, *later)] == [503, 503, 200, 503]
    assert "was told to end at once" in replies[0].error["message"]
    assert replies[1].error == replies[0].error == later[0].error
    assert "Traceback" not in caplog.text


def ending_after(path, app, begun, ask_api):
    """Return a function that does what another does, and ends the service at once when a path has its answer."""
    import asyncio

    async def call(scope, receive, send):
        await ask_api(scope, receive, send)
        if scope["path"] == path:
            await begun.wait()
            asyncio.get_running_loop().call_soon(app.refuse_all)

    return call


def test_refusals_of_workers_keep_their_status(answer):
    async def do(_work):
        raise Refusal(503, "the process that did the work has died, expected a result")

    reply, _ = answer(post("/v1/auto"), do)
    assert (reply.status, reply.headers["retry-after"], reply.error["kind"]) == (503, "5", "unavailable")


def test_what_would_end_the_same_again_names_no_time_to_ask_again(answer):
    """Clients obey Retry-After: the work of minutes would be done, and stopped, again and again."""

    async def do(_work):
        raise Refusal(503, "the work has taken more than 300 s and was stopped, expected less", kind=TIME_LIMIT)

    reply, _ = answer(post("/v1/auto"), do)
    assert (reply.status, reply.error["kind"]) == (503, "time limit")
    assert "retry-after" not in reply.headers


def test_metrics_count_what_was_asked(monkeypatch, tmp_path):
    app, _ = application(monkeypatch, tmp_path)
    text = ask(app, post("/v1/auto"), post("/v1/auto?erode=x"), post("/v1/auto", b""), Ask("/metrics"))[
        -1
    ].body.decode()
    assert 'hybridmatte_requests_total{command="auto",status="200"} 1.0' in text
    assert 'hybridmatte_requests_total{command="auto",status="400"} 1.0' in text
    assert 'hybridmatte_requests_total{command="auto",status="422"} 1.0' in text, "its options are wrong"
    assert "hybridmatte_worker_deaths_total 0.0" in text
    assert "hybridmatte_workers 1.0" in text
    assert "process_resident_memory_bytes" in text


def test_metrics_count_what_is_refused_before_a_command_begins(monkeypatch, tmp_path):
    """A token that somebody guesses was in no figure, and neither was a client that asks for paths of its own."""
    app, _ = application(monkeypatch, tmp_path, token="secret", host="0.0.0.0", max_bytes=10)
    bearer = ("authorization", "Bearer secret")
    wrong = [
        post("/v1/auto"),
        post("/v1/auto", bytes(20), (bearer,)),
        post("/v1/auto?erode=x", headers=(bearer,)),
        Ask("/v1/auto", headers=(bearer,)),
        *(Ask(f"/v1/{name}", headers=(bearer,)) for name in ("guess", "other/path")),
        Ask("/page/missing.js"),
        Ask("/health", headers=(("origin", "https://evil.example"),)),
    ]
    *replies, metrics = ask(app, *wrong, Ask("/metrics", headers=(bearer,)))
    assert [reply.status for reply in replies] == [401, 413, 422, 405, 404, 404, 404, 400]
    lines = [line for line in metrics.body.decode().splitlines() if line.startswith("hybridmatte_requests_total")]
    assert sorted(line.partition("{")[2] for line in lines) == [
        *(f'command="auto",status="{status}"}} 1.0' for status in (401, 405, 413, 422)),
        'command="health",status="400"} 1.0',
        'command="other",status="404"} 2.0',
        'command="page",status="404"} 1.0',
    ]


def test_metrics_count_clients_that_left(monkeypatch, tmp_path):
    async def do(_work):
        import asyncio

        await asyncio.sleep(60)

    app, _ = application(monkeypatch, tmp_path, do=do)
    left = Ask("/v1/auto", "POST", (b"picture",), IMAGE, leaves=True)
    text = ask(app, left, Ask("/metrics"))[-1].body.decode()
    assert 'hybridmatte_requests_total{command="auto",status="499"} 1.0' in text
    assert 'hybridmatte_request_seconds_count{command="auto"} 1.0' in text


def test_methods_tell_the_limits(monkeypatch, tmp_path):
    app, _ = application(monkeypatch, tmp_path, max_bytes=10, max_pixels=20)
    reply = ask(app, Ask("/v1/methods"))[0]
    assert json.loads(reply.body) == {"methods": [], "limits": {"max_bytes": 10, "max_pixels": 20}}
