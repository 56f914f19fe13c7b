"""The experiments that learn the correction from free sources: rendered pictures, free scenes, and the recipes."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import fusion_free, rendered_scenes
from experiments.fusion.scenes import HARD_SIDES
from experiments.fusion_free import camera, free_scenes
from experiments.rendered_scenes import kept_pictures
from experiments.rendered_scenes import run as rendering
from experiments.results import ROOT
from hybridmatte.data import Sample
from tests.tolerances import assert_close

BLENDER = os.environ.get("HYBRIDMATTE_BLENDER_PYTHON", "")


def planes_of(shape=(40, 50), alpha=0.6):
    """A rendered foreground: one linear colour with one alpha in the left half, nothing in the right half."""
    planes = np.zeros((*shape, 5), np.float32)
    planes[:, :25, :3] = alpha * np.float32([0.5, 0.25, 0.1])
    planes[:, :25, 3:] = alpha
    return planes


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Two foregrounds and one ground, as the experiment keeps them: a disk, and a soft disk that is nowhere opaque."""
    monkeypatch.setattr(free_scenes, "foreground_names", lambda: ["solid/0", "clear/0"])
    monkeypatch.setattr(free_scenes, "ground_names", lambda: ["ground/0"])
    monkeypatch.setattr(free_scenes, "SOLID", ("solid-0",))
    free_scenes._foreground.cache_clear()
    free_scenes._ground.cache_clear()
    y, x = np.mgrid[:160, :180]
    disk = np.float32((55 - np.hypot(y - 80, x - 90)) / 6 + 0.5).clip(0, 1)
    for name, alpha in (("solid/0", disk), ("clear/0", 0.4 * disk)):
        colours = np.float32(np.dstack([x / 180, y / 160, 0 * x + 0.5]))
        kept_pictures.keep_picture(name, np.dstack([colours * alpha[:, :, None], alpha, alpha]), tmp_path)
    kept_pictures.keep_picture("ground/0", np.float32(np.random.default_rng(0).random((160, 180, 3))), tmp_path)
    return tmp_path


def test_foregrounds_keep_straight_colours_and_alpha(tmp_path):
    kept_pictures.keep_picture("hair/0", planes_of(), tmp_path)
    found = kept_pictures.read_foreground("hair/0", tmp_path)
    assert_close(found.alpha[:, :25], np.full((40, 25), 0.6), 1e-4)
    assert (found.alpha[:, 25:] == 0).all()
    colour = kept_pictures.to_srgb(np.float32([0.5, 0.25, 0.1]) * kept_pictures.BRIGHT / 0.5)
    assert_close(found.foreground, np.broadcast_to(colour, (40, 50, 3)), 2e-3)  # filled where nothing is seen
    assert [path.name for path in tmp_path.iterdir()] == ["hair_0.png"]


def test_missing_pictures_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="picture .*hair_0.png not found, expected what `python -m experiments"):
        kept_pictures.read_foreground("hair/0", tmp_path)


def test_names_alternate_and_are_distinct():
    names = rendered_scenes.foreground_names()
    assert len({*names}) == len(names) == sum(rendered_scenes.COUNTS.values())
    assert {name.split("/")[0] for name in names[: 2 * len(rendered_scenes.COUNTS)]} == {*rendered_scenes.COUNTS}


def test_every_kind_has_a_maker():
    """The worker cannot be imported without Blender, so its table is read from the source."""
    tree = ast.parse((ROOT / "experiments" / "rendered_scenes" / "blender" / "worker.py").read_text(encoding="utf-8"))
    table = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "SUBJECTS")
    assert {key.value for key in table.keys} == {*rendered_scenes.COUNTS}


@pytest.mark.parametrize(
    ("python", "error", "message"),
    [
        pytest.param("/nowhere/python", FileNotFoundError, "expected a Python interpreter", id="no interpreter"),
        pytest.param(sys.executable, ImportError, "expected an interpreter of Python 3.11 with bpy", id="no bpy"),
    ],
)
def test_interpreters_without_blender_are_refused(python, error, message, tmp_path):
    with pytest.raises(error, match=f"blender_python is '{python}', {message}"):
        next(rendering.run(rendered_scenes.RenderedOptions(kept=tmp_path, blender_python=Path(python))))


@pytest.mark.slow
@pytest.mark.skipif(not BLENDER, reason="HYBRIDMATTE_BLENDER_PYTHON names no interpreter with bpy")
def test_blender_renders_the_same_picture_of_a_name(tmp_path):
    found = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        rendering.render(["plant/0"], Path(BLENDER), folder)
        found.append(kept_pictures.read_foreground("plant/0", folder))
    assert found[0].alpha.shape == (320, 368)
    assert 0.02 < found[0].alpha.mean() < 0.9
    assert_close(found[0].alpha, found[1].alpha, 1e-6)


@pytest.mark.parametrize("name", ["rendered/solid-0/0", "rendered/solid-0/1", "rendered/clear-0/0"])
def test_free_scenes_have_all_regions_and_true_trimaps(name, pictures):
    sample, again = (free_scenes.make_free_scene(name, pictures) for _ in range(2))
    assert (sample.image == again.image).all()
    assert {*np.unique(sample.trimap)} == {0, 0.5, 1}
    assert np.abs(sample.alpha - sample.trimap)[sample.trimap != 0.5].max() <= 5 / 255 + 1e-6
    assert sample.image.dtype == sample.alpha.dtype == np.float32
    assert 0 <= sample.image.min() <= sample.image.max() <= 1


def test_composites_over_grounds(pictures):
    """Where alpha is 1 the foreground is seen, where it is 0 the ground."""
    alpha = np.float32(np.indices((24, 32))[1] > 15)
    layers = Sample("", foreground=np.full((24, 32, 3), 0.25, np.float32), alpha=alpha)
    image = free_scenes.over_ground(layers, lambda _, shape: np.full((*shape, 3), 0.75), np.random.default_rng(1))
    assert_close(image[:, 16:].mean(), np.float64(0.25), 3e-3)
    assert_close(image[:, :16].mean(), np.float64(0.75), 3e-3)
    assert free_scenes.free_ground(pictures, np.random.default_rng(2), HARD_SIDES).shape == (*HARD_SIDES, 3)


def test_cameras_change_little():
    image = np.full((32, 40, 3), 0.5, np.float32)
    image[:, 20:] = [0.2, 0.6, 0.4]
    for seed in range(6):
        found = camera.photographed(image, np.random.default_rng(seed))
        assert found.dtype == np.float32
        assert 0 < np.abs(found - image).mean() < 0.05
    assert_close(camera.through_mosaic(image)[4:-4, 4:16], image[4:-4, 4:16], 1e-4)


def test_recipes_leave_held_out_foregrounds_apart():
    names = free_scenes.recipe_names(fusion_free.Recipe(numbers=(0,)))
    assert names
    assert {name.split("/")[2] for name in names} == {"0"}
    held_out = [name for name in names if free_scenes.is_held_out(name)]
    assert {name.split("/")[1].split("-")[0] for name in held_out} == {*rendered_scenes.COUNTS}
    assert 0.15 < len(held_out) / len(names) < 0.3
    assert not {name.split("/")[0] for name in free_scenes.recipe_names(fusion_free.Recipe({fusion_free.DRAWN: 1}))} & {
        "rendered"
    }


def test_blender_side_needs_bpy_and_numpy_alone():
    """The interpreter with bpy has none of the project's dependencies."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('cv2', 'scipy', 'numba', 'torch'))); "
        "import experiments.rendered_scenes"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    for path in (ROOT / "experiments" / "rendered_scenes" / "blender").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        loaded = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        loaded |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        own = {name for name in loaded if name.startswith("experiments.rendered_scenes.blender")}
        assert {name.split(".")[0] for name in loaded - own} <= {*sys.stdlib_module_names, "bpy", "mathutils", "numpy"}


def test_kept_pictures_are_whole(tmp_path, monkeypatch):
    """A picture that cannot be encoded leaves no file."""
    monkeypatch.setattr(kept_pictures, "write_image", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        kept_pictures.keep_picture("hair/0", planes_of(), tmp_path)
    assert list(tmp_path.iterdir()) == []
