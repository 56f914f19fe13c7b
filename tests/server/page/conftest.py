"""The page in headless Chromium, before a real service or before answers made up here."""

import base64
import json
import os
import shutil
from importlib.util import find_spec
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest

from tests.synthetic import soft_disk

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync")
ARGUMENTS = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
SETTLED = "body[data-progress=settled]"
SHAPE = (300, 400)
REST = 100  # milliseconds without a stroke before the whole is solved; 800 for users
MOST_PIXELS = 4_000_000  # of a photograph that is answered at its own size first

if find_spec("playwright") is None or find_spec("fastapi") is None or CHROMIUM is None:
    collect_ignore_glob = ["test_browser*.py", "test_interruptions.py", "test_mishaps.py"]


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


WIDTH, HEIGHT = 1280, 800  # pixels


def new_page(browser, width=WIDTH, height=HEIGHT, **options):
    """Return an empty page of a context of its own."""
    options = {"viewport": {"width": width, "height": height}, "reduced_motion": "reduce", **options}
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    return context.new_page()


class Desk:
    """A page that one test after another uses: to start a renderer takes longer than most tests."""

    def __init__(self, browser):
        self.page, self.is_free, self.listeners = new_page(browser), True, []
        self.add_listener, self.page.on = self.page.on, self.listen

    def listen(self, event, listener):
        self.listeners.append((event, listener))
        self.add_listener(event, listener)

    def take(self):
        self.is_free = False
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})  # the last test may have changed it
        return self.page

    def clear(self):
        """Leave nothing of the last test: what it opened, kept, held down, listened to and answered.

        The next test loads the page anew, at the same address: that keeps the renderer, as an empty page would not.
        """
        self.page.evaluate("() => { if (window.hybridmatte) hybridmatte.state.pictures.length = 0; }")  # no question
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        while self.listeners:
            self.page.remove_listener(*self.listeners.pop())
        self.is_free = True


@pytest.fixture(scope="session")
def desk(browser):
    return Desk(browser)


@pytest.fixture
def open_page(browser, desk, service):
    """Return a function that opens the page; a fault in its scripts, or a refusal by its policy, fails the test."""
    contexts, faults, is_at_desk = [], [], False

    def open_one(*size, **options):
        nonlocal is_at_desk
        if desk.is_free and not size and not options:
            page, is_at_desk = desk.take(), True
        else:
            page = new_page(browser, *size, **options)
            contexts.append(page.context)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: "Security Policy" in message.text and faults.append(message.text))
        page.goto(service.url)
        wait_for_paint(page)
        page.evaluate("(rest) => { hybridmatte.solver.rest = rest; hybridmatte.state.setSize(24); }", REST)
        return page

    yield open_one
    for context in contexts:
        context.close()
    if is_at_desk:
        desk.clear()  # a desk that cannot be cleared stays taken, and later tests have pages of their own
    assert not faults


def wait_for_paint(page):
    """Wait until the page was drawn: Chromium drops keys and clicks that come before, without a word."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def choose_file(page, path, press):
    """Press what opens the dialog, again after ten seconds if none came, and choose a file.

    On a machine that does much else, Chromium drops a key or a dialog now and then.
    """
    from playwright.sync_api import TimeoutError as Late

    for attempt in range(6):
        try:
            with page.expect_file_chooser(timeout=10_000) as chooser:
                press()
            chooser.value.set_files(path)
            return
        except Late:
            if attempt == 5:
                raise


@pytest.fixture(scope="session")
def photo(tmp_path_factory):
    """A photograph as PNG, its trimap, and the folder that holds both."""
    drawn = soft_disk(SHAPE)
    unknown = cv2.dilate(((drawn.alpha > 0) & (drawn.alpha < 1)).astype(np.uint8), np.ones((7, 7), np.uint8))
    scene = drawn._replace(trimap=np.where(unknown > 0, 0.5, np.round(drawn.alpha)))
    folder = tmp_path_factory.mktemp("photo")
    path = folder / "disk.png"
    path.write_bytes(png(scene.image * 255))
    trimap = folder / "disk_trimap.png"
    trimap.write_bytes(png(scene.trimap * 255))
    return SimpleNamespace(path=path, trimap=trimap, scene=scene, folder=folder)


def png(values):
    """Return the bytes of a PNG; colours are given in the order RGB."""
    values = values if values.dtype == np.uint8 else np.round(values).astype(np.uint8)
    values = np.ascontiguousarray(values[:, :, ::-1]) if values.ndim == 3 else values
    return cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def plane(page, name):
    """Return a plane of the picture on show, height x width."""
    width, height, data = page.evaluate(
        """(name) => {
          const { active } = hybridmatte.state;
          const bytes = active[name];
          let text = '';
          for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
          return [active.width, active.height, btoa(text)];
        }""",
        name,
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width)


def place(page, x, y):
    """Return where a point of the photograph is in the window."""
    return page.evaluate(
        """([x, y]) => {
          const box = document.getElementById('overlay').getBoundingClientRect();
          const point = hybridmatte.stage.viewport.toCanvas({ x, y });
          return [point.x + box.left, point.y + box.top];
        }""",
        [x, y],
    )


def stroke(page, *points):
    """Draw with the mouse through points of the photograph."""
    page.mouse.move(*place(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, *point), steps=5)
    page.mouse.up()


def hold(page, pattern):
    """Return a list of requests to which no answer is given yet; it grows as they come."""
    held = []
    page.route(pattern, lambda route: held.append(route))
    return held


class Answers:
    """Made-up answers to the page; previews go to the service. `asked` lists the paths and options of the requests."""

    def __init__(self, page, alpha, trimap, **description):
        self.planes = {"alpha": alpha, "trimap": trimap, "confidence": np.full_like(alpha, 255)}
        self.planes["foreground"] = self.planes["cutout"] = np.broadcast_to(alpha[:, :, None], (*alpha.shape, 3))
        self.description = {"found": True, "seconds": 0.1, "warnings": [], **description}
        self.asked = []
        page.route("**/v1/auto?*", self.answer)
        page.route("**/v1/matte?*", self.answer)

    def answer(self, route):
        url = urlsplit(route.request.url)
        options = parse_qs(url.query)
        self.asked.append((url.path, options))
        outputs = options["output"][0].split(",")
        if url.path == "/v1/matte" and options["quality"] == ["fast"]:
            return route.continue_()  # a preview costs little
        planes = self.planes
        if url.path == "/v1/auto" and options["quality"] == ["fast"] and planes["alpha"].size > MOST_PIXELS:
            planes = {name: plane[::4, ::4] for name, plane in planes.items()}  # the first look
        if len(outputs) == 1:
            told = {"X-Hybridmatte-Description": json.dumps(self.description)}
            return route.fulfill(body=png(planes[outputs[0]]), content_type="image/png", headers=told)
        parts = [("description", "application/json", json.dumps(self.description).encode())]
        parts += [(name, "image/png", png(planes[name])) for name in outputs]
        head = '--b\r\nContent-Disposition: form-data; name="{0}"; filename="{0}"\r\nContent-Type: {1}\r\n\r\n'
        body = b"".join(head.format(name, kind).encode() + data + b"\r\n" for name, kind, data in parts)
        return route.fulfill(body=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b")


def touch(page, kind, *points):
    """Dispatch a touch event; each point is (x, y) in the window, and none ends the touch."""
    if not hasattr(page, "touch"):
        page.touch = page.context.new_cdp_session(page)
    listed = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
    page.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": listed})


def pixel(page, x, y):
    """Return the colour on the canvas where a pixel of the photograph is."""
    return page.evaluate(
        """([x, y]) => {
          const at = hybridmatte.stage.place({ x, y, width: 1, height: 1 });
          return [...hybridmatte.stage.context.getImageData(at.x, at.y, 1, 1).data].slice(0, 3);
        }""",
        [x, y],
    )


@pytest.fixture
def answered(open_page, photo):
    """Return a function that opens the page before made-up answers, with the photograph loaded."""

    def open_one(*sizes, **options):
        page = open_page(*sizes, **options)
        page.answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
        page.set_input_files("#photo-input", photo.path)
        page.wait_for_selector(SETTLED)
        return page

    return open_one
