"""``--weights free``: nothing learned from research data runs, and ``--json`` names the weights that were used."""

import json

import numpy as np
import pytest

from hybridmatte import foreground, matte, read_alpha, read_image, read_trimap, register_segmenter
from hybridmatte.automatic import mask_correction, registry
from hybridmatte.batch.budget import Budget
from tests.correction.doubts import without_doubts

NO_FINDER = "error: weights is 'free', and the bundled finder has research weights only, expected a mask or another"
LEFT_OUT = "not corrected: weights is 'free', and the network that corrects masks has research weights only"
USED = [  # command, by default, with --weights free
    ("matte @image.png @trimap.png", "research", "free"),
    ("matte @image.png @trimap.png --weights research", "research", "free"),
    ("matte @image.png @trimap.png -q fast", None, None),
    ("cutout @image.png @trimap.png", "research", "free"),
    ("cutout @image.png @trimap.png -m plain", None, None),
    ("auto @image.png --mask @alpha.png", "research", "free"),
    ("auto @image.png --mask @alpha.png -q fast", "research", None),
    ("auto @image.png --mask @alpha.png -q fast --trust-mask", None, None),
    ("auto @image.png --mask @alpha.png -m plain --erode 3", None, None),
    ("auto @image.png --segmenter red -m plain", "research", None),
    ("auto @image.png --segmenter red --trust-mask", "research", "free"),
    ("refine @image.png @alpha.png", None, None),
    ("compare @image.png @trimap.png -m plain", None, None),
]
COMMANDS = ("matte a b", "cutout a b", "auto a", "refine a b", "compare a b -o c", "evaluate a b", "compile")


@pytest.fixture
def red(monkeypatch):
    """Register a segmenter; the network that corrects masks returns them."""
    monkeypatch.setattr(registry, "_registered", {})
    register_segmenter("red", lambda image: np.float32(image[:, :, 0] > 0.4))
    monkeypatch.setattr(mask_correction, "run_segmenter", lambda _name, _image, mask: mask)


@pytest.mark.usefixtures("fake_alpha", "free_weights", "red")
class TestJson:
    @pytest.mark.parametrize(("command", "research", "free"), USED, ids=[row[0] for row in USED])
    def test_weights_that_were_used(self, run, command, research, free):
        for option, expected in (("", research), ("--weights free", free)):
            result = run(f"{command} -o @out.png --json --force {option}")
            assert result.code == 0
            assert json.loads(result.out)["weights"] == expected

    def test_folders(self, run, folders):  # noqa: ARG002 - the folders of the command
        result = run("matte @images @trimaps -o @out --weights free --json")
        assert {json.loads(line)["weights"] for line in result.out.splitlines()} == {"free"}
        assert len(result.out.splitlines()) == 5

    def test_a_correction_that_is_left_out(self, run):
        result = run("auto @image.png --mask @alpha.png -m plain -o @out.png --json --weights free")
        assert result.err == f"trimap along the mask's outline, alpha by plain; {LEFT_OUT}\n"
        report = json.loads(result.out)
        assert report["correction"] == {
            "applied": False,
            "changed": 0.0,
            "left_out": LEFT_OUT.removeprefix("not corrected: "),
        }

    def test_left_out_in_a_folder(self, run, folders):  # noqa: ARG002 - the folders of the command
        """It is said once."""
        result = run("auto @images --mask @alpha.png -m plain -o @out --weights free")
        assert result.err.count(LEFT_OUT) == 1
        assert "warning" not in result.err

    def test_the_first_line_names_the_weights(self, run):
        result = run("auto @image.png --mask @alpha.png -o @out.png --weights free")
        said = f"trimap along the mask's outline, alpha by matte, quality best, weights free; {LEFT_OUT}"
        assert result.err.splitlines() == [said]
        trusted = run("auto @image.png --mask @alpha.png -o @out.png --force --weights free --trust-mask")
        assert trusted.err.splitlines() == [said.partition(";")[0]]


@pytest.mark.usefixtures("free_weights")
@pytest.mark.parametrize("confidence", ["", "--confidence-map @map.png"])
@pytest.mark.parametrize(
    "command",
    [
        "matte @image.png @trimap.png",
        "cutout @image.png @trimap.png",
        "auto @image.png --mask @alpha.png --trimap @trimap.png --force",
    ],
)
def test_alpha_is_that_of_the_free_network(run, files, command, confidence):
    """With a map of confidence, too."""
    assert run(f"{command} -o @out.png --bits 16 --weights free {confidence}").code == 0
    image, trimap = read_image(files / "image.png"), read_trimap(files / "trimap.png")
    alpha = read_alpha(files / "out.png")
    assert np.abs(alpha - matte(image, trimap, weights="free")).max() < 1e-5
    assert np.abs(alpha - matte(image, trimap)).max() > 0.01


@pytest.mark.usefixtures("free_weights")
def test_no_memory_is_set_aside_for_a_network_that_does_not_run(run, monkeypatch):
    def fail(*_arguments, **_options):
        raise AssertionError

    monkeypatch.setattr(Budget, "beside_correction", fail)
    assert run("auto @image.png --mask @alpha.png -o @out.png --weights free").code == 0


def test_weights_without_confidence_are_named_by_kind(run, replace_weights):
    replace_weights(without_doubts, "fusion_free")
    result = run("matte @image.png @trimap.png -o @out.png --weights free --confidence-map @map.png")
    assert result.code == 2
    assert "have 1 output, expected 2" in result.err
    assert run("matte @image.png @trimap.png -o @out.png --confidence-map @map.png").code == 0


@pytest.mark.usefixtures("no_research_weights")
@pytest.mark.parametrize(
    "command",
    [
        "matte @image.png @trimap.png",
        "cutout @image.png @trimap.png",
        "auto @image.png --mask @alpha.png",
        "compare @image.png @trimap.png -m best",
    ],
)
def test_commands_run_without_the_research_weights(run, command):
    assert run(f"{command} -o @out.png --weights free").code == 0
    result = run(f"{command} -o @out.png --force")
    assert result.code == 2
    assert "or choose weights='free' (--weights free)" in result.err


def test_compile_needs_no_research_weights(run, monkeypatch):
    asked = []
    monkeypatch.setattr(foreground, "cutout", lambda *_, weights: asked.append(weights))
    assert run("compile").code == run("compile --weights free").code == 0
    assert asked == ["research", "free"]


@pytest.mark.parametrize("options", ["", "--segmenter bundled", "--segmenter people -q fast", "--network people"])
@pytest.mark.parametrize("image", ["image.png", "images"])
def test_the_bundled_finder_is_refused(run, folders, image, options):
    """Before anything is written: one sentence that says what helps."""
    result = run(f"auto @{image} -o @out {options} --weights free")
    assert result.code == 2
    assert result.err.startswith(NO_FINDER)
    assert "--mask, for a clip --masks, or --segmenter" in result.err
    assert len(result.err.splitlines()) == 1
    assert not (folders / "out").exists()


@pytest.mark.parametrize(
    "command", ["auto @image.png --network finder -o @out.png", "evaluate --network refiner --data @images"]
)
def test_named_networks_are_refused(run, command):
    pytest.importorskip("torch", reason="the extra deep is not installed")
    result = run(f"{command} --weights free")
    assert result.code == 2
    assert "has research weights only, expected another network than" in result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_both_words_only(run, command):
    result = run(f"{command} --weights mit")
    assert (result.code, result.err) == (2, "error: weights is 'mit', expected 'research' or 'free'\n")


def test_methods_say_what_each_may_be_used_for(run):
    out = " ".join(run("methods").out.split())
    assert "--weights research" in out
    assert "--weights free" in out
    assert "anything (MIT)" in out
