"""The items of a batch, from a folder, a pattern, a listing of a store, a manifest, or shards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from hybridmatte.batch.archives import parquet_items, parquet_total, tar_items, tar_total
from hybridmatte.batch.items import Inputs, Item
from hybridmatte.batch.listing import RESULTS, is_many, stem_of
from hybridmatte.batch.manifests import read_manifest
from hybridmatte.batch.pairing import FIELDS, is_name_pattern, pair, pictures_in, root_of
from hybridmatte.batch.parts import Part, Remote, is_remote
from hybridmatte.batch.shard_names import expanded
from hybridmatte.batch.stores import Stores, joined
from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = ["MANIFESTS", "Partners", "kind_of", "open_inputs"]

MANIFESTS = (".csv", ".jsonl", ".ndjson")
TARS = (".tar", ".tar.gz", ".tgz")


class Partners(NamedTuple):
    """What belongs to the images, and how it is found.

    Attributes
    ----------
    name : str
        What the plane is: trimap, mask or alpha; truth for "evaluate".
    plane : str or None
        As for `pair`; the planes of a manifest and of shards come with their images.
    known : str or None
        For "evaluate", the folder of the trimaps, or one of the other forms.
    background : str or None
        As for `pair`.
    image_name : str
        What the images are, for messages.
    kind : str
        As for `pair`.
    options : tuple of str
        Names of the options that a picture may have of its own, such as "method".
    """

    name: str
    plane: str | None = None
    known: str | None = None
    background: str | None = None
    image_name: str = "image"
    kind: str = ""
    options: tuple[str, ...] = ()


def kind_of(text: str) -> str:
    """Return what an input is: "folder" (or a pattern), "store", "manifest", "tar" or "parquet"; refuse other files."""
    lower = text.lower().split("?")[0] if is_remote(text) else text.lower()
    if lower.endswith(TARS):
        return "tar"
    if lower.endswith(".parquet"):
        return "parquet"
    if lower.endswith(MANIFESTS):
        return "manifest"
    if is_remote(text):
        return "store"
    if is_many(text):
        return "folder"
    what = "a single file" if os.path.exists(text) else "no folder and no file"
    raise ValueError(
        f"INPUT {text} is {what}, expected a folder, a pattern such as 'in/*.jpg', a manifest (.csv, .jsonl), shards "
        "(.tar, .parquet) or an address such as s3://bucket/photos"
    )


def open_inputs(text: str, partners: Partners, outputs: str, stores: Stores, *, recursive: bool = False) -> Inputs:
    """Return the items of an input; outputs is not entered where it lies in the folder of the images."""
    kind = kind_of(text)
    if kind == "folder":
        return _folder(text, partners, outputs, recursive=recursive)
    if kind == "store":
        return _store(text, partners, outputs, stores)
    if recursive:
        raise ValueError(f"--recursive is given with {text}, expected a folder or a pattern such as 'in/*.jpg'")
    if kind == "manifest":
        return read_manifest(text, partners.name, stores, partners.options)
    shards = expanded(text, stores)
    if kind == "tar":
        return Inputs(tar_items(shards, partners.name, stores), tar_total(shards), [])
    return Inputs(parquet_items(shards, partners.name, stores), parquet_total(shards, stores), [])


def _folder(text: str, partners: Partners, outputs: str, *, recursive: bool) -> Inputs:
    """Pair a folder as the other commands do; what cannot be paired becomes an item with its error."""
    pairing = pair(
        text,
        partners.plane,
        outputs,
        partners.name,
        background=partners.background,
        recursive=recursive,
        image_name=partners.image_name,
        kind=partners.kind,
    )
    for folder in pairing.folders:
        if os.path.isdir(outputs) and os.path.samefile(outputs, folder):
            raise ValueError(f"output {outputs} is also an input, expected another folder")
    root = root_of(text)
    found: list[Item] = []
    for job in pairing.jobs:
        image = Path(str(job.image))
        plane = None if job.plane is None else Path(str(job.plane))
        found.append(Item(0, stem_of(image, root), image, plane, None, job.background))
    found += [Item(0, stem_of(image, root), image, error=problem) for image, problem in pairing.problems.items()]
    found.sort(key=lambda item: str(item.image))
    if partners.known is not None:
        trimaps, problems = pictures_in(partners.known, "trimap")
        found = [_with_trimap(item, trimaps, problems) for item in found]
    items = [item._replace(index=index) for index, item in enumerate(found)]
    return Inputs(items, len(items), pairing.ignored)


def _with_trimap(item: Item, trimaps: dict[str, Path], problems: dict[str, str]) -> Item:
    """Add the trimap of the same stem to an alpha that is scored."""
    if item.error is not None:
        return item
    if item.key in trimaps:
        return item._replace(known=trimaps[item.key])
    return item._replace(error=problems.get(item.key, f"{item.key} has no trimap, expected one in each folder"))


def _store(text: str, partners: Partners, outputs: str, stores: Stores) -> Inputs:
    """List the pictures of a store; their partners are named by a pattern, or lie below another address."""
    if partners.background is not None and (is_many(partners.background) or is_name_pattern(partners.background)):
        raise ValueError(f"--background is {partners.background}, expected a colour or one picture for a store")
    root = _root(text)
    others = [outputs.rstrip("/"), *(place for place in _places_of_partners(partners) if place != root)]
    names = [name for name in stores.names(text) if not name.startswith(tuple(f"{place}/" for place in others))]
    pictures = {name: _stem_below(name, root) for name in names if _ending(name) in INPUT_EXTENSIONS}
    stems = set(pictures.values())
    endings = {partners.name, "mask", *RESULTS} - {partners.kind}
    taken = {
        name: stem
        for name, stem in pictures.items()
        if not (stem.rpartition("_")[2] in endings and stem.rpartition("_")[0] in stems)
    }
    if not taken:
        raise ValueError(
            f"{partners.image_name} {text} holds no picture, expected files ending in .jpg, .png and so on"
        )
    find = _Finder(partners.plane, partners.name, root, stores)
    find_known = _Finder(partners.known, "trimap", root, stores)
    items = [
        find_known.add(find.add(Item(index, stem, Remote(name), background=partners.background), "plane"), "known")
        for index, (name, stem) in enumerate(sorted(taken.items()))
    ]
    left_out = len(names) - len(taken)
    notes = (
        [f"{partners.image_name} {text}: {left_out} not taken, no pictures or results of others"] if left_out else []
    )
    return Inputs(items, len(items), notes)


def _places_of_partners(partners: Partners) -> list[str]:
    """Return the addresses below which the partners of the images lie, which are no images then."""
    places = [place for place in (partners.plane, partners.known) if place is not None and is_remote(place)]
    return [_root(place) for place in places if not is_name_pattern(place)]


class _Finder:
    """Finds the partner of each picture of a store, as one argument gives it."""

    def __init__(self, text: str | None, name: str, root: str, stores: Stores) -> None:
        self.text, self.name, self.root = text, name, root
        self.is_pattern = text is not None and is_name_pattern(text)
        self.files: dict[str, Part] | None = None
        if text is None or self.is_pattern:
            return
        if is_remote(text) and _ending(text) not in INPUT_EXTENSIONS:
            self.files = {_stem_below(name, _root(text)): Remote(name) for name in stores.names(text)}
        elif not is_remote(text) and is_many(text):
            self.files = dict(pictures_in(text, name)[0])

    def add(self, item: Item, field: str) -> Item:
        """Return an item with its partner, or with what is wrong."""
        if self.text is None or item.error is not None:
            return item
        if self.files is not None:
            found = self.files.get(item.key)
            if found is None:
                sentence = f"image {item.image} has no {self.name} in {self.text}, expected {item.key}.png"
                return item._replace(error=sentence)
        elif self.is_pattern:
            found = Remote(self._named(item.image))
        else:
            found = Remote(self.text) if is_remote(self.text) else Path(self.text)
        return item._replace(**{field: found})

    def _named(self, image: Part) -> str:
        """Return the address that a name pattern gives; a relative one counts from the folder of the image."""
        address = image.address if isinstance(image, Remote) else str(image)
        folder, _, name = address.rpartition("/")
        below = folder[len(self.root) :].strip("/")
        text = self.text or ""
        is_whole = text.startswith("{parent}") or is_remote(text)
        parent = folder if text.startswith("{parent}") else below
        try:
            named = text.format(stem=name.rpartition(".")[0], name=name, parent=parent)
        except (KeyError, IndexError, ValueError):
            raise ValueError(
                f"{self.name} {text} is no name pattern, expected the fields {', '.join(FIELDS)}"
            ) from None
        return named if is_whole else joined(folder, named)


def _root(address: str) -> str:
    """Return the folder of an address before the first sign of a pattern."""
    sign = min((address.index(sign) for sign in "*?[" if sign in address), default=None)
    return address.rstrip("/") if sign is None else address[:sign].rpartition("/")[0]


def _ending(name: str) -> str:
    return os.path.splitext(name.split("?")[0])[1].lower()


def _stem_below(name: str, root: str) -> str:
    below = name[len(root) :].strip("/") if name.startswith(root) else name.rpartition("/")[2]
    return os.path.splitext(below.split("?")[0])[0]
