"""Generated photographs with trimaps, and broken ones, in folders."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hybridmatte.io.pictures import write_alpha, write_image

FloatArray = npt.NDArray[np.float32]
N_KINDS = 5  # of broken photographs


def write_photographs(folder: Path, count: int, n_broken: int, shape: tuple[int, int] = (72, 96)) -> Path:
    """Write so many photographs to ``images`` and their trimaps to ``trimaps``; the broken ones stand between them."""
    for name in ("images", "trimaps"):
        (folder / name).mkdir(parents=True)
    for number, (image, trimap) in enumerate(photographs(count, shape)):
        write_image(folder / "images" / f"photo{number:05d}.png", image)
        write_alpha(folder / "trimaps" / f"photo{number:05d}.png", trimap)
    for number in range(n_broken):
        _break(folder, f"photo{number * count // max(n_broken, 1):05d}x", number % N_KINDS, shape)
    return folder


def photographs(count: int, shape: tuple[int, int], seed: int = 32) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield images and trimaps: a soft ellipse in a place of its own over another colour, with noise."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(count):
        centre = rng.uniform(0.4, 0.6, 2) * shape
        radius = rng.uniform(0.2, 0.35, 2) * shape
        away = np.hypot((y - centre[0]) / radius[0], (x - centre[1]) / radius[1])
        alpha = np.clip((1.0 - away) / 0.3 + 0.5, 0, 1)[..., None]
        front, behind = rng.uniform(0.5, 1.0, 3), rng.uniform(0.0, 0.5, 3)
        image = alpha * front + (1 - alpha) * behind + rng.normal(0, 0.02, (*shape, 3))
        trimap = np.where(away < 0.75, 1.0, np.where(away > 1.25, 0.0, 0.5))
        yield np.clip(image, 0, 1).astype(np.float32), trimap.astype(np.float32)


def _break(folder: Path, stem: str, kind: int, shape: tuple[int, int]) -> None:
    """Write one broken photograph: text, nothing, half a file, a trimap of another size, or one that is text."""
    image, trimap = next(photographs(1, shape, seed=kind))
    file, plane = (folder / name / f"{stem}.png" for name in ("images", "trimaps"))
    write_image(file, image)
    write_alpha(plane, trimap)
    if kind == 0:
        file.write_text("text")
    elif kind == 1:
        file.write_bytes(b"")
    elif kind == 2:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif kind == 3:
        write_alpha(plane, np.zeros((shape[0] + 7, shape[1]), np.float32))
    else:
        plane.write_text("text")
