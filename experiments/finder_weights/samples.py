"""What the finder learns from and is scored on: people and pets with masks, photographs with neither, composites."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from experiments.data_sets import data_folder
from experiments.finder_weights.empty_photographs import OBJECTS, SCENES, SCENES_HELD_OUT
from experiments.samples import PEOPLE_HELD_OUT
from hybridmatte import read_alpha, read_image
from hybridmatte._validation import to_float
from hybridmatte.data import Sample

HELD_OUT = {"people": PEOPLE_HELD_OUT, "people_street": 40, "faces": 100, "cats": 85}  # photographs of each folder
REPEATS = {"people": 4, "people_street": 2, "faces": 1, "cats": 3, "empty": 2, "taught": 2}  # in a pass
COMPOSITES = 1500  # in a pass
OBJECT_STEP = 6  # every sixth photograph of objects is held out
ANIMALS_END = "n0266"  # photographs of ImageNet's animal classes come before it, and none after
HEIGHTS = 0.25, 1.0  # height of a composite's object, as a share of the background's
GREY_SHARE, BLUR_SHARE = 0.1, 0.15  # of the composites
BLUR_SIGMA = 0.5, 2.0  # pixels


class Photograph(NamedTuple):
    """Files of a photograph and of its mask; no mask means that there is no object."""

    image: Path
    mask: Path | None


def split(data: Path, name: str) -> tuple[list[Photograph], list[Photograph]]:
    """Return the photographs of a folder to learn from, and those held out, in an order that is always the same."""
    folder = data_folder(data) / name
    images = sorted((folder / "image").iterdir())
    masks = {path.stem: path for path in (folder / "mask").iterdir()}
    order = np.random.default_rng(0).permutation(len(images))
    photographs = [Photograph(images[k], masks[images[k].stem]) for k in order]
    return photographs[HELD_OUT[name] :], photographs[: HELD_OUT[name]]


def empty(data: Path) -> tuple[list[Photograph], list[Photograph]]:
    """Return photographs with neither people nor animals: to learn from, and held out."""
    root = data_folder(data)
    objects = [Photograph(root / "photos_objects" / "train" / f"{stem}.jpg", None) for stem in OBJECTS]
    scenes, others = (
        [Photograph(root / "photos" / part / f"{stem}.jpg", None) for stem in stems]
        for part, stems in (("train", SCENES), ("test", SCENES_HELD_OUT))
    )
    learnt = [photograph for k, photograph in enumerate(objects) if k % OBJECT_STEP]
    return [*learnt, *scenes], [*objects[::OBJECT_STEP], *others]


def animals_without_masks(data: Path) -> list[Path]:
    """Return the photographs of ImageNet's animal classes."""
    paths = sorted((data_folder(data) / "photos_objects" / "train").glob("*.jpg"))
    return [path for path in paths if path.stem < ANIMALS_END]


@cache
def read_bytes(photograph: Photograph) -> tuple[np.ndarray, np.ndarray]:
    """Return image and mask as uint8."""
    image = np.rint(255 * to_float(read_image(photograph.image), "image")).astype(np.uint8)
    if photograph.mask is None:
        return image, np.zeros(image.shape[:2], np.uint8)
    mask = np.rint(255 * read_alpha(photograph.mask)).astype(np.uint8)
    if mask.shape != image.shape[:2]:
        mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return image, mask


def as_sample(image: np.ndarray, mask: np.ndarray, name: str) -> Sample:
    """Return a sample of uint8 image and mask."""
    return Sample(name, image=image.astype(np.float32) / 255, mask=mask.astype(np.float32) / 255)


def read_sample(photograph: Photograph) -> Sample:
    """Return a photograph with its mask."""
    return as_sample(*read_bytes(photograph), photograph.image.stem)


class FinderSamples(Sequence[Sample]):
    """One pass through what the finder learns from: photographs, some more than once, and composites.

    Composite k is always the same: objects of one photograph, scaled and moved, over one that shows neither people nor
    animals.

    Parameters
    ----------
    data : Path
    taught : sequence of Photograph
        Photographs with masks that a network estimated.
    seed : int
    """

    def __init__(self, data: Path, taught: Sequence[Photograph], seed: int):
        sets = {name: split(data, name)[0] for name in HELD_OUT} | {"empty": empty(data)[0], "taught": list(taught)}
        self._photographs = [one for name, members in sets.items() for one in members * REPEATS[name]]
        self._objects = [one for name in HELD_OUT for one in sets[name]] + list(taught)
        self._behind, self._seed = sets["empty"], seed

    def __len__(self) -> int:
        """Return the number of samples in a pass."""
        return len(self._photographs) + COMPOSITES

    def __getitem__(self, index: int) -> Sample:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a photograph, or a composite made now."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < len(self._photographs):
            return read_sample(self._photographs[index])
        generator = np.random.default_rng([self._seed, index])
        front, behind = (members[generator.integers(len(members))] for members in (self._objects, self._behind))
        return as_sample(*pasted(*read_bytes(front), read_bytes(behind)[0], generator), f"composite {index}")


def pasted(
    image: np.ndarray, mask: np.ndarray, behind: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a composite and its mask: the object, scaled, at a random place of the photograph behind it.

    An object that the lower border cuts off stays at the lower border.
    """
    rows, columns = (np.flatnonzero(mask.max(axis=axis) > 127) for axis in (1, 0))
    if not len(rows):
        return image, mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    height, width = behind.shape[:2]
    scale = min(
        generator.uniform(*HEIGHTS) * height / (rows[-1] + 1 - rows[0]), 1.2 * width / (columns[-1] + 1 - columns[0])
    )
    area = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    front, cover = (cv2.resize(part[box], None, fx=scale, fy=scale, interpolation=area) for part in (image, mask))
    top = height - front.shape[0] if rows[-1] >= mask.shape[0] - 2 else generator.integers(-10, height)
    top = min(int(top), height - front.shape[0] // 2)
    left = int(generator.integers(-front.shape[1] // 3, max(width - front.shape[1] * 2 // 3, 1)))
    shift = np.float64([[1, 0, left], [0, 1, top]])
    alpha = cv2.GaussianBlur(cv2.warpAffine(cover, shift, (width, height)), (3, 3), 0)
    share = alpha[:, :, None].astype(np.float32) / 255
    result = share * cv2.warpAffine(front, shift, (width, height)) + (1 - share) * behind
    return _degraded(result.astype(np.uint8), generator), alpha


def _degraded(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return some images without colour, and some blurred."""
    if generator.uniform() < GREY_SHARE:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    if generator.uniform() < BLUR_SHARE:
        image = cv2.GaussianBlur(image, (0, 0), generator.uniform(*BLUR_SIGMA))
    return image
