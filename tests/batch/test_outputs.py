"""Outputs of a batch by themselves: what stands in shards after a run that goes on with those of an earlier one."""

from pathlib import Path

import pytest

from hybridmatte.batch.items import Delivery, Item
from hybridmatte.batch.outputs import Shards, as_tar, from_parquet, from_tar
from hybridmatte.batch.parts import Remote
from hybridmatte.batch.pool import Outcome
from hybridmatte.batch.stores import Stores


def outcome_of(index, key):
    return Outcome(Item(index, key, Path(key)), 0.0, (), None, None, Delivery(data=f"{key} {index}".encode()))


def finished(shards, outcomes):
    """Let outcomes through to the end; return the keys as their shards are written."""
    keys = []
    for outcome in outcomes:
        shards.begin(outcome.job)
        keys += [done.outcome.job.key for done in shards.accept(outcome)]
    return keys + [done.outcome.job.key for done in shards.finish(is_complete=True)]


@pytest.mark.parametrize(("ending", "unpack"), [("tar", from_tar), ("parquet", from_parquet)])
@pytest.mark.parametrize("place", ["folder", "store"])
def test_a_run_that_goes_on_keeps_what_a_shard_holds(tmp_path, ending, unpack, place):
    pytest.importorskip("pyarrow")
    folder = str(tmp_path)
    if place == "store":
        fsspec = pytest.importorskip("fsspec")
        fsspec.filesystem("memory").store.clear()
        folder = "memory://bucket"
    stores = Stores()
    finished(Shards(f"{folder}/out.{ending}", 3, stores), [outcome_of(index, key) for index, key in enumerate("abcd")])
    again = Shards(f"{folder}/out.{ending}", 3, stores, keeps=True)  # another picture is first, and b is tried again
    finished(again, [outcome_of(0, "new"), outcome_of(2, "b")])
    if place == "store":
        read = [stores.read(Remote(name)).getvalue() for name in stores.names(folder)]
    else:
        read = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    held = [unpack(data) for data in read]
    assert held == [{"a": b"a 0", "b": b"b 2", "c": b"c 2", "new": b"new 0"}, {"d": b"d 3"}]


def test_a_shard_is_written_when_the_last_of_its_pictures_that_are_worked_on_is_finished(tmp_path):
    shards = Shards(f"{tmp_path}/out.tar", 10, Stores(), keeps=True)
    ahead = []
    for number in range(50):  # one picture of each shard, as after failures that are tried again
        outcome = outcome_of(10 * number, f"a{number}")
        shards.begin(outcome.job)
        list(shards.accept(outcome))
        ahead.append(sum(map(len, shards.open.values())))
    assert max(ahead) == 1
    assert len(list(tmp_path.glob("out-*.tar"))) == 49


def test_a_shard_that_cannot_be_read_is_not_overwritten(tmp_path):
    (tmp_path / "out-000000.tar").write_bytes(as_tar({"a": b"a"})[:700])
    shards = Shards(f"{tmp_path}/out.tar", 2, Stores(), keeps=True)
    with pytest.raises(ValueError, match=r"out-000000.tar cannot be read \(.*\), expected a shard of an earlier run"):
        finished(shards, [outcome_of(0, "b")])
    assert len((tmp_path / "out-000000.tar").read_bytes()) == 700
