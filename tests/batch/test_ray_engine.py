"""The Ray engine by itself: what it takes, bounds, begins again and refuses, on a cluster of two nodes."""

from pathlib import Path

import pytest

from hybridmatte.batch.items import Item
from tests.batch.ray_work import OnlyHere, describe

pytest.importorskip("ray", reason="needs the extra cluster")

from experiments.cluster.nodes import running_cluster  # noqa: E402 - after the check for ray
from hybridmatte.batch.ray_engine import QUEUED, finish_jobs_on_ray  # noqa: E402

NODES, CORES = 2, 2  # cores of each node


@pytest.fixture(scope="module")
def cluster():
    """Connect this process to two nodes of two cores, with one GPU each that does not exist."""
    with running_cluster(NODES, CORES, gpus=1) as cluster:
        cluster.connect()
        yield cluster


@pytest.fixture
def run(cluster):  # noqa: ARG001 - the engine takes the cluster that this process is connected to
    """Return a function that works on items of those names."""

    def finish(names, **options):
        items = [Item(index, name, Path(f"{name}.png")) for index, name in enumerate(names)]
        return list(finish_jobs_on_ray(items, describe, **options))

    return finish


def numbered(count):
    return [f"a{number:03d}" for number in range(count)]


def most_at_once(outcomes):
    """Return how many items were worked on at one moment."""
    spans = [outcome.delivery.scores["span"] for outcome in outcomes]
    return max(sum(start <= begin < end for start, end in spans) for begin, _ in spans)


def test_every_item_has_one_outcome_with_its_own_job(run):
    outcomes = run([*numbered(12), "bad"])
    by_key = {outcome.job.key: outcome for outcome in outcomes}
    assert sorted(by_key) == [*numbered(12), "bad"]
    assert len(outcomes) == 13
    assert by_key.pop("bad").error == "bad.png: image is bad, expected better"
    assert all(outcome.error is None and outcome.delivery is not None for outcome in by_key.values())


def test_an_item_that_kills_its_process_stops_no_other(run):
    outcomes = run([*numbered(4), "die", "b"])
    errors = {outcome.job.key: outcome.error for outcome in outcomes}
    assert len(outcomes) == 6
    assert errors.pop("die") == "die.png: its process died (out of memory?), expected a result"
    assert set(errors.values()) == {None}


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_times_workers_are_the_cores(run, threads):
    outcomes = run(numbered(24), threads=threads)
    assert all(outcome.delivery.scores["threads"] == [str(threads)] * 4 for outcome in outcomes)
    assert most_at_once(outcomes) <= NODES * CORES // threads


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("name", "most"), [("threads", CORES), ("gpus", 1)])
def test_what_no_machine_has_is_refused(name, most):
    with pytest.raises(ValueError, match=f"{name} is 3, expected at most {most}, what the largest machine"):
        list(finish_jobs_on_ray([Item(0, "a", Path("a.png"))], describe, **{name: 3}))


def test_workers_bound_the_items_at_once(run):
    assert most_at_once(run(numbered(8), workers=1)) == 1


def test_processes_stay_for_the_next_item_also_with_gpus(run):
    """Ray would begin a process for each item with a GPU; a network would be loaded again for each picture."""
    outcomes = run(numbered(12), gpus=1)
    assert len({outcome.delivery.scores["pid"] for outcome in outcomes}) <= NODES
    assert most_at_once(outcomes) <= NODES
    assert {outcome.delivery.scores["device"] for outcome in outcomes} == {"cuda"}
    assert {outcome.delivery.scores["device"] for outcome in run(numbered(2))} == {None}


@pytest.mark.usefixtures("cluster")
def test_items_are_taken_as_there_is_room():
    taken = 0

    def items():
        nonlocal taken
        for number, name in enumerate(numbered(40)):
            taken += 1
            yield Item(number, name, Path(f"{name}.png"))

    ahead = []
    for done, _ in enumerate(finish_jobs_on_ray(items(), describe)):
        ahead.append(taken - done)
    assert taken == 40
    assert NODES * CORES < max(ahead) <= QUEUED * NODES * CORES


@pytest.mark.usefixtures("cluster")
def test_a_cancelled_run_begins_no_other_item():
    seen = []
    items = [Item(number, name, Path(f"{name}.png")) for number, name in enumerate(numbered(40))]
    run = finish_jobs_on_ray(items, describe, is_cancelled=lambda: len(seen) >= 3)
    seen.extend(run)
    assert 3 <= len(seen) < 40


@pytest.mark.usefixtures("cluster")
def test_local_files_travel_with_their_items(tmp_path):
    (tmp_path / "a.png").write_bytes(b"content")
    items = [Item(0, "a", tmp_path / "a.png"), Item(1, "b", tmp_path / "missing.png")]
    for ships, expected in ((True, {"a": b"content", "b": None}), (False, {"a": None, "b": None})):
        outcomes = list(finish_jobs_on_ray(items, describe, ships=ships))
        assert {outcome.job.key: outcome.delivery.scores["content"] for outcome in outcomes} == expected
        assert {outcome.job.image for outcome in outcomes} == {item.image for item in items}


@pytest.mark.usefixtures("cluster")
def test_work_that_cannot_be_loaded_ends_the_run():
    items = [Item(0, "a", Path("a.png"))]
    with pytest.raises(ImportError, match=r"a worker cannot begin .*No module named.*, expected the same version"):
        list(finish_jobs_on_ray(items, OnlyHere()))
