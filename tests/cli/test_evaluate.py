"""``evaluate`` on folders of alphas."""

import csv
import io
import json

import numpy as np
import pytest

from hybridmatte import metrics
from hybridmatte.io.pictures import read_alpha, write_alpha


@pytest.fixture
def scored(files, scene, rng):
    """Write folders a (alphas), t (true alphas) and k (trimaps) of two pictures."""
    for folder in "atk":
        (files / folder).mkdir()
    for name in ("x", "y"):
        noisy = np.clip(scene.alpha + 0.1 * rng.standard_normal(scene.alpha.shape), 0, 1)
        write_alpha(files / "a" / f"{name}.png", noisy)
        write_alpha(files / "t" / f"{name}.png", scene.alpha)
        write_alpha(files / "k" / f"{name}.png", scene.trimap)
    return files


@pytest.mark.usefixtures("scored")
class TestEvaluate:
    def test_numbers_are_those_of_the_metrics(self, run, files):
        result = run("evaluate @a @t @k --csv @out.csv --json @out.json")
        assert result.code == 0
        planes = [read_alpha(files / folder / "x.png") for folder in "atk"]
        rows = list(csv.DictReader(io.StringIO((files / "out.csv").read_text())))
        report = json.loads((files / "out.json").read_text())
        assert [row["name"] for row in rows] == ["x", "y"]
        for name in ("sad", "mse", "mad", "gradient_error", "connectivity_error"):
            expected = float(getattr(metrics, name)(*planes))
            assert float(rows[0][name]) == report["results"][0][name] == expected
            assert report["mean"][name] == pytest.approx((float(rows[0][name]) + float(rows[1][name])) / 2)
        assert "SAD / 1000" in result.out
        assert f"{1000 * report['mean']['mse']:.3f}" in result.out

    def test_whole_image_needs_no_trimap(self, run, files):
        assert run("evaluate @a @t --region whole --json @out.json").code == 0
        planes = [read_alpha(files / folder / "y.png") for folder in "at"]
        report = json.loads((files / "out.json").read_text())
        assert report["region"] == "whole"
        assert report["results"][1]["sad"] == float(metrics.sad(*planes, region="whole"))

    def test_what_cannot_be_scored_is_reported(self, run, files):
        (files / "t" / "x.png").unlink()
        result = run("evaluate @a @t @k")
        assert result.code == 1
        assert "error: x has no truth" in result.err
        assert "mean of 1" in result.out
        write_alpha(files / "t" / "x.png", np.zeros((3, 4)))
        assert "error: x: target has shape (3, 4)" in run("evaluate @a @t @k").err

    def test_nothing_to_score(self, run, files):
        for name in ("x", "y"):
            (files / "a" / f"{name}.png").unlink()
        assert run("evaluate @a @t @k --csv @out.csv").code == 2
        assert not (files / "out.csv").exists()

    def test_output_folder_is_checked_first(self, run):
        result = run("evaluate @a @t @k --csv @none/out.csv")
        assert result.code == 2
        assert "folder that does not exist" in result.err


@pytest.mark.parametrize("option", ["--csv @alphas/image.png", "--json @truths/image.png", "--csv -", "--json @s.csv"])
def test_evaluate_writes_no_numbers_over_pictures(run, files, option):
    for folder in ("alphas", "truths"):
        (files / folder).mkdir()
        (files / folder / "image.png").write_bytes((files / "alpha.png").read_bytes())
    before = (files / "alphas" / "image.png").read_bytes()
    result = run(f"evaluate @alphas @truths --region whole {option}")
    assert result.code == 2
    assert "expected the name of a file ending in" in result.err
    assert (files / "alphas" / "image.png").read_bytes() == (files / "truths" / "image.png").read_bytes() == before
    assert not (files / "s.csv").exists()
