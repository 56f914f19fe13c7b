"""The papers' trainings on a device: their deadline, and the data that travel with them."""

import json
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from experiments import __main__ as command_line  # noqa: E402
from experiments.gpu import paper_trainings  # noqa: E402
from experiments.gpu.pack_data import QUALITIES, pack_data  # noqa: E402
from experiments.recorded import PACKED  # noqa: E402


def test_trainings_follow_each_other_until_the_deadline(monkeypatch, tmp_path):
    monkeypatch.setattr(paper_trainings, "device_row", lambda *named, **more: (*named[:4], more["failed"]))
    monkeypatch.setattr(paper_trainings, "LEAST", 0.0)
    monkeypatch.setattr(paper_trainings, "TRAININGS", ("wsshm_small", "alpha_free_small --seeds 0"))
    monkeypatch.setattr(paper_trainings, "stopped_or_failed", lambda arguments, *_: " ".join(arguments))

    def rows(deadline):
        return [row for some in paper_trainings.run_paper_trainings(deadline, 2, tmp_path) for row in some]

    end = f"--threads 2 --output {tmp_path}"
    kept = tmp_path / "networks" / "wsshm_small"
    assert rows(time.monotonic() + 9) == [
        ("papers", "wsshm_small", "training", "", f"wsshm_small {end} --kept {kept}"),
        ("papers", "alpha_free_small", "training", "--seeds 0", f"alpha_free_small --seeds 0 {end}"),
    ]
    monkeypatch.setattr(paper_trainings, "LEAST", 20.0)
    assert [row[-1] for row in rows(time.monotonic() - 1)] == ["not started, 0 s were left"] * 2


def test_a_training_is_stopped_and_says_why_it_did_not_end_well():
    assert paper_trainings.stopped_or_failed(["none"], 60, 1) == "ended with 2"
    assert paper_trainings.stopped_or_failed(["none"], 0.01, 1) == "stopped after 0 s; the next call goes on"


@pytest.mark.parametrize("line", paper_trainings.TRAININGS)
def test_trainings_are_commands_of_the_experiments(line):
    kept = ["--kept", "networks"] if paper_trainings.keeps_networks(line.split()[0]) else []
    parsed = command_line.make_parser().parse_args([*line.split(), "--output", "out", *kept])
    assert parsed.output.name == "out"


def test_data_are_packed_into_a_limit(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    (tmp_path / "data" / "cats" / "image").mkdir(parents=True)
    path = tmp_path / "data" / "cats" / "image" / "one.jpg"
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    before = path.read_bytes()
    assert pack_data(tmp_path / "data", tmp_path / "whole", ["cats"]) is None
    assert (tmp_path / "whole" / "cats" / "image" / "one.jpg").read_bytes() == before
    assert not (tmp_path / "whole" / PACKED).exists()
    half = 0.5 * len(before) / 2**20
    quality = pack_data(tmp_path / "data", tmp_path / "half", ["cats"], half)
    assert quality in QUALITIES[1:]
    assert json.loads((tmp_path / "half" / PACKED).read_text()) == {"quality": quality}
    assert (tmp_path / "half" / "cats" / "image" / "one.jpg").stat().st_size <= half * 2**20
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="expected at most 1e-06"):
        pack_data(tmp_path / "data", tmp_path / "none", ["cats"], 1e-6)
    assert not (tmp_path / "none").exists()
    with pytest.raises(FileNotFoundError, match="has no folder dogs"):
        pack_data(tmp_path / "data", tmp_path / "dogs", ["cats", "dogs"])
    with pytest.raises(FileExistsError):
        pack_data(tmp_path / "data", tmp_path / "half", ["cats"])
