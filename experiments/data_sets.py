"""Photographs in the data folder: the alphamatting set with trimaps and true alphas, and unlabelled photographs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte import read_alpha, read_image, read_trimap

TRIMAPS = ("trimap1", "trimap2")  # narrow and wide


class Case(NamedTuple):
    """One image with a trimap and its true alpha, all in [0, 1]; image is float64, the others float32."""

    name: str
    trimap_name: str
    image: npt.NDArray[np.float64]
    trimap: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]


def data_folder(path: Path) -> Path:
    """Return the data folder, or say what is missing."""
    if not Path(path).is_dir():
        raise FileNotFoundError(f"data folder {path} does not exist; give it as --data or HYBRIDMATTE_DATA")
    return Path(path)


def training_photographs(data: Path) -> Path:
    """Return the folder of 300 photographs without labels, which networks learn from."""
    return data_folder(data) / "photos" / "train"


def alphamatting_names(data: Path, folder: str = "alphamatting") -> list[str]:
    """Return the stems of the images of an alphamatting set, sorted."""
    return sorted(path.stem for path in (data_folder(data) / folder / "image").glob("*.png"))


def alphamatting_cases(
    data: Path, images: Sequence[str] | None = None, trimaps: Sequence[str] = TRIMAPS, *, folder: str = "alphamatting"
) -> Iterator[Case]:
    """Yield a `Case` for each image of an alphamatting set and each trimap."""
    root = data_folder(data) / folder
    for name in images or alphamatting_names(data, folder):
        image = read_image(root / "image" / f"{name}.png").astype(np.float64)
        alpha = read_alpha(root / "alpha" / f"{name}.png")
        for trimap_name in trimaps:
            yield Case(name, trimap_name, image, read_trimap(root / trimap_name / f"{name}.png"), alpha)
