"""`hybridmatte train` on Ray Train, by the script of the documentation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra deep")
pytest.importorskip("ray.train", reason="needs ray[train]", exc_type=ImportError)

from experiments.cluster.nodes import running_cluster  # noqa: E402 - after the check for ray
from hybridmatte.networks import load_network  # noqa: E402
from tests.training.shared import write_disks  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "docs" / "cluster" / "train_on_ray.py"


@pytest.mark.slow
def test_two_nodes_of_ray_train_the_network_of_two_processes_on_one_machine(tmp_path):
    write_disks(tmp_path)
    words = [str(tmp_path / "run.toml"), "--data", str(tmp_path / "data"), "--output"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 300}
    alone = [sys.executable, "-m", "hybridmatte", "train", *words, str(tmp_path / "alone"), "--devices", "2"]
    done = subprocess.run(alone, env=environment, **options)
    assert done.returncode == 0, done.stderr
    with running_cluster(2, 2) as cluster:
        command = [sys.executable, str(SCRIPT), "2", *words, str(tmp_path / "ray")]
        done = subprocess.run(command, env={**environment, "RAY_ADDRESS": cluster.address}, **options)
    assert done.returncode == 0, done.stderr
    expected, found = (load_network(tmp_path / name / "network").state_dict() for name in ("alone", "ray"))
    assert all(torch.equal(found[key], expected[key]) for key in expected)
