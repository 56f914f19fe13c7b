"""``auto`` without a mask says of each image what was found and how sure the segmenter is, also in a folder."""

import json
import re
from shutil import copyfile

import numpy as np
import pytest

from hybridmatte import register_segmenter
from hybridmatte.automatic import from_mask, mask_correction, registry
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


@pytest.mark.usefixtures("fake_alpha", "images")
@pytest.mark.parametrize("options", ["", "--matte"])
def test_nothing_found_is_one_warning(run, options):
    """There were two warnings, and neither said what to do."""
    (line,) = (
        line
        for line in run(f"auto @images/b.png --segmenter part -m plain -o @b.png {options}").err.splitlines()
        if line.startswith("warning:")
    )
    assert "nothing is found in the image" in line
    assert line.endswith(
        "; give --mask, for a clip --masks, or another segmenter with --segmenter (in Python matte_from_mask, masks= "
        "for a clip, or segmenter=)"
    )


class TestCorrection:
    """How much of a mask was corrected, that a correction was dropped, and that a region is guessed, was not said."""

    MASK = np.zeros((400, 400), np.float32)
    MASK[40:360, 40:360] = 1

    @pytest.fixture
    def photographs(self, files):
        """Write three photographs of one colour, and masks of the same square beside them."""
        for folder in ("in", "masks"):
            (files / folder).mkdir()
        for k, name in enumerate("abc"):
            write_image(files / "in" / f"{name}.png", np.full((400, 400, 3), 0.3 + 0.2 * k, np.float32))
            write_image(files / "masks" / f"{name}.png", np.repeat(self.MASK[:, :, None], 3, axis=2))
        return files

    @pytest.fixture(autouse=True)
    def network(self, monkeypatch):
        """The network takes off a quarter of the square in a, finds something else in b, and doubts the middle in c."""

        def answer(_, image, mask):
            if image.mean() < 0.4:
                return np.where(np.arange(mask.shape[1]) < 0.7 * mask.shape[1], mask, 0).astype(np.float32)
            if image.mean() > 0.6:
                mask[100:280, 100:280] = 0.6
                return mask
            return 1 - mask

        monkeypatch.setattr(mask_correction, "run_segmenter", answer)
        monkeypatch.setattr(from_mask, "solve_cf", lambda _, trimap: np.float32(trimap > 0.5))
        monkeypatch.setattr(from_mask, "matte_band", lambda _, trimap, *__: trimap)

    CORRECTED = re.compile(r"corrected: 2[45]\.\d% of the mask")
    DROPPED = (
        "warning: not corrected: the correction does not fit the mask and was dropped; the mask is taken as it is; "
        "does the mask belong to this photograph? --trust-mask (in Python trust_mask=True) takes it without this check"
    )
    COMMAND = "auto @in --mask @masks --matte -o @out"

    @pytest.mark.usefixtures("photographs")
    def test_lines_of_a_single_image(self, run):
        lines = run("auto @in/a.png --mask @masks/a.png --matte -o @a.png").err.splitlines()
        assert self.CORRECTED.fullmatch(lines[-1])
        assert run("auto @in/b.png --mask @masks/b.png --matte -o @b.png").err.splitlines()[-1] == self.DROPPED
        for trusted in ("--trust-mask", "--erode 3", "--trust-mask --dilate 4", "--trust-mask --erode 3 --dilate 4"):
            result = run(f"auto @in/a.png --mask @masks/a.png --matte -o @c.png --force {trusted}")
            assert result.code == 0
            assert "correct" not in result.err

    @pytest.mark.usefixtures("photographs")
    def test_json_of_single_images(self, run):
        reports = {}
        for name, options in (("a", ""), ("b", ""), ("a", "--trust-mask"), ("a", "--erode 3")):
            result = run(f"auto @in/{name}.png --mask @masks/{name}.png --matte -o @o.png --force --json {options}")
            reports[name + options] = json.loads(result.out)["correction"]
        changed = reports["a"].pop("changed")
        assert 0.24 <= changed <= 0.26
        assert reports == {
            "a": {"applied": True},
            "b": {"applied": False, "changed": 0},
            "a--trust-mask": None,
            "a--erode 3": None,
        }

    @pytest.mark.usefixtures("photographs")
    def test_folders(self, run):
        result = run(self.COMMAND)
        assert result.code == 0
        lines = result.err.splitlines()
        assert any(line.startswith("a.png: ") and self.CORRECTED.fullmatch(line[7:]) for line in lines)
        assert [line for line in lines if "does not fit" in line or "was dropped" in line] == [
            "warning: 1 image with a mask that the correction does not fit, so that the mask is taken as it is: b.png; "
            "do the masks belong to these photographs? --trust-mask takes them without this check"
        ]
        reports = map(json.loads, run(f"{self.COMMAND} --force --json --quiet").out.splitlines())
        by_name = {report["input"][-5:]: report["correction"] for report in reports}
        assert [by_name[name]["applied"] for name in ("a.png", "b.png", "c.png")] == [True, False, True]

    def test_dropped_corrections_are_one_line(self, run, photographs):
        for k in range(7):
            copyfile(photographs / "in" / "b.png", photographs / "in" / f"b{k}.png")
            copyfile(photographs / "masks" / "b.png", photographs / "masks" / f"b{k}.png")
        lines = [line for line in run(self.COMMAND).err.splitlines() if "does not fit" in line]
        assert len(lines) == 1
        assert lines[0].startswith("warning: 8 images with a mask ")
        assert " b.png, b0.png, b1.png, b2.png, b3.png and 3 more; do the masks belong" in lines[0]

    @pytest.mark.usefixtures("photographs")
    def test_the_line_on_the_outline_is_true(self, run):
        """It said that the mask was corrected before that was known."""
        single = "auto @in/{0}.png --mask @masks/{0}.png --matte -o @o.png --force"
        taken = "trimap along the mask's outline, alpha by matte, quality best"
        corrected = taken.replace("the mask", "the corrected mask")
        header = taken.replace(",", ", corrected by the bundled network where that fits the mask,", 1)
        commands = (single.format("a"), single.format("b"), self.COMMAND, single.format("a") + " --trust-mask")
        for command, first, is_last in zip(
            commands, (header, header, header, taken), (True, False, False, False), strict=True
        ):
            lines = run(command).err.splitlines()
            assert lines[0] == first
            assert (corrected in lines) == is_last

    @pytest.mark.usefixtures("photographs")
    def test_a_wide_region_is_one_line(self, run):
        """In a folder it is one line for all images, after the others."""
        single = run("auto @in/c.png --mask @masks/c.png --matte -o @c.png --json")
        assert single.code == 0
        assert single.err.count("warning: a wide region is left unknown: ") == 1
        assert 0.05 < json.loads(single.out)["guessed"] < 0.25
        lines = run(self.COMMAND).err.splitlines()
        (line,) = (line for line in lines if "wide region" in line)
        assert re.search(
            r"^warning: 1 image with a wide region left unknown, .*: .*c\.png \(\d+\.\d%\); a better mask", line
        )
        reports = [json.loads(text) for text in run(f"{self.COMMAND} --force --json --quiet").out.splitlines()]
        assert sorted(report["guessed"] > 0 for report in reports) == [False, False, True]
