"""``--confidence-map``: how likely alpha is right, as a picture beside the result and as numbers in ``--json``."""

import json

import numpy as np
import pytest

from hybridmatte import matte_with_confidence, read_alpha, read_image, read_trimap, split_trimap
from hybridmatte.automatic import from_mask
from hybridmatte.automatic.found import summarize_confidence
from hybridmatte.batch import work
from hybridmatte.correction.matting import matte_in_passes
from hybridmatte.correction.passes import MatteWithConfidence
from hybridmatte.io.pictures import write_alpha
from tests.correction.doubts import with_doubts, without_doubts

COMMANDS = {
    "matte": "matte @image.png @trimap.png -o @out.png",
    "cutout": "cutout @image.png @trimap.png -o @out.png",
    "auto": "auto @image.png --mask @alpha.png --trust-mask -o @out.png",
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
FOLDER = "matte @images @trimaps -o @out"


@pytest.fixture
def weights(replace_weights):
    replace_weights(with_doubts)


@pytest.fixture
def fake(monkeypatch, replace_weights):
    """Replace the default method: alpha is the trimap, and the left quarter of the unknown pixels is in doubt."""
    replace_weights(with_doubts)

    def estimate(_, trimap, **_options):
        is_unknown = split_trimap(trimap).is_unknown
        confidence = np.where(is_unknown, np.float32(0.9), np.float32(1))
        edge = np.quantile(np.nonzero(is_unknown)[1], 0.25)
        confidence[is_unknown & (np.arange(trimap.shape[1]) < edge)] = 0.2
        return MatteWithConfidence(trimap, confidence)

    monkeypatch.setattr(work, "matte_with_confidence", estimate)
    monkeypatch.setattr(from_mask, "matte_in_passes", estimate)


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("fake")
class TestOneImage:
    @every_command
    def test_map_and_numbers(self, run, files, command):
        """A grey picture with 255 on known pixels, a sentence, and the same numbers as JSON."""
        result = run(f"{command} --confidence-map @map.png --json")
        assert result.code == 0
        report = json.loads(result.out)["confidence"]
        assert set(report) == {"mean", "likely_wrong"}
        assert 0.15 < report["likely_wrong"] < 0.3
        assert report["mean"] == pytest.approx(0.9 - 0.7 * report["likely_wrong"], abs=2e-4)
        shown = f"{100 * report['mean']:.1f}% in the mean of the unknown pixels, {100 * report['likely_wrong']:.1f}% of"
        assert f"confidence: {shown} them are likely wrong" in result.err
        confidence = read_alpha(files / "map.png")
        assert set(np.rint(255 * confidence).ravel()) == {51, 230, 255}
        assert confidence.shape == read_trimap(files / "trimap.png").shape

    @every_command
    def test_result_is_the_same(self, run, files, command, monkeypatch):
        """The option changes neither the result nor, without it, the report."""
        assert run(f"{command} --confidence-map @map.png").code == 0
        monkeypatch.setattr(work, "matte_by", lambda _, trimap, *__: trimap)
        monkeypatch.setattr(from_mask, "matte_band", lambda _, trimap, *__: trimap)
        monkeypatch.setattr("hybridmatte.foreground.matte_by", lambda _, trimap, *__: trimap)
        result = run(f"{command.replace('out.png', 'plain.png')} --json")
        assert "confidence" not in json.loads(result.out)
        assert "confidence" not in result.err
        assert (files / "out.png").read_bytes() == (files / "plain.png").read_bytes()

    def test_sixteen_bits(self, run, files):
        result = run(f"{COMMANDS['matte']} --confidence-map @map.png --bits 16")
        assert result.code == 0
        assert (files / "map.png").read_bytes()[24] == 16
        assert np.abs(read_alpha(files / "map.png") - 0.9).min() < 1e-5

    def test_reports_of_auto_keep_their_entries(self, run):
        report = json.loads(run(f"{COMMANDS['auto']} --confidence-map @map.png --json").out)
        assert {"correction", "guessed", "confidence"} <= set(report)
        assert not {"correction", "guessed"} & set(
            json.loads(run(f"{COMMANDS['matte']} --force --confidence-map @other.png --json").out)
        )

    @every_command
    def test_nothing_is_overwritten(self, run, files, command):
        (files / "map.png").write_bytes(b"precious")
        result = run(f"{command} --confidence-map @map.png")
        assert result.code == 2
        assert "map.png exists, expected another file, or --force to overwrite it" in result.err
        assert not (files / "out.png").exists()
        assert (files / "map.png").read_bytes() == b"precious"
        assert run(f"{command} --confidence-map @map.png --force").code == 0
        assert read_alpha(files / "map.png").max() == 1

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("@out.png", "expected another file than the output"),
            ("@./out.png", "expected another file than the output"),
            ("@image.png", "is also an input"),
            ("@trimap.png", "is also an input"),
            ("@none/map.png", "none"),
            ("@map.txt", "ends in '.txt'"),
            ("@", "is a folder, expected the name of a file"),
            ("@{stem}_{size}.png", "has the field {size}, expected {stem}, {name} or {parent}"),
        ],
    )
    def test_bad_files(self, run, files, name, said):
        before = written(files)
        result = run(f"{COMMANDS['matte']} --confidence-map {name} --force")
        assert result.code == 2
        assert said in result.err
        assert len(result.err.splitlines()) == 1
        assert written(files) == before

    def test_standard_output(self, run):
        """One of the two may be standard output."""
        assert (
            "expected another file than the output" in run("matte @image.png @trimap.png -o - --confidence-map -").err
        )
        result = run(f"{COMMANDS['matte']} --confidence-map - --json")
        assert result.code == 2
        assert "standard output, which --json uses" in result.err

    def test_standard_input_has_no_name(self, run):
        result = run("matte - @trimap.png -o @out.png --confidence-map {stem}_confidence.png")
        assert result.code == 2
        assert "is a name pattern, expected a file, as the image is standard input" in result.err

    def test_name_pattern(self, run, files):
        """It names a file beside the image, as for trimaps."""
        assert run(f"{COMMANDS['matte']} --confidence-map {{stem}}_confidence.png").code == 0
        assert (files / "image_confidence.png").exists()

    def test_trimap_is_another_file(self, run):
        result = run(f"{COMMANDS['auto']} --trimap @map.png --confidence-map @map.png")
        assert "--trimap" in result.err
        assert "expected another file than the confidence map" in result.err

    def test_resume(self, run, files):
        """An image is finished if both files exist."""
        command = f"{COMMANDS['matte']} --confidence-map @map.png --resume --json"
        assert json.loads(run(command).out)["status"] == "written"
        skipped = json.loads(run(command).out)
        assert skipped["status"] == "skipped"
        assert "confidence" not in skipped
        (files / "map.png").unlink()
        assert json.loads(run(command).out)["status"] == "written"
        assert (files / "map.png").exists()

    def test_a_mask_in_place_of_a_trimap(self, run, files, scene, monkeypatch):
        """Without an unknown pixel all is certain, and the numbers are numbers."""
        monkeypatch.setattr(work, "matte_with_confidence", matte_with_confidence)
        write_alpha(files / "mask.png", scene.alpha > 0.5)
        result = run("matte @image.png @mask.png -o @out.png --confidence-map @map.png --json")
        assert "no unknown pixel" in result.err
        assert json.loads(result.out)["confidence"] == {"mean": 1, "likely_wrong": 0}
        assert (read_alpha(files / "map.png") == 1).all()


class TestRefused:
    @every_command
    @pytest.mark.parametrize("option", ["--method cf", "--quality fast"])
    @pytest.mark.usefixtures("weights")
    def test_other_methods(self, run, files, command, option):
        before = written(files)
        result = run(f"{command} --confidence-map @map.png {option}")
        assert result.code == 2
        expected = f"expected none with {option}: only the quality best says how likely alpha is right"
        assert expected in result.err
        assert len(result.err.splitlines()) == 1
        assert written(files) == before

    def test_networks(self, run):
        result = run("auto @image.png --network somewhere -o @out.png --confidence-map @map.png")
        assert result.code == 2
        assert "map.png, expected none with --network" in result.err

    @every_command
    def test_weights_with_one_output(self, run, files, command, replace_weights):
        """Weights that cannot tell are named before anything is solved."""
        replace_weights(without_doubts)
        before = written(files)
        result = run(f"{command} --confidence-map @map.png")
        assert result.code == 2
        assert "have 1 output, expected 2: the second says how likely alpha is wrong" in result.err
        assert written(files) == before


@pytest.mark.usefixtures("fake")
class TestFolders:
    def test_a_folder_of_maps(self, run, folders):
        """One map for each result, a sentence for each image, and its numbers as JSON."""
        result = run(f"{FOLDER} --confidence-map @maps --json")
        assert result.code == 1  # two images have no pair
        assert written(folders / "maps") == written(folders / "out") == ["a.png", "b.png", "c.png"]
        reports = [json.loads(line) for line in result.out.splitlines()]
        assert [report["status"] for report in reports if "confidence" in report] == ["written"] * 3
        assert sum("likely wrong" in line for line in result.err.splitlines()) == 3

    def test_resume(self, run, folders):
        """Images without their map are done again; the others are left."""
        command = f"{FOLDER} --confidence-map @maps"
        run(command)
        assert "output has 6 of 8 files already" in run(command).err
        (folders / "maps" / "b.png").unlink()
        times = {path: path.stat().st_mtime_ns for path in folders.rglob("*.png")}
        result = run(f"{command} --resume")
        assert "1 written, 2 already there" in result.err
        changed = {path.name for path in folders.rglob("*.png") if times.get(path) != path.stat().st_mtime_ns}
        assert changed == {"b.png"}

    def test_existing_maps_are_counted_before_the_work(self, run, folders):
        (folders / "maps").mkdir()
        (folders / "maps" / "c.png").write_bytes(b"precious")
        result = run(f"{FOLDER} --confidence-map @maps")
        assert result.code == 2
        assert "output has 1 of 8 files already" in result.err
        assert written(folders / "maps") == ["c.png"]
        assert not (folders / "out").exists() or written(folders / "out") == []

    @pytest.mark.parametrize(
        ("pattern", "place"),
        [
            ("{stem}_confidence.png", "images/{}_confidence.png"),
            ("{parent}/{name}.map.png", "images/{}.jpg.map.png"),
            ("@maps/{stem}.tif", "maps/{}.tif"),
            ("@new/{stem}_map.png", "new/{}_map.png"),
        ],
    )
    def test_name_patterns(self, run, folders, pattern, place):
        """Relative patterns count from the folder of the image, as for trimaps."""
        (folders / "maps").mkdir()
        result = run(f"{FOLDER} --confidence-map {pattern}")
        assert result.err.splitlines()[-1].startswith("3 written")
        assert all((folders / place.format(name)).is_file() for name in "abc")

    def test_maps_beside_the_images_are_no_images(self, run, folders):
        """A second run does not take them for photographs."""
        command = f"{FOLDER} --confidence-map {{stem}}_confidence.png"
        run(command)
        result = run(f"{command} --resume")
        assert "3 already there" in result.err
        assert "a_confidence.png" in result.err
        assert not (folders / "out" / "a_confidence.png").exists()

    def test_relative_patterns_from_the_working_folder(self, run, folders, monkeypatch):
        monkeypatch.chdir(folders)
        run(f"{FOLDER} --confidence-map maps/{{stem}}.png")
        assert written(folders / "maps") == ["a.png", "b.png", "c.png"]

    def test_recursive(self, run, folders):
        """The folder of maps gets the same tree, and is not searched for images."""
        for kind, ending in (("images", "jpg"), ("trimaps", "png")):
            (folders / kind / "deep").mkdir()
            (folders / kind / f"a.{ending}").rename(folders / kind / "deep" / f"a.{ending}")
        command = f"{FOLDER} --confidence-map @images/maps --recursive"
        run(command)
        assert written(folders / "images" / "maps") == ["b.png", "c.png", "deep/a.png"]
        result = run(f"{command} --resume")
        assert "0 written, 3 already there" in result.err
        assert "maps/b.png" not in result.err

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("-", "--confidence-map is -, expected a folder or a name pattern for many images"),
            ("@out", "is also the output of"),
            ("@images", "is also an input, expected another folder"),
            ("@map.png", "is named like a picture, expected a folder"),
            ("@none/maps", "lies in a folder that does not exist"),
            ("@none/maps/{stem}.png", "lies in a folder that does not exist"),
            ("@trimaps/{stem}.png", "is also an input"),
            ("@out/{stem}.png", "is also the output of"),
            ("@map{parent}.png", "expected a pattern such as {parent}/{stem}_confidence.png"),
            ("@maps/{stem}.txt", "ends in '.txt'"),
            ("@maps/{stem}{", "is no name pattern"),
        ],
    )
    def test_bad_names(self, run, folders, name, said):
        """Refused once, before anything is solved; --force does not help."""
        result = run(f"{FOLDER} --confidence-map {name} --force")
        assert result.code == 2
        assert said in result.err
        assert not (folders / "out").exists() or written(folders / "out") == []

    def test_auto_without_masks(self, run, folders, monkeypatch):
        """An image in which nothing is found is certain; --json says that nothing is found."""
        monkeypatch.setattr("hybridmatte.batch.segmenter_work.find_by_name", lambda image, **_: 0 * image[:, :, 0])
        (folders / "images" / "broken.png").unlink()
        result = run("auto @images -o @out --confidence-map @maps --json")
        assert result.code == 0
        reports = [json.loads(line) for line in result.out.splitlines()]
        assert [(report["found"], report["confidence"]["likely_wrong"]) for report in reports] == [(0, 0)] * 4
        assert len(written(folders / "maps")) == 4


@pytest.mark.usefixtures("weights")
class TestSolved:
    """Without a replaced solver, with weights of two outputs."""

    def test_map_is_the_confidence(self, run, files):
        assert run(f"{COMMANDS['matte']} --confidence-map @map.png --bits 16").code == 0
        image, trimap = read_image(files / "image.png"), read_trimap(files / "trimap.png")
        alpha, confidence = matte_with_confidence(image, trimap)
        assert np.abs(read_alpha(files / "out.png") - alpha).max() < 1e-5
        assert np.abs(read_alpha(files / "map.png") - confidence).max() < 1e-5

    def test_auto_solves_once(self, run, files):
        """In one pass, as a second gains nothing in the band along a mask."""
        command = "auto @image.png --mask @alpha.png --trust-mask --matte --trimap @found.png --bits 16 -o @out.png"
        assert run(f"{command} --confidence-map @map.png").code == 0
        image, trimap = read_image(files / "image.png"), read_trimap(files / "found.png")
        alpha, confidence = matte_in_passes(image, trimap, passes=1)
        assert np.abs(read_alpha(files / "out.png") - alpha).max() < 1e-5
        assert np.abs(read_alpha(files / "map.png") - confidence).max() < 1e-5


def test_summary():
    """Mean of the unknown pixels, and the share below one half."""
    confidence, is_unknown = np.float32([[1, 0.5, 0.2, 0.3]]), np.array([[False, True, True, True]])
    mean, likely_wrong = summarize_confidence(confidence, is_unknown)
    assert mean == pytest.approx(1 / 3)
    assert likely_wrong == pytest.approx(2 / 3)
