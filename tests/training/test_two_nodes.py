"""`hybridmatte train` on two machines, and on two nodes of Ray by the script of the documentation.

Machines are network namespaces with their own addresses, launched as the documentation says.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra deep")

from hybridmatte.networks import load_network  # noqa: E402 - after the check for torch
from hybridmatte.training import is_first_process  # noqa: E402
from tests.training.shared import write_disks  # noqa: E402
from tests.training.two_nodes import DEVICE, MASTER, two_nodes, why_not  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
TRAIN = ["-m", "hybridmatte", "train", "run.toml", "--data", "data"]
PORT = "29571"
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
LAUNCHERS = {
    "environment": lambda number: (
        [sys.executable],
        {"MASTER_ADDR": MASTER, "MASTER_PORT": PORT, "NODE_RANK": str(number)},
    ),
    "torchrun": lambda number: (
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"),
            *("--node-rank", str(number), "--master-addr", MASTER, "--master-port", PORT),
        ],
        {},
    ),
}


@pytest.mark.parametrize(
    ("environment", "is_first"),
    [
        pytest.param({}, True, id="alone"),
        pytest.param({"LOCAL_RANK": "0", "NODE_RANK": "0"}, True, id="first"),
        pytest.param({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False, id="beside the first"),
        pytest.param({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False, id="on the second machine"),
        pytest.param({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}, True, id="first of torchrun"),
        pytest.param({"RANK": "1", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False, id="second machine of torchrun"),
        pytest.param({"SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_NTASKS": "2"}, False, id="second of Slurm"),
    ],
)
def test_one_process_is_the_first(monkeypatch, environment, is_first):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() is is_first


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write the data, and train on two processes of one machine into the folder "alone"; return the folder of all."""
    folder = write_disks(tmp_path_factory.mktemp("nodes"))
    alone = [sys.executable, *TRAIN, "-o", "alone", "--devices", "2"]
    done = subprocess.run(alone, cwd=folder, env={**os.environ, **ENVIRONMENT}, timeout=300)
    assert done.returncode == 0
    return folder


def _assert_same_network(folder, name):
    expected, found = (load_network(folder / run / "network").state_dict() for run in ("alone", name))
    assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.slow
def test_two_machines_train_the_network_of_two_processes_on_one(folder):
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    for name, launch in LAUNCHERS.items():
        said = _train_on_two_nodes(folder, name, launch)
        assert ["the network is in" in text for text in said] == [True, False], said
        _assert_same_network(folder, name)


@pytest.mark.slow
def test_two_nodes_of_ray_train_the_network_of_two_processes_on_one_machine(folder):
    pytest.importorskip("ray.train", reason="needs ray[train]", exc_type=ImportError)
    from experiments.cluster.nodes import running_cluster

    with running_cluster(2, 2) as cluster:
        script = ROOT / "docs" / "cluster" / "train_on_ray.py"
        command = [sys.executable, str(script), "2", str(folder / "run.toml")]
        done = subprocess.run(
            [*command, "--data", str(folder / "data"), "--output", str(folder / "ray")],
            env={**os.environ, **ENVIRONMENT, "RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": cluster.address},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    _assert_same_network(folder, "ray")


def _train_on_two_nodes(folder, name, launch):
    """Train on both machines; return what each of them said."""
    with two_nodes() as nodes:
        started = []
        for number, node in enumerate(nodes):
            python, variables = launch(number)
            command = [*python, *TRAIN, "-o", name, "--nodes", "2"]
            command = node.command(command, **ENVIRONMENT, **variables, GLOO_SOCKET_IFNAME=DEVICE)
            started.append(subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True))
        try:
            said = [process.communicate(timeout=300)[1] for process in started]
        finally:
            for process in started:
                process.kill()
                process.wait()
    assert [process.returncode for process in started] == [0, 0], said
    return said
