import csv
import ctypes
import io
import json
import re
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

import hybridmatte
from hybridmatte import compilation, metrics
from hybridmatte.cli import first_use, main
from hybridmatte.correction import matting
from hybridmatte.errors import ConvergenceWarning
from hybridmatte.io.pictures import read_alpha, read_image, write_alpha, write_image
from hybridmatte.methods.registry import METHODS, Method


@pytest.fixture
def fake_alpha(monkeypatch):
    """Replace the solvers: alpha is the trimap, with a warning or an error for some methods; list who was called."""
    solvers = SimpleNamespace(calls=[], solve=_return_trimap)

    def called(name):
        def solve(image, trimap, **_):
            solvers.calls.append(name)
            return solvers.solve(image, trimap, name)

        return solve

    for name in list(METHODS):
        monkeypatch.delitem(METHODS, name)
    for name in ("plain", "warns", "fails"):
        monkeypatch.setitem(METHODS, name, Method(name, called(name), f"{name} at it", f"when {name} is wanted"))
    monkeypatch.setattr(matting, "matte", lambda image, trimap, quality: called(quality)(image, trimap))
    return solvers


def _return_trimap(image, trimap, name):
    if image.shape[:2] != trimap.shape:
        raise ValueError(f"trimap has shape {trimap.shape} but image has shape {image.shape}")
    if name == "fails":
        raise np.linalg.LinAlgError("system is singular, expected a known pixel")
    if name == "warns":
        warnings.warn("conjugate gradients reached 1e-3,\nexpected 1e-6", ConvergenceWarning, stacklevel=1)
    return trimap


@pytest.fixture
def files(tmp_path, scene):
    """Hold image.png and trimap.png of the soft disk, and alpha.png."""
    write_image(tmp_path / "image.png", scene.image)
    write_alpha(tmp_path / "trimap.png", scene.trimap)
    write_alpha(tmp_path / "alpha.png", scene.alpha)
    return tmp_path


@pytest.fixture
def run(files, capsys):
    """Run a command in words, ``@`` standing for the folder; return its exit code and two streams."""

    def command(text):
        try:
            code = main([word.replace("@", f"{files}/") for word in text.split()]) or 0
        except SystemExit as leave:
            code = leave.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return command


def names(folder):
    return sorted(path.name for path in folder.iterdir())


INPUTS = ["alpha.png", "image.png", "trimap.png"]


def test_version_comes_before_heavy_imports():
    code = ("import sys; from hybridmatte.cli import main; main(['--version']);"
            "print([name for name in ('numpy', 'typer', 'rich', 'PIL') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"hybridmatte {hybridmatte.__version__}\n[]\n"


def test_help_loads_no_solver():
    code = ("import sys; from hybridmatte.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
            "print([name for name in ('numba', 'scipy', 'cv2', 'pymatting', 'torch') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.usefixtures("fake_alpha")
class TestMatte:
    def test_writes_the_alpha(self, run, files):
        assert run("matte @image.png @trimap.png -o @out.png").code == 0
        np.testing.assert_array_equal(read_alpha(files / "out.png"), read_alpha(files / "trimap.png"))
        assert names(files) == sorted([*INPUTS, "out.png"])

    def test_method_is_passed_on(self, run, fake_alpha):
        run("matte @image.png @trimap.png -o @out.png")
        run("matte @image.png @trimap.png -o @out.png --method warns")
        run("cutout @image.png @trimap.png -o @out.png -q fast")
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
    pytest.param("matte @image.png @turned.png -o @out.png",
                 "trimap has shape .* but image has", id="transposed trimap"),
    pytest.param("matte @image.png @trimap.png -o @image.png", "is also an input", id="output is the image"),
    pytest.param("matte @image.png @trimap.png -o @trimap.png", "is also an input", id="output is the trimap"),
    pytest.param("matte @image.png @trimap.png -o @none/out.png", "folder that does not exist", id="no folder"),
    pytest.param("matte @image.png @trimap.png -o @out.gif", "ends in '.gif'", id="unknown extension"),
    pytest.param("matte @image.png @trimap.png -o @out.jpg --bits 16", "expected .png or .tif", id="16-bit JPEG"),
    pytest.param("matte @image.png @trimap.png -o @out.png --bits 9", "bits is 9", id="9 bits"),
    pytest.param("matte @image.png @trimap.png -o @out.png -m best", "method is 'best', expected 'plain'", id="method"),
    pytest.param("matte @image.png @trimap.png -o @out.png -q good", "quality is 'good', expected 'best' or 'fast'",
                 id="quality"),
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
    pytest.param("composite @image.png @alpha.png -o @out.png -b nocolour",
                 "is no colour and no file", id="colour name"),
    pytest.param("composite @image.png @turned.png -o @out.png", "alpha has shape", id="transposed alpha"),
    pytest.param("composite @image.png @alpha.png -o @out.png -b @turned.png", "background has shape", id="background"),
    pytest.param("composite @image.png -o @out.png", "has colour", id="opaque cut-out"),
    pytest.param("compare @image.png @trimap.png -o @out.png -m plain,good", "method is 'good'", id="compare method"),
    pytest.param("compare @image.png @trimap.png -o @out.png -m fails", "no method could", id="all fail"),
    pytest.param("evaluate @a @b", "TRIMAPS is missing", id="no trimaps"),
    pytest.param("evaluate @a @b --region some", "--region is 'some'", id="region"),
    pytest.param("evaluate @a @b --region whole", "alpha .* does not exist", id="no folder of alphas"),
    pytest.param("matte @. @missing -o @out", "trimap .*missing does not exist", id="no folder of trimaps"),
    pytest.param("matte @. @trimap.png -o @out", "trimap .* is a file", id="file with folder"),
    pytest.param("matte @. @. -o @.", "is also an input", id="output folder is the input"),
    pytest.param("matte @. @. -o @none/out", "folder that does not exist", id="no parent"),
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


@pytest.fixture
def folders(files, scene):
    """Hold three images with trimaps, one text file named as an image, one image without a trimap."""
    for folder in ("images", "trimaps"):
        (files / folder).mkdir()
    for name in ("a", "b", "c", "lonely"):
        write_image(files / "images" / f"{name}.jpg", scene.image)
    for name in ("a", "b", "c", "broken"):
        write_alpha(files / "trimaps" / f"{name}.png", scene.trimap)
    (files / "images" / "broken.png").write_text("text")
    return files


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
        run("matte @images @trimaps -o @out")
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


@pytest.fixture
def scored(files, scene, rng):
    """Hold folders a (alphas), t (truths), k (trimaps) of two pictures."""
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


@pytest.mark.parametrize("way", ["", "--quality fast", "--method cf"])
def test_mask_as_trimap_is_pointed_out(run, files, scene, way):
    write_alpha(files / "mask.png", (scene.alpha > 0.5).astype(np.float32))
    result = run(f"matte @image.png @mask.png -o @out.png {way}")
    assert result.code == 0
    assert result.err.count("warning: trimap has no unknown pixel, so nothing is solved") == 1


def ctrl_c():
    raise KeyboardInterrupt


def ctrl_c_in_compiled_code():
    raise SystemError("search returned a result with an exception set") from KeyboardInterrupt()


def ctrl_c_in_the_compiler():
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
    raise RuntimeError("object compilation was not done")


INTERRUPTS = [ctrl_c, ctrl_c_in_compiled_code, ctrl_c_in_the_compiler]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_interruption_says_how_to_go_on(run, fake_alpha, monkeypatch, interrupt):
    monkeypatch.setattr(fake_alpha, "solve", lambda *_, **__: interrupt())
    result = run("matte @image.png @trimap.png -o @out.png")
    assert result.code == 130
    assert result.err.splitlines() == ["interrupted; what is written is whole, and --resume goes on from there"]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_interruption_ends_a_folder(run, fake_alpha, files, monkeypatch, interrupt):
    asked = []
    for folder, name in (("images", "image.png"), ("trimaps", "trimap.png")):
        (files / folder).mkdir()
        for stem in "ab":
            (files / folder / f"{stem}.png").write_bytes((files / name).read_bytes())
    monkeypatch.setattr(fake_alpha, "solve", lambda *_, **__: asked.append(0) or interrupt())
    result = run("matte @images @trimaps -o @out")
    assert (result.code, asked) == (130, [0])
    assert result.err.splitlines() == ["interrupted; what is written is whole, and --resume goes on from there"]


def test_interruption_in_the_compiler_ends_every_command(run, monkeypatch):
    monkeypatch.setattr(compilation, "has_compiled", ctrl_c_in_the_compiler)
    monkeypatch.setattr(compilation, "compile_default", lambda: None)
    result = run("compile")
    assert result.code == 130
    assert result.err.splitlines()[1:] == ["interrupted"]
    with pytest.raises(KeyboardInterrupt):  # the handler is Python's own again
        signal.raise_signal(signal.SIGINT)


def test_ignored_interrupts_stay_ignored(run, fake_alpha, monkeypatch):
    def solve(_image, trimap, _name):
        signal.raise_signal(signal.SIGINT)
        return trimap

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(fake_alpha, "solve", solve)
    try:
        assert run("matte @image.png @trimap.png -o @out.png").code == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_compile_says_whether_there_was_anything_to_do(run, monkeypatch):
    monkeypatch.setattr(compilation, "compile_default", lambda: None)
    for has_compiled, word in ((True, "compiled in 0 s"), (False, "was compiled already")):
        monkeypatch.setattr(compilation, "has_compiled", lambda found=has_compiled: found)
        done = run("compile")
        assert done.code == 0
        assert done.err.splitlines() == ["compiling matte and cutout, a minute or two unless it is done", word]


def test_compile_says_what_an_interrupt_leaves(run, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(compilation, "compile_default", interrupt)
    done = run("compile")
    assert done.code == 130
    assert "what is compiled stays" in done.err


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("command", "parts"), [
    ("cutout", "flow_from_known conjugate_gradients sampling network colours"),
    ("matte", "flow_from_known conjugate_gradients sampling network"),
    ("cutout --quality fast", "flow_from_known conjugate_gradients colours"),
    ("matte --method warns", "")])
def test_others_help_while_it_is_compiled(run, monkeypatch, command, parts):
    asked = patience_is_over(monkeypatch, [True])
    word, *options = command.split()
    done = run(f"{word} @image.png @trimap.png -o @out.png {' '.join(options)}")
    assert done.code == 0
    assert done.err.startswith("compiling, once for all runs to come")
    assert asked == [tuple(parts.split())]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("compiling", "words"), [
    ([False, False, False], ["still working"]), ([False, False, True], ["still working", first_use.COMPILING])])
def test_what_only_takes_long_is_said_once(run, monkeypatch, compiling, words):
    asked = patience_is_over(monkeypatch, compiling)
    assert run("matte @image.png @trimap.png -o @out.png").err.splitlines() == words
    assert len(asked) == any(compiling)


@pytest.mark.usefixtures("fake_alpha", "folders")
def test_others_help_with_a_folder_too(run, monkeypatch):
    asked = patience_is_over(monkeypatch, [False, True])
    done = run("matte @images @trimaps -o @out")
    assert done.err.splitlines()[0] == first_use.COMPILING
    assert len(asked) == 1


def patience_is_over(monkeypatch, compiling):
    """Let work take long, and code be compiled at some of the looks; return the list of what helpers are asked."""
    asked, looks = [], list(compiling)

    @contextmanager
    def ahead(parts):
        asked.append(parts)
        yield

    class Looks(threading.Event):
        def wait(self, timeout):
            del timeout
            return not looks

    monkeypatch.setattr(first_use, "Event", Looks)
    monkeypatch.setattr(compilation, "is_compiling", lambda: looks.pop(0))
    monkeypatch.setattr(compilation, "compiling_ahead", ahead)
    return asked
