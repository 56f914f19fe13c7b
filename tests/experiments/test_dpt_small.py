"""The sheets that the experiment on disentangled pre-training draws from kept networks."""

import dataclasses

import numpy as np
import pytest

from hybridmatte import read_image, write_image

pytest.importorskip("lightning")
pytest.importorskip("tensorboard")

from experiments.dpt_small import EXPERIMENT, Options
from experiments.dpt_small.run import UNKNOWN_SHARES, draw_kept, folder_name
from experiments.sheets import HEIGHT
from hybridmatte import networks


def test_a_row_for_each_share_of_unknown_cells(tmp_path):
    """Fig. 8 had no picture."""
    generator = np.random.default_rng(0)
    for part, count in (("photos/test", 2), ("animals/image", 1), ("portraits/image", 1)):
        (tmp_path / part).mkdir(parents=True)
        for index in range(count):
            write_image(tmp_path / part / f"{index}.jpg", generator.random((230, 240, 3), np.float32))
    options = dataclasses.replace(EXPERIMENT.options(), data=tmp_path, kept=tmp_path / "kept")
    assert isinstance(options, Options)
    network = networks.unet("tiny", trimap="one-hot")
    for name in UNKNOWN_SHARES[1:]:
        network.save_pretrained(options.kept / folder_name("unet", name, 0, 1) / "network")
    draw_kept(options)
    assert (options.kept / "unguided.jpg").is_file()
    assert not (options.kept / "ratios.png").exists()  # one of the networks is missing
    network.save_pretrained(options.kept / folder_name("unet", UNKNOWN_SHARES[0], 0, 1) / "network")
    draw_kept(options)
    sheet = read_image(options.kept / "ratios.png")
    assert sheet.shape == (4 * (HEIGHT + 4), 4 * HEIGHT, 3)
    unknown = [np.mean(np.abs(row[:HEIGHT, HEIGHT : 2 * HEIGHT, 0] / 255 - 0.5) < 0.1) for row in np.split(sheet, 4)]
    assert unknown == sorted(unknown)
