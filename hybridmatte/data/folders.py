"""Samples from a folder: one sub-folder for each part, files paired by stem."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, to_float
from hybridmatte.batch.pairing import pictures_in
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.io.pictures import read_alpha, read_image, read_plane, read_trimap
from hybridmatte.trimap import refuse_labels

__all__ = ["PARTS", "MattingFolder", "Part", "Sample"]

Part = Literal["image", "alpha", "trimap", "mask", "foreground", "background"]
Reader = Callable[[Path], npt.NDArray[Any]]

LISTED = 100  # an error message lists at most this many stems without a partner
PARTS: tuple[Part, ...] = get_args(Part)


def _read_trimap(path: Path) -> npt.NDArray[np.float32]:
    """Read a trimap; refuse one that holds labels."""
    trimap = read_trimap(path)
    refuse_labels(trimap, f"trimap {path}")
    return trimap


def _read_mask(path: Path) -> npt.NDArray[np.float32]:
    """Read a mask; refuse one that holds labels."""
    mask = read_plane(path, "mask")
    refuse_labels(mask, f"mask {path}")
    return mask


READERS: dict[Part, Reader] = {
    "image": read_image,
    "alpha": read_alpha,
    "foreground": read_image,
    "background": read_image,
    "trimap": _read_trimap,
    "mask": _read_mask,
}


class Sample(NamedTuple):
    """The parts that belong to one stem: colours (H, W, 3), planes (H, W); None for parts that were not requested.

    Parts are float32 in [0, 1], unless a function says otherwise.
    """

    name: str
    image: npt.NDArray[Any] | None = None
    alpha: npt.NDArray[Any] | None = None
    trimap: npt.NDArray[Any] | None = None
    mask: npt.NDArray[Any] | None = None
    foreground: npt.NDArray[Any] | None = None
    background: npt.NDArray[Any] | None = None

    def require(self, part: Part) -> npt.NDArray[Any]:
        """Return a part; refuse a sample that lacks it."""
        array = getattr(self, part)
        if array is None:
            raise ValueError(f"sample {self.name!r} has no {part}, expected one")
        return array


class MattingFolder(LazySequence[Sample]):
    """The samples of a folder, sorted by stem; each is read when it is accessed.

    Parameters
    ----------
    root : str or path
        Folder with the sub-folders ``image``, ``alpha``, ``trimap``, ``mask``, ``foreground`` and ``background``, or
        some of them.
    parts : sequence of str
        Parts that each sample must have. Every stem of the first part needs a partner in all others.
    folders : dict, optional
        The sub-folder of each part that is not named after the part.
    readers : dict, optional
        Function from a path to an array, for parts stored in a special format.

    Attributes
    ----------
    names : tuple of str
        The stems in order.
    parts : tuple of str
        The parts of each sample.

    Raises
    ------
    FileNotFoundError
        If root or a sub-folder is missing.
    ValueError
        If there is no sample, or a stem lacks a partner; and, when a sample is read, if its parts differ in size.

    Examples
    --------
    >>> MattingFolder("nowhere", ["image", "trimap"])
    Traceback (most recent call last):
        ...
    FileNotFoundError: data folder nowhere does not exist, expected one with image, trimap
    """

    names: tuple[str, ...]
    parts: tuple[Part, ...]

    def __init__(
        self,
        root: str | PathLike[str],
        parts: Sequence[Part],
        *,
        folders: Mapping[Part, str] | None = None,
        readers: Mapping[Part, Reader] | None = None,
    ) -> None:
        root, self.parts = Path(root), tuple(parts)
        for part in self.parts:
            check_choice(part, "parts", PARTS)
        self._readers: dict[Part, Reader] = {**READERS, **(readers or {})}
        if not root.is_dir():
            raise FileNotFoundError(f"data folder {root} does not exist, expected one with {', '.join(self.parts)}")
        self._paths = {part: _pictures(root, (folders or {}).get(part, part), part) for part in self.parts}
        self.names = tuple(self._paths[self.parts[0]])
        if not self.names:
            raise ValueError(f"data folder {root} holds no {self.parts[0]}, expected at least one")
        for part in self.parts[1:]:
            missing = [name for name in self.names if name not in self._paths[part]]
            if missing:
                more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
                raise ValueError(
                    f"data folder {root} has no {part} for {len(missing)} of {len(self.names)} stems, "
                    f"expected one for each {self.parts[0]}: {', '.join(missing[:LISTED])}{more}"
                )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.names)

    def _item(self, index: int) -> Sample:
        """Read one sample."""
        name = self.names[index]
        arrays = {part: to_float(self._readers[part](self._paths[part][name]), "picture") for part in self.parts}
        shapes = {part: array.shape[:2] for part, array in arrays.items() if part != "background"}
        for part, shape in shapes.items():
            first = next(iter(shapes))
            if shape != shapes[first]:
                raise ValueError(
                    f"{part} {self._paths[part][name]} has shape {shape} but {first} has shape "
                    f"{shapes[first]}, expected the same"
                )
        return Sample(name, **arrays)


def _pictures(root: Path, folder: str, part: Part) -> dict[str, Path]:
    """Return the picture files of one part by stem."""
    if not (root / folder).is_dir():
        present = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise FileNotFoundError(
            f"data folder {root} has no folder {folder!r} for {part}, only {', '.join(present) or 'none at all'}"
        )
    pictures, problems = pictures_in(root / folder, part)
    if problems:
        raise ValueError(next(iter(problems.values())))
    return pictures
