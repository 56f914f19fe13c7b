"""Photographs without labels: from a folder of any depth, tar shards, or a data set of the Hugging Face hub.

The packages that read shards and hub data sets belong to an optional extra; the functions that need them import them.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterable, Iterator
from multiprocessing.sharedctypes import RawArray
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.data.picture_warnings import SmallPictures, count_flags
from hybridmatte.errors import require_extra
from hybridmatte.io.pictures import EXTENSIONS

__all__ = ["Photographs", "count_shards", "decode_photograph", "is_stream", "stream_photographs"]

Photograph = npt.NDArray[np.uint8]  # (H, W, 3)

PHOTOGRAPHS = frozenset(EXTENSIONS) - {".exr"}  # names of the files that OpenCV decodes
SHUFFLED = 1000  # photographs in a stream's shuffle buffer
MOST_BROKEN = 1000  # a stream ends with an error after this many unreadable files in a row
HUB, SHARDS = "hf:", ".tar"  # prefix of a hub data set's name, and suffix of a shard's


class Photographs(LazySequence[Photograph]):
    """The photographs of a folder and of all folders in it, as uint8, sorted by path; each is read when accessed.

    If a photograph cannot be read, the next readable one takes its place; a warning names it and counts such files.
    Worker processes share the lists of reported files, so that each file is reported once. Because of this shared
    memory, an object can be passed to a process that starts, but cannot be pickled otherwise.

    Parameters
    ----------
    root : str or path
        Folder; files with the extensions .png, .jpg, .tif and .webp are photographs.
    wanted : int, default 0
        Smallest side in pixels that a photograph should have. Smaller photographs are returned with a warning.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If the folder has fewer than two photographs; and, when one is read, if fewer than two are readable.
    """

    def __init__(self, root: str | PathLike[str], *, wanted: int = 0) -> None:
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f"data folder {root} does not exist, expected one with photographs")
        self._paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in PHOTOGRAPHS)
        if len(self._paths) < 2:
            raise ValueError(f"data folder {root} has {len(self._paths)} photographs, expected at least 2")
        self._last: tuple[int | None, Photograph | None] = (None, None)  # the last photograph read and its index
        self._unreadable = RawArray("b", len(self._paths))  # shared by processes
        self._small = SmallPictures(len(self._paths), wanted)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._paths)

    @property
    def unreadable(self) -> list[Path]:
        """The paths that were found to be unreadable so far."""
        return [path for path, is_so in zip(self._paths, self._unreadable, strict=True) if is_so]

    def _item(self, index: int) -> Photograph:
        """Return photograph number `index`, or the next readable one."""
        if not 0 <= index < len(self):
            raise IndexError(f"index is {index}, expected 0 to {len(self) - 1}")
        for other in range(index, index + len(self)):
            photograph = self._read(other % len(self))
            if photograph is not None:
                return photograph
        raise ValueError(f"none of {len(self)} photographs can be read, the first is {self._paths[0]}")

    def _read(self, index: int) -> Photograph | None:
        """Return a photograph, or None if it cannot be read; the last one is kept, as it is often read twice."""
        if self._unreadable[index]:
            return None
        if self._last[0] != index:
            photograph = _read_photograph(self._paths[index])
            if photograph is None:
                self._report_unreadable(index)
                return None
            self._small.look_at(index, f"photograph {self._paths[index]}", photograph.shape)
            self._last = index, photograph
        return self._last[1]

    def _report_unreadable(self, index: int) -> None:
        """Warn of an unreadable photograph; raise an error if fewer than two readable ones remain."""
        self._unreadable[index] = True
        path, count = self._paths[index], count_flags(self._unreadable)
        warnings.warn(f"photograph {path} cannot be read and is skipped ({count} so far)", stacklevel=5)
        if count >= len(self) - 1:
            raise ValueError(
                f"only {len(self) - count} of {len(self)} photographs can be read, expected at least 2; "
                f"{path} is the last that cannot"
            )


def _read_photograph(path: Path) -> Photograph | None:
    """Return a photograph, or None if the file cannot be read or is not a picture."""
    try:
        return decode_photograph(path.read_bytes())
    except OSError:
        return None


def decode_photograph(data: bytes) -> Photograph | None:
    """Decode the bytes of a picture file as uint8 RGB (H, W, 3), upright; return None if they are not a picture."""
    if not data:
        return None
    photograph = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if photograph is None else np.asarray(cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB), np.uint8)


def is_stream(source: str) -> bool:
    """Return whether `source` names a stream for `stream_photographs`, and not a folder."""
    return source.startswith(HUB) or source.endswith(SHARDS)


def count_shards(source: str) -> int | None:
    """Return the number of a stream's tar shards; None for a data set of the hub.

    Parameters
    ----------
    source : str
        See `stream_photographs`.

    Returns
    -------
    count : int or None
        The number of shards.

    Raises
    ------
    FileNotFoundError
        If a shard that is not a URL does not exist.
    """
    if source.startswith(HUB):
        return None
    require_extra("streams", "webdataset")
    from webdataset.shardlists import expand_urls

    shards = expand_urls(source)
    missing = [shard for shard in shards if ":" not in shard and not Path(shard).is_file()]
    if missing:
        raise FileNotFoundError(f"{len(missing)} of {len(shards)} shards do not exist, the first is {missing[0]}")
    return len(shards)


def stream_photographs(source: str, *, seed: int = 0, share: tuple[int, int] = (0, 1)) -> Iterator[Photograph]:
    """Return an endless, shuffled stream of photographs, uint8; each worker of a loader gets its own part.

    Parameters
    ----------
    source : str
        The name of tar shards, which ends in ``.tar`` and has ``{000..123}`` for several; or ``hf:`` and the name or
        folder of a Hugging Face data set with a column ``image``. Its split "train" is read without storing it.
    seed : int, default 0
        Seed of the shuffling.
    share : (int, int), default (0, 1)
        Number of this process, and number of processes: each process gets its own part.

    Returns
    -------
    stream : iterator of (H, W, 3) arrays
        Photographs; after the last, the stream starts again in another order.

    Raises
    ------
    MissingExtraError
        If webdataset or datasets is not installed.
    ValueError
        If the data set has no column ``image``, or a thousand files in a row cannot be read.
    """
    require_extra("streams", "webdataset", "datasets")
    if source.startswith(HUB):
        return _stream_hub(source.removeprefix(HUB), seed, share)
    return _stream_shards(source, seed, share)


def _stream_shards(source: str, seed: int, share: tuple[int, int]) -> Iterator[Photograph]:
    """Stream photographs from tar shards."""
    import webdataset

    def own_shards(urls: Iterable[Any]) -> Iterator[Any]:
        return itertools.islice(urls, share[0], None, share[1])

    shards = webdataset.WebDataset(  # pyright: ignore[reportAttributeAccessIssue] -- a lazy export without a type
        source, shardshuffle=SHUFFLED, seed=seed, nodesplitter=own_shards
    )
    entries = shards.repeat().shuffle(SHUFFLED, rng=random.Random(seed))
    return _decode((_picture_of(entry), entry["__key__"]) for entry in entries)


def _picture_of(entry: dict[str, Any]) -> bytes:
    """Return the bytes of the picture file in a shard's entry; empty if there is none."""
    return next((data for name, data in entry.items() if f".{name.rpartition('.')[2]}".lower() in PHOTOGRAPHS), b"")


def _stream_hub(name: str, seed: int, share: tuple[int, int]) -> Iterator[Photograph]:
    """Stream photographs from a data set of the Hugging Face hub."""
    import datasets
    from datasets.distributed import split_dataset_by_node

    entries = datasets.load_dataset(name, split="train", streaming=True)
    columns = entries.column_names
    if columns and "image" not in columns:
        raise ValueError(f"data set {name} has columns {', '.join(columns)}, expected one named image")
    entries = entries.cast_column("image", datasets.Image(decode=False))
    entries = split_dataset_by_node(entries, rank=share[0], world_size=share[1])
    entries = entries.shuffle(seed=seed, buffer_size=SHUFFLED).repeat(None)
    pictures = (entry["image"] for entry in entries)
    return _decode((picture["bytes"] or _bytes_of(picture["path"]), picture["path"]) for picture in pictures)


def _bytes_of(path: str | PathLike[str]) -> bytes:
    """Return the bytes of a file on disk, on the hub (hf://) or behind a URL; empty if the file does not exist."""
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            return file.read()  # pyright: ignore[reportAttributeAccessIssue] -- fsspec declares a list of files
    except OSError:
        return b""


def _decode(entries: Iterable[tuple[bytes, str]]) -> Iterator[Photograph]:
    """Yield the photographs of pairs of bytes and name; warn of each unreadable one once, and skip it."""
    unreadable, in_a_row = set(), 0
    for data, name in entries:
        photograph = decode_photograph(data)
        if photograph is not None:
            in_a_row = 0
            yield photograph
            continue
        in_a_row += 1
        if name not in unreadable:
            unreadable.add(name)
            warnings.warn(f"photograph {name} cannot be read and is skipped ({len(unreadable)} so far)", stacklevel=2)
        if in_a_row == MOST_BROKEN:
            raise ValueError(
                f"{MOST_BROKEN} photographs in a row cannot be read, the last {name}, expected readable ones"
            )
