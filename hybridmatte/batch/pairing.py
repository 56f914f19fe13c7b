"""Find the jobs of many pictures: each image, its trimap, mask or alpha, its background, and the file to write.

Images are given as a folder or as a glob pattern. A partner (trimap, mask, alpha, background) is one file for all
images, a folder or a glob pattern with the same file stems, or a name pattern such as ``{stem}_mask.png``. Imports
nothing heavy.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from string import Formatter
from typing import BinaryIO, NamedTuple

from hybridmatte.batch.listing import (
    Listing,
    by_stem,
    is_many,
    is_same,
    list_pictures,
    named_like_results,
    pictures_in,
    root_of,
    sentences,
    stem_of,
    without_picture,
)
from hybridmatte.io.formats import input_extensions

__all__ = [
    "Job",
    "Pairing",
    "is_many",
    "is_name_pattern",
    "named_for",
    "pair",
    "pair_by_stem",
    "pair_folders",
    "partner_of",
    "pictures_in",
    "root_of",
    "sentences",
    "without_partner",
    "without_picture",
]

FIELDS = ("stem", "name", "parent")  # of a name pattern


class Job(NamedTuple):
    """One image, its trimap, mask or alpha (`plane`, None for an image alone), and the file to write.

    background is a picture or a colour, or None where the result is transparent. confidence is the file to write for
    the confidence of alpha, see `hybridmatte.matte_with_confidence`, or None.
    """

    image: Path | BinaryIO
    plane: Path | BinaryIO | None
    output: Path | BinaryIO
    background: Path | str | None = None
    confidence: Path | BinaryIO | None = None


class Pairing(NamedTuple):
    """What `pair` found.

    Attributes
    ----------
    jobs : list of Job
        Sorted by image.
    problems : dict of path to str
        Sorted by image: a sentence for every image that cannot be paired. Of images with the same stem, whose results
        would have one name, the first stands for all.
    ignored : list of str
        Sentences that count and name the files that are not taken.
    folders : list of path
        The folders of the inputs, which must not be the output folder.
    """

    jobs: list[Job]
    problems: dict[Path, str]
    ignored: list[str]
    folders: list[Path]


class _Partners:
    """The partners of images, as one option gives them: ``name`` is what they are.

    Parameters
    ----------
    text : str
        A file, a folder, a glob pattern or a name pattern; else a constant, which only a background may be.
    """

    def __init__(self, text: str, name: str, root: Path, *, recursive: bool, constants: bool) -> None:
        self.text, self.name, self.root = text, name, root
        self.listing = None
        self.files: dict[str, Path] = {}
        self.problems: dict[str, str] = {}
        if text == "-":
            raise ValueError(f"{name} is -, expected a file, a folder or a name pattern for many images")
        if is_many(text):
            self.listing = list_pictures(text, name, recursive=recursive)
            if not self.listing.paths:
                raise ValueError(f"{name} {text} holds no picture, expected files with the stems of the images")
            self.files, self.problems = by_stem(self.listing.root, self.listing.paths, name)
        elif is_name_pattern(text):
            _check_name_pattern(text, name)
        elif not os.path.exists(text) and not constants:
            raise FileNotFoundError(
                f"{name} {text} does not exist, expected a file, a folder or a name pattern ({{stem}}_{name}.png)"
            )

    def find(self, stem: str, image: Path) -> tuple[Path | str | None, str]:
        """Return the partner of an image, or None and what is wrong."""
        if self.listing is not None:
            expected = f"image {image} has no {self.name} in {self.text}, expected {stem}.png"
            return self.files.get(stem), self.problems.get(stem, expected)
        if not is_name_pattern(self.text):
            return (Path(self.text) if os.path.exists(self.text) else self.text), ""
        candidates = _named(self.text, image, self.root)
        found = next((path for path in candidates if os.path.exists(path)), None)
        return found, f"image {image} has no {self.name}, expected {' or '.join(map(str, candidates))}"

    def unused(self, stems: set[str]) -> list[str]:
        """Return sentences on the files of a folder or of a glob pattern that belong to no image."""
        if self.listing is None:
            return []
        names = {stem: path.relative_to(self.listing.root).as_posix() for stem, path in self.files.items()}
        reasons = {name: "no image of that stem" for stem, name in names.items() if stem not in stems}
        return sentences(self.listing.reasons | reasons, self.text, self.name)


def is_name_pattern(text: str) -> bool:
    """Tell whether a text holds fields such as ``{stem}`` (and is no existing file)."""
    return "{" in text and not os.path.exists(text)


def partner_of(text: str, image: str | Path, name: str) -> str:
    """Return the partner of a single image: the text, or the existing file that it names if it is a name pattern."""
    if not is_name_pattern(text):
        return text
    _check_name_pattern(text, name)
    candidates = _named(text, Path(image), Path(image).parent)
    for path in candidates:
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"image {image} has no {name}, expected {' or '.join(map(str, candidates))}")


def pair(
    images: str,
    plane: str | None,
    outputs: str | Path,
    name: str = "trimap",
    *,
    background: str | None = None,
    recursive: bool = False,
    image_name: str = "image",
    kind: str = "",
    without: Path | None = None,
) -> Pairing:
    """Pair many images with their partners, and with the files to write.

    Parameters
    ----------
    images : str
        A folder or a glob pattern.
    plane : str, optional
        One file for all images; a folder or a glob pattern, whose files go with the images of the same stem; or a name
        pattern. Without it, each job has an image alone.
    outputs : str or path
        Folder of the results. Each is ``<stem>.png``, in the folder that its image has below the folder of the images.
    name : {"trimap", "mask", "alpha"}, default "trimap"
        What the planes are, for messages.
    background : str, optional
        As plane, or a colour.
    recursive : bool, default False
        Whether folders are searched with all folders in them, but for the output folder, `without` and hidden ones.
    image_name : str, default "image"
        What the images are, for messages.
    kind : str, optional
        What the images are, if not photographs: "mask", "alpha" or "cutout". Pictures named so are taken.
    without : path, optional
        Another folder of results.

    Returns
    -------
    pairing : Pairing
        The jobs, and what could not be paired or is not taken. An image that is the partner of another one, such as
        ``cat_mask.png`` beside ``cat.jpg``, is not taken if it has no partner of its own. Nor is one that is only named
        like a mask or a result of another one, such as ``cat_cutout.png``, see `hybridmatte.batch.listing.RESULTS`.

    Raises
    ------
    OSError
        If a folder or a file is missing.
    ValueError
        If there is no image at all, or a name pattern has unknown fields.
    """
    results = (Path(outputs), without)
    listing = list_pictures(images, image_name, recursive=recursive, without=results)
    given = ((plane, name, False), (background, "background", True))
    partners = [
        None if text is None else _Partners(text, label, listing.root, recursive=recursive, constants=constants)
        for text, label, constants in given
    ]
    found = {
        path: [part and part.find(stem_of(path, listing.root), path) for part in partners] for path in listing.paths
    }
    served = _named_like_results(listing, kind, found) | _served(found, partners)
    taken = [path for path in listing.paths if path not in served]
    image_of, problems = by_stem(listing.root, taken, image_name)
    if not image_of and not problems:
        raise ValueError(f"{image_name} {images} holds no picture, expected files ending in {input_extensions()}")
    jobs = []
    for stem, path in image_of.items():
        missing = [pair[1] for pair in found[path] if pair is not None and pair[0] is None]
        if missing:
            problems[stem] = missing[0]
            continue
        plane_path, behind = (None if pair is None else pair[0] for pair in found[path])
        jobs.append(Job(path, None if plane_path is None else Path(plane_path), Path(outputs, f"{stem}.png"), behind))
    reasons = listing.reasons | {path.relative_to(listing.root).as_posix(): why for path, why in served.items()}
    ignored = sentences(reasons, images, image_name)
    stems = {*image_of, *problems}
    for part in partners:
        if part is not None and not (part.listing is not None and is_same(part.listing.root, listing.root)):
            ignored += part.unused(stems)
    folders = [listing.root, *(part.listing.root for part in partners if part is not None and part.listing is not None)]
    first_of = {stem_of(path, listing.root): path for path in reversed(taken)}
    return Pairing(jobs, {first_of[stem]: problems[stem] for stem in sorted(problems)}, ignored, folders)


def without_partner(images: str | Path, planes: str | Path, name: str = "trimap") -> dict[str, str]:
    """Return the pictures among planes, by file name, that belong to no image, each with the reason."""
    image_of, problems = pictures_in(images, "image")
    pictures, _ = pictures_in(planes, name)
    return {path.name: "no image of that stem" for stem, path in pictures.items() if stem not in {*image_of, *problems}}


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
    pairing = pair_folders(images, planes, outputs, name)
    return pairing.jobs, list(pairing.problems.values())


def pair_folders(
    images: str | os.PathLike[str],
    planes: str | os.PathLike[str] | None,
    outputs: str | os.PathLike[str],
    name: str = "trimap",
) -> Pairing:
    """Pair the pictures of two folders as `pair` does; refuse what is no folder. See `pair_by_stem`."""
    for folder, label in ((images, "image"), (planes, name)):
        if folder is not None:
            pictures_in(Path(folder), label)
    return pair(os.fspath(images), None if planes is None else os.fspath(planes), Path(outputs), name)


def _named_like_results(
    listing: Listing, kind: str, found: dict[Path, list[tuple[Path | str | None, str] | None]]
) -> dict[Path, str]:
    """Return the images named like a result or a mask of another one, but for those with a partner of their own."""
    partners = {
        path: {os.path.realpath(pair[0]) for pair in pairs if pair is not None and isinstance(pair[0], Path)}
        for path, pairs in found.items()
    }
    counts = Counter(partner for named in partners.values() for partner in named)
    named = named_like_results(listing, kind)
    return {
        path: reason
        for path, reason in named.items()
        if all(counts[partner] > 1 or partner == os.path.realpath(path) for partner in partners[path])
    }


def _served(
    found: dict[Path, list[tuple[Path | str | None, str] | None]], partners: list[_Partners | None]
) -> dict[Path, str]:
    """Return the images that are a partner of another image and have none of their own, each with the reason."""
    served: dict[Path, str] = {}
    for k, part in enumerate(partners):
        if part is None or part.listing is not None:
            continue
        partner_of_image = {path: pairs[k][0] for path, pairs in found.items() if pairs[k] is not None}
        real = {os.path.realpath(partner) for partner in partner_of_image.values() if isinstance(partner, Path)}
        for path, partner in partner_of_image.items():
            own = isinstance(partner, Path) and os.path.realpath(partner) != os.path.realpath(path)
            if os.path.realpath(path) in real and (not own or not is_name_pattern(part.text)):
                served[path] = f"used as {part.name}"
    return served


def named_for(text: str, image: Path, root: Path, name: str) -> list[Path]:
    """Return the files that a name pattern may name for an image below the root; name is what they are, for messages.

    The first is in the folder of the image, or counts from there; the last counts from the working folder.
    """
    _check_name_pattern(text, name)
    return _named(text, image, root)


def _check_name_pattern(text: str, name: str) -> None:
    """Refuse a name pattern that is malformed or has other fields than FIELDS."""
    try:
        parsed = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"{name} {text} is no name pattern ({error}), expected one such as {{stem}}.png") from None
    for _, field, form, conversion in parsed:
        if field not in FIELDS or form or conversion:
            raise ValueError(f"{name} {text} has the field {{{field}}}, expected {{stem}}, {{name}} or {{parent}}")


def _named(text: str, image: Path, root: Path) -> list[Path]:
    """Return the files that a name pattern names for an image, in the order in which they are tried.

    ``{parent}`` is the folder of the image at the beginning of the pattern, and elsewhere that folder below the root.
    A relative pattern counts from the folder of the image, and then from the working folder.
    """
    values = {"stem": image.stem, "name": image.name}
    if text.startswith("{parent}"):
        return [Path(f"{image.parent}{text[len('{parent}') :].format(**values, parent=image.parent)}")]
    named = Path(text.format(**values, parent=image.parent.relative_to(root).as_posix()))
    return list(dict.fromkeys([image.parent / named, named]))
