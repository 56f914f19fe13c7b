"""Well-known data sets: their folders after unpacking."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice
from hybridmatte.data.folders import MattingFolder, Part, Reader, Sample
from hybridmatte.io.pictures import read_plane

__all__ = ["NAMED", "Layout", "offers", "open_named"]

LOG = logging.getLogger("hybridmatte.data")


class Layout(NamedTuple):
    """The source of a data set, and for each split the folder of each part.

    Attributes
    ----------
    source : str
    splits : dict
    continued : dict
        For a split, the split whose samples follow its own, where these are there.
    """

    source: str
    splits: dict[str, dict[Part, str]]
    continued: Mapping[str, str] = MappingProxyType({})


def _read_pet_trimap(path: Path) -> npt.NDArray[np.float32]:
    """Read a trimap with the labels 1 foreground, 2 background and 3 not classified."""
    labels = np.round(read_plane(path) * 255).astype(int)
    if not 1 <= labels.min() <= labels.max() <= 3:
        raise ValueError(f"trimap {path} has labels from {labels.min()} to {labels.max()}, expected 1, 2 and 3")
    return np.array([0.0, 1.0, 0.0, 0.5], np.float32)[labels]


READERS: dict[str, dict[Part, Reader]] = {"oxford-iiit-pet": {"trimap": _read_pet_trimap}}

NAMED: dict[str, Layout] = {
    "folder": Layout("your own, paired by stem", {"all": {}}),
    "am-2k": Layout(
        "github.com/JizhiziLi/GFM",
        {
            "train": {"image": "train/original", "alpha": "train/mask"},
            "validation": {"image": "validation/original", "alpha": "validation/mask", "trimap": "validation/trimap"},
        },
    ),
    "p3m-10k": Layout(
        "github.com/JizhiziLi/P3M",
        {
            "train": {"image": "train/blurred_image", "alpha": "train/mask"},
            "p3m-500-p": {
                "image": "validation/P3M-500-P/blurred_image",
                "alpha": "validation/P3M-500-P/mask",
                "trimap": "validation/P3M-500-P/trimap",
            },
            "p3m-500-np": {
                "image": "validation/P3M-500-NP/original_image",
                "alpha": "validation/P3M-500-NP/mask",
                "trimap": "validation/P3M-500-NP/trimap",
            },
        },
    ),
    "composition-1k": Layout(
        "its authors, by request: sites.google.com/view/deepimagematting",
        {
            "train": {
                "foreground": "Training_set/Adobe-licensed images/fg",
                "alpha": "Training_set/Adobe-licensed images/alpha",
            },
            "train-other": {"foreground": "Training_set/Other/fg", "alpha": "Training_set/Other/alpha"},
            "test": {
                "foreground": "Test_set/Adobe-licensed images/fg",
                "alpha": "Test_set/Adobe-licensed images/alpha",
            },
            "test-trimaps": {"trimap": "Test_set/Adobe-licensed images/trimaps"},  # named like the composites
        },
        {"train": "train-other"},  # 269 and 162 foregrounds: together the 431 of the papers
    ),
    "distinctions-646": Layout(
        "github.com/yuhaoliu7456/CVPR2020-HAttMatting",
        {
            "train": {"foreground": "Train/FG", "alpha": "Train/GT"},
            "test": {"foreground": "Test/FG", "alpha": "Test/GT"},
        },
    ),
    "aim-500": Layout("github.com/JizhiziLi/AIM", {"test": {"image": "original", "alpha": "mask", "trimap": "trimap"}}),
    "ppm-100": Layout("github.com/ZHKKKe/PPM", {"test": {"image": "image", "alpha": "matte"}}),
    "rwp-636": Layout("github.com/yucornetto/MGMatting", {"test": {"image": "image", "alpha": "alpha"}}),
    "alphamatting": Layout(
        "alphamatting.com, training data in low resolution",
        {
            "trimap1": {
                "image": "input_training_lowres",
                "alpha": "gt_training_lowres",
                "trimap": "trimap_training_lowres/Trimap1",
            },
            "trimap2": {
                "image": "input_training_lowres",
                "alpha": "gt_training_lowres",
                "trimap": "trimap_training_lowres/Trimap2",
            },
        },
    ),
    "oxford-iiit-pet": Layout(
        "www.robots.ox.ac.uk/~vgg/data/pets", {"all": {"image": "images", "trimap": "annotations/trimaps"}}
    ),
    "bg-20k": Layout("github.com/JizhiziLi/GFM", {"train": {"background": "train"}, "test": {"background": "testval"}}),
}


def offers(name: str, root: str | PathLike[str], part: Part, *, split: str | None = None) -> bool:
    """Return whether a named data set has a part, by its layout and on disk; for arguments see `open_named`."""
    folders = _folders(name, split)
    return (name == "folder" or part in folders) and (Path(root) / folders.get(part, part)).is_dir()


def _folders(name: str, split: str | None) -> dict[Part, str]:
    """Return the folder of each part in a data set's split."""
    layout = NAMED[check_choice(name, "data set", tuple(NAMED))]
    if split is None and len(layout.splits) == 1:
        split = next(iter(layout.splits))
    check_choice(split, f"split of {name}", tuple(layout.splits))
    return layout.splits[str(split)]


def open_named(
    name: str, root: str | PathLike[str], parts: Sequence[Part], *, split: str | None = None
) -> MattingFolder:
    """Open a named data set in its authors' layout, or your own folder.

    Parameters
    ----------
    name : str
        A key of `NAMED`; "folder" for the layout of `MattingFolder`.
    root : str or path
        Folder into which the data set was unpacked.
    parts : sequence of str
        Parts that each sample must have, of image, alpha, trimap, mask, foreground and background.
    split : str, optional
        A split of the data set. May be omitted if there is only one.

    Returns
    -------
    samples : MattingFolder
        The samples of the split, sorted by stem. Those of Composition-1k's "train" are followed by those of
        "train-other"; if these are missing, a record of the log "hybridmatte" says so.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or has another layout; the message gives the expected folders and the data's source.
    ValueError
        If name or split is unknown, or the split lacks a part.

    Examples
    --------
    >>> open_named("ppm-100", "nowhere", ["image", "alpha"])
    Traceback (most recent call last):
        ...
    FileNotFoundError: data folder nowhere does not exist, expected one with image, alpha; ppm-100 is from github.com/ZHKKKe/PPM and has image, matte
    """  # noqa: E501
    folders = _folders(name, split)
    lacking = [part for part in parts if name != "folder" and part not in folders]
    if lacking:
        raise ValueError(
            f"{name}, {split or 'whole'}, has no {' and no '.join(lacking)}, expected some of {', '.join(folders)}"
        )
    try:
        samples = MattingFolder(Path(root), parts, folders=folders, readers=READERS.get(name))
        return _continued(samples, NAMED[name], root, str(split))
    except FileNotFoundError as error:
        if name == "folder":
            raise
        raise FileNotFoundError(
            f"{error}; {name} is from {NAMED[name].source} and has {', '.join(folders.values())}"
        ) from None


class _Joined(MattingFolder):
    """The samples of two folders, one after the other; stems may be in both.

    Parameters
    ----------
    first, second : MattingFolder
        With the same parts.
    """

    def __init__(self, first: MattingFolder, second: MattingFolder) -> None:
        self._folders, self.parts, self.names = (first, second), first.parts, first.names + second.names

    def _item(self, index: int) -> Sample:
        """Read one sample."""
        first, second = self._folders
        place = range(len(self))[index]
        return first[place] if place < len(first) else second[place - len(first)]


def _continued(samples: MattingFolder, layout: Layout, root: str | PathLike[str], split: str) -> MattingFolder:
    """Return the samples of a split with those of the split that continues it."""
    if split not in layout.continued:
        return samples
    folders = layout.splits[layout.continued[split]]
    if not any((Path(root) / folders[part]).is_dir() for part in samples.parts):
        LOG.warning("data folder %s has no %s: only %d samples", root, ", ".join(folders.values()), len(samples))
        return samples
    return _Joined(samples, MattingFolder(Path(root), samples.parts, folders=folders))
