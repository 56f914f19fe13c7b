"""What a new user types first: each error says what to type instead."""

from pathlib import Path

import numpy as np
import pytest

import hybridmatte
from hybridmatte.automatic import registry
from hybridmatte.io.pictures import read_alpha, write_image

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        pytest.param("auto @image.png @alpha.png", ("--mask ", "alpha.png", "-o"), id="a mask without --mask"),
        pytest.param("auto @image.png other", ("--mask mask.png", "-o"), id="an extra word"),
        pytest.param("@image.png", ("hybridmatte auto ",), id="no command"),
        pytest.param("photo.jpg -o cut.png", ("hybridmatte auto photo.jpg",), id="no command, no file"),
        pytest.param("auto @image.png -q=fast -o @out.png", ("expected -q fast",), id="short option with ="),
        pytest.param("auto @image.png -o @sub", ("sub/photo.png",), id="a name without extension"),
        pytest.param("auto @image.png -o @out/sub/", ("out/sub/photo.png",), id="a folder that is not there"),
        pytest.param("auto @image.png -o @", ("such as ", "/photo.png"), id="a folder"),
        pytest.param("auto @image.png -b ff8000", ("rgb(r, g, b)", "did you mean '#ff8000'?"), id="digits without #"),
        pytest.param("auto @image.png -b nocolour", ("#rrggbb, rgb(r, g, b),",), id="no colour"),
    ],
)
def test_errors_show_what_to_type(run, command, parts):
    result = run(command)
    said = "".join(result.err.replace("\u2502", "").split())
    assert result.code == 2
    assert [part for part in parts if "".join(part.split()) not in said] == []


def test_words_with_equals_behind_two_dashes_are_files(run):
    assert "short option" not in run("auto -o @out.png -- -q=fast").err


def test_an_empty_folder_of_masks_is_one_sentence(run, files):
    """It was one error for each photograph, and an empty folder of results was left."""
    for folder in ("in", "masks"):
        (files / folder).mkdir()
    for name in "ab":
        write_image(files / "in" / f"{name}.png", np.zeros((9, 9, 3), np.float32))
    result = run("auto @in --mask @masks -o @out")
    assert result.code == 2
    assert result.err.count("error:") == 1
    assert "masks holds no picture, expected files with the stems of the images" in result.err
    assert not (files / "out").exists()


def test_masks_may_be_arrays(run, files):
    """The formats of a mask that is of another kind did not name arrays."""
    (files / "mask.psd").write_bytes(b"8BPS" + bytes(40))
    assert "BMP, GIF or NumPy (.npy) file" in run("auto @image.png --mask @mask.psd -o @out.png").err
    assert "GIF or NumPy" not in run("auto @mask.psd -o @out.png").err


def test_an_error_names_its_image_once(run, files):
    """It began "bad.jpg: image two/bad.jpg ..."."""
    (files / "two").mkdir()
    (files / "two" / "bad.jpg").write_text("text")
    for command in ("auto", "trimap", "trimap --from alpha"):
        (line,) = (line for line in run(f"{command} @two -o @out").err.splitlines() if line.startswith("error:"))
        assert line.count("bad.jpg") == 1


def test_a_path_as_mask_names_the_function_that_reads_it():
    with pytest.raises(TypeError, match="mask is the path 'mask.png', expected an array, as hybridmatte.read_mask re"):
        hybridmatte.matte_from_mask(np.zeros((9, 9, 3)), "mask.png")


@pytest.mark.usefixtures("fake_alpha")
def test_the_lines_of_the_readme(files, scene, monkeypatch):
    """The README had no whole example from a photograph to a cut-out."""
    block = README.read_text(encoding="utf-8").split("without a trimap:\n\n")[1].split("\n\n")[0]
    lines = [line.strip() for line in block.splitlines()]
    assert len(lines) == 3
    monkeypatch.chdir(files)
    monkeypatch.setattr(registry, "run_segmenter", lambda *_: np.float32(scene.alpha > 0.5))
    write_image("photo.jpg", scene.image)
    monkeypatch.setattr("hybridmatte.automatic.from_mask.corrected_mask", lambda _, mask: mask)
    exec("\n".join(lines), {"hybridmatte": hybridmatte})  # noqa: S102
    assert 0 < read_alpha("cutout.png").mean() < 1
