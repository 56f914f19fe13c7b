"""Find the jobs of a folder: every picture, its trimap, mask or alpha, and the file to write. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hybridmatte.io.formats import INPUT_EXTENSIONS, input_extensions

__all__ = ["Job", "pair_by_stem", "pictures_in", "sentences", "without_partner", "without_picture"]

MASK_EXTENSIONS = INPUT_EXTENSIONS | {".npy"}


class Job(NamedTuple):
    """One image, its trimap, mask or alpha (`plane`, None for an image alone), and the file to write."""

    image: Path | BinaryIO
    plane: Path | BinaryIO | None
    output: Path | BinaryIO


def pictures_in(folder: str | Path, name: str = "folder") -> tuple[dict[str, Path], dict[str, str]]:
    """Return the pictures of a folder by their stems, and what is wrong with stems that occur twice.

    Parameters
    ----------
    folder : str or path
        Its files that end like a picture (`INPUT_EXTENSIONS`) count, and links to such files; see `without_picture` for
        the others. Of masks, arrays (``.npy``) count too.
    name : str, default "folder"
        What the folder is to the caller, for error messages.

    Returns
    -------
    pictures : dict of str to path
        Stem to file, sorted; without the stems in `problems`.
    problems : dict of str to str
        Stem to sentence, also for links that lead to no file.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{name} {folder} does not exist, expected a folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{name} {folder} is a file, expected a folder like the others")
    pictures: dict[str, Path] = {}
    problems: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if _reason_against(path, name) is not None:
            continue
        if not os.path.exists(path):  # a link whose target is missing, or that leads in a loop
            problems[path.stem] = (
                f"{name} {path} is a link to {os.readlink(path)}, which is no file, expected a picture"
            )
        if path.stem in pictures:
            problems[path.stem] = f"{name} has both {pictures[path.stem].name} and {path.name}, expected one a stem"
        pictures[path.stem] = path
    return {stem: path for stem, path in pictures.items() if stem not in problems}, problems


def without_picture(folder: str | Path, name: str = "folder") -> dict[str, str]:
    """Return the entries of a folder that `pictures_in` does not take, by name, each with the reason in a few words."""
    reasons = {path.name: _reason_against(path, name) for path in sorted(Path(folder).iterdir())}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def sentences(reasons: dict[str, str], folder: str | Path, name: str) -> list[str]:
    """Return one sentence for each reason, with the number and the names of the entries that are not taken."""
    found = []
    for reason in dict.fromkeys(reasons.values()):
        entries = [entry for entry, why in reasons.items() if why == reason]
        found.append(f"{name} {folder}: {len(entries)} not taken, {reason}: {', '.join(entries)}")
    return found


def without_partner(images: str | Path, planes: str | Path, name: str = "trimap") -> dict[str, str]:
    """Return the pictures among planes, by file name, that belong to no image, each with the reason."""
    image_of, problems = pictures_in(images, "image")
    pictures, _ = pictures_in(planes, name)
    return {path.name: "no image of that stem" for stem, path in pictures.items() if stem not in {*image_of, *problems}}


def _reason_against(path: Path, name: str) -> str | None:
    """Return why a folder's entry is no picture by its name and kind, or None if it is one, or a link to nothing."""
    if os.path.isdir(path):
        return "a folder"
    if path.name.startswith("."):
        return "hidden"
    if path.suffix.lower() not in (MASK_EXTENSIONS if name == "mask" else INPUT_EXTENSIONS):
        return "not named like a picture"
    return None if os.path.isfile(path) or not os.path.exists(path) else "no regular file"


def pair_by_stem(
    images: str | Path, planes: str | Path | None, outputs: str | Path, name: str = "trimap"
) -> tuple[list[Job], list[str]]:
    """Pair the pictures of two folders by their stems.

    Parameters
    ----------
    images, planes : str or path
        Folders of pictures; ``cat.jpg`` goes with ``cat.png``. Without planes, each job has an image alone.
    outputs : str or path
        Folder of the results, each ``<stem>.png``.
    name : {"trimap", "mask", "alpha"}, default "trimap"
        What the planes are, for messages.

    Returns
    -------
    jobs : list of Job
        Sorted by stem.
    problems : list of str
        One sentence for every image that cannot be paired.

    Raises
    ------
    OSError
        If a folder is missing.
    ValueError
        If there is no image at all.
    """
    image_of, problems = pictures_in(images, "image")
    if not image_of and not problems:
        raise ValueError(f"image {images} holds no picture, expected files ending in {input_extensions()}")
    jobs = []
    plane_of, plane_problems = ({}, {}) if planes is None else pictures_in(planes, name)
    for stem, path in image_of.items():
        if planes is None or stem in plane_of:
            jobs.append(Job(path, plane_of.get(stem), Path(outputs, f"{stem}.png")))
        else:
            problems[stem] = plane_problems.get(stem, f"image {path} has no {name} in {planes}, expected {stem}.png")
    return jobs, [problems[stem] for stem in sorted(problems)]
