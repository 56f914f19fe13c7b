"""Strands and meshes from arrays."""

from collections.abc import Callable

import bpy
import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., 3) of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def across(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two unit vectors (..., 3) across each direction and across each other."""
    helper = np.where(np.abs(directions[..., 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = unit(np.cross(directions, helper))
    return first, np.cross(directions, first)


def add_strands(
    points: np.ndarray, radii: np.ndarray, colours: np.ndarray, material: bpy.types.Material
) -> bpy.types.Object:
    """Add strands: points (N, P, 3), radii (N, P) or broadcast, and a colour for each strand (N, 3)."""
    count, length = points.shape[:2]
    curves = bpy.data.hair_curves.new("strands")
    curves.add_curves([length] * count)
    curves.attributes["position"].data.foreach_set("vector", np.float32(points).ravel())
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", np.float32(np.broadcast_to(radii, (count, length))).ravel())
    tint = curves.attributes.new("tint", "FLOAT_COLOR", "CURVE")
    rgba = np.column_stack([np.broadcast_to(colours, (count, 3)), np.ones(count)])
    tint.data.foreach_set("color", np.float32(rgba.clip(0, 1)).ravel())
    curves.materials.append(material)
    return _linked("strands", curves)


def add_mesh(
    vertices: np.ndarray, faces: np.ndarray, material: bpy.types.Material, colours: np.ndarray | None = None
) -> bpy.types.Object:
    """Add a smooth mesh: vertices (V, 3), faces (F, 4), and colours of the vertices (V, 3) if any."""
    mesh = bpy.data.meshes.new("mesh")
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    if colours is not None:
        tint = mesh.color_attributes.new("tint", "FLOAT_COLOR", "POINT")
        tint.data.foreach_set("color", np.float32(np.column_stack([colours, np.ones(len(colours))])).ravel())
    mesh.materials.append(material)
    mesh.update()
    return _linked("mesh", mesh)


def grid_faces(rows: int, columns: int, is_closed: bool = False) -> np.ndarray:
    """Return the faces (F, 4) of a grid of vertices; a closed one joins its last column to its first."""
    last = columns if is_closed else columns - 1
    row, column = np.divmod(np.arange((rows - 1) * last), last)
    right = (column + 1) % columns
    return np.stack([row * columns + column, row * columns + right, (row + 1) * columns + right,
                     (row + 1) * columns + column], axis=1)  # fmt: skip


def add_sheet(
    place: Callable[[np.ndarray, np.ndarray], np.ndarray],
    material: bpy.types.Material,
    sides: tuple[int, int] = (64, 64),
) -> bpy.types.Object:
    """Add the surface `place(u, v)` of points (..., 3) for u and v in [0, 1]."""
    u, v = np.meshgrid(np.linspace(0, 1, sides[0]), np.linspace(0, 1, sides[1]), indexing="ij")
    return add_mesh(place(u, v).reshape(-1, 3), grid_faces(*sides), material)


def add_lathe(
    radii: np.ndarray, heights: np.ndarray, material: bpy.types.Material, around: int = 64
) -> bpy.types.Object:
    """Add a surface of revolution around the vertical."""
    turns = np.linspace(0, 2 * np.pi, around, endpoint=False)
    points = np.stack(
        [radii[:, None] * np.cos(turns), radii[:, None] * np.sin(turns), heights[:, None] + 0 * turns], axis=-1
    )
    return add_mesh(points.reshape(-1, 3), grid_faces(len(radii), around, True), material)


def add_ball(
    centre: np.ndarray,
    radii: np.ndarray,
    material: bpy.types.Material,
    bumps: Callable[[np.ndarray], np.ndarray] | None = None,
    power: float = 1.0,
) -> bpy.types.Object:
    """Add an ellipsoid; `bumps` of unit directions (..., 3) scales the radius; a power below 1 makes it a box."""
    up = np.linspace(-np.pi / 2, np.pi / 2, 48)[:, None]
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)[None]
    unit_points = np.stack([np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up) + 0 * turn], axis=-1)
    points = np.sign(unit_points) * np.abs(unit_points) ** power
    if bumps is not None:
        points = points * (1 + bumps(unit_points))[..., None]
    return add_mesh(centre + points.reshape(-1, 3) * radii, grid_faces(48, 72, True), material)


def smooth_bumps(generator: np.random.Generator, strength: float, waves: int = 6) -> Callable[[np.ndarray], np.ndarray]:
    """Return a smooth random function of points (..., 3)."""
    axes, phases = generator.normal(0, 2.2, (waves, 3)), generator.uniform(0, 2 * np.pi, waves)
    return lambda points: strength * np.sin(points @ axes.T + phases).mean(axis=-1)


def _linked(name: str, data: bpy.types.ID) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    return thing
