"""The page in a browser: what comes at the wrong moment loses no work."""

import numpy as np
import pytest

from tests.server.page.conftest import SETTLED, Answers, png, stroke

pytestmark = pytest.mark.slow


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
