"""``auto`` without a mask says of each image what was found and how sure the segmenter is, also in a folder."""

import json

import numpy as np
import pytest

from hybridmatte import register_segmenter
from hybridmatte.automatic import registry
from hybridmatte.io.pictures import write_image

SENTENCE = "found: 25.0% of the image, certain on 75.0% of its pixels"
FOLDER = "auto @images --segmenter part --matte -m plain -o @out"


@pytest.fixture(autouse=True)
def part(monkeypatch):
    """Register a segmenter that finds the left quarter of a bright image, unsurely left and right of its edge."""
    monkeypatch.setattr(registry, "_registered", {})

    def find(image):
        mask = np.zeros((100, 100), np.float32)
        if image.mean() > 0.1:
            mask[:, :25], mask[:, 12:37] = 1, np.linspace(0.79, 0.21, 25)
        return mask[:, ::-1]

    register_segmenter("part", find)


@pytest.fixture
def images(files):
    (files / "images" / "deep").mkdir(parents=True)
    for name, value in (("a", 0.5), ("b", 0.0), ("deep/c", 0.7)):
        write_image(files / "images" / f"{name}.png", np.full((100, 100, 3), value, np.float32))
    return files


@pytest.mark.usefixtures("fake_alpha", "images")
class TestFolders:
    def test_each_image_has_a_line(self, run):
        """A folder run ended with "2 written" alone, also where nothing was found."""
        result = run(f"{FOLDER} --recursive")
        assert result.code == 0
        lines = result.err.splitlines()
        assert f"a.png: {SENTENCE}" in lines
        assert "b.png: found: nothing" in lines
        assert f"c.png: {SENTENCE}" in lines
        assert lines[-1].startswith("3 written")

    def test_quiet(self, run):
        result = run(f"{FOLDER} --quiet")
        assert (result.code, result.out, result.err) == (0, "", "")

    def test_json_carries_numbers(self, run):
        result = run(f"{FOLDER} --json --quiet")
        reports = {line["input"][-5:]: line for line in map(json.loads, result.out.splitlines())}
        assert (reports["a.png"]["found"], reports["a.png"]["certain"]) == (0.25, 0.75)
        assert (reports["b.png"]["found"], reports["b.png"]["certain"]) == (0, 1)
        again = json.loads(run(f"{FOLDER} --json --quiet --resume").out.splitlines()[0])
        assert again["status"] == "skipped"
        assert "found" not in again


@pytest.mark.usefixtures("fake_alpha", "images")
def test_a_single_image_reports_the_same_numbers(run):
    result = run("auto @images/a.png --segmenter part --matte -m plain -o @out.png --json")
    assert SENTENCE in result.err
    report = json.loads(result.out)
    assert (report["found"], report["certain"]) == (0.25, 0.75)
    given = json.loads(run("auto @image.png --mask @alpha.png --matte -m plain -o @given.png --json").out)
    assert "found" not in given
