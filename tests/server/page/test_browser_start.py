"""The page before there is anything to do: while the service gets ready, without a photograph, without a token."""

import pytest

from tests.server.page.conftest import SETTLED, Answers, wait_for_paint

pytestmark = pytest.mark.slow
WARMING = {"status": "warming up", "workers": 0, "working": 0, "waiting": 0, "needs_token": False}


def opened_while_warming(open_page):
    """Return the page, whose service says that it warms up until the page is told otherwise."""
    page = open_page()
    page.route("**/health", lambda route: route.fulfill(json=WARMING))
    page.reload()
    page.wait_for_selector("#warming:visible")
    return page


def test_first_start_says_what_happens(open_page, photo):
    """A new user saw nothing of why the first minute passed: what happens, that it is once, how long, the time."""
    page = opened_while_warming(open_page)
    text = page.inner_text("#warming")
    for word in ("installation", "compiles", "only once", "about a minute", "busy"):
        assert word in text
    page.wait_for_selector("#warming-time:has-text('1 s')")
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    held = []
    page.route("**/v1/auto?*", lambda route: held.append(route))
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#status-text:has-text('Waiting until the service is ready')")
    assert page.get_attribute("[data-command=save]", "aria-description") == "The service is getting ready"
    page.unroute("**/health")
    page.wait_for_selector("#warming", state="hidden")
    page.wait_for_selector("#status-text:has-text('Finding the object')")
    answers.answer(held[0])
    page.wait_for_selector(SETTLED)
    assert page.get_attribute("[data-command=save]", "aria-description") is None


@pytest.mark.parametrize(
    ("health", "words"),
    [({**WARMING, "status": "failing"}, "cannot start"), (None, "does not answer")],
    ids=["failing", "gone"],
)
def test_service_that_does_not_start(open_page, health, words):
    """A service that fails or has ended is told from one that warms up."""
    page = open_page()
    page.route("**/health", lambda route: route.abort() if health is None else route.fulfill(json=health))
    page.reload()
    page.wait_for_selector(f"#warming:has-text('{words}')")
    assert page.inner_text("#warming-time") == ""


def test_each_greyed_entry_says_why(open_page, answered):
    """Buttons were greyed without a reason: it is in the tooltip and the description, and told on a press."""
    why = """() => [...document.querySelectorAll('button:disabled, input:disabled')].map((one) => [
      one.dataset.command ?? one.value, one.getAttribute('aria-description') ?? '', one.dataset.tip ?? ''])"""
    page = open_page()
    greyed = page.evaluate(why)
    assert {"save", "undo", "redo", "tool-brush", "copy", "view-cutout"} <= {name for name, *_ in greyed}
    for name, description, tip in greyed:
        assert description, name
        assert description in tip, name
    box = page.locator("[data-command=save]").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.click(".message:has-text('Open a photograph first.') .close")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".message:has-text('Open a photograph first.')")
    page = answered()
    page.evaluate("hybridmatte.state.set({ method: 'quality:fast' })")
    page.wait_for_selector(SETTLED)
    page.keyboard.press("Control+s")
    greyed = page.evaluate(why)
    assert {"undo", "redo", "view-confidence", "background", "confidence"} <= {name for name, *_ in greyed}
    assert all(description for _, description, _ in greyed)
    for name in ("background", "confidence"):
        assert page.inner_text(f"#why-{name}") == page.get_attribute(f"[name=what][value={name}]", "aria-description")


def test_empty_page(open_page):
    """Without a photograph there are no tools, no views and no empty panel, only what can be done."""
    page = open_page()
    for part in (".tools", ".paint", ".panel", ".views", ".statusbar", ".editing", "#review"):
        assert page.is_hidden(part), part
    stage = page.locator(".stage").bounding_box()
    assert (stage["x"], stage["width"]) == (0, 1280)
    assert "Drop photographs" in page.inner_text(".welcome")
    assert "Nothing leaves this machine" in page.inner_text(".welcome")


class Guard:
    """A service that wants a token, before the one under test."""

    def __init__(self, page, token):
        self.token, self.refused = token, 0
        page.route("**/v1/**", self.check)
        page.route("**/health", lambda route: route.fulfill(json={**WARMING, "status": "ready", "needs_token": True}))

    def check(self, route):
        if route.request.headers.get("authorization") == f"Bearer {self.token}":
            return route.fallback()
        self.refused += 1
        body = '{"error": {"message": "the token is missing or wrong", "field": null, "kind": "not authorized"}}'
        return route.fulfill(status=401, body=body, content_type="application/json")


def answer_token(page, token):
    page.wait_for_selector("#token-dialog[open]")
    page.keyboard.type(token)
    page.keyboard.press("Enter")


def test_token(open_page, photo):
    """The page asks for the token, again if it is wrong or Escape is pressed, and goes on where it was."""
    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    guard = Guard(page, "right")
    page.reload()
    page.wait_for_selector("#token-dialog[open]")
    page.keyboard.press("Escape")
    answer_token(page, "wrong")
    page.wait_for_selector("#token-wrong:visible")
    answer_token(page, "right")
    page.wait_for_selector("#method option[value='quality:fast']", state="attached")
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    guard.token = "renewed"
    page.keyboard.press("Control+s")
    page.check("input[name=format][value=tiff-16]")
    page.click("#save-button")
    with page.expect_download() as download:
        answer_token(page, "renewed")
    assert download.value.suggested_filename == "disk_cutout.tif"
    refused = guard.refused
    page.reload()
    wait_for_paint(page)
    page.wait_for_selector("#method option[value='quality:fast']", state="attached")
    assert guard.refused == refused, "kept until the tab is closed"


def test_token_in_the_address(open_page):
    """A bookmark or a script may give the token in the address; it does not stay there."""
    page = open_page()
    address = page.url
    page.goto("about:blank")
    guard = Guard(page, "given")
    page.goto(f"{address}#token=given")
    page.wait_for_selector("#method option[value='quality:fast']", state="attached")
    assert "given" not in page.url
    assert not guard.refused
