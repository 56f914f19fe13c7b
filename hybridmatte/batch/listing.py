"""List the pictures of a folder, or those that a glob pattern names, and what is not taken. Imports nothing heavy."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = [
    "RESULTS",
    "Listing",
    "Result",
    "by_stem",
    "is_many",
    "is_same",
    "list_pictures",
    "named_like_results",
    "pictures_in",
    "root_of",
    "sentences",
    "stem_of",
    "without_picture",
]


MASK_EXTENSIONS = INPUT_EXTENSIONS | {".npy"}
Result = Literal["alpha", "cutout", "trimap", "refined", "composite", "label", "confidence"]
RESULTS: tuple[Result, ...] = get_args(Result)  # without -o, cat.jpg gives cat_cutout.png and so on


class Listing(NamedTuple):
    """Pictures below a folder, and the entries that are not taken, by their paths below the folder."""

    root: Path
    paths: list[Path]
    reasons: dict[str, str]


def is_many(text: str) -> bool:
    """Tell whether a text names a folder, or is a glob pattern (and no existing file)."""
    return os.path.isdir(text) or (glob.has_magic(text) and not os.path.exists(text))


def root_of(text: str) -> Path:
    """Return a folder, or the folder below which a glob pattern searches."""
    return Path(text) if os.path.isdir(text) else _split_glob(text)[0]


def list_pictures(text: str, name: str, *, recursive: bool, without: Iterable[Path | None] = ()) -> Listing:
    """List the pictures of a folder or of a glob pattern; the folders `without` are not entered."""
    without = [folder for folder in without if folder is not None]
    if os.path.isdir(text):
        root = Path(text)
        entries = list(_entries(root, recursive, without))
    else:
        root, pattern = _split_glob(text)
        if recursive and "**" not in Path(pattern).parts:
            pattern = os.path.join(os.path.dirname(pattern), "**", os.path.basename(pattern))
        is_deep = "**" in Path(pattern).parts
        matches = sorted({root / match for match in glob.glob(pattern, root_dir=root, recursive=True)} - {root})
        entries = [path for path in matches if not (is_deep and path.is_dir()) and not _is_below(path, root, without)]
        if not entries:
            raise ValueError(f"{name} {text} matches no file, expected a pattern such as 'photos/*.jpg'")
    reasons = {path: _reason_against(path, name) for path in entries}
    named = {path.relative_to(root).as_posix(): reason for path, reason in reasons.items() if reason is not None}
    return Listing(root, [path for path in entries if reasons[path] is None], named)


def _split_glob(text: str) -> tuple[Path, str]:
    """Return the folder before the first part of a glob pattern that is no existing folder, and the pattern below."""
    parts = Path(text).parts
    root, n = Path(), 0
    while n < len(parts) - 1 and (not glob.has_magic(parts[n]) or (root / parts[n]).is_dir()):
        root, n = root / parts[n], n + 1
    return root, os.path.join(*parts[n:])


def _entries(folder: Path, recursive: bool, without: Sequence[Path]) -> Iterator[Path]:
    """Yield the entries of a folder; if recursive, those of its folders too, but for hidden ones and links."""
    for path in sorted(folder.iterdir()):
        is_entered = recursive and path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
        if is_entered and not any(is_same(path, other) for other in without):
            yield from _entries(path, recursive, without)
        else:
            yield path


def is_same(path: Path, other: Path | None) -> bool:
    """Tell whether both paths exist and are the same file or folder."""
    return other is not None and path.exists() and other.exists() and path.samefile(other)


def _is_below(path: Path, root: Path, folders: Sequence[Path]) -> bool:
    """Tell whether a path lies in one of the folders, which is below the root."""
    below = [around for around in path.parents if around != root and root in around.parents]
    return any(is_same(around, folder) for around in below for folder in folders)


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
    return by_stem(folder, [path for path in sorted(folder.iterdir()) if _reason_against(path, name) is None], name)


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


def _reason_against(path: Path, name: str) -> str | None:
    """Return why a folder's entry is no picture by its name and kind, or None if it is one, or a link to nothing."""
    if os.path.isdir(path):
        return "a folder"
    if path.name.startswith("."):
        return "hidden"
    if path.suffix.lower() not in (MASK_EXTENSIONS if name == "mask" else INPUT_EXTENSIONS):
        return "not named like a picture"
    return None if os.path.isfile(path) or not os.path.exists(path) else "no regular file"


def stem_of(path: Path, root: Path) -> str:
    """Return the path below the root, without the extension."""
    return path.relative_to(root).with_name(path.stem).as_posix()


def named_like_results(listing: Listing, own: str) -> dict[Path, str]:
    """Return the pictures that are named like a result or a mask of another listed one, each with the reason.

    ``cat_cutout.png`` and ``cat_mask.png`` beside ``cat.jpg`` are such files. `own` is the kind of picture that is
    wanted, such as "mask"; those named like it are not among them.
    """
    stems = {stem_of(path, listing.root) for path in listing.paths}
    endings = {"mask", *RESULTS} - {own}
    found = {}
    for path in listing.paths:
        source, separator, ending = stem_of(path, listing.root).rpartition("_")
        if separator and ending in endings and source in stems:
            found[path] = "named like a result or a mask of another"
    return found


def by_stem(root: Path, paths: Iterable[Path], name: str) -> tuple[dict[str, Path], dict[str, str]]:
    """Return pictures by their stems, and what is wrong with stems that occur twice and with links to no file."""
    pictures: dict[str, Path] = {}
    problems: dict[str, str] = {}
    for path in paths:
        stem = stem_of(path, root)
        if not os.path.exists(path):  # a link whose target is missing, or that leads in a loop
            problems[stem] = f"{name} {path} is a link to {os.readlink(path)}, which is no file, expected a picture"
        if stem in pictures:
            both = [other.relative_to(root).as_posix() for other in (pictures[stem], path)]
            problems[stem] = f"{name} has both {both[0]} and {both[1]}, expected one a stem"
        pictures[stem] = path
    return {stem: path for stem, path in pictures.items() if stem not in problems}, problems
