"""``batch`` on Ray clusters part of which dies, and on a store that fails: all results, each row once."""

import tarfile
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra cluster")

from experiments.cluster.faulty_store import BUCKET, FaultyStore, running_store  # noqa: E402 - after the check for ray
from experiments.cluster.nodes import kill_node, kill_worker, running_cluster  # noqa: E402
from experiments.cluster.photographs import write_photographs  # noqa: E402
from experiments.cluster.trouble import (  # noqa: E402
    MATTE,
    Event,
    faults,
    results_in,
    rows_of,
    run_batch,
    run_through_trouble,
)

COUNT, BROKEN = 40, 5
NONE = {"missing": 0, "different": 0, "unexpected": 0, "rows_missing": 0, "rows_twice": 0, "failed_wrongly": 0}
GOOD = {**NONE, "failed": BROKEN, "unnamed": 0}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Write photographs with trimaps; return their folder."""
    return write_photographs(tmp_path_factory.mktemp("cluster"), COUNT, BROKEN)


@pytest.fixture(scope="module")
def expected(photographs):
    """Return the results of the local engine."""
    ended = run_batch(
        [f"{photographs}/images", f"{photographs}/trimaps", "-o", f"{photographs}/local", *MATTE],
        photographs / "local.log",
    )
    assert ended.code == 1, ended.said
    found = results_in(photographs / "local")
    assert len(found) == COUNT
    return found


def test_two_nodes_of_which_parts_die(photographs, expected, tmp_path):
    output, log = tmp_path / "out", tmp_path / "batch.log"
    record = output / "results.jsonl"
    arguments = [f"{photographs}/images", f"{photographs}/trimaps", "-o", str(output), *MATTE, "--engine", "ray"]
    with running_cluster(2) as cluster:
        events = [Event(1 / 3, lambda: kill_node(cluster)), Event(2 / 3, lambda: kill_worker(cluster)), Event(4 / 5)]
        ended, happened = run_through_trouble(
            [*arguments, "--address", cluster.address],
            log,
            lambda: record.read_bytes().count(b"\n") if record.exists() else 0,
            COUNT + BROKEN,
            events,
        )
    assert ended.code in (0, 1), ended.said  # whether pictures failed since the driver began again
    assert len(happened) == 3
    assert max(happened) < COUNT + BROKEN
    assert faults(rows_of(record.read_bytes()), results_in(output), expected) == GOOD
    assert not list(output.glob(".*"))  # no temporary file is left


def test_shards_and_the_order_of_the_record_are_those_of_local(photographs, tmp_path):
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        for image in sorted((photographs / "images").iterdir()):
            archive.add(image, image.name)
            archive.add(photographs / "trimaps" / image.name, f"{image.stem}.trimap.png")
    words = ["--order", "--shard-size", "16", *MATTE]
    run_batch([f"{tmp_path}/in.tar", "-o", f"{tmp_path}/local.tar", *words], tmp_path / "local.log")
    with running_cluster(2) as cluster:
        engine = ["--engine", "ray", "--address", cluster.address]
        ended = run_batch([f"{tmp_path}/in.tar", "-o", f"{tmp_path}/ray.tar", *words, *engine], tmp_path / "ray.log")
    assert ended.code == 1, ended.said
    shards = {name: [path.read_bytes() for path in sorted(tmp_path.glob(f"{name}-*.tar"))] for name in ("local", "ray")}
    assert len(shards["local"]) == 3
    assert shards["ray"] == shards["local"]
    keys = {
        name: [row["key"] for row in rows_of(Path(tmp_path, f"{name}_results.jsonl").read_bytes())] for name in shards
    }
    assert keys["ray"] == keys["local"] == sorted(keys["local"])
    assert len(keys["ray"]) == COUNT + BROKEN


def test_four_nodes_and_a_store_that_fails(photographs, expected, tmp_path):
    pytest.importorskip("moto", reason="needs moto")
    log = tmp_path / "batch.log"
    store = FaultyStore(failures=0.1, slow=0.02, cut=0.05)
    arguments = [f"s3://{BUCKET}/images", f"s3://{BUCKET}/trimaps", "-o", f"s3://{BUCKET}/out", *MATTE]
    with running_store(store), running_cluster(4) as cluster:
        store.put(photographs)
        store.is_on = True
        events = [Event(1 / 3, lambda: kill_node(cluster)), Event(2 / 3, lambda: kill_worker(cluster)), Event(4 / 5)]
        ended, happened = run_through_trouble(
            [*arguments, *store.options, "--engine", "ray", "--address", cluster.address],
            log,
            lambda: store.count_written("out"),
            COUNT,
            events,
        )
        results = store.objects("out/*.png")
        rows = rows_of(b"".join(store.objects("out/results-*.jsonl").values()))
    assert ended.code in (0, 1), ended.said
    assert len(happened) == 3
    assert faults(rows, results, expected) == GOOD
    assert all(store.injected[name] for name in ("failures", "slow", "cut"))
