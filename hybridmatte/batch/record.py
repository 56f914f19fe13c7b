"""The record of a batch: one row for each picture that is finished, written after its result stands whole."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from hybridmatte.batch.items import Item
from hybridmatte.batch.outputs import Finished
from hybridmatte.batch.parts import Remote, is_remote, without_secrets
from hybridmatte.batch.stores import Stores
from hybridmatte.errors import require_extra
from hybridmatte.io.files import write_bytes

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["NAME", "Journal", "Row", "check_table", "is_record", "keys_of", "open_journal", "row_of", "write_parquet"]

Row = dict[str, Any]
NAME = "results.jsonl"
PART_ROWS, PART_SECONDS = 64, 5.0  # of a record in a store, which cannot be appended to
TEXTS = ("key", "input", "output", "status", "time", "method", "weights", "error")
TEXTS += ("confidence", "correction", "scores", "warnings")
NUMBERS = ("seconds", "found", "certain", "guessed")
TABLE_ROWS = 10_000  # of a Parquet file that are in memory at once
COMPARED = 1000  # rows of earlier runs whose inputs are kept in memory
DIGITS, READERS = 7, 16  # of the numbers of parts; parts that are read at once, as a million photographs have 17,000


class Journal(Protocol):
    """Rows that are kept: those of earlier runs, and new ones.

    place is where, for messages. inputs are the files of some rows of earlier runs, to tell whether they are the same.
    """

    rows: dict[str, str | None]
    notes: list[str]
    place: str
    inputs: dict[str, str]

    def add(self, row: Row) -> None:
        """Keep a row."""
        ...

    def close(self) -> None:
        """Keep what is not yet kept."""
        ...

    def all_rows(self) -> Iterator[Row]:
        """Yield the rows of this run and of earlier ones."""
        ...


def row_of(finished: Finished) -> Row:
    """Return the row of a picture."""
    outcome, output = finished
    item: Item = outcome.job
    plan, delivery, findings = item.plan, outcome.delivery, outcome.findings
    entries = {} if findings is None else findings.entries
    row = {
        "key": item.key,
        "input": str(item.image),
        "output": output,
        "status": "written" if outcome.error is None else "failed",
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "seconds": round(outcome.seconds, 3),
        "size": None if delivery is None or delivery.size is None else list(delivery.size),
        "method": None if plan is None else plan.method,
        "weights": None if plan is None else plan.weights,
        "confidence": entries.pop("confidence", None),
        "error": None if outcome.error is None else without_secrets(outcome.error),
        **entries,
    }
    if delivery is not None and delivery.scores is not None:
        row["scores"] = delivery.scores
    if outcome.warnings:
        row["warnings"] = [without_secrets(warning) for warning in outcome.warnings]
    return row


def open_journal(name: str, stores: Stores, *, resume: bool, force: bool, retry_errors: bool = False) -> Journal:
    """Open the record of that name: a file, or parts of one in a store.

    A record that exists is continued with resume, begun again with force, and else refused. With retry_errors, its
    failures count as not worked on.
    """
    kind = _Parts if is_remote(name) else _File
    if kind.exists(name, stores) and not (resume or force):
        raise FileExistsError(f"record {name} exists, expected --resume to continue or --force to begin again")
    return kind(name, stores, keeps=resume, retry_errors=retry_errors)


def keys_of(name: str, stores: Stores, *, with_failures: bool = True) -> set[str]:
    """Return the names of all pictures in a record, without changing it; none if there is no record."""
    if is_remote(name):
        parts = _read_all(_Parts.parts(name, stores), stores)
        return {key for data in parts for key in _keys(data.splitlines(), name, with_failures=with_failures)}
    if not os.path.exists(name):
        return set()
    with open(name, "rb") as file:
        return set(_keys(filter(_is_whole, file), name, with_failures=with_failures))


def _keys(lines: Iterable[bytes], name: str, *, with_failures: bool) -> Iterator[str]:
    return (row["key"] for row in _parsed(lines, name) if with_failures or not row.get("error"))


def is_record(name: str) -> bool:
    """Tell whether a file's name is that of a record in its default place."""
    stem, ending = os.path.splitext(NAME)
    return name == NAME or (name.startswith(f"{stem}-") and name.endswith(ending))


def check_table(name: str, stores: Stores, *, may_exist: bool) -> None:
    """Refuse a Parquet file of the record that cannot be written at the end, or that exists unless it may."""
    require_extra("cluster", "pyarrow")
    if not may_exist and (stores.names(name) if is_remote(name) else os.path.exists(name)):
        raise FileExistsError(f"record {name} exists, expected --resume to continue or --force to begin again")


def write_parquet(name: str, rows: Iterable[Row], stores: Stores) -> None:
    """Write rows as one Parquet file with the columns `TEXTS`, `NUMBERS`, and size, a list of width and height.

    Entries of several values in columns of texts are JSON.
    """
    import pyarrow
    from pyarrow import parquet

    types = dict.fromkeys(TEXTS, pyarrow.string()) | dict.fromkeys(NUMBERS, pyarrow.float64())
    schema = pyarrow.schema(types | {"size": pyarrow.list_(pyarrow.int32())})
    flat = ({key: _plain(value) if key in TEXTS else value for key, value in row.items()} for row in rows)
    packed = io.BytesIO()
    with parquet.ParquetWriter(packed, schema) as writer:
        while some := list(islice(flat, TABLE_ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
    if is_remote(name):
        stores.write(name, packed.getvalue())
    else:
        write_bytes(name, packed.getvalue())


def _plain(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _is_whole(line: bytes) -> bool:
    """Tell whether a line has its end, which that of a killed run may lack."""
    return line.endswith(b"\n")


def _parsed(lines: Iterable[bytes], name: str) -> Iterator[Row]:
    """Yield the rows of whole lines; a line that is none is refused, since only the last can be torn."""
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("key"), str):
            raise ValueError(f"record {name} has no row in line {number}, expected an object with a key in each line")
        yield row


class _File:
    """A file of JSON lines that is appended to. Its lock keeps a second run out."""

    def __init__(self, name: str, stores: Stores, *, keeps: bool, retry_errors: bool) -> None:  # noqa: ARG002
        self.path, self.notes, self.place = Path(name), [], name
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"record {name} lies in a folder that does not exist, expected an existing one")
        self.file = self._locked(self.path)
        self.rows, self.inputs = {}, {}
        try:
            for row in _parsed(self._lines(), name) if keeps else ():
                self.rows[row["key"]] = row.get("error")
                if len(self.inputs) < COMPARED:
                    self.inputs |= _inputs_of([row])
        except ValueError:
            self.file.close()
            raise
        if retry_errors and any(self.rows.values()):
            self._drop_errors()
        self.file.seek(0, os.SEEK_END)
        if not keeps:
            self.file.truncate(0)

    @staticmethod
    def exists(name: str, stores: Stores) -> bool:  # noqa: ARG004
        """Tell whether there is a record with rows."""
        return os.path.exists(name) and os.path.getsize(name) > 0

    @staticmethod
    def _locked(path: Path) -> IO[bytes]:
        file = path.open("a+b")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise ValueError(f"record {path} is written by another run, expected one run for each") from None
            except OSError:  # a file system without locks
                return file
        return file

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines; at the end, cut a last one off that a killed run left unfinished."""
        whole = self.file.seek(0)
        for line in filter(_is_whole, self.file):
            whole += len(line)
            yield line
        if whole < self.file.seek(0, os.SEEK_END):
            self.file.truncate(whole)
            self.notes.append(f"the last line of {self.path} is torn: its picture is done again")

    def _drop_errors(self) -> None:
        """Write the record again without its failures."""
        kept = bytearray()
        for line in self._lines():
            if not json.loads(line).get("error"):
                kept += line
        write_bytes(self.path, kept)
        self.file.close()
        self.file = self._locked(self.path)
        self.rows = {key: error for key, error in self.rows.items() if not error}

    def add(self, row: Row) -> None:
        """Append a row."""
        with self._naming_errors():
            self.file.write(_line(row))
            self.file.flush()
        self.rows[row["key"]] = row["error"]

    def close(self) -> None:
        """Close the file."""
        with self._naming_errors():
            self.file.close()

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        """Say of a failure to write which file it is, as that of a full disk does not."""
        try:
            yield
        except OSError as error:
            raise OSError(
                f"record {self.path} cannot be written ({error.strerror}), expected a writable folder with free space; "
                "--resume goes on"
            ) from error

    def all_rows(self) -> Iterator[Row]:
        """Yield all rows."""
        with self.path.open("rb") as file:
            yield from _parsed(file, str(self.path))


class _Parts:
    """Files of JSON lines in a store, written one after another, each whole: ``results-0000000.jsonl`` and so on."""

    def __init__(self, name: str, stores: Stores, *, keeps: bool, retry_errors: bool) -> None:
        self.stem, self.ending = os.path.splitext(name)
        self.stores, self.notes, self.waiting = stores, [], []
        self.place = f"{self.stem}-*{self.ending}"
        self.last = time.monotonic()
        self.rows: dict[str, str | None] = {}
        self.inputs: dict[str, str] = {}
        parts = self.parts(name, stores)
        if not keeps:
            for part in parts:
                stores.remove(part)
            parts = []
        for part, rows in zip(parts, self._rows_in(parts), strict=True):
            if retry_errors and any(row.get("error") for row in rows):
                rows = [row for row in rows if not row.get("error")]
                stores.write(part, b"".join(map(_line, rows)))
            self.rows |= {row["key"]: row.get("error") for row in rows}
            self.inputs |= _inputs_of(rows[: max(COMPARED - len(self.inputs), 0)])
        self.number = 1 + int(parts[-1][len(self.stem) + 1 : -len(self.ending)]) if parts else 0
        self.name = name

    @staticmethod
    def parts(name: str, stores: Stores) -> list[str]:
        """Return the addresses of the parts that exist."""
        stem, ending = os.path.splitext(name)
        return stores.names(f"{stem}-{'[0-9]' * DIGITS}{ending}")

    @classmethod
    def exists(cls, name: str, stores: Stores) -> bool:
        """Tell whether there is a record."""
        return bool(cls.parts(name, stores))

    def _rows_in(self, parts: list[str]) -> Iterator[list[Row]]:
        """Yield the rows of each part."""
        for part, data in zip(parts, _read_all(parts, self.stores), strict=True):
            yield list(_parsed(data.splitlines(), part))

    def add(self, row: Row) -> None:
        """Keep a row; write a part when there are many, or the last is some time ago."""
        self.waiting.append(row)
        self.rows[row["key"]] = row["error"]
        if len(self.waiting) >= PART_ROWS or time.monotonic() - self.last > PART_SECONDS:
            self.close()

    def close(self) -> None:
        """Write the rows that wait."""
        if self.waiting:
            self.stores.write(f"{self.stem}-{self.number:0{DIGITS}d}{self.ending}", b"".join(map(_line, self.waiting)))
            self.number += 1
        self.waiting, self.last = [], time.monotonic()

    def all_rows(self) -> Iterator[Row]:
        """Yield all rows."""
        for rows in self._rows_in(self.parts(self.name, self.stores)):
            yield from rows


def _read_all(parts: list[str], stores: Stores) -> Iterator[bytes]:
    """Yield the contents of files of a store, several of which are read at once."""
    with ThreadPoolExecutor(READERS) as pool:
        for first in range(0, len(parts), READERS):
            yield from pool.map(lambda part: stores.read(Remote(part)).getvalue(), parts[first : first + READERS])


def _inputs_of(rows: list[Row]) -> dict[str, str]:
    return {row["key"]: row["input"] for row in rows if isinstance(row.get("input"), str)}


def _line(row: Row) -> bytes:
    return (json.dumps(row) + "\n").encode()
