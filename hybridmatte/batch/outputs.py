"""Where the results of a batch go: a folder, a store, or shards (tar files, Parquet files) in one of both."""

from __future__ import annotations

import io
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from hybridmatte.batch.folders import make_output_folder
from hybridmatte.batch.items import Item
from hybridmatte.batch.pairing import is_name_pattern
from hybridmatte.batch.parts import Remote, is_remote
from hybridmatte.batch.pool import Outcome
from hybridmatte.batch.stores import Stores, joined
from hybridmatte.errors import require_extra
from hybridmatte.io.files import clear_temporaries, write_bytes

__all__ = [
    "ENDING",
    "SHARD_ENDINGS",
    "Finished",
    "Output",
    "Places",
    "Shards",
    "Target",
    "Unwritten",
    "check_map_place",
    "check_output_place",
    "clear_leftovers",
    "place_for",
    "written",
]

ENDING = ".png"
SHARD_ENDINGS = (".tar", ".parquet")


class Target(NamedTuple):
    """Where the results of a batch are written, one file for each; it can be sent to another process.

    Attributes
    ----------
    root : str
        A folder or the address of a store; "" if the main process gets the bytes.
    stores : Stores
        Access to the store.
    """

    root: str
    stores: Stores = Stores()

    def place(self, key: str) -> Path | Remote:
        """Return the file of a result."""
        name = f"{key}{ENDING}"
        return Remote(joined(self.root, name)) if is_remote(self.root) else Path(self.root, name)


class Finished(NamedTuple):
    """A picture of which nothing is left to do but its row in the record: the outcome, and its file or shard."""

    outcome: Outcome
    output: str | None


class Output(Protocol):
    """What becomes of the outcomes in the main process."""

    def begin(self, item: Item) -> None:
        """Learn that an item is worked on; items come in the order of the input."""
        ...

    def accept(self, outcome: Outcome) -> Iterator[Finished]:
        """Take an outcome; yield those whose results now stand whole under their final names."""
        ...

    def finish(self, *, is_complete: bool) -> Iterator[Finished]:
        """Yield what is left; is_complete tells that all of the input was worked on."""
        ...


def written(place: Path | Remote, data: bytes, stores: Stores) -> None:
    """Write a result whole, to a file or to a store."""
    if isinstance(place, Remote):
        stores.write(place.address, data)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(place, data)


class Unwritten:
    """Results that are not kept: of a trial, or scores."""

    def begin(self, item: Item) -> None:  # noqa: ARG002
        """Do nothing."""

    def accept(self, outcome: Outcome) -> Iterator[Finished]:
        """Pass every outcome on."""
        yield Finished(outcome, None)

    def finish(self, *, is_complete: bool) -> Iterator[Finished]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()


class Places:
    """One file for each result. The main process writes those that the workers send, and only these."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def begin(self, item: Item) -> None:  # noqa: ARG002
        """Do nothing."""

    def accept(self, outcome: Outcome) -> Iterator[Finished]:
        """Pass every outcome on; a result that cannot be written becomes a failure."""
        place = self.target.place(outcome.job.key)
        if outcome.error is None and outcome.delivery is not None and outcome.delivery.data is not None:
            try:
                written(place, outcome.delivery.data, self.target.stores)
            except (OSError, ValueError) as error:
                outcome = outcome._replace(error=f"{Path(str(outcome.job.image)).name}: {error}")
        yield Finished(outcome, str(place) if outcome.error is None else None)

    def finish(self, *, is_complete: bool) -> Iterator[Finished]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()


class Shards:
    """Files of many results each, such as ``out-000000.tar`` for ``out.tar``.

    Which pictures a shard holds depends on their places in the input alone, so that every run gives the same shards. A
    shard is written when the last of its pictures that are worked on is finished. Until then its results are in memory,
    and a run that ends early leaves it out.

    Parameters
    ----------
    name : str
        The name of the output.
    size : int
        Pictures a shard.
    stores : Stores
        Access to the store.
    keeps : bool, default False
        Go on with the shards of an earlier run: those results stay in a shard that are not done again. They stand
        before the new ones, so after failures that are tried again, or another input, the order may be another one.
    """

    def __init__(self, name: str, size: int, stores: Stores, *, keeps: bool = False) -> None:
        self.stem, ending = os.path.splitext(name)
        self.ending, self.size, self.stores, self.keeps = ending.lower(), size, stores, keeps
        self.open: dict[int, list[Outcome]] = {}
        self.begun, self.last = Counter[int](), 0
        self.pack, self.unpack = {".tar": (as_tar, from_tar), ".parquet": (as_parquet, from_parquet)}[self.ending]
        if self.ending == ".parquet":
            require_extra("cluster", "pyarrow")

    def begin(self, item: Item) -> None:
        """Count an item of its shard."""
        self.last = item.index // self.size
        self.begun[self.last] += 1

    def accept(self, outcome: Outcome) -> Iterator[Finished]:
        """Keep an outcome; yield all of its shard when that is written."""
        self.open.setdefault(outcome.job.index // self.size, []).append(outcome)
        for number in [n for n, held in self.open.items() if len(held) == self._wanted(n)]:
            yield from self._close(number)

    def _wanted(self, number: int) -> int:
        """Return how many outcomes complete a shard; of the last one that is begun, more pictures may come."""
        return self.size if number == self.last else self.begun[number]

    def finish(self, *, is_complete: bool) -> Iterator[Finished]:
        """Write the last shard, which may hold fewer results, if all of the input was worked on."""
        for number in sorted(self.open) if is_complete else ():
            yield from self._close(number)

    def _close(self, number: int) -> Iterator[Finished]:
        outcomes = sorted(self.open.pop(number), key=lambda outcome: outcome.job.index)
        name = f"{self.stem}-{number:06d}{self.ending}"
        results = {
            outcome.job.key: outcome.delivery.data
            for outcome in outcomes
            if outcome.error is None and outcome.delivery is not None and outcome.delivery.data is not None
        }
        if results:
            place = Remote(name) if is_remote(name) else Path(name)
            written(place, self.pack((self._held(place) if self.keeps else {}) | results), self.stores)
        for outcome in outcomes:
            yield Finished(outcome, name if outcome.error is None else None)

    def _held(self, place: Path | Remote) -> dict[str, bytes]:
        """Return the results in a shard; none if there is no such shard."""
        try:
            data = place.read_bytes() if isinstance(place, Path) else self.stores.read(place).getvalue()
        except FileNotFoundError:
            return {}
        try:
            return self.unpack(data)
        except (tarfile.TarError, OSError, EOFError, ValueError, KeyError) as error:
            raise ValueError(
                f"output {place} cannot be read ({error}), expected a shard of an earlier run; --force begins again"
            ) from error


def place_for(name: str, size: int, stores: Stores, *, keeps: bool) -> tuple[Target, Output]:
    """Return what the workers and the main process do with results, by the name of the output; keeps as in `Shards`."""
    if _has_shards(name):
        return Target("", stores), Shards(name, size, stores, keeps=keeps)
    target = Target(name, stores)
    return target, Places(target)


def check_output_place(
    name: str,
    stores: Stores,
    *,
    bits: int,
    may_hold: bool,
    role: str = "output",
    record: str | None = None,
    is_trial: bool = False,
) -> None:
    """Refuse an output that cannot be written, or that holds files already unless it may; make its folder.

    role is what the output is, for messages. A record in a folder does not count as a file there if it has no rows, as
    one of a run that was refused. Nothing is made for a trial.
    """
    if is_remote(name):
        stores.check_writable(name)
    elif _has_shards(name) or (is_trial and not os.path.exists(name)):
        if not Path(name).parent.is_dir():
            raise FileNotFoundError(f"{role} {name} lies in a folder that does not exist, expected an existing one")
    else:
        make_output_folder(Path(name), [], bits, role)
    held = [] if may_hold else _held(name, stores, record)
    if held:
        raise FileExistsError(
            f"{role} {name} holds {len(held)} files already ({sorted(held)[0]}, ...), expected a new or an empty "
            "place, --resume to go on or --force to overwrite"
        )


def _held(name: str, stores: Stores, record: str | None) -> list[str]:
    """Return the files that an output holds."""
    stem, ending = os.path.splitext(name)
    if is_remote(name):
        return stores.names(f"{stem}-*{ending}" if _has_shards(name) else name)
    if _has_shards(name):
        return [str(path) for path in Path(name).parent.glob(f"{Path(stem).name}-*{ending}")]
    found = os.listdir(name) if os.path.exists(name) else []
    return [file for file in found if not _is_empty(Path(name, file), record)]


def _has_shards(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SHARD_ENDINGS


def _is_empty(path: Path, record: str | None) -> bool:
    """Tell whether a file is a record without rows."""
    return record is not None and path == Path(record) and path.stat().st_size == 0


def check_map_place(
    name: str, output: str, stores: Stores, *, bits: int, may_hold: bool, is_trial: bool = False
) -> None:
    """Refuse a place of confidence maps that is no folder, that is the output, or that holds files unless it may."""
    role = "--confidence-map"
    if is_name_pattern(name) or _has_shards(name):
        raise ValueError(f"{role} is {name}, expected a folder or an address for the maps of a batch")
    if _place(name) == _place(output):
        raise ValueError(f"{role} is {name}, expected another place than the output, which has files of the same names")
    check_output_place(name, stores, bits=bits, may_hold=may_hold, role=role, is_trial=is_trial)


def _place(name: str) -> str:
    return name.rstrip("/") if is_remote(name) else os.path.realpath(name)


def clear_leftovers(name: str) -> None:
    """Remove the temporary files that killed processes left in an output folder."""
    if is_remote(name) or _has_shards(name):
        return
    for folder, _, files in os.walk(name):
        left = {file[1:].rsplit(".", 2)[0] for file in files if file.startswith(".") and file.endswith(".tmp")}
        clear_temporaries([Path(folder, file) for file in left])


def as_tar(results: dict[str, bytes]) -> bytes:
    """Return a tar file of results by their keys, as webdataset reads it; equal results give equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for key, data in results.items():
            entry = tarfile.TarInfo(f"{key}{ENDING}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def from_tar(data: bytes) -> dict[str, bytes]:
    """Return the results in a tar file by their keys."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for entry in archive:
            taken = archive.extractfile(entry)
            if taken is not None:
                found[entry.name.removesuffix(ENDING)] = taken.read()
    return found


def as_parquet(results: dict[str, bytes]) -> bytes:
    """Return a Parquet file of two columns: ``key``, and the bytes of the result as ``image``."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "key": pyarrow.array(list(results), pyarrow.string()),
            "image": pyarrow.array(list(results.values()), pyarrow.binary()),
        }
    )
    packed = io.BytesIO()
    parquet.write_table(table, packed, compression="none")  # pictures are compressed already
    return packed.getvalue()


def from_parquet(data: bytes) -> dict[str, bytes]:
    """Return the results in a Parquet file by their keys."""
    from pyarrow import parquet

    columns = parquet.read_table(io.BytesIO(data)).to_pydict()
    return dict(zip(columns["key"], columns["image"], strict=True))
