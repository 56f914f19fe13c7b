"""Camera, lights, quality and the two passes of a picture: colours, and alpha with more samples."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from experiments.rendered_scenes.blender.materials import plain_alpha

HEIGHT, WIDTH = 320, 368  # pixels
COLOUR_SAMPLES, ALPHA_SAMPLES, GROUND_SAMPLES = 10, 48, 12
NOISE = 0.01  # the alpha pass stops in a pixel where the estimated error is less, after at least
LEAST_SAMPLES = 12
EMPTY, FULL = 0.12, 0.08  # least shares of a picture without the object, and with it
BOUNCES = 1  # of light between surfaces
PANORAMAS = Path(bpy.utils.resource_path("LOCAL"), "datafiles", "studiolights", "world")  # CC0, Poly Haven


def clear_stage() -> bpy.types.Scene:
    """Remove everything, and return the scene with the settings that all pictures share."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.cycles.device = "CPU"
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = BOUNCES
    scene.cycles.transparent_max_bounces = 24
    scene.cycles.sample_clamp_indirect = 4.0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles_curves.shape = "RIBBONS"
    return scene


def place_camera(scene: bpy.types.Scene, generator: np.random.Generator, radius: float) -> None:
    """Put the camera at a random side of the object at the origin, which fills most of the picture."""
    camera = bpy.data.cameras.new("camera")
    camera.lens = float(generator.choice([40, 60, 85, 110]))
    half = math.atan(0.5 * camera.sensor_width / camera.lens) * HEIGHT / WIDTH
    around, up = generator.uniform(0, 2 * np.pi), math.radians(generator.uniform(-8, 30))
    direction = Vector((math.cos(around) * math.cos(up), math.sin(around) * math.cos(up), math.sin(up)))
    distance = radius / math.tan(half) * generator.uniform(0.6, 1.0)
    aim = Vector(generator.normal(0, 0.12 * radius, 3))
    holder = bpy.data.objects.new("camera", camera)
    scene.collection.objects.link(holder)
    holder.location = aim + distance * direction
    holder.rotation_euler = (-direction).to_track_quat("-Z", "Y").to_euler()
    holder.rotation_euler.rotate_axis("Z", generator.normal(0, 0.12))
    scene.camera = holder
    scene.cycles.filter_width = generator.uniform(1.2, 2.0)
    if generator.uniform() < 0.35:
        camera.dof.use_dof = True
        camera.dof.focus_distance = distance + radius * generator.uniform(-0.9, 0.3)
        wide = distance * generator.uniform(0.008, 0.03)  # metres, of the opening
        camera.dof.aperture_fstop = camera.lens / 1000 / wide


def light_up(scene: bpy.types.Scene, generator: np.random.Generator, is_behind: bool) -> None:
    """Add light of a panorama or of a random colour from everywhere, and up to three lamps; one may be behind."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    background = world.node_tree.nodes["Background"]
    background.inputs["Strength"].default_value = generator.uniform(0.5, 1.1)
    tint = 1 - generator.uniform(0, 0.5) * generator.uniform(0, 1, 3)
    background.inputs["Color"].default_value = (*tint, 1)
    if generator.uniform() < 0.5:
        path = sorted(PANORAMAS.glob("*.exr"))[int(generator.integers(8))]
        show_panorama(world, path, generator.uniform(0, 2 * np.pi))
    toward = np.array(scene.camera.location) / np.linalg.norm(scene.camera.location)
    for k in range(int(generator.integers(1, 4))):
        direction = generator.normal(size=3)
        direction[2] = abs(direction[2])
        if k == 0 and is_behind:
            direction = -toward + generator.normal(0, 0.25, 3) + [0, 0, 0.4]
        lamp = bpy.data.lights.new("lamp", "SUN")
        lamp.energy = generator.uniform(0.5, 3.0) * (2.0 if k == 0 and is_behind else 1.0)
        lamp.color = 1 - generator.uniform(0, 0.45) * generator.uniform(0, 1, 3)
        lamp.angle = generator.uniform(0.02, 0.6)
        holder = bpy.data.objects.new("lamp", lamp)
        scene.collection.objects.link(holder)
        holder.rotation_euler = Vector(direction).to_track_quat("Z", "Y").to_euler()


def show_panorama(world: bpy.types.World, path: Path, turn: float) -> None:
    """Give the world the colours of a panorama, turned around the vertical."""
    tree = world.node_tree
    picture, mapping = tree.nodes.new("ShaderNodeTexEnvironment"), tree.nodes.new("ShaderNodeMapping")
    place = tree.nodes.new("ShaderNodeTexCoord")
    picture.image = bpy.data.images.load(str(path), check_existing=True)
    mapping.inputs["Rotation"].default_value[2] = turn
    tree.links.new(place.outputs["Generated"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], picture.inputs["Vector"])
    tree.links.new(picture.outputs["Color"], tree.nodes["Background"].inputs["Color"])


def fit_in_picture(scene: bpy.types.Scene) -> None:
    """Move the camera back or forward until the object fills enough of the picture and not too much of it."""
    scene.render.film_transparent = True
    scene.cycles.samples = 1
    for _ in range(5):
        alpha = render(scene)[:, :, 3]
        if (alpha < 0.02).mean() < EMPTY:
            factor = 1.25
        elif (alpha > 0.5).mean() < FULL:
            factor = 0.8
        else:
            break
        scene.camera.location *= factor
        scene.camera.data.dof.focus_distance *= factor


def move(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], step: Sequence[float]) -> None:
    """Let objects move by a step while the picture is taken."""
    scene.render.use_motion_blur = True
    scene.render.motion_blur_shutter = 1.0
    for thing in objects:
        start = Vector(thing.location)
        for frame, share in ((0, -0.5), (1, 0.0), (2, 0.5)):
            thing.location = start + share * Vector(step)
            thing.keyframe_insert("location", frame=frame)
    scene.frame_set(1)


def photograph_object(scene: bpy.types.Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return linear colours times their own alpha, with that alpha (H, W, 4), and alpha of more samples (H, W)."""
    scene.render.film_transparent = True
    scene.cycles.film_transparent_glass = True
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.samples = COLOUR_SAMPLES
    colours = render(scene)
    plain_alpha()
    scene.world = None
    for lamp in [thing for thing in scene.objects if thing.type == "LIGHT"]:
        bpy.data.objects.remove(lamp)
    scene.cycles.max_bounces = 0
    return colours, render_alpha(scene, ALPHA_SAMPLES)


def render_alpha(scene: bpy.types.Scene, samples: int) -> np.ndarray:
    """Return alpha (H, W) of a scene whose surfaces are plain."""
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = NOISE
    scene.cycles.adaptive_min_samples = LEAST_SAMPLES
    scene.cycles.samples = samples
    return render(scene)[:, :, 3]


def render(scene: bpy.types.Scene) -> np.ndarray:
    """Return the picture (H, W, 4) float32: linear colours times alpha, and alpha."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "picture.exr"))
        scene.render.filepath = path
        bpy.ops.render.render(write_still=True)
        picture = bpy.data.images.load(path)
        pixels = np.empty(4 * HEIGHT * WIDTH, np.float32)
        picture.pixels.foreach_get(pixels)
        bpy.data.images.remove(picture)
    return np.ascontiguousarray(pixels.reshape(HEIGHT, WIDTH, 4)[::-1])


def solid_objects(scene: bpy.types.Scene) -> Iterator[bpy.types.Object]:
    """Yield the objects that are seen."""
    yield from (thing for thing in scene.objects if thing.type not in ("CAMERA", "LIGHT"))
