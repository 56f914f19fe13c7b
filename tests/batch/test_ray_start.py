"""How the Ray engine finds or starts Ray."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hybridmatte.batch.cores import available_cores
from hybridmatte.batch.items import Item
from tests.batch.ray_work import THREADS, describe

ray = pytest.importorskip("ray", reason="needs the extra cluster")

from hybridmatte.batch.ray_engine import _Run, finish_jobs_on_ray  # noqa: E402 - after the check for ray

ITEMS = [Item(number, name, Path(f"{name}.png")) for number, name in enumerate("abc")]


def test_ray_starts_on_this_machine_and_ends():
    before = dict(os.environ)
    outcomes = list(finish_jobs_on_ray(ITEMS, describe, workers=1))
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert all(outcome.delivery.scores["threads"] == ["1"] * 4 for outcome in outcomes)
    assert {name: os.environ.get(name) for name in THREADS} == {name: before.get(name) for name in THREADS}
    assert not ray.is_initialized()
    deadline = time.monotonic() + 20  # Ray does not wait for the processes that it ends
    while any(_is_alive(outcome.delivery.scores["pid"]) for outcome in outcomes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_start_that_fails_is_one_sentence(monkeypatch, tmp_path):
    """Ray writes a token to the home of the user; a container's user may have none."""

    def fail(**_):
        raise FileNotFoundError(2, "No such file or directory", str(tmp_path / "home"))

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(OSError, match=r"Ray cannot start here .*No such file.*, expected a home and a folder"):
        list(finish_jobs_on_ray(ITEMS, describe))


def test_an_address_without_a_cluster_is_refused():
    with pytest.raises(
        ConnectionError, match=r"address 127.0.0.1:9 does not answer .*, expected that of a running Ray cluster"
    ):
        list(finish_jobs_on_ray(ITEMS, describe, address="127.0.0.1:9"))


def test_more_threads_than_cores_are_refused():
    threads = available_cores() + 1
    with pytest.raises(ValueError, match=rf"threads is {threads}, expected at most \d+, the cores of this machine"):
        list(finish_jobs_on_ray(ITEMS, describe, threads=threads))


@pytest.mark.parametrize(
    ("error", "attempts", "reason"),
    [
        pytest.param(ray.exceptions.NodeDiedError("gone"), 10, "10 machines were lost with it", id="node"),
        pytest.param(ray.exceptions.LocalRayletDiedError(), 10, "10 machines were lost with it", id="raylet"),
        pytest.param(ray.exceptions.RuntimeEnvSetupError("no"), 10, "10 machines were lost with it", id="environment"),
        pytest.param(ray.exceptions.WorkerCrashedError(), 3, r"its process died (out of memory?)", id="worker"),
        pytest.param(ray.exceptions.OutOfMemoryError("full"), 3, r"its process died (out of memory?)", id="memory"),
    ],
)
def test_what_dies_again_and_again_becomes_a_failure(monkeypatch, error, attempts, reason):
    begun = []

    def begin(_, item):
        begun.append(item)
        return object()

    def fail(_):
        raise error

    monkeypatch.setattr(ray, "wait", lambda references, **_: (references, []))
    monkeypatch.setattr(ray, "get", fail)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 1.0})
    run = _Run(SimpleNamespace(remote=begin), None, None, 1, 0, False, lambda: False)
    outcomes = list(run.outcomes(ITEMS[:1]))
    assert [outcome.error for outcome in outcomes] == [f"a.png: {reason}, expected a result"]
    assert outcomes[0].job == ITEMS[0]
    assert len(begun) == attempts


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
