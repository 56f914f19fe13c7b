"""Shards as inputs: damage, and the memory that they take."""

import os
import tarfile
import tracemalloc

import pytest

from hybridmatte.batch.archives import parquet_items, parquet_total, tar_items
from hybridmatte.batch.stores import Stores

N_ROWS, ROW_BYTES = 64, 1 << 20


@pytest.fixture
def write_parquet(tmp_path):
    """Return a function that writes rows of random bytes as one group of rows to a file of that name."""
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    def write(name, n_rows, n_bytes, column="image"):
        keys = [f"{name}{number}" for number in range(n_rows)]
        table = pyarrow.table({column: [os.urandom(n_bytes) for _ in keys], "key": keys})
        file = tmp_path / f"{name}.parquet"
        parquet.write_table(table, file, write_batch_size=1, data_page_size=1, use_dictionary=False)
        return file

    return write


@pytest.mark.parametrize("left", [0.3, 0.0])
def test_a_damaged_parquet_file_becomes_an_item_and_the_next_is_read(write_parquet, left):
    whole, damaged = write_parquet("a", 3, 100), write_parquet("b", 3, 100)
    data = damaged.read_bytes()
    damaged.write_bytes(data[: int(len(data) * left)])
    shards = [str(damaged), str(whole)]
    items = list(parquet_items(shards, "trimap", Stores()))
    assert [item.key for item in items] == ["b (shard)", "a0", "a1", "a2"]
    assert "b.parquet cannot be read to its end" in items[0].error
    assert [item.index for item in items] == [0, 1, 2, 3]
    assert parquet_total(shards, Stores()) is None


def test_damage_in_the_middle_of_a_parquet_file_keeps_the_rows_before_it(write_parquet):
    file = write_parquet("a", 400, 1000)
    data = bytearray(file.read_bytes())
    data[300_000:310_000] = bytes(10_000)
    file.write_bytes(data)
    *before, last = parquet_items([str(file)], "trimap", Stores())
    assert [item.key for item in before] == [f"a{number}" for number in range(len(before))]
    assert 0 < len(before) < 300
    assert last.key == "a (shard)"


def test_a_parquet_file_without_images_is_refused(write_parquet):
    with pytest.raises(ValueError, match=r"a.parquet has the columns data, key, expected one of image, jpg"):
        list(parquet_items([str(write_parquet("a", 1, 10, "data"))], "trimap", Stores()))


def test_a_group_of_rows_is_not_held_whole(write_parquet):
    file = write_parquet("a", N_ROWS, ROW_BYTES)
    tracemalloc.start()  # sees what pyarrow gets from a Python file
    for _ in parquet_items([str(file)], "trimap", Stores()):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < N_ROWS * ROW_BYTES / 2


def test_a_store_that_breaks_off_in_a_shard_ends_no_run(tmp_path, monkeypatch):
    class Broken:
        def read(self, _):
            raise RuntimeError("connection\nreset")  # as of the clients of stores, which have errors of their own

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.add(__file__, "x.jpg")
    monkeypatch.setattr(
        "hybridmatte.batch.archives._opened", lambda name, _: Broken() if "a.tar" in name else open(name, "rb")
    )
    items = list(tar_items(["s3://bucket/a.tar", str(tmp_path / "b.tar")], "trimap", Stores()))
    assert [item.key for item in items] == ["a (shard)", "x"]
    assert "s3://bucket/a.tar cannot be read to its end (connection reset)" in items[0].error
