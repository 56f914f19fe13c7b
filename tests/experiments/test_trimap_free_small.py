"""The rows of the experiment on Net-T and Net-M."""

import numpy as np
import pytest

pytest.importorskip("lightning")

from experiments.trimap_free_small.run import mean_row


def test_an_error_that_no_image_has_is_left_out():
    """Rows of people with masks had a boundary error of NaN, and a warning beside it."""
    row = mean_row(
        "real",
        "seed 0",
        [{"sad": 1.0, "mse_boundary": np.nan, "iou": np.nan}, {"sad": 3.0, "mse_boundary": np.nan, "iou": 0.5}],
    )
    assert row["error"] == {"sad": 2.0, "iou": 0.5}
    assert row["size"] == 2
