"""Photographs without labels: a folder of any depth, tar shards, or a data set of the Hugging Face hub."""

import itertools
import random
import warnings
from collections.abc import Sequence
from multiprocessing.sharedctypes import RawArray
from pathlib import Path

import numpy as np

from hybridmatte.errors import require_extra
from hybridmatte.io.pictures import EXTENSIONS

__all__ = ["Photographs", "count_shards", "decode_photograph", "is_stream", "stream_photographs"]

SHUFFLED = 1000  # photographs that a stream holds to draw from
BROKEN = 1000  # files in a row that end a stream if none can be read
HUB, SHARDS = "hf:", ".tar"  # what the name of a stream begins or ends with


class Photographs(Sequence):
    """The photographs of a folder and all folders in it, sorted by path and read when asked for, uint8.

    One that cannot be read is skipped: the next one comes in its place, with a warning that names and counts it. What
    one worker process of a loader has warned of, the others know; that is why this cannot be pickled otherwise.

    Parameters
    ----------
    root : str or path
        Its files ending in .png, .jpg, .tif or .webp count.
    wanted : int, default 0
        Pixels that both sides of a photograph should have; smaller ones are given all the same, and warned of.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has fewer than two photographs, or, when one is read, fewer than two of them can be.
    """

    def __init__(self, root, *, wanted=0):
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f"data folder {root} does not exist, expected one with photographs")
        self._paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in EXTENSIONS)
        if len(self._paths) < 2:
            raise ValueError(f"data folder {root} has {len(self._paths)} photographs, expected at least 2")
        self._wanted, self._last = wanted, (None, None)
        self._unreadable, self._small = (RawArray("b", len(self._paths)) for _ in range(2))  # shared by processes

    def __len__(self):
        """Return the number of files."""
        return len(self._paths)

    @property
    def unreadable(self):
        """The paths found so far that cannot be read."""
        return [path for path, is_so in zip(self._paths, self._unreadable, strict=True) if is_so]

    def __getitem__(self, index):
        """Return photograph (H, W, 3) number `index`, or the next one that can be read."""
        if not 0 <= index < len(self):
            raise IndexError(f"index is {index}, expected 0 to {len(self) - 1}")
        for other in range(index, index + len(self)):
            photograph = self._read(other % len(self))
            if photograph is not None:
                return photograph
        raise ValueError(f"none of {len(self)} photographs can be read, the first is {self._paths[0]}")

    def _read(self, index):
        """Return a photograph or None; the last one is kept, as it is often wanted twice in turn."""
        if self._unreadable[index]:
            return None
        if self._last[0] != index:
            photograph = _read_photograph(self._paths[index])
            if photograph is None:
                self._skip(index)
                return None
            if min(photograph.shape[:2]) < self._wanted and not self._small[index]:
                self._tell_small(index, photograph.shape)
            self._last = index, photograph
        return self._last[1]

    def _skip(self, index):
        """Name and count a photograph that cannot be read."""
        self._unreadable[index] = True
        path, count = self._paths[index], _count(self._unreadable)
        warnings.warn(f"photograph {path} cannot be read and is skipped ({count} so far)", stacklevel=4)
        if count >= len(self) - 1:
            raise ValueError(f"only {len(self) - count} of {len(self)} photographs can be read, expected at least 2; "
                             f"not {path}, ...")

    def _tell_small(self, index, shape):
        """Count a photograph that is smaller than wanted, and name the 1st, 10th, 100th, ..."""
        self._small[index] = True
        count = _count(self._small)
        if count == 10 ** (len(str(count)) - 1):
            warnings.warn(f"photograph {self._paths[index]} is {shape[1]} x {shape[0]}, smaller than crops of "
                          f"{self._wanted}: it is mirrored at its borders ({count} so far)", stacklevel=4)


def _count(flags):
    return np.count_nonzero(np.frombuffer(flags, np.int8))


def _read_photograph(path):
    """Return a photograph, or None if the file cannot be read or is none."""
    try:
        return decode_photograph(path.read_bytes())
    except OSError:
        return None


def decode_photograph(data):
    """Decode the bytes of a picture as uint8 (H, W, 3), upright RGB; None if they are none."""
    import cv2

    if not data:
        return None
    photograph = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if photograph is None else cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)


def is_stream(source):
    """Tell whether a name is one for `stream_photographs`, not that of a folder."""
    return source.startswith(HUB) or source.endswith(SHARDS)


def count_shards(source):
    """Return how many tar shards a stream has, all of which must exist if they are local; None for the hub's.

    Parameters
    ----------
    source : str
        See `stream_photographs`.

    Returns
    -------
    count : int or None

    Raises
    ------
    FileNotFoundError
        If a shard that is no URL does not exist.
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


def stream_photographs(source, *, seed=0, share=(0, 1)):
    """Return an endless, shuffled stream of photographs, uint8; each worker of a loader sees a part of its own.

    Parameters
    ----------
    source : str
        Tar shards, by a name ending in ``.tar`` with ``{000..123}`` for several; or ``hf:`` and the name or folder of
        a Hugging Face data set with a column ``image``, read from its split "train" without keeping it on disk.
    seed : int, default 0
    share : (int, int), default (0, 1)
        Number of this process, and how many there are: each sees a part of its own.

    Returns
    -------
    stream : iterable of (H, W, 3) arrays

    Raises
    ------
    MissingExtraError
        Without webdataset or datasets.
    ValueError
        If the data set has no column ``image``, or a thousand files in a row cannot be read.
    """
    require_extra("streams", "webdataset", "datasets")
    if source.startswith(HUB):
        return _from_hub(source.removeprefix(HUB), seed, share)
    return _from_shards(source, seed, share)


def _from_shards(source, seed, share):
    import webdataset

    def own(urls):
        return itertools.islice(urls, share[0], None, share[1])

    shards = webdataset.WebDataset(source, shardshuffle=SHUFFLED, seed=seed, nodesplitter=own)
    entries = shards.repeat().shuffle(SHUFFLED, rng=random.Random(seed))
    return _decoded((_picture_of(entry), entry["__key__"]) for entry in entries)


def _picture_of(entry):
    """Return the bytes of the picture among a shard entry's files; none if there is no picture."""
    return next((data for name, data in entry.items() if f".{name.rpartition('.')[2]}".lower() in EXTENSIONS), b"")


def _from_hub(name, seed, share):
    import datasets
    from datasets.distributed import split_dataset_by_node

    photographs = datasets.load_dataset(name, split="train", streaming=True)
    if "image" not in (photographs.column_names or ["image"]):
        raise ValueError(f"data set {name} has columns {', '.join(photographs.column_names)}, expected one named image")
    photographs = photographs.cast_column("image", datasets.Image(decode=False))
    photographs = split_dataset_by_node(photographs, rank=share[0], world_size=share[1])
    photographs = photographs.shuffle(seed=seed, buffer_size=SHUFFLED).repeat(None)
    pictures = (entry["image"] for entry in photographs)
    return _decoded((picture["bytes"] or _bytes_of(picture["path"]), picture["path"]) for picture in pictures)


def _bytes_of(path):
    """Return the bytes of a file on disk, on the hub (hf://) or behind a URL; none if there is no such file."""
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _decoded(entries):
    """Yield the photographs of pairs of bytes and name; those that are none are named, counted and skipped."""
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
        if in_a_row == BROKEN:
            raise ValueError(f"{BROKEN} photographs in a row cannot be read, the last {name}, expected readable ones")
