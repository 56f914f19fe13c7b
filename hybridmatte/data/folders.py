"""Samples from a folder: one sub-folder a part, paired by stem."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_choice
from hybridmatte.batch.jobs import pictures_in
from hybridmatte.io.pictures import read_alpha, read_image, read_plane, read_trimap
from hybridmatte.trimap import refuse_labels

__all__ = ["PARTS", "MattingFolder", "Sample"]

LISTED = 100  # stems without a partner that are named
PARTS = ("image", "alpha", "trimap", "mask", "foreground", "background")


def _read_scaled(path, read, part):
    """Read a plane, refused if it holds labels."""
    plane = read(path)
    refuse_labels(plane, f"{part} {path}")
    return plane


READERS = {"image": read_image, "alpha": read_alpha, "foreground": read_image, "background": read_image,
           "trimap": partial(_read_scaled, read=read_trimap, part="trimap"),
           "mask": partial(_read_scaled, read=partial(read_plane, name="mask"), part="mask")}


class Sample(NamedTuple):
    """A stem and what belongs to it, float32 in [0, 1]: colours (H, W, 3), planes (H, W); None where not asked for."""

    name: str
    image: np.ndarray = None
    alpha: np.ndarray = None
    trimap: np.ndarray = None
    mask: np.ndarray = None
    foreground: np.ndarray = None
    background: np.ndarray = None


class MattingFolder(Sequence):
    """The samples of a folder, sorted by stem and read when asked for.

    Parameters
    ----------
    root : str or path
        Folder with the sub-folders ``image alpha trimap mask foreground background``, or some of them.
    parts : sequence of str
        What a sample must have; every stem of the first needs a partner in all others.
    folders : dict, optional
        Sub-folder of a part, where it does not bear the part's name.
    readers : dict, optional
        Function from a path to an array, for parts that are stored in a way of their own.

    Raises
    ------
    FileNotFoundError
        If root or a sub-folder is missing.
    ValueError
        If there is no sample, or a stem lacks a partner; when a sample is read, if its parts differ in size.

    Examples
    --------
    >>> MattingFolder("nowhere", ["image", "trimap"])
    Traceback (most recent call last):
        ...
    FileNotFoundError: data folder nowhere does not exist, expected one with image, trimap
    """

    def __init__(self, root, parts, *, folders=None, readers=None):
        root, self.parts = Path(root), tuple(parts)
        for part in self.parts:
            check_choice(part, "parts", PARTS)
        self._readers = READERS | (readers or {})
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
                raise ValueError(f"data folder {root} has no {part} for {len(missing)} of {len(self.names)} stems, "
                                 f"expected one for each {self.parts[0]}: {', '.join(missing[:LISTED])}{more}")

    def __len__(self):
        """Return the number of samples."""
        return len(self.names)

    def __getitem__(self, index):
        """Read one sample."""
        name = self.names[index]
        arrays = {part: self._readers[part](self._paths[part][name]) for part in self.parts}
        arrays = {part: _as_float(array) for part, array in arrays.items()}
        shapes = {part: array.shape[:2] for part, array in arrays.items() if part != "background"}
        for part, shape in shapes.items():
            first = next(iter(shapes))
            if shape != shapes[first]:
                raise ValueError(f"{part} {self._paths[part][name]} has shape {shape} but {first} has shape "
                                 f"{shapes[first]}, expected the same")
        return Sample(name, **arrays)


def _pictures(root, folder, part):
    """Return the pictures of one part by stem."""
    if not (root / folder).is_dir():
        present = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise FileNotFoundError(f"data folder {root} has no folder {folder!r} for {part}, only "
                                f"{', '.join(present) or 'none at all'}")
    pictures, problems = pictures_in(root / folder, part)
    if problems:
        raise ValueError(next(iter(problems.values())))
    return pictures


def _as_float(array):
    from hybridmatte._validation import to_float

    return to_float(array, "picture")
