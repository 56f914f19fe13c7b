"""Answers that are known, doubtful or late: undo and redo, places that may be wrong, the service's time limit."""

import numpy as np
import pytest

from tests.server.page.conftest import REST, SETTLED, SHAPE, Answers, hold, place, plane, png, stroke, touch

pytestmark = pytest.mark.slow
PHONE = {"has_touch": True, "is_mobile": True}


def n_solved(page):
    """Return how many answers were asked for; quick previews do not count."""
    return sum(options["quality"] != ["fast"] or path == "/v1/auto" for path, options in page.answers.asked)


def is_settled(page):
    return page.evaluate("document.body.dataset.progress") == "settled"


def test_undo_and_redo_ask_for_nothing(answered):
    """Undo of the only stroke ran the automatic cut-out again, and redo the solver: both answers are known."""
    page = answered()
    before, trimap = plane(page, "alpha"), plane(page, "trimap")
    page.answers.planes["alpha"] = np.full(SHAPE, 90, np.uint8)
    page.keyboard.press("2")
    stroke(page, (200, 150), (230, 150))
    page.wait_for_selector(SETTLED)
    after = plane(page, "alpha")
    assert (after == 90).all()
    n_asked = n_solved(page)
    for _ in range(2):
        page.keyboard.press("Control+z")
        assert is_settled(page)
        np.testing.assert_array_equal(plane(page, "alpha"), before)
        np.testing.assert_array_equal(plane(page, "trimap"), trimap)
        page.keyboard.press("Control+Shift+z")
        assert is_settled(page)
        np.testing.assert_array_equal(plane(page, "alpha"), after)
    page.wait_for_timeout(4 * REST)
    assert n_solved(page) == n_asked
    assert page.evaluate("hybridmatte.state.active.foreground !== null")


def test_late_preview(answered):
    """A preview that comes after the full answer is not shown: it is the worse of the two."""
    page = answered()
    held = []
    page.route("**/v1/matte?*quality=fast*", lambda route: held.append(route))
    page.answers.planes["alpha"] = np.full(SHAPE, 90, np.uint8)
    page.keyboard.press("3")
    stroke(page, (200, 150), (200, 290))
    page.wait_for_selector(SETTLED)
    assert held
    for route in held:
        route.continue_()
    page.wait_for_timeout(4 * REST)
    assert (plane(page, "alpha") == 90).all()


def test_another_method_and_back(answered):
    """The answer by a method that was tried before is shown at once."""
    page = answered()
    before = plane(page, "alpha")
    page.answers.planes["alpha"] = np.full(SHAPE, 90, np.uint8)
    page.evaluate("hybridmatte.state.set({ method: 'quality:fast' })")
    page.wait_for_selector("#status-text:has-text('fast')")
    n_asked = n_solved(page)
    page.evaluate("hybridmatte.state.set({ method: 'quality:best' })")
    assert is_settled(page)
    np.testing.assert_array_equal(plane(page, "alpha"), before)
    page.wait_for_timeout(4 * REST)
    assert n_solved(page) == n_asked


def test_undo_where_nothing_was_found(open_page, photo):
    """That nothing was found is an answer too: undo says so at once, and shows the photograph."""
    page = open_page()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#hint:has-text('No object was found')")
    asked = []
    page.on("request", lambda request: "/v1/auto" in request.url and asked.append(request.url))
    stroke(page, (190, 150), (210, 150))
    page.wait_for_selector("#hint:has-text('background (key 2)')")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#hint:has-text('No object was found')")
    page.wait_for_timeout(4 * REST)
    assert not asked
    assert not page.evaluate("hybridmatte.state.active.hasAnswer")


def test_two_fingers_ask_for_nothing(answered):
    """A pinch takes back the dot that its first finger has painted, keeps redo, and starts no cut-out."""
    page = answered(390, 844, **PHONE)
    page.tap("[data-command=paint-background]")
    stroke(page, (200, 150), (230, 150))
    page.wait_for_selector(SETTLED)
    page.keyboard.press("Control+z")
    trimap, alpha, n_asked = plane(page, "trimap"), plane(page, "alpha"), n_solved(page)
    first = place(page, 200, 150)
    touch(page, "touchStart", first)
    for step in range(4):
        touch(page, "touchStart" if not step else "touchMove", first, (first[0] + 40 + 20 * step, first[1]))
    touch(page, "touchEnd")
    page.wait_for_timeout(4 * REST)
    np.testing.assert_array_equal(plane(page, "trimap"), trimap)
    np.testing.assert_array_equal(plane(page, "alpha"), alpha)
    assert n_solved(page) == n_asked
    assert is_settled(page)
    assert page.is_enabled("[data-command=redo]")


def with_doubts(page, photo, *squares):
    """Return made-up answers that are doubtful in squares around points."""
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    trimap, confidence = answers.planes["trimap"].copy(), answers.planes["confidence"].copy()
    for x, y, half in squares:
        trimap[y - half : y + half, x - half : x + half] = 128
        confidence[y - half : y + half, x - half : x + half] = 20
    answers.planes.update(trimap=trimap, confidence=confidence)
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    return answers


def centre(page):
    """Return the point of the photograph in the middle of the canvas."""
    return page.evaluate(
        """() => {
          const { viewport, size } = hybridmatte.stage;
          const { x, y } = viewport.toPhoto({ x: size.width / 2, y: size.height / 2 });
          return [Math.round(x), Math.round(y)];
        }"""
    )


def told(page):
    """Return the notice of places that may be wrong, in one line."""
    return " ".join(page.inner_text("#review").split())


def test_places_that_may_be_wrong(open_page, photo):
    """Nobody looked at the confidence: a hint says in how many places it is low, and goes through them by keys."""
    page = open_page()
    with_doubts(page, photo, (60, 60, 10), (300, 220, 20))
    assert told(page) == "2 places may be wrong: show"
    page.keyboard.press("n")
    assert np.abs(np.subtract(centre(page), (300, 220))).max() <= 8
    assert page.evaluate("hybridmatte.stage.viewport.scale") >= 3
    assert told(page) == "Place 1 of 2: next"
    page.focus("[data-command=doubt]")
    page.keyboard.press("Enter")
    assert np.abs(np.subtract(centre(page), (60, 60))).max() <= 8
    assert told(page) == "Place 2 of 2: done"
    page.keyboard.press("n")
    assert page.evaluate("hybridmatte.state.active.isFitted")
    page.keyboard.press("Shift+N")
    assert page.is_hidden("#review")


def test_the_notice_of_places_is_no_obstacle(open_page, photo):
    """A stroke that began under the notice was lost, and the notice counted places that were painted meanwhile."""
    page = open_page()
    with_doubts(page, photo, (60, 60, 10), (300, 220, 20))
    box = page.locator("#review-text").bounding_box()
    page.keyboard.press("z")  # the photograph reaches under the notice
    page.evaluate("hybridmatte.stage.zoom(4)")
    x, y = box["x"] + 30, box["y"] + box["height"] / 2
    page.keyboard.press("2")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=3)
    page.mouse.up()
    assert page.evaluate("hybridmatte.state.active.history.done.length") == 1
    page.keyboard.press("0")
    assert told(page) == "2 places may be wrong: show"
    held = hold(page, "**/v1/matte?*")
    page.keyboard.press("r")
    stroke(page, (35, 35), (85, 85))
    assert told(page) == "1 place may be wrong: show"
    page.wait_for_timeout(2 * REST)
    assert held, "no answer has come meanwhile"


def test_no_hint_where_all_is_sure(answered):
    """Without doubtful places there is no hint, and the key says so."""
    page = answered()
    assert page.is_hidden("#review")
    page.keyboard.press("n")
    page.wait_for_selector(".message:has-text('No place is likely to be wrong.')")


def test_time_limit(open_page, tmp_path):
    """A large photograph: progress and time, and after the time limit what to do, instead of three more attempts."""
    page = open_page()
    shape = (1700, 2400)
    path = tmp_path / "large.png"
    path.write_bytes(png(np.full((*shape, 3), 120)))
    half = np.zeros((shape[0] // 2, shape[1] // 2), np.uint8)
    half[300:500, 400:800] = 255
    answers = Answers(page, half, half)
    held = []

    def hold(route):
        return held.append(route) if "quality=best" in route.request.url else answers.answer(route)

    page.route("**/v1/auto?*", hold)
    page.set_input_files("#photo-input", path)
    page.wait_for_selector("#status-text:has-text('The one at 4 megapixels takes minutes')")
    page.wait_for_selector("#status-time:has-text('1 s')")
    message = "the work was stopped after 300 s, expected less"  # its kind counts, not its words
    error = {"error": {"message": message, "field": None, "kind": "time limit"}}
    held[0].fulfill(status=503, json=error, headers={"Retry-After": "5"})
    alert = page.wait_for_selector(".message.alert")
    assert "large.png: the answer at 4 megapixels took longer than the service allows (300 s)." in alert.inner_text()
    assert page.is_hidden(".message:has-text('trying again')")
    assert page.evaluate("hybridmatte.state.active.hasAnswer"), "the first answer stays"
    page.unroute("**/v1/auto?*", hold)
    page.click(".message button:has-text('half the size')")
    page.wait_for_selector("#picture-name:has-text('large_half.png')")
    page.wait_for_selector(SETTLED)
    assert page.inner_text("#picture-size") == "1200 × 850"


def test_time_limit_then_fast(answered):
    """The other way out of the time limit: the quality fast, with one press."""
    page = answered()
    error = {"error": {"message": "the work was stopped after 300 s, expected less", "kind": "time limit"}}
    page.route("**/v1/matte?*quality=best*", lambda route: route.fulfill(status=503, json=error))
    stroke(page, (50, 50), (90, 50))
    page.click(".message button:has-text('fast')")
    page.wait_for_selector(SETTLED)
    assert page.evaluate("hybridmatte.state.options.method") == "quality:fast"
    assert page.input_value("#method") == "quality:fast"
