"""Ways to work that nobody had tried in a browser: fingers, the clipboard, the keyboard from start to end."""

import numpy as np
import pytest

from hybridmatte.io.pictures import read_alpha
from tests.server.page.conftest import SETTLED, Answers, choose_file, place, plane, touch
from tests.server.page.test_browser_answers import PHONE

pytestmark = pytest.mark.slow


def test_one_finger_paints(answered):
    """A finger that moves paints a stroke along its way."""
    page = answered(390, 844, **PHONE)
    page.tap("[data-command=paint-background]")
    touch(page, "touchStart", place(page, 150, 150))
    for x in range(160, 250, 10):
        touch(page, "touchMove", place(page, x, 150))
    touch(page, "touchEnd")
    assert (plane(page, "trimap")[150, 150:240] == 0).all()
    assert page.evaluate("hybridmatte.state.active.history.done.length") == 1
    page.wait_for_selector(SETTLED)


def test_two_fingers_move_and_zoom(answered):
    """Two fingers side by side move the picture; apart, they zoom around their middle; neither paints."""
    page = answered(390, 844, **PHONE)
    before, scale = place(page, 200, 150), page.evaluate("hybridmatte.stage.viewport.scale")
    for kind, shift in (("touchStart", 0), ("touchMove", 15), ("touchMove", 30)):
        touch(page, kind, (150 + shift, 400 + shift), (230 + shift, 400 + shift))
    touch(page, "touchEnd")
    np.testing.assert_allclose(np.subtract(place(page, 200, 150), before), 30, atol=1)
    assert page.evaluate("hybridmatte.stage.viewport.scale") == pytest.approx(scale)
    for kind, spread in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80)):
        touch(page, kind, (195 - spread, 400), (195 + spread, 400))
    touch(page, "touchEnd")
    assert page.evaluate("hybridmatte.stage.viewport.scale") == pytest.approx(4 * scale, rel=0.01)
    assert not page.evaluate("hybridmatte.state.active.isEdited")


def test_copy_and_paste(answered):
    """The cut-out goes to the clipboard as a picture, and a picture on the clipboard becomes a photograph."""
    page = answered(permissions=["clipboard-read", "clipboard-write"])
    page.keyboard.press("Control+c")
    page.wait_for_selector(".message:has-text('Copied the cut-out.')")
    copied = page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          const { width, height } = await createImageBitmap(await item.getType('image/png'));
          return [item.types, width, height];
        }"""
    )
    assert copied == [["image/png"], 400, 300]
    page.keyboard.press("Control+v")
    page.wait_for_selector("#filmstrip li:nth-child(2)[data-progress=settled]")
    assert page.inner_text("#picture-size") == "400 × 300"
    assert not page.evaluate("hybridmatte.state.isPeeking")


def test_no_clipboard(answered):
    """Where the browser offers no clipboard, copying is greyed with the reason."""
    page = answered()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("hybridmatte.state.set({})")
    assert "https" in page.get_attribute("[data-command=copy]", "aria-description")


def press_until(page, key, name):
    """Press a key until an element has the focus."""
    for _ in range(80):
        if page.evaluate("document.activeElement.id || document.activeElement.dataset.command || ''") == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{name} cannot be reached by {key}")


def test_keys_from_the_empty_page_to_a_file(open_page, photo, tmp_path):
    """Load by the button, correct with arrows, look at a doubtful place, and save alpha as TIFF, by keys alone."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    press_until(page, "Tab", "open")
    choose_file(page, photo.path, lambda: page.keyboard.press("Enter"))
    page.wait_for_selector(SETTLED)
    press_until(page, "Tab", "overlay")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(SETTLED)
    assert (plane(page, "trimap")[149:151, 198:206] == 0).all()
    page.keyboard.press("6")
    page.keyboard.press("Control+s")
    page.wait_for_selector("#save-dialog[open]")
    assert page.is_checked("[name=what][value=alpha]"), "what is on show is offered first"
    for _ in range(8):
        if page.evaluate("document.activeElement.name") == "format":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.unroute("**/v1/matte?*", answers.answer)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "disk_alpha.tif"
    path = tmp_path / "disk_alpha.tif"
    download.value.save_as(path)
    assert (read_alpha(path)[149:151, 198:206] == 0).all()
    page.wait_for_selector("#save-dialog", state="hidden")
    assert page.evaluate("document.activeElement.id") == "overlay", "the focus is back on the picture"
