"""Saving: files that came with the answer on the screen, and others that are computed while one goes on."""

import cv2
import numpy as np
import pytest

from tests.server.page.conftest import SETTLED, Answers, hold, plane, stroke

pytestmark = pytest.mark.slow


def save(page, what="cutout", layout="png-8"):
    """Press Save in the dialog."""
    page.keyboard.press("Control+s")
    page.check(f"input[name=what][value={what}]")
    page.check(f"input[name=format][value={layout}]")
    page.click("#save-button")


def test_the_answer_on_the_screen_is_saved_without_another(answered, tmp_path):
    """Each output was one more solve, minutes for a large photograph: all come with the answer that is shown."""
    page = answered()
    n_asked = len(page.answers.asked)
    outputs = ("cutout", "alpha", "trimap", "confidence", "foreground")
    for what in outputs:
        with page.expect_download() as download:
            save(page, what)
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(values, np.round(page.answers.planes[what]).astype(np.uint8))
    assert len(page.answers.asked) == n_asked
    page.keyboard.press("2")
    stroke(page, (200, 150), (230, 150))
    page.wait_for_selector(SETTLED)
    n_asked = len(page.answers.asked)
    page.answers.planes["cutout"] = np.zeros_like(page.answers.planes["cutout"])
    with page.expect_download():
        save(page)
    assert len(page.answers.asked) == n_asked


def test_saving_waits_for_the_answer_under_way(answered):
    """Saved while the answer is under way, the file comes with it; nothing is solved twice."""
    page = answered()
    held = hold(page, "**/v1/matte?*quality=best*")
    stroke(page, (50, 50), (90, 50))
    page.wait_for_selector("body[data-progress=solving]")
    save(page)
    page.wait_for_selector("#save-dialog", state="hidden")
    page.wait_for_selector("#saving-text:has-text('Saving disk_cutout.png')")
    assert len(held) == 1
    with page.expect_download() as download:
        page.answers.answer(held[0])
    assert download.value.suggested_filename == "disk_cutout.png"
    assert len(held) == 1
    page.wait_for_selector("#saving", state="hidden")


def test_one_goes_on_while_a_file_is_computed(answered):
    """The dialog covered the page for minutes: it closes, the status line counts, and Cancel gives the file up."""
    page = answered()
    held = hold(page, "**/v1/auto?*bits=16*")
    page.keyboard.press("Control+s")
    assert page.inner_text("#save-note") == "This is the answer on the screen."
    page.check("input[name=format][value=tiff-16]")
    assert "computed anew" in page.inner_text("#save-note")
    page.click("#save-button")
    page.wait_for_selector("#save-dialog", state="hidden")
    page.wait_for_selector("#saving:has-text('Saving disk_cutout.tif')")
    stroke(page, (50, 50), (90, 50))
    page.wait_for_selector(SETTLED)
    assert plane(page, "trimap")[50, 70] == 255
    with page.expect_download() as download:
        held[0].fulfill(body=b"II", content_type="image/tiff")
    assert download.value.suggested_filename == "disk_cutout.tif"
    held = hold(page, "**/v1/matte?*bits=16*")
    save(page, "alpha", "png-16")
    page.click("#saving-cancel")
    page.wait_for_selector(".message:has-text('disk_alpha.png was not saved.')")
    assert page.is_hidden("#saving")


def test_what_is_saved_is_what_was_there(open_page, photo, tmp_path):
    """A stroke after Save is not in the file, though the trimap is sent only when the service is asked."""
    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector(SETTLED)
    stroke(page, (50, 50), (90, 50))
    before = plane(page, "trimap")
    hold(page, "**/v1/matte?*output=alpha*")  # the answer to this state does not come
    page.wait_for_selector("body[data-progress=solving]")
    page.unroute("**/v1/matte?*")
    with page.expect_download() as download:
        save(page, "trimap", "png-16")
        stroke(page, (50, 250), (90, 250))
    path = tmp_path / "disk_trimap.png"
    download.value.save_as(path)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED) // 257, before)
