"""`hybridmatte train` on two machines: network namespaces with their own addresses, launched as the docs say."""

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


@pytest.mark.slow
def test_two_machines_train_the_network_of_two_processes_on_one(tmp_path):
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    folder = write_disks(tmp_path)
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    alone = [sys.executable, *TRAIN, "-o", "alone", "--devices", "2"]
    done = subprocess.run(["env", *(f"{k}={v}" for k, v in environment.items()), *alone], cwd=folder, timeout=300)
    assert done.returncode == 0
    expected = load_network(folder / "alone" / "network").state_dict()
    for name, launch in LAUNCHERS.items():
        said = _train_on_two_nodes(folder, name, launch, environment)
        assert ["the network is in" in text for text in said] == [True, False], said
        found = load_network(folder / name / "network").state_dict()
        assert all(torch.equal(found[key], expected[key]) for key in expected)


def _train_on_two_nodes(folder, name, launch, environment):
    """Train on both machines; return what each of them said."""
    with two_nodes() as nodes:
        started = []
        for number, node in enumerate(nodes):
            python, variables = launch(number)
            command = [*python, *TRAIN, "-o", name, "--nodes", "2"]
            command = node.command(command, **environment, **variables, GLOO_SOCKET_IFNAME=DEVICE)
            started.append(subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True))
        try:
            said = [process.communicate(timeout=300)[1] for process in started]
        finally:
            for process in started:
                process.kill()
                process.wait()
    assert [process.returncode for process in started] == [0, 0], said
    return said
