"""The experiment on label blending: its longer pre-training, and the constants beside its errors."""

import numpy as np
import pytest

pytest.importorskip("lightning")

from experiments import people_scores
from experiments.wsshm_small import Options, networks
from experiments.wsshm_small.run import CONSTANT, JOBS
from hybridmatte.training import read_config


def test_longer_trainings_have_the_papers_proportions(tmp_path, monkeypatch):
    trained = {}

    def keep(folder, recipe, *_, backgrounds=None, **changes):  # noqa: ARG001
        config = read_config(recipe, **changes)
        trained[folder.relative_to(tmp_path / "0")] = config.epochs * config.epoch_steps
        return folder / "network"

    monkeypatch.setattr(networks, "train_kept", keep)
    monkeypatch.setattr(networks, "training_photographs", lambda data: data)
    found = networks.Networks(0, Options(kept=tmp_path, data=tmp_path), is_longer=True)
    for job in JOBS["longer"]():
        job.train(found)
    steps = sorted(trained.values())
    assert steps == [100, 200, 200, 2000]
    assert all(folder.parts[0] == "longer" for folder in trained)


def test_parts_have_rows_of_their_own():
    methods = [job.method for part in JOBS.values() for job in part()]
    assert len(methods) == len(set(methods))
    assert CONSTANT not in methods


def test_the_best_constant_is_found():
    targets = [np.float32([[0.0, 1.0]]), np.float32([[0.0, 0.0]])]
    assert networks.least_of_constants(targets) == pytest.approx(1000 * (0.75**2 + 3 * 0.25**2) / 4, rel=1e-4)
    mixed = [np.float32([[0.0, 0.2, 0.6]])]
    assert networks.least_of_constants(mixed, boundary=True) == pytest.approx(1000 * 0.04, rel=1e-4)


def test_grey_has_no_correlation_on_the_boundary():
    """Its mean square there is below that of most networks."""
    target = np.float32([[0.0, 0.2, 0.6, 0.8, 1.0]])
    others = [np.full_like(target, 0.5), target, 1 - target, 0.5 * target]
    assert [people_scores.boundary_correlation([alpha], [target]) for alpha in others] == pytest.approx([0, 1, -1, 1])
