"""The record of a batch by itself."""

import json
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from hybridmatte.automatic.found import Findings
from hybridmatte.batch import record
from hybridmatte.batch.items import Delivery, Item
from hybridmatte.batch.outputs import Finished
from hybridmatte.batch.parts import Remote
from hybridmatte.batch.pool import Outcome
from hybridmatte.batch.stores import Stores

N_ROWS, ROW_BYTES = 2000, 3000
MIB = 1 << 20


@pytest.fixture
def long_record(tmp_path):
    """Write a record of 6 MB whose last line is torn; return its name."""
    name = f"{tmp_path}/results.jsonl"
    with open(name, "w") as file:
        for number in range(N_ROWS):
            file.write(json.dumps({"key": f"a{number}", "error": None, "warnings": ["x" * ROW_BYTES]}) + "\n")
        file.write('{"key": "torn')
    return name


def rows_by_opening(name):
    with closing(record.open_journal(name, Stores(), resume=True, force=False)) as journal:
        return journal.rows


@pytest.mark.parametrize("read", [lambda name: record.keys_of(name, Stores()), rows_by_opening], ids=["keys", "open"])
def test_a_record_is_read_without_holding_its_rows(long_record, read):
    tracemalloc.start()
    found = read(long_record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found) == {f"a{number}" for number in range(N_ROWS)}
    assert peak < MIB


def test_a_table_of_the_record_is_written_without_holding_its_rows(long_record, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(record, "TABLE_ROWS", 50)
    record.write_parquet(f"{long_record}.parquet", [{"key": "a"}], Stores())  # loads what it needs
    tracemalloc.start()
    with closing(record.open_journal(long_record, Stores(), resume=True, force=False)) as journal:
        record.write_parquet(f"{long_record}.parquet", journal.all_rows(), Stores())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parquet.read_table(f"{long_record}.parquet").num_rows == N_ROWS
    assert peak < 2 * MIB


def test_every_entry_of_a_row_is_a_column_of_the_table(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    delivery = Delivery(Findings(guessed=0.25), (4, 3), {"sad": 1.5})
    outcome = Outcome(Item(0, "a", Path("a.png")), 1.0, ("beware",), None, delivery.findings, delivery)
    row = record.row_of(Finished(outcome, "out/a.png"))
    assert set(row) <= {*record.TEXTS, *record.NUMBERS, "size"}
    record.write_parquet(f"{tmp_path}/record.parquet", [row, {**row, "key": "b"}], Stores())
    first, second = parquet.read_table(tmp_path / "record.parquet").to_pylist()
    assert first["guessed"] == 0.25
    assert json.loads(first["scores"]) == {"sad": 1.5}
    assert (first["key"], second["key"], second["found"]) == ("a", "b", None)


def test_a_row_has_no_secrets():
    address = "https://me:pass@host/a.png?X-Amz-Signature=abc123"
    outcome = Outcome(Item(0, "a", Remote(address)), 1.0, (f"{address} is slow",), f"{address} is broken")
    text = json.dumps(record.row_of(Finished(outcome, None)))
    assert "pass" not in text
    assert "abc123" not in text
    assert text.count("https://***@host/a.png?X-Amz-Signature=***") == 3
