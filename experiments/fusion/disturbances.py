"""Ways to make a scene harder: parts stuck to the object, lattices, hand-like trimaps and degraded images."""

from collections.abc import Callable

import cv2
import numpy as np

from hybridmatte.data import Sample
from hybridmatte.data.drawing import FINE, fixed_point, new_canvas, smooth_noise

CLEAR = 5 / 255  # pixels whose alpha is farther than this from 0 and from 1 are mixed
BEYOND_PART = 12  # pixels around a part that become unknown with it
CANDIDATES, SOME_PIXELS = 32, 1500  # colours to choose from, and known pixels that they are compared with
FRAME, INSET = 12, 24  # pixels: thickness of a lattice's frame, and its distance from the scene's border
TRIES = 20  # parts of a scene to choose from
PARTS = ("flag", "ribbon", "bag")


def mixed_pixels(alpha: np.ndarray) -> np.ndarray:
    """Return where (H, W) alpha is neither 0 nor 1."""
    return (alpha > CLEAR) & (alpha < 1 - CLEAR)


def dilate(is_inside: np.ndarray, radius: int) -> np.ndarray:
    """Return a region (H, W) grown by a disk."""
    side = 2 * radius + 1
    return cv2.dilate(np.uint8(is_inside), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def trimap_of(alpha: np.ndarray, is_unknown: np.ndarray) -> np.ndarray:
    """Return the trimap (H, W) that is 0.5 where unknown, and elsewhere the nearer of 0 and 1."""
    return np.where(is_unknown, np.float32(0.5), np.float32(alpha > 0.5))


def three_levels(trimap: np.ndarray) -> np.ndarray:
    """Return the trimap (H, W) float32 of 0, 0.5 and 1 in which all but clear levels are unknown."""
    return np.where(trimap < 0.001, np.float32(0), np.where(trimap > 0.999, np.float32(1), np.float32(0.5)))


def band_trimap(alpha: np.ndarray, inner: float, outer: float) -> np.ndarray:
    """Return the trimap whose band reaches `inner` pixels into the object and `outer` pixels out of it."""
    distance = cv2.distanceTransform(np.uint8(~mixed_pixels(alpha)), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return trimap_of(alpha, distance <= np.where(alpha > 0.5, inner, outer))


def stroke_trimap(alpha: np.ndarray, generator: np.random.Generator, radii: tuple[float, float]) -> np.ndarray:
    """Return a trimap whose unknown region is dabs of a brush along the outline, and every mixed pixel."""
    outlines, _ = cv2.findContours(np.uint8(alpha > 0.5), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    canvas = np.uint8(dilate(mixed_pixels(alpha), 1))
    for outline in outlines:
        k, radius = 0, generator.uniform(*radii)
        while k < len(outline):
            radius = float(np.clip(radius * np.exp(generator.normal(0, 0.2)), *radii))
            centre = outline[k, 0] + generator.normal(0, 0.3 * radius, 2)
            cv2.circle(canvas, [round(float(x)) for x in centre], round(radius), 1, -1)
            k += max(1, round(radius))
    return trimap_of(alpha, canvas > 0)


def own_colours(pixels: np.ndarray, generator: np.random.Generator, count: int = 1) -> np.ndarray:
    """Return colours (count, 3), of random ones those that lie farthest from any of the pixels (n, 3)."""
    some = pixels[generator.integers(len(pixels), size=SOME_PIXELS)]
    hsv = np.float32([[[generator.uniform(0, 360), *generator.uniform((0.3, 0.2), 1)] for _ in range(CANDIDATES)]])
    colours = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0]
    distances = np.linalg.norm(colours[:, None] - some, axis=2).min(axis=1)
    return colours[np.argsort(-distances)[:count]]


def shaded(colour: np.ndarray, shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Return a layer (H, W, 3) of a colour under uneven light, with a little noise."""
    light = 0.75 + 0.5 * smooth_noise(shape, generator, octaves=3)
    return np.float32((colour * light[:, :, None] + generator.normal(0, 0.01, (*shape, 3))).clip(0, 1))


def place_on_outline(alpha: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return x and y of a random opaque pixel beside a pixel that is not opaque."""
    is_opaque = np.uint8(alpha > 1 - CLEAR)
    ys, xs = np.nonzero(is_opaque - cv2.erode(is_opaque, np.ones((3, 3), np.uint8)))
    k = int(generator.integers(len(xs)))
    return np.float64([xs[k], ys[k]])


def draw_part(
    kind: str, shape: tuple[int, int], centre: np.ndarray, size: float, generator: np.random.Generator
) -> np.ndarray:
    """Return the opacity (H, W) of a drawn flag, ribbon or bag around a centre; its edge is soft."""
    angle, steps = generator.uniform(0, 2 * np.pi), np.linspace(0, 1, 40)
    phase, waves = generator.uniform(0, 2 * np.pi), generator.uniform(0.03, 0.1)
    if kind == "bag":
        turns = 2 * np.pi * steps
        radii = 0.45 * (1 + waves * np.sin(3 * turns + phase) + waves * np.sin(2 * turns))
        points = radii[:, None] * np.stack([np.cos(turns), 1.2 * np.sin(turns)], axis=1)
    else:
        half = 0.3 if kind == "flag" else generator.uniform(0.05, 0.1)
        wave = (waves if kind == "flag" else 3 * waves) * np.sin(2 * np.pi * steps + phase)
        upper = np.stack([steps - 0.5, wave - half], axis=1)
        lower = np.stack([steps - 0.5, wave + half], axis=1)
        points = np.concatenate([upper, lower[::-1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    canvas = new_canvas(shape)[:, :, 3].copy()
    cv2.fillPoly(canvas, [fixed_point(centre + size * points @ turn.T)], 255, shift=4)
    opacity = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA) / np.float32(255)
    return cv2.GaussianBlur(opacity, (0, 0), generator.uniform(0.6, 1.2))


def attach(sample: Sample, colours: np.ndarray, opacity: np.ndarray) -> Sample:
    """Stick a part of the object in front of everything; the trimap gets it wholly unknown."""
    share = opacity[:, :, None]
    return sample._replace(
        image=np.float32(share * colours + (1 - share) * sample.image),
        alpha=np.float32(opacity + (1 - opacity) * sample.alpha),
        trimap=np.where(dilate(opacity > 0.01, BEYOND_PART), np.float32(0.5), sample.trimap),
    )


def draw_lattice(shape: tuple[int, int], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return alpha and trimap (H, W) of a net of wavy threads in an opaque frame; of the frame the core is known."""
    height, width = shape
    canvas = np.zeros((FINE * height, FINE * width), np.uint8)
    step, thread = generator.uniform(9, 24), generator.uniform(1.0, 3.5)
    lean, steps = generator.uniform(0, np.pi / 2), np.linspace(-1, 1, 60) * max(shape)
    for turn in (lean, lean + np.pi / 2 + generator.normal(0, 0.15)):
        along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        for k in range(-int(max(shape) / step), int(max(shape) / step) + 1):
            wave = k * step + generator.uniform(0, 0.15) * step * np.sin(steps / generator.uniform(8, 25))
            line = np.array([width, height]) / 2 + steps[:, None] * along + wave[:, None] * across
            cv2.polylines(canvas, [fixed_point(line)], False, 255, max(1, round(FINE * thread)), shift=4)
    inside = np.zeros(shape, np.uint8)
    inside[INSET : height - INSET, INSET : width - INSET] = 1
    hole = cv2.erode(inside, np.ones((2 * FRAME + 1,) * 2, np.uint8))
    net = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    alpha = cv2.GaussianBlur(np.where(hole > 0, net, np.float32(inside)), (0, 0), generator.uniform(0.3, 0.7))
    core = cv2.erode(inside, np.ones((7, 7), np.uint8)) - dilate(hole, 3)
    is_unknown = dilate(inside, 3) & (core != 1)
    return np.float32(alpha), np.where(is_unknown, np.float32(0.5), np.float32(core == 1))


def crop_near_outline(sample: Sample, shape: tuple[int, int], generator: np.random.Generator) -> Sample:
    """Return a part of a scene around a pixel of the outline: of `TRIES` the one with the largest scarcest region.

    The part is twice as high and wide if none has all three regions.
    """
    height, width = sample.alpha.shape
    rows, columns = min(shape[0], height), min(shape[1], width)
    best, most = sample, 0.0
    for _ in range(TRIES):
        x, y = place_on_outline(sample.alpha, generator)
        top, left = (
            int(np.clip(at - part / 2, 0, whole - part)) for at, part, whole in ((y, rows, height), (x, columns, width))
        )
        box = slice(top, top + rows), slice(left, left + columns)
        trimap = sample.trimap[box]
        least = min((trimap == value).mean() for value in (0, 0.5, 1))
        if least > most:
            best, most = sample._replace(image=sample.image[box], alpha=sample.alpha[box], trimap=trimap), least
    if most > 0 or (rows, columns) == (height, width):
        return best
    return crop_near_outline(sample, (2 * rows, 2 * columns), generator)


def blurred(sample: Sample, scale: float) -> Sample:
    """Return a scene out of focus: image and true alpha are blurred, and the unknown region grows with the blur."""
    alpha = cv2.GaussianBlur(sample.alpha, (0, 0), scale)
    is_unknown = (sample.trimap == 0.5) | dilate(mixed_pixels(alpha), 1)
    return sample._replace(
        image=cv2.GaussianBlur(sample.image, (0, 0), scale), alpha=alpha, trimap=trimap_of(alpha, is_unknown)
    )


def compressed(sample: Sample, quality: int) -> Sample:
    """Return a scene whose image was a JPEG file of a quality."""
    return sample._replace(image=as_jpeg(sample.image, quality))


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Return an image (H, W, 3) float32 in [0, 1] that was a JPEG file of a quality."""
    pixels = np.uint8((255 * image[:, :, ::-1]).clip(0, 255).round())
    _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.float32(cv2.imdecode(content, cv2.IMREAD_COLOR)[:, :, ::-1]) / 255


def noisy(sample: Sample, deviation: float, generator: np.random.Generator) -> Sample:
    """Return a scene whose image has noise in each channel."""
    noise = generator.normal(0, deviation, sample.image.shape)
    return sample._replace(image=np.float32((sample.image + noise).clip(0, 1)))


def grey(sample: Sample) -> Sample:
    """Return a scene whose image has no colour."""
    return sample._replace(image=np.repeat(sample.image.mean(axis=2, keepdims=True), 3, axis=2))


def resized(sample: Sample, factor: float) -> Sample:
    """Return a scene in another size; a pixel stays known where all that it covers are."""
    size = [max(16, round(factor * side)) for side in sample.alpha.shape[::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    image, alpha = (cv2.resize(array, size, interpolation=how).clip(0, 1) for array in (sample.image, sample.alpha))
    trimap = cv2.resize(sample.trimap, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST)
    return sample._replace(image=image, alpha=alpha, trimap=three_levels(trimap))


DEGRADED: dict[str, Callable[[Sample, np.random.Generator], Sample]] = {  # as the stress sets have them
    "blur": lambda sample, _: blurred(sample, 1.5),
    "jpeg": lambda sample, _: compressed(sample, 60),
    "noise": lambda sample, generator: noisy(sample, 0.04, generator),
    "grey": lambda sample, _: grey(sample),
    "small": lambda sample, _: resized(sample, 0.25),
    "large": lambda sample, generator: resized(crop_near_outline(sample, (96, 128), generator), 4),
}
