"""Grounds: rooms, tables and gardens of random things, and views into panoramas; many are out of focus."""

import math

import bpy
import numpy as np
from mathutils import Vector

from experiments.rendered_scenes.blender import stage
from experiments.rendered_scenes.blender.geometry import add_mesh, add_strands, grid_faces, smooth_bumps, unit
from experiments.rendered_scenes.blender.materials import (
    any_colour,
    leaf_colour,
    random_surface,
    strand_surface,
)
from experiments.rendered_scenes.blender.strands import Growth, grow, strand_colours, taper
from experiments.rendered_scenes.blender.subjects import one_solid
from experiments.rendered_scenes.blender.subjects_thin import add_leaves

PANORAMA = 0.35  # share of the grounds that are views into a panorama


def build_ground(scene: bpy.types.Scene, generator: np.random.Generator) -> None:
    """Build a ground and point the camera at it."""
    scene.render.film_transparent = False
    scene.cycles.samples = stage.GROUND_SAMPLES
    scene.cycles.use_denoising = True
    stage.place_camera(scene, generator, 1.6)
    stage.light_up(scene, generator, False)
    if generator.uniform() < PANORAMA:
        path = sorted(stage.PANORAMAS.glob("*.exr"))[int(generator.integers(8))]
        stage.show_panorama(scene.world, path, generator.uniform(0, 2 * np.pi))
        scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = generator.uniform(0.7, 1.3)
        scene.camera.data.lens = generator.uniform(18, 32)
        return
    kind = int(generator.integers(3))
    if kind < 2:
        wall(scene, generator)
    for _ in range(int(generator.integers(3, 22))):
        one_solid(generator, generator.normal(0, 1.3, 3), generator.uniform(0.15, 0.7))
    if kind == 2:
        garden(generator)
    camera = scene.camera.data
    camera.dof.use_dof = bool(generator.uniform() < 0.6)
    camera.dof.focus_distance = 0.4 * Vector(scene.camera.location).length
    camera.dof.aperture_fstop = camera.lens / 1000 / generator.uniform(0.02, 0.25)


def wall(scene: bpy.types.Scene, generator: np.random.Generator) -> None:
    """Add a wall behind and a table or floor below, with printed patterns."""
    away = -unit(np.array(scene.camera.location) * [1, 1, 0])
    aside = np.array([-away[1], away[0], 0])
    up = np.array([0.0, 0.0, 1.0])
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
    for middle, first, second in ((1.8 * away, aside, up), (-generator.uniform(0.5, 1.2) * up, aside, away)):
        points = middle + 6 * (corners[:, :1] * first + corners[:, 1:] * second)
        add_mesh(points, grid_faces(2, 2), random_surface(generator, math.exp(generator.normal(0.6, 0.7))))


def garden(generator: np.random.Generator) -> None:
    """Add leaves and grass everywhere."""
    count = int(generator.integers(200, 900))
    places = generator.normal(0, 1.5, (count, 3))
    size = generator.uniform(0.2, 0.8)
    bumps = smooth_bumps(generator, 0.5)
    directions = unit(generator.normal(size=(count, 3)) + bumps(places)[:, None])
    add_leaves(generator, places, directions, size, size * generator.uniform(0.1, 0.7), leaf_colour(generator))
    roots = generator.normal(0, 1.5, (800, 3)) - [0, 0, 1]
    blades = grow(generator, roots, np.tile([0.0, 0.0, 1.0], (800, 1)), Growth(1.0, 10, 0.3, 0.4))
    tint = strand_colours(generator, any_colour(generator), 800, 0.3)
    add_strands(blades, taper(0.015, 10), tint, strand_surface(generator))
