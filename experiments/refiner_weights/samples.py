"""What the mask refiner learns from and is scored on."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from experiments.data_sets import data_folder
from experiments.finder_weights.samples import HELD_OUT, Photograph, as_sample, empty, pasted, read_bytes, split
from hybridmatte import estimate_foreground
from hybridmatte._validation import to_float
from hybridmatte.data import Sample

REPEATS = {"people": 4, "people_street": 2, "faces": 1, "cats": 2}  # of photographs with masks, in a pass
TAUGHT_REPEATS = 5  # of animals with masks that the finder estimated
ALPHA_REPEATS = 65  # of photographs with true alphas
COMPOSITES = 4000  # in a pass
OBJECT_SIDE = 560  # pixels: shorter side of the photographs with true alphas
BEHIND_SIDES = 360, 520  # pixels: shorter sides of the photographs behind objects
OTHER_SHARE, EMPTY_SHARE = 0.35, 0.25  # of photographs behind objects that show people or cats; that show neither


class Layers(NamedTuple):
    """A photograph with its true alpha and the colours of its object, as uint8."""

    image: np.ndarray
    alpha: np.ndarray
    foreground: np.ndarray


def layers(path: Path) -> Layers:
    """Return a photograph with a true alpha."""
    image, alpha = read_bytes(Photograph(path, path.parent.parent / "alpha" / f"{path.stem}.png"))
    image, alpha = (_with_shorter_side(part, OBJECT_SIDE) for part in (image, alpha))
    foreground = estimate_foreground(np.float32(image) / 255, np.float32(alpha) / 255)
    return Layers(image, alpha, np.rint(255 * foreground).astype(np.uint8))


class RefinerSamples(Sequence[Sample]):
    """One pass through what the refiner learns from; each sample has an alpha or a mask.

    Photographs with masks, photographs with true alphas, and composites of the latter's objects over photographs, many
    of which show people or cats that do not belong to the alpha. Composite k is always the same.

    Parameters
    ----------
    data : Path
    taught : sequence of Photograph
        Photographs with masks that a network estimated.
    seed : int
    """

    def __init__(self, data: Path, taught: Sequence[Photograph], seed: int):
        root, sets = data_folder(data), {name: split(data, name)[0] for name in HELD_OUT}
        self._masked = [one for name, members in sets.items() for one in members * REPEATS[name]]
        self._masked += list(taught) * TAUGHT_REPEATS
        self._layers = [layers(path) for path in sorted((root / "alphamatting" / "image").iterdir())]
        others = [*sorted((root / "photos" / "train").glob("*.jpg")), *sorted(root.glob("photos_objects/train/*.jpg"))]
        self._behind = {
            "other": [one for members in sets.values() for one in members],
            "empty": empty(data)[0],
            "any": [Photograph(path, None) for path in others],
        }
        self._seed = seed

    def __len__(self) -> int:
        """Return the number of samples in a pass."""
        return len(self._masked) + ALPHA_REPEATS * len(self._layers) + COMPOSITES

    def __getitem__(self, index: int) -> Sample:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a photograph, or a composite made now."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < len(self._masked):
            photograph = self._masked[index]
            return as_sample(*read_bytes(photograph), photograph.image.stem)
        index -= len(self._masked)
        if index < ALPHA_REPEATS * len(self._layers):
            chosen = self._layers[index % len(self._layers)]
            return _with_alpha(chosen.image, chosen.alpha, f"alpha {index}")
        return self._composite(index, np.random.default_rng([self._seed, index]))

    def _composite(self, index: int, generator: np.random.Generator) -> Sample:
        """Return an object, recoloured in two cases of five, over a photograph."""
        chosen = self._layers[generator.integers(len(self._layers))]
        draw = generator.uniform()
        kind = "other" if draw < OTHER_SHARE else "empty" if draw < OTHER_SHARE + EMPTY_SHARE else "any"
        behind = read_bytes(self._behind[kind][generator.integers(len(self._behind[kind]))])[0]
        behind = _with_shorter_side(behind, round(generator.uniform(*BEHIND_SIDES)))
        colours = chosen.foreground
        if generator.uniform() < 0.4:
            colours = (colours * generator.uniform(0.6, 1.4, 3)).clip(0, 255).astype(np.uint8)
        return _with_alpha(*pasted(colours, chosen.alpha, behind, generator), f"composite {index}")


def _with_alpha(image: np.ndarray, alpha: np.ndarray, name: str) -> Sample:
    """Return a sample of uint8 image and alpha."""
    return Sample(name, image=to_float(image, "image"), alpha=to_float(alpha, "alpha"))


def _with_shorter_side(part: np.ndarray, side: int) -> np.ndarray:
    """Return an image or alpha with a shorter side of so many pixels."""
    factor = side / min(part.shape[:2])
    size = [round(length * factor) for length in part.shape[1::-1]]
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


class Scored(NamedTuple):
    """A photograph to score on: image, and the true alpha, a published network's alpha, or a mask."""

    stem: str
    image: np.ndarray
    target: np.ndarray


MASKS_SCORED = 15  # photographs of each set with masks
LABEL_FOLDERS = {
    "portraits": "alpha_predicted",
    "animals": "alpha_predicted",
    "alphamatting_more": "alpha",
    "alphamatting": "alpha",
}


LEARNT_FROM = ("alphamatting",)


@cache
def scored_sets(data: Path) -> dict[str, list[Scored]]:
    """Return ``{name: photographs}``; those of `LEARNT_FROM` were learnt from."""
    root = data_folder(data)
    sets = {}
    for name, label in LABEL_FOLDERS.items():
        images = sorted((root / name / "image").iterdir())
        sets[name] = [Photograph(path, root / name / label / f"{path.stem}.png") for path in images]
    sets |= {name: split(data, name)[1][:MASKS_SCORED] for name in ("faces", "cats", "people", "people_street")}
    return {name: list(_read_scored(photographs)) for name, photographs in sets.items()}


def _read_scored(photographs: Sequence[Photograph]) -> Iterator[Scored]:
    """Yield images and labels in [0, 1]."""
    for photograph in photographs:
        image, label = read_bytes(photograph)
        yield Scored(photograph.image.stem, to_float(image, "image"), to_float(label, "label"))
