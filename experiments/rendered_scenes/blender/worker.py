"""Render the pictures that standard input names, one a line, into a folder: ``<name with _>.npy`` each.

A foreground is ``<kind>/<k>``: planes (H, W, 5) of linear colours times alpha, that alpha, and alpha of more samples.
A ground is ``ground/<k>``: linear colours (H, W, 3).
"""

import sys
import zlib
from pathlib import Path

import bpy
import numpy as np

from experiments.rendered_scenes.blender import stage
from experiments.rendered_scenes.blender.grounds import build_ground
from experiments.rendered_scenes.blender.subjects import (
    brush,
    feathers,
    fur_ball,
    furry_animal,
    head_with_hair,
    solids,
    wool,
)
from experiments.rendered_scenes.blender.subjects_thin import bush, cloth, flowers, glass, grass, lattice
from experiments.rendered_scenes.blender.subjects_whole import whole

SUBJECTS = {
    "hair": (head_with_hair,),
    "fur": (furry_animal, fur_ball, furry_animal, brush, wool),
    "plant": (bush, grass, flowers, bush),
    "net": (lattice,),
    "feather": (feathers,),
    "clear": (glass,),
    "cloth": (cloth,),
    "solid": (solids,),
    "whole": (whole,),
}
RADIUS = {
    "hair": 1.1,
    "fur": 1.15,
    "whole": 1.1,
    "cloth": 0.95,
    "net": 0.95,
    "feather": 1.0,
}  # of a subject; others 0.9
MOVING, BEHIND = 0.12, 0.3  # shares of pictures with motion blur, and with a lamp behind the object


def render_foreground(name: str) -> np.ndarray:
    """Return the planes of a foreground."""
    kind, number = name.split("/")
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    scene = stage.clear_stage()
    scene.cycles.seed = int(generator.integers(2**31 - 1))
    makers = SUBJECTS[kind]
    makers[int(number) % len(makers)](generator)
    stage.place_camera(scene, generator, RADIUS.get(kind, 0.9))
    stage.fit_in_picture(scene)
    stage.light_up(scene, generator, generator.uniform() < BEHIND)
    if generator.uniform() < MOVING:
        stage.move(scene, list(stage.solid_objects(scene)), generator.normal(0, 0.05, 3))
    colours, alpha = stage.photograph_object(scene)
    return np.dstack([colours, alpha])


def render_ground(name: str) -> np.ndarray:
    """Return the colours of a ground."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    scene = stage.clear_stage()
    scene.cycles.seed = int(generator.integers(2**31 - 1))
    build_ground(scene, generator)
    return stage.render(scene)[:, :, :3]


def main() -> None:
    """Render what is asked for, and print each name when its file is whole."""
    folder = Path(sys.argv[1])
    print("bpy", bpy.app.version_string, flush=True)
    for name in sys.stdin.read().split():
        planes = render_ground(name) if name.startswith("ground/") else render_foreground(name)
        path = folder / f"{name.replace('/', '_')}.npy"
        with open(path.with_suffix(".part"), "wb") as file:
            np.save(file, planes)
        path.with_suffix(".part").replace(path)
        print("rendered", name, flush=True)


if __name__ == "__main__":
    main()
