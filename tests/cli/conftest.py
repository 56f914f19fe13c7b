"""Fixtures of the tests of the command line."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from hybridmatte.cli import main
from hybridmatte.correction import matting
from hybridmatte.errors import ConvergenceWarning
from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.methods.registry import Method
from tests.synthetic import soft_disk


@pytest.fixture
def fake_alpha(monkeypatch, replace_methods):
    """Replace the solvers: alpha is the trimap, with a warning or an error for some methods; list who was called."""
    solvers = SimpleNamespace(calls=[], solve=_return_trimap)

    def called(name):
        def solve(image, trimap, **_):
            solvers.calls.append(name)
            return solvers.solve(image, trimap, name)

        return solve

    names = ("plain", "warns", "fails")
    replace_methods(Method(name, called(name), f"{name} at it", f"when {name} is wanted") for name in names)
    monkeypatch.setattr(matting, "matte", lambda image, trimap, quality, **_: called(quality)(image, trimap))
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
    """Write image.png, trimap.png and alpha.png of the soft disk to a folder; return the folder."""
    write_image(tmp_path / "image.png", scene.image)
    write_alpha(tmp_path / "trimap.png", scene.trimap)
    write_alpha(tmp_path / "alpha.png", scene.alpha)
    return tmp_path


@pytest.fixture
def run(files, capsys):
    """Return a function that runs a command, in which ``@`` is the folder, and returns exit code, out and err."""

    def command(text):
        try:
            code = main([word.replace("@", f"{files}/") for word in text.split()]) or 0
        except SystemExit as leave:
            code = leave.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return command


@pytest.fixture
def folders(files, scene):
    """Write folders of three images with trimaps, one text file named as an image, one image without a trimap."""
    for folder in ("images", "trimaps"):
        (files / folder).mkdir()
    for name in ("a", "b", "c", "lonely"):
        write_image(files / "images" / f"{name}.jpg", scene.image)
    for name in ("a", "b", "c", "broken"):
        write_alpha(files / "trimaps" / f"{name}.png", scene.trimap)
    (files / "images" / "broken.png").write_text("text")
    return files


@pytest.fixture
def many(files):
    """Write folders of five images with trimaps and alphas, and a broken image; return the folder around them."""
    for folder in ("images", "trimaps", "alphas"):
        (files / folder).mkdir()
    for index, name in enumerate("abcde"):
        scene = soft_disk(seed=index)
        write_image(files / "images" / f"{name}.png", scene.image)
        write_alpha(files / "trimaps" / f"{name}.png", scene.trimap)
        write_alpha(files / "alphas" / f"{name}.png", scene.alpha)
    (files / "images" / "broken.png").write_text("text")
    write_alpha(files / "trimaps" / "broken.png", soft_disk().trimap)
    return files
