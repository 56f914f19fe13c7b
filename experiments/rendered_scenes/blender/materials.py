"""Surfaces: random colours, procedural textures, hair, leaves, glass and cloth with holes."""

from collections.abc import Sequence

import bpy
import numpy as np

TEXTURES = ("plain", "noise", "cells", "waves", "checker", "bricks", "magic")
HAIR_COLOURS = (  # linear RGB: black, dark brown, brown, red, blond, grey, white
    (0.012, 0.010, 0.009),
    (0.045, 0.025, 0.014),
    (0.13, 0.07, 0.035),
    (0.32, 0.10, 0.03),
    (0.55, 0.38, 0.18),
    (0.35, 0.34, 0.33),
    (0.80, 0.78, 0.74),
)


def hair_colour(generator: np.random.Generator) -> np.ndarray:
    """Return a colour (3,) of hair: one that grows, or in a quarter of the cases any."""
    if generator.uniform() < 0.25:
        return any_colour(generator)
    natural = np.array(HAIR_COLOURS[int(generator.integers(len(HAIR_COLOURS)))])
    return (natural * np.exp(generator.normal(0, 0.2) + generator.normal(0, 0.06, 3))).clip(0, 0.95)


def any_colour(generator: np.random.Generator) -> np.ndarray:
    """Return a random colour (3,), linear; dark, pale and grey ones are as frequent as strong ones."""
    hue = generator.uniform(0, 1)
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    saturation, value = generator.uniform(0, 1) ** 0.8, generator.uniform(0.08, 1)
    return (value * (1 - saturation + saturation * wheel)) ** 2.2


def leaf_colour(generator: np.random.Generator) -> np.ndarray:
    """Return a colour (3,) of leaves, mostly a green."""
    if generator.uniform() < 0.2:
        return any_colour(generator)
    return np.array([0.10, 0.24, 0.04]) * np.exp(generator.normal(0, 0.45) + generator.normal(0, 0.3, 3))


class Surface:
    """A material under construction: nodes and links of its tree."""

    def __init__(self, name: str):
        self.material = bpy.data.materials.new(name)
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.output = self.node("ShaderNodeOutputMaterial")

    def node(self, kind: str, **inputs) -> bpy.types.Node:
        """Add a node; `inputs` are values or sockets of other nodes by the names of its inputs."""
        node = self.tree.nodes.new(kind)
        for name, value in inputs.items():
            socket = node.inputs[name.replace("_", " ")]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def mix(self, share: object, first: bpy.types.Node, second: bpy.types.Node) -> bpy.types.Node:
        """Return the mixture of two shaders: `share` of the second, a number or a socket."""
        mixed = self.tree.nodes.new("ShaderNodeMixShader")
        self.tree.links.new(first.outputs[0], mixed.inputs[1])
        self.tree.links.new(second.outputs[0], mixed.inputs[2])
        if isinstance(share, bpy.types.NodeSocket):
            self.tree.links.new(share, mixed.inputs[0])
        else:
            mixed.inputs[0].default_value = share
        return mixed

    def finish(self, shader: bpy.types.Node, opacity: object = 1.0) -> bpy.types.Material:
        """Return the material of a shader whose opacity is a number or a socket."""
        transparent = self.node("ShaderNodeBsdfTransparent")
        mixed = self.mix(opacity, transparent, shader)
        mixed.name = "opacity"
        self.tree.links.new(mixed.outputs[0], self.output.inputs["Surface"])
        return self.material

    def attribute(self, name: str) -> bpy.types.NodeSocket:
        """Return the colour that the mesh or the strands carry under a name."""
        node = self.node("ShaderNodeAttribute")
        node.attribute_name = name
        return node.outputs["Color"]

    def coordinates(self, scale: Sequence[float], place: str = "Object") -> bpy.types.NodeSocket:
        """Return scaled coordinates."""
        where = self.node("ShaderNodeTexCoord").outputs[place]
        return self.node("ShaderNodeMapping", Vector=where, Scale=tuple(scale)).outputs["Vector"]


def plain_alpha() -> None:
    """Replace what all materials show by white light; their opacity stays."""
    for material in bpy.data.materials:
        if material.node_tree and "opacity" in material.node_tree.nodes:
            tree = material.node_tree
            light = tree.nodes.new("ShaderNodeEmission")
            tree.links.new(light.outputs[0], tree.nodes["opacity"].inputs[2])


def pattern(surface: Surface, generator: np.random.Generator, scale: float, kind: str | None = None):
    """Return a socket in [0, 1] of a procedural pattern, `None` for a plain one."""
    kind = kind or str(generator.choice(TEXTURES, p=(0.22, 0.26, 0.16, 0.12, 0.08, 0.06, 0.1)))
    size = scale * np.exp(generator.normal(0, 0.6))
    where = surface.coordinates(size * np.exp(generator.normal(0, 0.3, 3)))
    if kind == "plain":
        return None
    if kind == "noise":
        return surface.node(
            "ShaderNodeTexNoise", Vector=where, Scale=1.0, Detail=6.0, Distortion=generator.uniform(0, 1.5)
        ).outputs["Fac"]
    if kind == "cells":
        return surface.node("ShaderNodeTexVoronoi", Vector=where, Scale=1.5).outputs["Distance"]
    if kind == "waves":
        node = surface.node("ShaderNodeTexWave", Vector=where, Scale=0.8, Distortion=generator.uniform(0, 8))
        return node.outputs["Fac"]
    if kind == "magic":
        return surface.node("ShaderNodeTexMagic", Vector=where, Scale=1.0, Distortion=1.5).outputs["Fac"]
    if kind == "checker":
        return surface.node("ShaderNodeTexChecker", Vector=where, Scale=2.0).outputs["Fac"]
    return surface.node("ShaderNodeTexBrick", Vector=where, Scale=2.0).outputs["Fac"]


def coloured(surface: Surface, generator: np.random.Generator, scale: float, colours: Sequence[np.ndarray]):
    """Return a socket of colours along a procedural pattern."""
    value = pattern(surface, generator, scale)
    if value is None:
        node = surface.node("ShaderNodeRGB")
        node.outputs[0].default_value = (*colours[0], 1)
        return node.outputs[0]
    ramp = surface.node("ShaderNodeValToRGB", Fac=value)
    stops = ramp.color_ramp.elements
    places = np.sort(generator.uniform(0.2, 0.8, len(colours)))
    while len(stops) < len(colours):
        stops.new(0.5)
    for stop, place, colour in zip(stops, places, colours, strict=True):
        stop.position, stop.color = float(place), (*colour, 1)
    if generator.uniform() < 0.3:
        ramp.color_ramp.interpolation = "CONSTANT"
    return ramp.outputs["Color"]


def random_surface(generator: np.random.Generator, scale: float = 3.0) -> bpy.types.Material:
    """Return an opaque material: textured, dull to shiny, sometimes of metal, sometimes rough."""
    surface = Surface("solid")
    colours = [any_colour(generator) for _ in range(int(generator.integers(2, 5)))]
    shader = surface.node(
        "ShaderNodeBsdfPrincipled",
        Base_Color=coloured(surface, generator, scale, colours),
        Roughness=generator.uniform(0.15, 0.95),
        Metallic=float(generator.uniform() < 0.12),
    )
    if generator.uniform() < 0.4:
        height = surface.node("ShaderNodeTexNoise", Vector=surface.coordinates([8.0] * 3), Scale=2.0, Detail=4.0)
        bump = surface.node("ShaderNodeBump", Height=height.outputs["Fac"], Strength=generator.uniform(0.2, 0.9))
        surface.tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return surface.finish(shader)


def skin_surface(generator: np.random.Generator, colour: np.ndarray) -> bpy.types.Material:
    """Return the material of what lies below hair of a colour."""
    surface = Surface("skin")
    tint = (*(colour * generator.uniform(0.3, 0.9)), 1)
    return surface.finish(surface.node("ShaderNodeBsdfPrincipled", Base_Color=tint, Roughness=0.9))


def strand_surface(generator: np.random.Generator, *, gloss: float | None = None) -> bpy.types.Material:
    """Return the material of hair and threads, in the colours that the strands carry; light shines through."""
    surface = Surface("strand")
    tint = surface.attribute("tint")
    dull = surface.node("ShaderNodeBsdfDiffuse", Color=tint)
    through = surface.node("ShaderNodeBsdfTranslucent", Color=tint)
    base = surface.mix(generator.uniform(0.1, 0.45), dull, through)
    shine = surface.node(
        "ShaderNodeBsdfHair", RoughnessU=generator.uniform(0.1, 0.4), RoughnessV=generator.uniform(0.3, 1.0)
    )
    return surface.finish(surface.mix(generator.uniform(0.05, 0.3) if gloss is None else gloss, base, shine))


def leaf_surface(generator: np.random.Generator) -> bpy.types.Material:
    """Return the material of leaves and petals, in the colours that the mesh carries."""
    surface = Surface("leaf")
    tint = surface.attribute("tint")
    front = surface.node("ShaderNodeBsdfPrincipled", Base_Color=tint, Roughness=generator.uniform(0.25, 0.8))
    through = surface.node("ShaderNodeBsdfTranslucent", Color=tint)
    return surface.finish(surface.mix(generator.uniform(0.1, 0.45), front, through))


def glass_surface(generator: np.random.Generator) -> bpy.types.Material:
    """Return a clear material: nearly transparent in the middle, opaque where seen at a flat angle."""
    surface = Surface("glass")
    facing = surface.node("ShaderNodeLayerWeight", Blend=generator.uniform(0.2, 0.6)).outputs["Facing"]
    low, high = generator.uniform(0.03, 0.3), generator.uniform(0.55, 1.0)
    opacity = surface.node("ShaderNodeMapRange", Value=facing, To_Min=low, To_Max=high).outputs["Result"]
    colours = [any_colour(generator) for _ in range(2)]
    body = surface.node("ShaderNodeBsdfDiffuse", Color=coloured(surface, generator, 2.0, colours))
    shine = surface.node("ShaderNodeBsdfGlossy", Roughness=generator.uniform(0.02, 0.25))
    return surface.finish(surface.mix(generator.uniform(0.3, 0.8), body, shine), opacity)


def film_surface(generator: np.random.Generator) -> bpy.types.Material:
    """Return a crumpled translucent film, as of a plastic bag or a veil."""
    surface = Surface("film")
    noise = surface.node("ShaderNodeTexNoise", Vector=surface.coordinates([4.0] * 3), Scale=1.5, Detail=5.0)
    low = generator.uniform(0.1, 0.5)
    opacity = surface.node(
        "ShaderNodeMapRange", Value=noise.outputs["Fac"], From_Min=0.35, From_Max=0.65, To_Min=low, To_Max=low + 0.4
    ).outputs["Result"]
    colours = [any_colour(generator) * 0.5 + 0.4 for _ in range(2)]
    body = surface.node("ShaderNodeBsdfTranslucent", Color=coloured(surface, generator, 2.0, colours))
    front = surface.node("ShaderNodeBsdfPrincipled", Base_Color=(*colours[1], 1), Roughness=generator.uniform(0.1, 0.6))
    return surface.finish(surface.mix(generator.uniform(0.3, 0.8), body, front), opacity)


def lace_surface(generator: np.random.Generator) -> bpy.types.Material:
    """Return cloth with holes in a procedural pattern; some of the cloth itself is translucent."""
    surface = Surface("lace")
    kind = str(generator.choice(("cells", "waves", "magic", "bricks", "noise")))
    value = pattern(surface, generator, generator.uniform(4, 12), kind)
    level, soft = generator.uniform(0.3, 0.5), generator.uniform(0.01, 0.06)
    opacity = surface.node(
        "ShaderNodeMapRange",
        Value=value,
        From_Min=level - soft,
        From_Max=level + soft,
        To_Min=0.0 if generator.uniform() < 0.6 else generator.uniform(0, 0.5),
        To_Max=1.0 if generator.uniform() < 0.7 else generator.uniform(0.5, 1),
    ).outputs["Result"]
    return surface.finish(cloth_shader(surface, generator), opacity)


def cloth_surface(generator: np.random.Generator) -> bpy.types.Material:
    """Return opaque cloth through which some light comes."""
    surface = Surface("cloth")
    return surface.finish(cloth_shader(surface, generator))


def cloth_shader(surface: Surface, generator: np.random.Generator) -> bpy.types.Node:
    """Return the shader of cloth with a printed pattern."""
    colours = [any_colour(generator) for _ in range(int(generator.integers(2, 4)))]
    print_ = coloured(surface, generator, generator.uniform(2, 6), colours)
    front = surface.node("ShaderNodeBsdfPrincipled", Base_Color=print_, Roughness=0.9)
    return surface.mix(0.25, front, surface.node("ShaderNodeBsdfTranslucent", Color=print_))
