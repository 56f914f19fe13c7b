"""Clips with true alpha: a photographed or drawn object moves over another photograph that moves too.

A clip is a function of its name, a seed and its size. The name is that of a photograph with true alpha, or ``hair-<k>``
for drawn hair.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from experiments.data_sets import data_folder
from experiments.fusion.photographs import photograph_names
from experiments.fusion.scenes import layers_of
from experiments.options import DataOptions
from hybridmatte import read_image, trimap_from_alpha
from hybridmatte._validation import to_float
from hybridmatte.data import Sample, random_hair
from hybridmatte.data.compositing import fit_background
from hybridmatte.data.drawing import smooth_noise

SIZE, FRAMES = (288, 384), 60  # pixels (height, width), and frames
HAIR, HAIRS, HAIR_SIZE = "hair", 4, (600, 800)  # drawn objects
FINE = 2  # samples along each side of a pixel
SHUTTER, MOMENTS = 0.5, 5  # share of a frame that the shutter is open, and moments that are averaged
PERIODS = (36.0, 150.0)  # frames of the oscillations that a path is the sum of
WAVES = 3  # oscillations of a path
COVERED, ZOOM = 0.78, 0.09  # share of a photograph that the frame shows, and how far it changes
TURN, SWAY = 4.0, 0.006  # degrees; and share of the frame's width that parts of the object move against each other
LIGHT, TINT, FLICKER = 0.05, 0.012, 0.012  # slow change of brightness and of each colour, and fast change of brightness
READ_NOISE, SHOT_NOISE = 0.003, 0.00018  # deviation, and variance over brightness, at full strength
DEFOCUS = 1.5  # pixels of the background's photograph, largest deviation
CLEAR, BAND = 5 / 255, 0.01  # alphas that count as known, and share of the diagonal by which the unknown region grows
LEAST, TRIES, STEP = 0.02, 100, 16  # share of a frame that is surely object, and ground; paths; samples between checks
Plane = npt.NDArray[np.float32]


class Clip(NamedTuple):
    """The frames of a clip: images (H, W, 3) uint8, true alphas (H, W) float32 and trimaps (H, W) uint8."""

    frames: list[npt.NDArray[np.uint8]]
    alphas: list[Plane]
    trimaps: list[npt.NDArray[np.uint8]]


def hair_names() -> list[str]:
    """Return the names of the drawn objects."""
    return [f"{HAIR}-{k}" for k in range(HAIRS)]


def moving_scene(
    name: str,
    seed: int,
    n_frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    *,
    data: Path | None = None,
    cut: bool = False,
) -> Clip:
    """Return a clip with true alpha.

    The object moves, grows, turns and sways along smooth random paths, and so does the photograph behind it. Each frame
    is the mean over the time that the shutter is open, so that alpha is the mean of the moments' alphas. Light changes
    slowly and flickers, and the sensor has noise; neither changes alpha.

    Parameters
    ----------
    name : str
        A photograph with true alpha, such as "GT04", or drawn hair, "hair-0".
    seed : int
        Seed of the paths, the background, the light and the noise.
    n_frames : int, default 60
    size : (int, int), default (288, 384)
        Height and width in pixels.
    data : Path, optional
        Data folder. By default that of the experiments' option `--data`.
    cut : bool, default False
        Whether the second half shows the mirrored object on other paths over another photograph.
    """
    data = data_folder(DataOptions().data if data is None else data)
    if not cut:
        frames = list(_render(name, seed, n_frames, size, data, mirrored=False))
    else:
        first = n_frames // 2
        frames = list(_render(name, seed, first, size, data, mirrored=False))
        frames += _render(name, seed + 1_000_000, n_frames - first, size, data, mirrored=True)
    images, alphas = zip(*frames, strict=True)
    return Clip(list(images), list(alphas), [trimap_of(alpha) for alpha in alphas])


def trimap_of(alpha: Plane) -> npt.NDArray[np.uint8]:
    """Return the trimap (H, W) of 0, 128 and 255 of a true alpha: mixed pixels, grown by a share of the diagonal."""
    width = BAND * float(np.hypot(*alpha.shape))
    trimap = trimap_from_alpha(alpha, low=CLEAR, high=1 - CLEAR, erode=width, dilate=width)
    return np.uint8(np.rint(255 * trimap))


def key_frames(trimaps: Sequence[npt.NDArray[np.uint8]], spacing: int) -> Mapping[int, npt.NDArray[np.uint8]]:
    """Return the trimaps of the key frames: every `spacing`-th frame from the first one."""
    return {index: trimaps[index] for index in range(0, len(trimaps), spacing)}


class Wander:
    """A smooth random path in [-1, 1]: a mean of oscillations in time."""

    def __init__(self, generator: np.random.Generator) -> None:
        low, high = np.log(PERIODS)
        self._rates = 2 * np.pi / np.exp(generator.uniform(low, high, WAVES))
        self._phases = generator.uniform(0, 2 * np.pi, WAVES)
        weights = generator.uniform(0.3, 1, WAVES)
        self._weights = weights / weights.sum()

    def __call__(self, time: float) -> float:
        """Return the place at a time in frames."""
        return float(self._weights @ np.sin(self._rates * time + self._phases))


class Window:
    """A moving window into planes (h, w, C): where each sample of a frame lies in them at a time."""

    def __init__(self, shape: tuple[int, int], size: tuple[int, int], generator: np.random.Generator) -> None:
        self._middle = np.array(shape[::-1]) / 2
        self._whole = min(shape[0] / size[0], shape[1] / size[1])  # pixels of the planes per pixel, all of them shown
        self._half = np.array(size[::-1]) / 2
        self._x, self._y, self._zoom, self._turn = (Wander(generator) for _ in range(4))
        side = np.arange(FINE * max(size), dtype=np.float32)
        self._columns = ((side[: FINE * size[1]] + 0.5) / FINE - self._half[0])[None, :]
        self._rows = ((side[: FINE * size[0]] + 0.5) / FINE - self._half[1])[:, None]

    def coordinates(self, time: float) -> tuple[Plane, Plane]:
        """Return x and y (FINE H, FINE W) in the planes of each sample."""
        scale = self._whole * (COVERED + ZOOM * self._zoom(time))
        room = np.maximum(self._middle - scale * self._half, 0)
        x, y = self._middle + room * (self._x(time), self._y(time)) - 0.5
        angle = np.radians(TURN * self._turn(time))
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        to_x = cosine * self._columns - sine * self._rows + x
        return np.float32(to_x), np.float32(sine * self._columns + cosine * self._rows + y)


class Light:
    """Brightness that changes slowly and flickers, and sensor noise."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._gain, *self._tints = (Wander(generator) for _ in range(4))
        self._noise = generator.uniform(0.4, 1)

    def expose(self, image: Plane, time: float) -> npt.NDArray[np.uint8]:
        """Return the picture (H, W, 3) that the camera records of colours in [0, 1]."""
        gain = 1 + LIGHT * self._gain(time) + self._generator.normal(0, FLICKER)
        lit = image * np.float32([gain * (1 + TINT * tint(time)) for tint in self._tints])
        deviation = self._noise * np.sqrt(READ_NOISE**2 + SHOT_NOISE * lit.clip(0, 1))
        noise = self._generator.standard_normal(image.shape, dtype=np.float32)
        return np.uint8(np.rint(255 * (lit + deviation * noise).clip(0, 1)))


def _render(
    name: str, seed: int, n_frames: int, size: tuple[int, int], data: Path, *, mirrored: bool
) -> Iterator[tuple[npt.NDArray[np.uint8], Plane]]:
    """Yield the image and the true alpha of each frame."""
    generator = np.random.default_rng([zlib.crc32(name.encode()), seed])
    layers = _object_layers(name, data)
    planes = np.dstack([layers.foreground * layers.alpha[:, :, None], layers.alpha])
    planes = np.ascontiguousarray(planes[:, ::-1]) if mirrored else planes
    ground = _ground(data, generator)
    behind = Window(ground.shape[:2], size, generator)
    before = _window_on(planes[:, :, 3], size, n_frames, generator)
    fine = FINE * size[0], FINE * size[1]
    bends = [SWAY * layers.alpha.shape[1] * (2 * smooth_noise(fine, generator, octaves=1) - 1) for _ in range(2)]
    sways, light = [Wander(generator) for _ in range(2)], Light(generator)
    for frame in range(n_frames):
        total = np.zeros((*fine, 4), np.float32)
        for moment in frame + SHUTTER * (np.arange(MOMENTS) / (MOMENTS - 1) - 0.5):
            seen = [
                at + bend * sway(moment)
                for at, bend, sway in zip(before.coordinates(moment), bends, sways, strict=True)
            ]
            objects = cv2.remap(planes, *seen, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            back = cv2.remap(ground, *behind.coordinates(moment), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            total[:, :, :3] += objects[:, :, :3] + (1 - objects[:, :, 3:]) * back
            total[:, :, 3] += objects[:, :, 3]
        mean = cv2.resize(total / MOMENTS, size[::-1], interpolation=cv2.INTER_AREA).clip(0, 1)
        yield light.expose(mean[:, :, :3], frame), np.ascontiguousarray(mean[:, :, 3])


def _window_on(alpha: Plane, size: tuple[int, int], n_frames: int, generator: np.random.Generator) -> Window:
    """Return a moving window that shows some object and some ground in each frame."""
    for _ in range(TRIES):
        window = Window(alpha.shape, size, generator)
        if all(_has_both(alpha, window.coordinates(frame)) for frame in range(max(n_frames, FRAMES))):
            return window
    raise ValueError(f"alpha has no window of {size} pixels with object and ground in {TRIES} tries, expected one")


def _has_both(alpha: Plane, coordinates: tuple[Plane, Plane]) -> bool:
    """Return whether alpha has pixels of 0 and of 1 at the coordinates."""
    seen = cv2.remap(
        alpha, *(at[::STEP, ::STEP] for at in coordinates), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return min((seen < CLEAR).mean(), (seen > 1 - CLEAR).mean()) >= LEAST


@lru_cache(maxsize=8)
def _object_layers(name: str, data: Path) -> Sample:
    """Return the foreground colours and alpha of an object."""
    kind, _, number = name.partition("-")
    if kind == HAIR and number:
        generator = np.random.default_rng([11, int(number)])
        texture = _photograph(data, generator)
        return random_hair(HAIR_SIZE, generator, strands=(300, 600), texture=fit_background(texture, HAIR_SIZE))
    if name not in photograph_names(data):
        raise ValueError(f"name is {name!r}, expected one of {[*photograph_names(data), *hair_names()]}")
    return layers_of(name, data)


def _ground(data: Path, generator: np.random.Generator) -> Plane:
    """Return the photograph behind the object, a little out of focus."""
    deviation = generator.uniform(0, DEFOCUS)
    photograph = _photograph(data, generator)
    return photograph if deviation < 0.2 else cv2.GaussianBlur(photograph, (0, 0), deviation)


def _photograph(data: Path, generator: np.random.Generator) -> Plane:
    """Return a random one of the photographs without labels that no network has learned from."""
    paths = sorted((data / "photos" / "test").glob("*.jpg"))
    return to_float(read_image(paths[int(generator.integers(len(paths)))]), "photograph")
