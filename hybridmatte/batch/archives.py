"""Shards: tar files as webdataset writes them, and Parquet files with a picture in each row.

The main process reads them one after another and sends each picture with its item, so that no more of them are in
memory than are worked on.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from hybridmatte.batch.items import Item
from hybridmatte.batch.parts import NamedBytes, Part, Remote, is_remote, normal_name, stem_of_name
from hybridmatte.batch.stores import Stores, joined
from hybridmatte.errors import require_extra
from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = ["IMAGE_COLUMNS", "PLANE_NAMES", "parquet_items", "parquet_total", "tar_items", "tar_total"]

PLANE_NAMES = ("trimap", "mask", "alpha", "truth")
IMAGE_COLUMNS = ("image", "jpg", "jpeg", "png", "webp", "path", "image_path", "url")
KEY_COLUMNS = ("key", "__key__", "name", "id")
BATCH_ROWS, BUFFER_BYTES = 16, 1 << 22  # of a Parquet file that are in memory at once


def tar_total(shards: list[str]) -> int | None:
    """Return the number of samples of local shards that are not compressed; None where only reading tells."""
    if any(is_remote(shard) or not shard.lower().endswith(".tar") for shard in shards):
        return None
    count = 0
    for shard in shards:
        try:
            with tarfile.open(shard, "r:") as archive:
                count += len({_key_of(entry.name)[0] for entry in archive if entry.isfile()})
        except (tarfile.TarError, OSError):  # the run itself meets the same error, and records it
            count += 1
    return count


def tar_items(shards: list[str], plane: str, stores: Stores) -> Iterator[Item]:
    """Yield the samples of tar files: files that share their name up to the first dot stand together.

    ``cat.jpg`` is the image of the sample ``cat``, and ``cat.trimap.png`` its trimap; so with mask, alpha and truth.
    A file that is damaged gives one item with the error, after the samples before the damage.
    """
    index = 0
    for shard in shards:
        try:
            for key, files in _samples(shard, stores):
                yield _sample_item(index, key, files, plane, shard)
                index += 1
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            yield _damaged(index, shard, error, "tar")
            index += 1


def _damaged(index: int, shard: str, error: Exception, kind: str) -> Item:
    """Return the item that stands for what cannot be read of a shard."""
    reason = " ".join(str(error).split()) or type(error).__name__
    sentence = f"shard {shard} cannot be read to its end ({reason}), expected a {kind} file"
    return Item(index, f"{stem_of_name(shard)} (shard)", Remote(shard), error=sentence)


def _samples(shard: str, stores: Stores) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the key and the files of each sample, by what follows the first dot of their names."""
    key, files = None, {}
    with ExitStack() as stack:
        opened = stack.enter_context(_opened(shard, stores))
        archive = stack.enter_context(tarfile.open(fileobj=opened, mode="r|*"))
        for entry in archive:
            if not entry.isfile() or os.path.basename(entry.name).startswith("."):
                continue
            own, ending = _key_of(entry.name)
            if key is not None and own != key:
                yield key, files
                files = {}
            key = own
            taken = archive.extractfile(entry)
            files[ending] = b"" if taken is None else taken.read()
        if key is not None:
            yield key, files


def _opened(shard: str, stores: Stores) -> BinaryIO:
    """Open a shard for reading from its start to its end."""
    if not is_remote(shard):
        return open(shard, "rb")
    return stores.opened(shard)


def _key_of(name: str) -> tuple[str, str]:
    """Return the key of a file in a tar file, and the rest of its name after the first dot, in small letters."""
    folder, base = os.path.split(name)
    stem, _, ending = base.partition(".")
    return normal_name(os.path.join(folder, stem)), ending.lower()


def _sample_item(index: int, key: str, files: dict[str, bytes], plane: str, shard: str) -> Item:
    """Return the item of a sample; one without an image has an error."""
    planes: dict[str, Part] = {}
    images: list[NamedBytes] = []
    for ending, data in files.items():
        part = NamedBytes(data, f"{shard}/{key}.{ending}")
        role = ending.partition(".")[0]
        if role in PLANE_NAMES:
            planes[role] = part
        elif f".{ending.rpartition('.')[2]}" in INPUT_EXTENSIONS:
            images.append(part)
    if plane == "truth" and not images and "alpha" in planes:
        images = [planes.pop("alpha")]  # type: ignore[list-item]
    if len(images) != 1:
        found = ", ".join(sorted(files)) or "nothing"
        sentence = f"sample {key} of {shard} has {len(images)} images ({found}), expected one, such as {key}.jpg"
        return Item(index, key, Remote(f"{shard}/{key}"), error=sentence)
    known = planes.get("trimap") if plane in ("alpha", "truth") else None
    return Item(index, key, images[0], planes.get(plane), known)


def parquet_total(shards: list[str], stores: Stores) -> int | None:
    """Return the number of rows; None if a file cannot be read, which the run itself meets and records."""
    require_extra("cluster", "pyarrow")
    from pyarrow import parquet

    count = 0
    for shard in shards:
        try:
            with _opened(shard, stores) as opened:
                count += parquet.ParquetFile(opened).metadata.num_rows
        except Exception:  # noqa: BLE001 - each store has errors of its own
            return None
    return count


def parquet_items(shards: list[str], plane: str, stores: Stores) -> Iterator[Item]:
    """Yield the rows of Parquet files.

    The column ``image`` (or another of `IMAGE_COLUMNS`) holds the bytes of a picture, a path or an address, or a record
    of ``bytes`` and ``path``; so do the columns trimap, mask, alpha and truth. ``key`` names the result; without it,
    the path does, or the number of the row. A file that is damaged gives one item with the error, after the rows before
    the damage; one without such a column ends the run.
    """
    require_extra("cluster", "pyarrow")
    index = 0
    for shard in shards:
        try:
            for row, image in _rows(shard, plane, stores):
                yield _row_item(index, row, image, plane, shard)
                index += 1
        except _NoImageColumn:
            raise
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            yield _damaged(index, shard, error, "Parquet")
            index += 1


class _NoImageColumn(ValueError):
    """A Parquet file has no column of images."""


def _rows(shard: str, plane: str, stores: Stores) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each row of a Parquet file, and the name of its column of images.

    Without a buffer of its own, pyarrow reads all columns of a group of rows at once, which may be all of the file.
    """
    from pyarrow import parquet

    with _opened(shard, stores) as opened:
        file = parquet.ParquetFile(opened, buffer_size=BUFFER_BYTES, pre_buffer=False)
        names = file.schema_arrow.names
        image = next((name for name in IMAGE_COLUMNS if name in names), None)
        if image is None and plane == "truth" and "alpha" in names:
            image = "alpha"
        if image is None:
            raise _NoImageColumn(
                f"INPUT {shard} has the columns {', '.join(names)}, expected one of {', '.join(IMAGE_COLUMNS)}"
            )
        columns = [name for name in (image, *PLANE_NAMES, *KEY_COLUMNS) if name in names]
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            for row in batch.to_pylist():
                yield row, image


def _row_item(index: int, row: dict[str, Any], image: str, plane: str, shard: str) -> Item:
    """Return the item of a row; one without an image has an error."""
    folder = shard.rpartition("/")[0]
    given = next((str(row[name]) for name in KEY_COLUMNS if row.get(name) is not None), None)
    path = _path_in(row[image])
    key = normal_name(given or (stem_of_name(path) if path else f"{index:09d}"))
    picture = _part(row[image], f"{shard}/{key}", folder)
    if picture is None:
        return Item(index, key, Remote(f"{shard}/{key}"), error=f"row {index} of {shard} has no {image}, expected one")
    known = _part(row.get("trimap"), f"{shard}/{key}.trimap", folder) if plane in ("alpha", "truth") else None
    return Item(index, key, picture, _part(row.get(plane), f"{shard}/{key}.{plane}", folder), known)


def _path_in(value: Any) -> str | None:
    """Return the path that a value is or has."""
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) and value else None


def _part(value: Any, name: str, folder: str) -> Part | None:
    """Return the picture that a value of a row holds or names; relative paths count from the folder of the shard."""
    path = _path_in(value)
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, bytes):
        return NamedBytes(data, path or name)
    if path is None:
        return None
    if is_remote(path):
        return Remote(path)
    return Remote(joined(folder, path)) if is_remote(folder) else Path(folder, path)
