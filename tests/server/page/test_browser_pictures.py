"""Several pictures in a browser: one is shown while another waits, solved, saved or closed; parts that are missing."""

import cv2
import numpy as np
import pytest

from hybridmatte.io.pictures import read_trimap, write_image
from tests.server.page.conftest import REST, SETTLED, SHAPE, Answers, hold, place, plane, png, stroke

pytestmark = pytest.mark.slow


def add(page, path):
    """Open one more photograph, which is then on show."""
    page.set_input_files("#photo-input", path)
    page.wait_for_selector(f"#picture-name:has-text('{path.name}')")
    page.wait_for_selector(SETTLED)


@pytest.fixture
def two(answered, photo):
    """The page with two photographs, of which the second, other.png, is on show."""
    page = answered()
    other = photo.folder / "other.png"
    other.write_bytes(png(photo.scene.image[:, ::-1] * 255))
    add(page, other)
    return page


def press_to(page, key, name):
    page.keyboard.press(key)
    page.wait_for_selector(f"#picture-name:has-text('{name}')")


def test_another_picture_with_the_pen_down(two):
    """A stroke that the keyboard began went on in the next picture, and the first one's was never solved."""
    two.keyboard.press("2")
    two.focus("#overlay")
    two.keyboard.press("Enter")
    two.keyboard.press("ArrowRight")
    press_to(two, "PageUp", "disk.png")
    before = plane(two, "trimap")
    two.keyboard.press("ArrowRight")
    two.keyboard.press("ArrowRight")
    np.testing.assert_array_equal(plane(two, "trimap"), before)
    press_to(two, "PageDown", "other.png")
    two.wait_for_selector(SETTLED)
    assert two.evaluate("hybridmatte.state.active.origin.kind") == "trimap"
    assert two.answers.asked[-1][0] == "/v1/matte"


def test_polygon_on_one_picture_only(two):
    """Corners that were set on one picture closed a polygon on another."""
    two.keyboard.press("p")
    for corner in ((10, 10), (60, 10)):
        two.mouse.click(*place(two, *corner))
    press_to(two, "PageUp", "disk.png")
    two.mouse.click(*place(two, 60, 80))
    two.focus("#overlay")
    two.keyboard.press("Shift+Enter")
    assert not two.evaluate("hybridmatte.state.active.isEdited")


def test_the_picture_chosen_last_is_shown(two, photo, tmp_path):
    """A picture that was slow to read came up over one that was chosen after it; closed meanwhile, it came up too."""
    import tifffile

    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.round(photo.scene.image * 65535).astype(np.uint16), photometric="rgb")
    add(two, deep)
    press_to(two, "PageUp", "other.png")
    for close in (False, True):
        two.evaluate("hybridmatte.state.pictures[2].release()")
        held = hold(two, "**/v1/decode?*")
        two.click("#filmstrip li:nth-child(3) .thumbnail")
        two.wait_for_timeout(REST)
        assert len(held) == 1
        if close:
            two.hover("#filmstrip li:nth-child(3)")
            two.click("#filmstrip li:nth-child(3) .close")
        else:
            two.click("#filmstrip li:nth-child(1) .thumbnail")
        held[0].continue_()
        two.wait_for_timeout(6 * REST)
        assert two.inner_text("#picture-name") == "disk.png"
    assert two.evaluate("hybridmatte.state.pictures.length") == 2


def test_a_large_picture_is_not_solved_by_showing_it(answered, tmp_path):
    """Above 8 megapixels each showing of a picture that was settled solved it anew, for minutes."""
    shape = (2700, 3000)
    large = tmp_path / "large.jpg"
    cv2.imwrite(str(large), np.full((*shape, 3), 90, np.uint8))
    page = answered()
    alpha = np.zeros(shape, np.uint8)
    alpha[1000:2000, 1000:2000] = 255
    whole = Answers(page, alpha, alpha)
    add(page, large)
    n_asked = len(whole.asked)
    for _ in range(2):
        press_to(page, "PageUp", "disk.png")
        press_to(page, "PageUp", "large.jpg")
        page.wait_for_timeout(3 * REST)
    assert len(whole.asked) == n_asked


def test_a_method_for_all_pictures(two):
    """Another quality solved the picture on show only; the others kept the old one's answer without a word."""
    two.evaluate("hybridmatte.state.set({ method: 'quality:fast' })")
    two.wait_for_selector("#status-text:has-text('fast')")
    n_asked = len(two.answers.asked)
    press_to(two, "PageUp", "disk.png")
    two.wait_for_selector("#status-text:has-text('fast')")
    assert [options["quality"] for _, options in two.answers.asked[n_asked:]] == [["fast"]]


def test_closed_pictures_are_freed(two):
    """Timers, the preview and kept answers held closed pictures in memory."""
    stroke(two, (20, 250), (60, 250))
    two.wait_for_selector(SETTLED)
    two.evaluate("() => { window.freed = new WeakRef(hybridmatte.state.active); }")
    two.on("dialog", lambda dialog: dialog.accept())
    press_to(two, "w", "disk.png")
    two.wait_for_timeout(2 * REST)
    for _ in range(5):
        two.request_gc()
        two.wait_for_timeout(50)
    assert two.evaluate("window.freed.deref() === undefined")


def test_a_background_that_is_replaced_is_freed(answered, tmp_path):
    """Each chosen background stayed in memory, with a half, a quarter and so on of it that nothing uses."""
    page = answered()
    page.evaluate(
        """() => {
          const make = window.createImageBitmap;
          window.made = [];
          window.createImageBitmap = async (...given) => {
            const bitmap = await make(...given);
            window.made.push(bitmap);
            return bitmap;
          };
        }"""
    )
    path = tmp_path / "behind.png"
    for width in (40, 50):
        path.write_bytes(png(np.full((30, width, 3), 200, np.uint8)))
        page.set_input_files("#background-input", path)
        page.wait_for_function("(width) => hybridmatte.state.backgroundPicture?.bitmap.width === width", arg=width)
    assert page.evaluate("made.map((bitmap) => bitmap.width).filter((width) => width)") == [50], "0 is a closed one"


def test_the_only_picture_is_closed(answered, photo):
    """The only picture could not be closed; afterwards the page is as at its start, and takes another one."""
    page = answered()
    page.keyboard.press("w")
    page.wait_for_selector(".welcome")
    assert page.evaluate("hybridmatte.state.pictures.length") == 0
    add(page, photo.path)


def test_trimap_of_one_kind_is_saved(open_page, photo, tmp_path):
    """A painted trimap without background could not be saved; none needs the service, it is as it was painted."""
    page = open_page()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#hint:has-text('No object was found')")
    page.keyboard.press("1")
    stroke(page, (190, 150), (210, 150))
    page.wait_for_selector("#hint:has-text('background (key 2)')")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.keyboard.press("Control+s")
    assert page.is_checked("[name=what][value=trimap]")
    with page.expect_download() as download:
        page.click("#save-button")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "disk_trimap.png"
    np.testing.assert_array_equal(np.round(read_trimap(path) * 255 + 0.1), plane(page, "trimap"))
    assert not asked


def test_nothing_is_saved_after_cancel(answered):
    """Cancel while a file was computed, and the file came all the same, called disk_null.png."""
    page = answered()
    downloads = []
    page.on("download", lambda download: downloads.append(download))
    page.evaluate("hybridmatte.state.set({ view: 'confidence', method: 'quality:fast' })")
    page.wait_for_selector("#status-text:has-text('fast')")
    held = hold(page, "**/v1/auto?*")
    page.keyboard.press("Control+s")
    assert page.inner_text("#save-name") == "disk_cutout.png"
    page.check("input[name=format][value=png-16]")
    with page.expect_request("**/v1/auto?*"):
        page.click("#save-button")
    page.click("#saving-cancel")
    page.wait_for_selector("#saving", state="hidden")
    page.answers.answer(held[0])
    page.wait_for_timeout(5 * REST)
    assert not downloads


def test_codec_that_does_not_load(open_page, photo):
    """Where the worker that reads pictures cannot load, the page stayed at "Solving" without a word."""
    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    page.route("**/codec_worker.js", lambda route: route.abort())
    page.reload()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(".message.alert:has-text('Load the page again')")
    page.wait_for_selector("body[data-progress=failed]")


def test_openexr(open_page, photo):
    """OpenEXR was promised and not read: the service decodes it."""
    pytest.importorskip("OpenEXR")
    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    path = photo.folder / "light.exr"
    write_image(path, photo.scene.image)
    add(page, path)
    assert page.inner_text("#picture-size") == f"{SHAPE[1]} × {SHAPE[0]}"
