"""How well-known data sets lie on disk after unpacking."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_choice
from hybridmatte.data.folders import MattingFolder
from hybridmatte.io.pictures import read_plane

__all__ = ["NAMED", "Layout", "offers", "open_named"]


class Layout(NamedTuple):
    """Where a data set comes from, and for each split the folder of each part."""

    source: str
    splits: dict


def _read_pet_trimap(path):
    """Read a trimap of labels 1 foreground, 2 background, 3 not classified."""
    labels = np.round(read_plane(path) * 255).astype(int)
    if not 1 <= labels.min() <= labels.max() <= 3:
        raise ValueError(f"trimap {path} has labels from {labels.min()} to {labels.max()}, expected 1, 2 and 3")
    return np.array([0.0, 1.0, 0.0, 0.5], np.float32)[labels]


READERS = {"oxford-iiit-pet": {"trimap": _read_pet_trimap}}

_P3M = {"alpha": "mask", "trimap": "trimap"}

NAMED = {
    "folder": Layout("your own, paired by stem", {"all": {}}),
    "am-2k": Layout("github.com/JizhiziLi/GFM", {
        "train": {"image": "train/original", "alpha": "train/mask"},
        "validation": {"image": "validation/original", "alpha": "validation/mask", "trimap": "validation/trimap"}}),
    "p3m-10k": Layout("github.com/JizhiziLi/P3M", {
        "train": {"image": "train/blurred_image", "alpha": "train/mask"},
        "p3m-500-p": {"image": "validation/P3M-500-P/blurred_image",
                      **{part: f"validation/P3M-500-P/{folder}" for part, folder in _P3M.items()}},
        "p3m-500-np": {"image": "validation/P3M-500-NP/original_image",
                       **{part: f"validation/P3M-500-NP/{folder}" for part, folder in _P3M.items()}}}),
    "composition-1k": Layout("its authors, by request: sites.google.com/view/deepimagematting", {
        "train": {"foreground": "Training_set/Adobe-licensed images/fg",
                  "alpha": "Training_set/Adobe-licensed images/alpha"},
        "train-other": {"foreground": "Training_set/Other/fg", "alpha": "Training_set/Other/alpha"},
        "test": {"foreground": "Test_set/Adobe-licensed images/fg", "alpha": "Test_set/Adobe-licensed images/alpha"},
        "test-trimaps": {"trimap": "Test_set/Adobe-licensed images/trimaps"}}),  # of the composites, by their names
    "distinctions-646": Layout("github.com/yuhaoliu7456/CVPR2020-HAttMatting", {
        "train": {"foreground": "Train/FG", "alpha": "Train/GT"},
        "test": {"foreground": "Test/FG", "alpha": "Test/GT"}}),
    "aim-500": Layout("github.com/JizhiziLi/AIM", {
        "test": {"image": "original", "alpha": "mask", "trimap": "trimap"}}),
    "ppm-100": Layout("github.com/ZHKKKe/PPM", {"test": {"image": "image", "alpha": "matte"}}),
    "rwp-636": Layout("github.com/yucornetto/MGMatting", {"test": {"image": "image", "alpha": "alpha"}}),
    "alphamatting": Layout("alphamatting.com, training data in low resolution", {
        "trimap1": {"image": "input_training_lowres", "alpha": "gt_training_lowres",
                    "trimap": "trimap_training_lowres/Trimap1"},
        "trimap2": {"image": "input_training_lowres", "alpha": "gt_training_lowres",
                    "trimap": "trimap_training_lowres/Trimap2"}}),
    "oxford-iiit-pet": Layout("www.robots.ox.ac.uk/~vgg/data/pets", {
        "all": {"image": "images", "trimap": "annotations/trimaps"}}),
    "bg-20k": Layout("github.com/JizhiziLi/GFM", {
        "train": {"background": "train"}, "test": {"background": "testval"}}),
}


def offers(name, root, part, *, split=None):
    """Tell whether a named data set, as it lies on disk, has a part; arguments as in `open_named`."""
    folders = _folders(name, split)
    return (name == "folder" or part in folders) and (Path(root) / folders.get(part, part)).is_dir()


def _folders(name, split):
    """Return the folder of each part of a data set's split."""
    layout = NAMED[check_choice(name, "data set", tuple(NAMED))]
    if split is None and len(layout.splits) == 1:
        split = next(iter(layout.splits))
    return layout.splits[check_choice(split, f"split of {name}", tuple(layout.splits))]


def open_named(name, root, parts, *, split=None):
    """Open a named data set as its authors pack it, or a folder of your own.

    Parameters
    ----------
    name : str
        One of `NAMED`; "folder" for the layout of `MattingFolder`.
    root : str or path
        Where it was unpacked.
    parts : sequence of str
        What is wanted of each sample: image, alpha, trimap, mask, foreground, background.
    split : str, optional
        One of the data set's splits; its only one by default.

    Returns
    -------
    samples : MattingFolder

    Raises
    ------
    FileNotFoundError
        If the folder is not there or looks different; the message says what was expected and where the data is from.
    ValueError
        If name or split is unknown, or the split has no such part.

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
        raise ValueError(f"{name}, {split or 'whole'}, has no {' and no '.join(lacking)}, expected some of "
                         f"{', '.join(folders)}")
    try:
        return MattingFolder(Path(root), parts, folders=folders, readers=READERS.get(name))
    except FileNotFoundError as error:
        if name == "folder":
            raise
        raise FileNotFoundError(f"{error}; {name} is from {NAMED[name].source} and has "
                                f"{', '.join(folders.values())}") from None
