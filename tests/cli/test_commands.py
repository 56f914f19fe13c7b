"""Commands on one image and on folders."""

import io
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import hybridmatte
from hybridmatte.cli import main
from hybridmatte.cli.app import COMMANDS
from hybridmatte.io.pictures import read_alpha, read_image, write_alpha, write_image


def names(folder):
    return sorted(path.name for path in folder.iterdir())


INPUTS = ["alpha.png", "image.png", "trimap.png"]


def test_version_comes_before_heavy_imports():
    code = (
        "import sys; from hybridmatte.cli import main; main(['--version']);"
        "print([name for name in ('numpy', 'typer', 'rich', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"hybridmatte {hybridmatte.__version__}\n[]\n"


@pytest.mark.parametrize(
    "arguments", [["--help"], *([command.__name__.replace("_", "-"), "--help"] for command in COMMANDS)], ids=" ".join
)
def test_help_is_light(arguments):
    code = (
        f"import sys; from hybridmatte.cli import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'PIL', 'numba', 'scipy', 'cv2', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: hybridmatte" in done.stdout
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.usefixtures("fake_alpha")
class TestMatte:
    def test_writes_the_alpha(self, run, files):
        assert run("matte @image.png @trimap.png -o @out.png").code == 0
        np.testing.assert_array_equal(read_alpha(files / "out.png"), read_alpha(files / "trimap.png"))
        assert names(files) == sorted([*INPUTS, "out.png"])

    def test_method_is_passed_on(self, run, fake_alpha):
        run("matte @image.png @trimap.png -o @out.png")
        run("matte @image.png @trimap.png -o @out.png --method warns --force")
        run("cutout @image.png @trimap.png -o @out.png -q fast --force")
        assert fake_alpha.calls == ["best", "warns", "fast"]

    def test_sixteen_bits(self, run, files):
        assert run("matte @image.png @trimap.png -o @out.tif --bits 16").code == 0
        assert (files / "out.tif").stat().st_size > 0
        assert np.abs(read_alpha(files / "out.tif") - read_alpha(files / "trimap.png")).max() < 1e-4

    def test_convergence_warnings_are_one_line(self, run):
        result = run("matte @image.png @trimap.png -o @out.png -m warns")
        assert result.code == 0
        assert result.err == "warning: conjugate gradients reached 1e-3, expected 1e-6\n"

    def test_standard_streams(self, files, monkeypatch, capsysbinary):
        stdin = SimpleNamespace(buffer=io.BytesIO((files / "image.png").read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(SystemExit, match="0"):
            main(["matte", "-", str(files / "trimap.png"), "-o", "-"])
        out = capsysbinary.readouterr().out
        np.testing.assert_array_equal(read_alpha(io.BytesIO(out)), read_alpha(files / "trimap.png"))

    @pytest.mark.usefixtures("fake_alpha")
    def test_resume_does_an_empty_file_again(self, run, files):
        (files / "out.png").touch()
        assert run("matte @image.png @trimap.png -o @out.png --resume").code == 0
        assert (files / "out.png").stat().st_size > 0

    @pytest.mark.usefixtures("fake_alpha")
    def test_missing_image_is_named_before_the_output(self, run):
        result = run("matte @nosuch.png @trimap.png -o @out")
        assert result.code == 2
        assert "nosuch.png does not exist, expected a picture" in result.err

    def test_resume(self, run, files, fake_alpha):
        (files / "out.png").write_text("finished")
        assert run("matte @image.png @trimap.png -o @out.png --resume").code == 0
        assert (files / "out.png").read_text() == "finished"
        assert not fake_alpha.calls


BAD = [
    pytest.param("matte @image.png @missing.png -o @out.png", "does not exist", id="missing file"),
    pytest.param("matte @text.png @trimap.png -o @out.png", "text.png is of another kind", id="text named png"),
    pytest.param("matte @cut.png @trimap.png -o @out.png", "cut.png is damaged or truncated", id="truncated"),
    pytest.param("matte @empty.png @trimap.png -o @out.png", "empty.png is empty", id="empty file"),
    pytest.param("matte @image.png @image.png -o @out.png", "trimap .*image.png has colour", id="colour trimap"),
    pytest.param(
        "matte @image.png @turned.png -o @out.png", "trimap has shape .* but image has", id="transposed trimap"
    ),
    pytest.param("matte @image.png @trimap.png -o @image.png", "is also an input", id="output is the image"),
    pytest.param("matte @image.png @trimap.png -o @trimap.png", "is also an input", id="output is the trimap"),
    pytest.param("matte @image.png @trimap.png -o @none/out.png", "folder that does not exist", id="no folder"),
    pytest.param("matte @image.png @trimap.png -o @out.gif", "ends in '.gif'", id="unknown extension"),
    pytest.param("matte @image.png @trimap.png -o @out.jpg --bits 16", "expected .png or .tif", id="16-bit JPEG"),
    pytest.param("matte @image.png @trimap.png -o @out.png --bits 9", "bits is 9", id="9 bits"),
    pytest.param("matte @image.png @trimap.png -o @out.png -m good", "method is 'good', expected 'plain'", id="method"),
    pytest.param("matte @image.png @trimap.png -o @out.png -m best", "best is a quality", id="quality as method"),
    pytest.param(
        "matte @image.png @trimap.png -o @out.png -q good", "quality is 'good', expected 'best' or 'fast'", id="quality"
    ),
    pytest.param("cutout @image.png @trimap.png -o @out.png -q fast -m plain", "expected one of the two", id="both"),
    pytest.param("matte @image.png @trimap.png -o @out.png -m fails", "system is singular", id="singular"),
    pytest.param("matte @image.png @trimap.png -o @out.png --max-pixels 9", "expected at most 9", id="too large"),
    pytest.param("matte @image.png @trimap.png -o @out.png --workers 2", "workers is 2", id="workers for one image"),
    pytest.param("matte - - -o @out.png", "given for two inputs", id="two standard inputs"),
    pytest.param("cutout @image.png @trimap.png -o @out.jpg", "cannot hold transparency", id="JPEG cut-out"),
    pytest.param("cutout @image.png @trimap.png -o @image.png", "is also an input", id="cut-out over the image"),
    pytest.param("trimap @image.png -o @out.png", "has colour", id="colour mask"),
    pytest.param("trimap @alpha.png -o @out.png --erode 99", "erode is 99 pixels and leaves no", id="eaten"),
    pytest.param("trimap @alpha.png -o @out.png --from guess", "--from is 'guess'", id="kind"),
    pytest.param("trimap @alpha.png -o @alpha.png", "is also an input", id="trimap over its mask"),
    pytest.param(
        "composite @image.png @alpha.png -o @out.png -b nocolour", "is no colour and no file", id="colour name"
    ),
    pytest.param("composite @image.png @turned.png -o @out.png", "alpha has shape", id="transposed alpha"),
    pytest.param("composite @image.png @alpha.png -o @out.png -b @text.png", "of another kind", id="background"),
    pytest.param("composite @image.png @alpha.png -o @alpha.png -b white", "is also an input", id="over its alpha"),
    pytest.param("composite @image.png @alpha.png -o @turned.png -b @turned.png", "is also an input", id="over it"),
    pytest.param("composite @image.png @alpha.png -o @out.png -b @", "background .* is a folder", id="folder behind"),
    pytest.param("composite @image.png @alpha.png -o @out.jpg -b transparent", "hold transparency", id="no colour"),
    pytest.param("composite @image.png @alpha.png -o @out.png --fit crop", "--fit is 'crop', expected", id="fit"),
    pytest.param(
        "composite @image.png @alpha.png -o @out.png --background red --fit contain",
        "--fit is contain, expected none without a picture as --background",
        id="fit of a colour",
    ),
    pytest.param(
        "composite @image.png @alpha.png -o @out.png --fit cover", "--fit is cover, expected none", id="fit of white"
    ),
    pytest.param(
        "cutout @image.png @trimap.png -o @out.png --fit cover", "--fit is cover, expected none", id="fit of nothing"
    ),
    pytest.param("cutout @image.png @trimap.png -o @out.png -b nocolour", "is no colour and no file", id="no such"),
    pytest.param("cutout @image.png @trimap.png -o @out.png -b -", "background is -, expected", id="stream behind"),
    pytest.param(
        "auto @image.png --mask @alpha.png -m plain --matte -o @out.png -b red",
        "--background is red, expected none with --matte",
        id="alpha over a colour",
    ),
    pytest.param("matte @image.png @trimap.png -o @out.png -r", "--recursive is given", id="recursive for one"),
    pytest.param("matte @*.jpg @trimap.png -o @out", "matches no file", id="pattern without a match"),
    pytest.param("matte @image.png @{stem}_t.png -o @out.png", "has no trimap, expected .*image_t", id="absent"),
    pytest.param("matte @. @{size}.png -o @out", "has the field {size}, expected {stem}", id="unknown field"),
    pytest.param("matte @. @{stem.png -o @out", "is no name pattern", id="open brace"),
    pytest.param("matte @. - -o @out", "trimap is -, expected a file, a folder", id="stream for many"),
    pytest.param("matte @. @trimap.png -o -", "output is -, expected a folder", id="many to a stream"),
    pytest.param("composite @image.png -o @out.png", "has colour", id="opaque cut-out"),
    pytest.param("compare @image.png @trimap.png -o @out.png -m plain,good", "method is 'good'", id="compare method"),
    pytest.param("compare @image.png @trimap.png -o @out.png -m fails", "no method could", id="all fail"),
    pytest.param("evaluate @a @b", "TRIMAPS is missing", id="no trimaps"),
    pytest.param("evaluate @a @b --region some", "--region is 'some'", id="region"),
    pytest.param("evaluate @a @b --region whole", "alpha .* does not exist", id="no folder of alphas"),
    pytest.param("matte @. @missing -o @out", "trimap .*missing does not exist", id="no folder of trimaps"),
    pytest.param("matte @. @. -o @.", "is also an input", id="output folder is the input"),
    pytest.param("matte @. @. -o @none/out", "folder that does not exist", id="no parent"),
    pytest.param("matte @. @. -o @out.png", "named like a picture", id="picture for a folder"),
    pytest.param(
        "auto @alpha.png --mask @image.png -o @out.png -m plain", "mask .*image.png has colour", id="mask swapped"
    ),
]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("command", "message"), BAD)
def test_bad_input_is_one_sentence_and_nothing_written(run, files, scene, command, message):
    (files / "text.png").write_text("I am no picture")
    (files / "empty.png").touch()
    (files / "cut.png").write_bytes((files / "image.png").read_bytes()[:300])
    write_alpha(files / "turned.png", scene.trimap.T)
    before = {path: path.read_bytes() for path in files.iterdir()}
    result = run(command)
    assert result.code == 2
    sentence = result.err.splitlines()[-1]
    assert sentence.startswith("error: ")
    assert re.search(message, sentence)
    assert "Traceback" not in result.err
    assert result.out == ""
    assert {path: path.read_bytes() for path in files.iterdir()} == before


def test_usage_errors_leave_with_two(run):
    assert run("matte @image.png").code == 2
    assert run("matte @image.png @trimap.png -o @out.png --workers 0").code == 2
    assert run("nonsense").code == 2


@pytest.mark.usefixtures("fake_alpha")
def test_the_solver_is_not_called_when_the_output_is_bad(run, fake_alpha):
    run("matte @image.png @trimap.png -o @none/out.png")
    run("matte @image.png @trimap.png -o @image.png")
    assert not fake_alpha.calls


@pytest.mark.usefixtures("fake_alpha")
def test_cutout_is_rgba_with_clean_colours(run, files):
    assert run("cutout @image.png @trimap.png -o @out.png").code == 0
    np.testing.assert_array_equal(read_alpha(files / "out.png"), read_alpha(files / "trimap.png"))
    image, colours = read_image(files / "image.png"), read_image(files / "out.png")
    inside = read_alpha(files / "trimap.png") == 1
    assert np.abs(colours - image)[inside].max() < 0.02
    assert np.abs(colours - image)[~inside].max() > 0.1


@pytest.mark.usefixtures("fake_alpha", "folders")
class TestFolders:
    @pytest.mark.parametrize("command", ["matte", "cutout"])
    def test_bad_files_stop_no_other(self, run, files, command):
        result = run(f"{command} @images @trimaps -o @out")
        assert result.code == 1
        assert names(files / "out") == ["a.png", "b.png", "c.png"]
        lines = result.err.splitlines()
        assert any("lonely.jpg has no trimap" in line for line in lines)
        assert any("broken.png is of another kind" in line for line in lines)
        assert lines[-1] == "3 written, 0 already there, 2 failed"

    def test_resume_skips_what_is_there(self, run, files, fake_alpha):
        (files / "out").mkdir()
        (files / "out" / "b.png").write_text("finished")
        result = run("matte @images @trimaps -o @out --resume")
        assert (files / "out" / "b.png").read_text() == "finished"
        assert result.err.splitlines()[-1] == "2 written, 1 already there, 2 failed"
        assert len(fake_alpha.calls) == 2
        run("matte @images @trimaps -o @out --force")
        assert (files / "out" / "b.png").read_bytes().startswith(b"\x89PNG")

    def test_success_leaves_with_zero(self, run, files):
        (files / "images" / "lonely.jpg").unlink()
        (files / "images" / "broken.png").unlink()
        result = run("matte @images @trimaps -o @out --method warns")
        assert result.code == 0
        assert result.err.count("warning: a.jpg: conjugate gradients reached") == 1
        assert result.err.splitlines()[-1] == "3 written, 0 already there, 0 failed"


def test_trimap_from_mask_and_alpha(run, files):
    assert run("trimap @alpha.png -o @mask_trimap.png --erode 2 --dilate 3").code == 0
    assert run("trimap @alpha.png -o @alpha_trimap.png --from alpha").code == 0
    alpha = read_alpha(files / "alpha.png")
    expected = hybridmatte.trimap_from_mask(alpha, erode=2, dilate=3)
    assert np.abs(read_alpha(files / "mask_trimap.png") - expected).max() < 0.003
    expected = hybridmatte.trimap_from_alpha(alpha)
    assert np.abs(read_alpha(files / "alpha_trimap.png") - expected).max() < 0.003


def test_composite_of_image_and_alpha(run, files, scene):
    assert run("composite @image.png @alpha.png -o @out.png -b #00ff00").code == 0
    out = read_image(files / "out.png")
    outside = scene.alpha == 0
    assert np.abs(out - [0, 1, 0])[outside].max() == 0
    image, alpha = read_image(files / "image.png"), read_alpha(files / "alpha.png")
    expected = hybridmatte.composite(hybridmatte.estimate_foreground(image, alpha), alpha, (0, 1, 0))
    assert np.abs(out - expected).max() < 0.003
    assert run("composite @image.png @alpha.png -o @same.png -b @image.png").code == 0
    assert np.abs(read_image(files / "same.png") - scene.image)[outside].max() < 0.003


def test_composite_of_a_cutout(run, files, scene):
    write_image(files / "cut.png", np.dstack([scene.image, scene.alpha]))
    assert run("composite @cut.png -o @out.png --background black").code == 0
    assert np.abs(read_image(files / "out.png") - scene.image * scene.alpha[:, :, None]).max() < 0.006


@pytest.mark.usefixtures("fake_alpha")
def test_compare_draws_what_it_can(run, files):
    assert run("compare @image.png @trimap.png -o @sheet.png --methods plain,warns").code == 0
    assert min(read_image(files / "sheet.png").shape[:2]) > 300
    result = run("compare @image.png @trimap.png -o @other.png")
    assert result.code == 1
    assert "error: fails: system is singular" in result.err
    assert (files / "other.png").exists()


@pytest.mark.usefixtures("fake_alpha")
def test_methods_are_listed(run):
    result = run("methods")
    assert result.code == 0
    assert "--quality best" in result.out
    assert "fails at it" in result.out
    assert "when fails is wanted" in result.out


@pytest.mark.parametrize("way", ["", "--quality fast", "--method cf"])
def test_mask_as_trimap_is_pointed_out(run, files, scene, way):
    write_alpha(files / "mask.png", (scene.alpha > 0.5).astype(np.float32))
    result = run(f"matte @image.png @mask.png -o @out.png {way}")
    assert result.code == 0
    assert result.err.count("warning: trimap has no unknown pixel, so nothing is solved") == 1


def test_the_default_band_of_each_command_is_told(run):
    """The help of `auto` gave the widths of `trimap`; its own band follows the mask."""
    of_auto, of_trimap = (
        " ".join(run(f"{command} --help").out.replace("│", " ").split()) for command in ("auto", "trimap")
    )
    widths, band = "Default: 1% of the diagonal, or 0.5% for an alpha", "Default: the band follows the mask"
    assert (of_auto.count(widths), of_auto.count(band)) == (0, 2)
    assert (of_trimap.count(widths), of_trimap.count(band)) == (1, 0)
