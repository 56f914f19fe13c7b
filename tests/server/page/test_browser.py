"""The page in a browser: what a retoucher does, and what can go wrong meanwhile."""

import numpy as np
import pytest

from hybridmatte.correction.confidence import matte_with_confidence
from hybridmatte.correction.matting import matte
from hybridmatte.foreground import composite, decontaminate
from hybridmatte.io.pictures import read_alpha, read_image, read_opacity, read_trimap
from tests.server.page.conftest import SETTLED, Answers, choose_file, pixel, place, plane, png, stroke, touch

pytestmark = pytest.mark.slow
IN_TOUCH = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def saved(page, tmp_path, what, layout):
    """Save through the dialog, and return the file."""
    page.keyboard.press("Control+s")
    page.check(f'input[name=what][value="{what}"]')
    page.check(f'input[name=format][value="{layout}"]')
    with page.expect_download() as download:
        page.click("#save-button")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    page.wait_for_selector("#save-dialog", state="hidden")
    return path


def with_trimap(page, photo):
    """Load the photograph, in which nothing is found, and its trimap."""
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#hint:has-text('No object was found')")
    page.set_input_files("#trimap-input", photo.trimap)
    page.wait_for_selector(SETTLED)


def test_from_photograph_to_saved_file(open_page, photo, tmp_path):
    """A stroke changes alpha there, undo takes it back, and the saved file is the library's answer to the trimap."""
    page = open_page()
    with_trimap(page, photo)
    before = plane(page, "alpha")
    assert np.abs(before / 255 - photo.scene.alpha).max() < 0.25
    page.keyboard.press("2")
    stroke(page, (200, 150), (230, 150))
    assert (plane(page, "alpha")[150, 195:235] == 0).all(), "known pixels change under the brush, before any answer"
    page.wait_for_selector(SETTLED)
    after = plane(page, "alpha")
    assert (after[150, 195:235] == 0).all()
    assert np.abs(after[:100].astype(int) - before[:100]).max() <= 2
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(plane(page, "alpha"), before)
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(plane(page, "alpha"), after)
    page.wait_for_selector(SETTLED)
    expected = matte(read_image(photo.path), plane(page, "trimap"))
    path = saved(page, tmp_path, "alpha", "png-8")
    assert path.name == "disk_alpha.png"
    assert np.abs(read_alpha(path) - expected).max() <= 0.5 / 255 + 1e-6
    path = saved(page, tmp_path, "alpha", "tiff-16")
    assert path.name == "disk_alpha.tif"
    assert np.abs(read_alpha(path) - expected).max() <= 0.5 / 65535 + 1e-6
    path = saved(page, tmp_path, "trimap", "png-8")
    np.testing.assert_array_equal(np.round(read_trimap(path) * 255), plane(page, "trimap"))


def test_all_that_can_be_saved_is_what_the_library_answers(open_page, photo, tmp_path):
    """Cut-out, foreground and confidence as they are, and the cut-out over a picture, which the canvas shows too."""
    page = open_page()
    with_trimap(page, photo)
    behind = tmp_path / "behind.png"
    behind.write_bytes(png(np.full((30, 40, 3), (20, 200, 60), np.uint8)))
    page.set_input_files("#background-input", behind)
    page.wait_for_function("() => hybridmatte.state.options.background === 'picture'")
    image, trimap = read_image(photo.path), plane(page, "trimap")
    alpha, confidence = matte_with_confidence(image, trimap)
    cut = decontaminate(image, alpha)
    over = composite(cut[..., :3], cut[..., 3], read_image(behind), fit="cover")
    for what, layout, expected in (
        ("cutout", "png-16", cut[..., :3]),
        ("foreground", "tiff-16", cut[..., :3]),
        ("background", "png-8", over),
    ):
        path = saved(page, tmp_path, what, layout)
        assert np.abs(read_image(path) - expected).max() <= 0.5 / 255 + 1e-6, what
    assert np.abs(read_opacity(tmp_path / "disk_cutout.png") - alpha).max() <= 0.5 / 65535 + 1e-6
    path = saved(page, tmp_path, "confidence", "tiff-16")
    assert np.abs(read_alpha(path) - confidence).max() <= 0.5 / 65535 + 1e-6
    assert np.abs(np.subtract(pixel(page, 5, 5), (20, 200, 60))).max() <= 2


def test_preview_solves_only_what_changed(open_page, photo):
    """While the brush is down, crops are sent at quality fast, and alpha changes around the stroke."""
    page = open_page()
    with_trimap(page, photo)
    before = plane(page, "alpha")
    page.keyboard.press("3")
    page.evaluate("hybridmatte.state.setSize(8)")
    edge = 200 + int(0.28 * 300) - 4
    page.evaluate(
        """() => {
          const { service } = hybridmatte.solver;
          const ask = service.ask.bind(service);
          window.crops = [];
          service.ask = async (path, files, query, signal) => {
            const { width, height } = await createImageBitmap(files.image);
            window.crops.push([query.quality, width, height]);
            return ask(path, files, query, signal);
          };
        }"""
    )
    page.mouse.move(*place(page, edge, 140))
    with page.expect_request_finished(lambda request: "quality=fast" in request.url):
        page.mouse.down()
        page.mouse.move(*place(page, edge + 2, 160), steps=8)
    page.wait_for_timeout(200)
    for quality, width, height in page.evaluate("crops"):
        assert quality == "fast"
        assert max(width, height) < 200
    during = plane(page, "alpha")
    assert (during[:60] == before[:60]).all()
    assert (during[:, :100] == before[:, :100]).all()
    assert (during != before).any()
    page.mouse.up()
    page.wait_for_selector(SETTLED)


def test_automatic_answer_is_shown_and_saved(open_page, photo, tmp_path):
    """What was found is on the canvas at once; saved unpainted, it is the service's own answer."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    np.testing.assert_array_equal(plane(page, "alpha"), np.round(photo.scene.alpha * 255))
    corner, middle = pixel(page, 5, 5), pixel(page, 200, 150)
    assert max(corner) - min(corner) < 8, "the checkerboard"
    assert middle[0] > middle[2] + 40, "the object"
    saved(page, tmp_path, "cutout", "png-16")
    path, options = answers.asked[-1]
    assert (path, options["output"], options["bits"]) == ("/v1/auto", ["cutout"], ["16"])


def test_views(answered):
    """Each view shows what its name says; the tint and the line between before and after lie over it."""
    page = answered()
    page.keyboard.press("6")
    page.wait_for_timeout(100)
    assert pixel(page, 200, 150) == [255, 255, 255]
    assert pixel(page, 5, 5) == [0, 0, 0]
    page.keyboard.press("7")
    page.wait_for_timeout(100)
    assert pixel(page, 200 + 100, 150) == [128, 128, 128]
    page.keyboard.press("4")
    page.keyboard.press("k")  # a colour
    page.wait_for_timeout(100)
    assert pixel(page, 5, 5) == [255, 255, 255]
    page.keyboard.press("c")
    page.wait_for_timeout(100)
    assert pixel(page, 5, 5)[2] > pixel(page, 5, 5)[0] + 20, "the photograph, on the left"
    page.focus("#compare")
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    assert pixel(page, 5, 5) == [255, 255, 255]
    page.keyboard.press("t")
    page.wait_for_timeout(100)
    red, green, blue = pixel(page, 5, 5)
    assert red > max(green, blue)


def test_tools(answered):
    """Rectangle, polygon and fill, the right button, a line by Shift, and Escape."""
    page = answered()
    page.keyboard.press("2")
    page.keyboard.press("r")
    stroke(page, (150.5, 120.5), (180.5, 140.5))
    assert (plane(page, "trimap")[120:141, 150:181] == 0).all()
    page.keyboard.press("p")
    page.keyboard.press("1")
    for corner in ((10, 10), (60, 10), (10, 60), (10, 10)):
        page.mouse.click(*place(page, *corner))
    trimap = plane(page, "trimap")
    assert trimap[15, 15] == 255
    assert trimap[59, 59] == 0
    page.keyboard.press("3")
    page.keyboard.press("g")
    page.mouse.click(*place(page, 20, 20))
    assert plane(page, "trimap")[15, 15] == 128
    page.keyboard.press("b")
    page.keyboard.press("1")
    page.evaluate("hybridmatte.state.setSize(3)")
    page.mouse.click(*place(page, 20.5, 250.5), button="right")
    page.mouse.click(*place(page, 20.5, 280.5))
    page.keyboard.down("Shift")
    page.mouse.click(*place(page, 90.5, 280.5))
    page.keyboard.up("Shift")
    trimap = plane(page, "trimap")
    assert trimap[250, 20] == 0
    assert (trimap[280, 20:91] == 255).all()
    page.mouse.move(*place(page, 150, 20))
    page.mouse.down()
    page.mouse.move(*place(page, 250, 20), steps=4)
    page.keyboard.press("Escape")
    page.mouse.up()
    np.testing.assert_array_equal(plane(page, "trimap"), trimap)


def test_edge_around_a_stroke(answered):
    """What was known to be the opposite becomes unknown around a stroke, unless that is switched off."""
    page = answered()
    page.keyboard.press("2")
    page.evaluate("hybridmatte.state.setSize(10)")
    stroke(page, (190.5, 150.5), (210.5, 150.5))
    trimap = plane(page, "trimap")
    assert trimap[150, 200] == 0
    assert (trimap[[141, 159], 200] == 128).all()
    assert trimap[138, 200] == 255
    page.keyboard.press("Control+z")
    page.keyboard.press("e")
    stroke(page, (190.5, 150.5), (210.5, 150.5))
    assert (np.unique(plane(page, "trimap")[138:163, 190:211]) == [0, 255]).all()


def test_click_on_an_object(open_page, photo):
    """Where a segmenter takes points, a click asks for the object there, as one step that can be undone."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    qualities = [{"name": "best", "summary": ""}]
    listed = {"qualities": qualities, "methods": [], "segmenters": [{"name": "clicker", "takes_points": True}]}
    page.route("**/v1/methods", lambda route: route.fulfill(json=listed))
    page.reload()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    answers.planes["trimap"] = 255 - answers.planes["trimap"]
    page.keyboard.press("o")
    page.mouse.click(*place(page, 12.5, 20.5))
    page.wait_for_selector("[data-command=undo]:enabled")
    path, options = answers.asked[-1]
    assert (path, options["segmenter"]) == ("/v1/auto", ["clicker"])
    assert options["point"][0].startswith("+12.")
    assert plane(page, "trimap")[5, 5] == 255
    page.keyboard.press("Control+z")
    assert plane(page, "trimap")[5, 5] == 0


def test_brush_size_and_zoom(answered):
    """Shift and wheel set the size, the wheel zooms at the pointer down to single pixels, space moves."""
    page = answered()
    page.mouse.move(*place(page, 300, 100))
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Shift")
    page.wait_for_timeout(50)
    assert page.input_value("#size-number") == "28"
    page.keyboard.press("[")
    assert page.input_value("#size-number") == "24"
    page.keyboard.press("]")
    assert page.input_value("#size-number") == "28"
    for _ in range(30):
        page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert page.evaluate("hybridmatte.stage.viewport.scale") == 64
    x, y = place(page, 300, 100)
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(x + 90, y + 20)
    page.mouse.up()
    page.keyboard.up(" ")
    assert place(page, 300, 100)[0] > x + 20
    assert not page.evaluate("hybridmatte.state.active.isEdited")
    page.keyboard.press("0")
    assert page.evaluate("hybridmatte.stage.viewport.scale") < 4


def test_keyboard_only(open_page, photo):
    """From opening a file to saving the result without a mouse."""
    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    choose_file(page, photo.path, lambda: page.keyboard.press("Control+o"))
    page.wait_for_selector(SETTLED)
    names = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.command || ''"))
        if "overlay" in names:
            break
    assert {"open", "fit", "view-alpha", "tool-brush", "overlay"} <= names
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert (plane(page, "trimap")[149:151, 198:206] == 0).all()
    page.keyboard.press("Control+z")
    assert (plane(page, "trimap")[149:151, 198:206] == 255).all()
    page.keyboard.press("?")
    page.wait_for_selector("#help-dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector(SETTLED)
    page.keyboard.press("Control+s")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "disk_cutout.png"


def test_phone(answered):
    """At 390 x 844 nothing is cut off, buttons are large enough for a finger, one finger paints and two zoom."""
    page = answered(390, 844, **IN_TOUCH)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.query_selector_all(".tools button:visible, .bar button:visible, .kind:visible"):
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.tap("[data-command=paint-background]")
    page.touchscreen.tap(*place(page, 200, 150))
    assert plane(page, "trimap")[150, 200] == 0
    scale = page.evaluate("hybridmatte.stage.viewport.scale")
    for kind, spread in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80)):
        touch(page, kind, (195 - spread, 400), (195 + spread, 400))
    touch(page, "touchEnd")
    assert page.evaluate("hybridmatte.stage.viewport.scale") > 2 * scale
    assert page.evaluate("hybridmatte.state.active.history.done.length") == 1, "two fingers paint nothing"
    page.tap("[data-command=panel]")
    page.wait_for_selector("#method:visible")
