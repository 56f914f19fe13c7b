"""The rows of the experiment on Net-T and Net-M."""

import numpy as np
import pytest

pytest.importorskip("lightning")

from experiments.trimap_free_small import Options, networks
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


def test_longer_adaptation_starts_from_the_longer_networks(tmp_path, monkeypatch):
    """It started from networks of few steps, whose errors hide what adaptation does."""
    started = []
    monkeypatch.setattr(networks, "train_kept", lambda folder, *_, **more: started.append((folder, more)) or folder)
    monkeypatch.setattr(networks, "load_network", lambda folder: folder)
    (tmp_path / "0" / "joint longer").mkdir(parents=True)
    found = networks.Networks(0, Options(kept=tmp_path, data=tmp_path))
    assert found.adapted(networks.LONGER) == tmp_path / "0" / "real longer"
    assert found.adapted(networks.LONGER, is_adversarial=False) == tmp_path / "0" / "real, not adversarial longer"
    for _, more in started:
        assert more["init_from"] == str(tmp_path / "0" / "joint longer")
        assert more["teacher"] == str(tmp_path / "0" / "net_m longer" / "network")
    assert [more.get("discriminator_steps") for _, more in started] == [None, 0]
