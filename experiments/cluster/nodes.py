"""A Ray cluster of several nodes on this machine, whose processes can be killed."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OBJECT_STORE = 100 << 20  # bytes of each node; Ray's least is 75 MiB
WAIT_SECONDS = 60.0
BUSY = b"ray::hybridmatte"  # the name of a process of Ray while it works on a picture
CLUSTER_FILE = "ray_current_cluster"


@contextmanager
def running_cluster(n_nodes: int, cpus: int = 1, gpus: int = 0) -> Iterator[Any]:
    """Start a cluster of so many nodes, each with so many cores, and end all of its processes afterwards."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    of_node = {"num_cpus": cpus, "num_gpus": gpus, "object_store_memory": OBJECT_STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=of_node)
    try:
        for _ in range(n_nodes - 1):
            cluster.add_node(**of_node)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        ray.shutdown()  # of this process, if it has connected
        cluster.shutdown()


def kill_node(cluster: Any) -> None:
    """Kill all processes of a node that works on a picture, and is not the head."""
    nodes = {raylet_of(node): node for node in cluster.worker_nodes}
    pid = _busy_worker(list(nodes))
    cluster.remove_node(nodes[parent_of(pid)], allow_graceful=False)


def kill_worker(cluster: Any) -> None:
    """Kill one process that works on a picture."""
    nodes = [cluster.head_node, *cluster.worker_nodes]
    os.kill(_busy_worker([raylet_of(node) for node in nodes]), signal.SIGKILL)


def raylet_of(node: Any) -> int:
    """Return the number of the main process of a node."""
    return node.all_processes["raylet"][0].process.pid


def workers_of(raylets: list[int]) -> dict[int, bytes]:
    """Return the processes that nodes have started, with their names."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and parent_of(int(folder.name)) in raylets:
            try:
                found[int(folder.name)] = (folder / "cmdline").read_bytes()
            except OSError:  # it has ended
                continue
    return found


def parent_of(pid: int) -> int:
    """Return the number of the process that started a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _busy_worker(raylets: list[int]) -> int:
    """Wait for a process that works on a picture."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        for pid, name in workers_of(raylets).items():
            if name.startswith(BUSY):
                return pid
    raise TimeoutError(f"no process has worked on a picture for {WAIT_SECONDS:.0f} s, expected one")
