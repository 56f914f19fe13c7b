"""The page in a browser: what comes at the wrong moment loses no work."""

import numpy as np
import pytest

from tests.server.page.conftest import REST, SETTLED, SHAPE, Answers, hold, place, plane, png, stroke

pytestmark = pytest.mark.slow
STEPS = "[hybridmatte.state.active.history.done.length, hybridmatte.state.active.history.undone.length]"


def begin_stroke(page, start, end):
    """Put the brush down and draw, without lifting it."""
    page.mouse.move(*place(page, *start))
    page.mouse.down()
    page.mouse.move(*place(page, *end), steps=4)


def end_stroke(page, end):
    page.mouse.move(*place(page, *end), steps=4)
    page.mouse.up()


def pen_down(page, value):
    """Put the keyboard's pen down in the middle of the picture, and draw a little."""
    page.focus("#overlay")
    page.keyboard.press(value)
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")


def test_strokes_on_a_large_photograph_without_an_object(open_page, tmp_path):
    """Nothing is found in 1.5 megapixels, two strokes are painted: the preview failed on its missing sizes."""
    image = np.full((1000, 1500, 3), 120.0)
    image[:, :, 0] += np.linspace(0, 60, 1500)
    path = tmp_path / "flat.png"
    path.write_bytes(png(image))
    page = open_page()
    whole = np.zeros((1000, 1500))
    answers = Answers(page, whole, whole + 128, found=False)
    page.set_input_files("#photo-input", path)
    page.wait_for_selector("#hint:has-text('No object was found')")
    answers.description["found"] = True
    page.keyboard.press("1")
    stroke(page, (700, 500), (760, 500))
    page.keyboard.press("2")
    with page.expect_response("**/v1/matte?quality=fast*") as preview:
        stroke(page, (100, 100), (200, 100))
    assert preview.value.status == 200
    page.wait_for_selector(SETTLED)
    assert not page.query_selector_all(".message.alert")


def test_answer_during_the_first_stroke(open_page, photo):
    """The automatic answer came while a stroke was drawn, and wiped the stroke's beginning."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    held = hold(page, "**/v1/auto?*")
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("body[data-progress=finding]")
    begin_stroke(page, (20, 20), (60, 20))
    answers.answer(held[0])
    page.wait_for_timeout(4 * REST)
    end_stroke(page, (100, 20))
    page.wait_for_selector(SETTLED)
    trimap = plane(page, "trimap")
    assert (trimap[20, 20:100] == 255).all()
    assert (trimap[150, 200], trimap[280, 20]) == (255, 0), "the rest is the answer's"


def test_object_found_during_a_stroke(answered):
    """The object was asked for again; its answer came during a stroke, wiped its beginning and nested two steps."""
    page = answered()
    held = hold(page, "**/v1/auto?*")
    page.keyboard.press("a")
    page.wait_for_selector("body[data-progress=finding]")
    begin_stroke(page, (20, 250), (60, 250))
    page.answers.planes["trimap"] = np.full(SHAPE, 128, np.uint8)
    page.answers.answer(held[0])
    page.wait_for_timeout(4 * REST)
    end_stroke(page, (100, 250))
    assert (plane(page, "trimap")[250, 20:100] == 255).all()
    page.wait_for_selector(SETTLED)
    assert page.evaluate(STEPS) == [1, 0]
    page.keyboard.press("Control+z")
    assert plane(page, "trimap")[250, 50] == 0


def test_undo_with_the_pen_down(answered):
    """Undo with the keyboard's pen down took back an open step, and the next undo an older stroke too."""
    page = answered()
    stroke(page, (30, 250), (60, 250))
    pen_down(page, "2")
    page.keyboard.press("Control+z")
    assert page.evaluate(STEPS) == [1, 1]
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate(STEPS) == [1, 1], "the pen is up"
    assert plane(page, "trimap")[250, 45] == 255
    page.keyboard.press("Control+Shift+z")
    assert page.evaluate(STEPS) == [2, 0]


def test_pen_and_mouse_together(answered):
    """With the keyboard's pen down the mouse drew a line from it, and pressed began a step inside the step."""
    page = answered()
    pen_down(page, "2")
    before = plane(page, "trimap")
    page.mouse.move(*place(page, 100, 40), steps=3)
    np.testing.assert_array_equal(plane(page, "trimap"), before)
    stroke(page, (100, 40), (140, 40))
    assert page.evaluate(STEPS) == [2, 0]
    page.keyboard.press("Control+z")
    assert page.evaluate(STEPS) == [1, 1]
    np.testing.assert_array_equal(plane(page, "trimap")[:80], before[:80])


@pytest.mark.parametrize("key", ["Tab", "a"])
def test_pen_is_lifted(answered, key):
    """When the focus leaves the canvas, or the object is asked for, a stroke that the keyboard began has ended."""
    page = answered()
    pen_down(page, "2")
    page.keyboard.press(key)
    page.wait_for_selector(SETTLED)
    assert not page.evaluate("hybridmatte.state.active.history.isOpen")
    assert page.evaluate(STEPS)[0] >= 1
    page.focus("#overlay")
    before = plane(page, "trimap")
    page.keyboard.press("ArrowRight")
    np.testing.assert_array_equal(plane(page, "trimap"), before)


def test_trimap_with_the_pen_down(answered, photo):
    """A trimap that was loaded with the pen down became part of the stroke: each is a step of its own."""
    page = answered()
    pen_down(page, "2")
    other = photo.folder / "inverse.png"
    other.write_bytes(png(255 - photo.scene.trimap * 255))
    page.set_input_files("#trimap-input", other)
    page.wait_for_function(f"() => {STEPS}[0] === 2")
    assert plane(page, "trimap")[5, 5] == 255
    page.keyboard.press("Control+z")
    assert plane(page, "trimap")[5, 5] == 0
    assert page.evaluate(STEPS) == [1, 1]


def test_cancelled_stroke_keeps_redo(answered):
    """Escape during a stroke destroyed what could be redone."""
    page = answered()
    page.keyboard.press("2")
    stroke(page, (190, 150), (210, 150))
    page.keyboard.press("Control+z")
    before = plane(page, "trimap")
    page.keyboard.press("1")
    begin_stroke(page, (20, 20), (60, 20))
    page.keyboard.press("Escape")
    page.mouse.up()
    np.testing.assert_array_equal(plane(page, "trimap"), before)
    assert page.evaluate(STEPS) == [0, 1]
    page.keyboard.press("Control+Shift+z")
    assert plane(page, "trimap")[150, 200] == 0


def test_object_asked_for_before_the_first_answer(open_page, photo):
    """`A` before the first answer, and nothing found: strokes of both kinds were never solved."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255, found=False)
    held = hold(page, "**/v1/auto?*")
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("body[data-progress=finding]")
    page.keyboard.press("a")
    page.wait_for_function("() => hybridmatte.solver.schedule.running && !hybridmatte.solver.schedule.timers.size")
    page.wait_for_timeout(2 * REST)
    answers.answer(held[-1])
    page.wait_for_selector("#hint:has-text('No object was found')")
    answers.description["found"] = True
    stroke(page, (190, 150), (210, 150))
    page.keyboard.press("2")
    stroke(page, (20, 20), (380, 20))
    page.wait_for_selector(SETTLED)
    assert answers.asked[-1][0] == "/v1/matte"


def test_nothing_found_does_not_cancel_the_solve(answered):
    """`A` right after a stroke, and nothing found: the stroke was never solved in full."""
    page = answered()
    page.evaluate("hybridmatte.solver.rest = 60000")
    held = hold(page, "**/v1/auto?*")
    page.keyboard.press("2")
    stroke(page, (190, 150), (210, 150))
    page.keyboard.press("a")
    page.wait_for_selector("body[data-progress=finding]")
    page.wait_for_timeout(2 * REST)
    page.answers.description["found"] = False
    page.answers.answer(held[0])
    page.answers.description["found"] = True
    page.wait_for_selector(SETTLED)
    assert (page.answers.asked[-1][0], page.answers.asked[-1][1]["quality"]) == ("/v1/matte", ["best"])
    assert plane(page, "trimap")[150, 200] == 0


def test_two_clicks_on_objects(open_page, photo):
    """The second of two quick clicks was lost: the last request has both points, and its answer is shown."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    listed = {"qualities": [{"name": "best", "summary": ""}], "methods": []}
    listed["segmenters"] = [{"name": "clicker", "takes_points": True}]
    page.route("**/v1/methods", lambda route: route.fulfill(json=listed))
    page.reload()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    held = hold(page, "**/v1/auto?*")
    page.keyboard.press("o")
    page.mouse.click(*place(page, 12.5, 20.5))
    page.wait_for_function("() => hybridmatte.solver.schedule.running")
    page.wait_for_timeout(2 * REST)
    page.mouse.click(*place(page, 200.5, 100.5))
    page.wait_for_timeout(2 * REST)
    assert [request.request.url.count("point=") for request in held] == [1, 2]
    answers.planes["trimap"] = np.full(SHAPE, 255, np.uint8)
    answers.planes["trimap"][:5] = 0
    answers.answer(held[1])
    page.wait_for_selector(SETTLED)
    trimap = plane(page, "trimap")
    assert (trimap[2, 2], trimap[290, 5]) == (0, 255)
    assert page.evaluate("hybridmatte.state.active.origin.points.length") == 2
