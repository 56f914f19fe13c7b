"""Many requests at once: no error, the same answers, no growth of memory, both cores at work.

`python -m tests.server.test_load` prints throughputs of a 1-megapixel picture: one request at a time, and 16 clients.
"""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.server import Client
from tests.server.conftest import START_SECONDS, encoded, is_ready, running, wait_for
from tests.server.test_processes import processor_seconds, workers_of
from tests.synthetic import soft_disk

N_REQUESTS, N_CLIENTS = 200, 16
GROWTH = 40  # MiB that a worker may grow by in 200 requests more; heaps of several threads settle slowly


def memory(service):
    """Return the MiB of the service and of its workers."""
    pids = [service.process.pid, *workers_of(service)]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def cpu_seconds(service):
    """Return the seconds of processor time of the service and of each worker."""
    return np.array([processor_seconds(pid) for pid in (service.process.pid, *workers_of(service))])


def send_all(service, files, n_requests, n_clients):
    """Send the same request many times; return all answers, the seconds, and the processor's seconds."""
    client, start, before = Client(service.url), time.perf_counter(), cpu_seconds(service)
    with ThreadPoolExecutor(n_clients) as pool:
        answers = list(pool.map(lambda _: client.matte(*files).files["alpha"], range(n_requests)))
    return answers, time.perf_counter() - start, cpu_seconds(service) - before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc")
def test_200_requests_of_16_clients(tmp_path, pictures):
    """None fails, all are the same to the bit, the second half takes no more memory, and all workers work."""
    with running(tmp_path, "--workers", "2") as service:
        wait_for(lambda: is_ready(service, 2), START_SECONDS)
        files = pictures.image, pictures.trimap
        send_all(service, files, 40, N_CLIENTS)
        before = memory(service)
        answers, _, seconds = send_all(service, files, N_REQUESTS, N_CLIENTS)
        assert len(answers) == N_REQUESTS
        assert len(set(answers)) == 1
        assert memory(service) - before < GROWTH * 2
        assert seconds[1:].min() > 0.5 * seconds[1:].max()
        assert seconds[0] < 0.5 * seconds.sum()  # the service itself takes little


def measure(side, n_requests):
    """Print throughputs of a picture of side x side pixels, of which a tenth is unknown.

    A single request uses both cores for a part of its time. So the most that many clients can gain by full cores is
    the number of cores over those that a single request uses; fewer seconds of the processor a request come on top.
    """
    scene, one = soft_disk((side, side)), None
    trimap = np.where(scene.alpha < 0.3, 0, np.where(scene.alpha > 0.7, 1, 0.5))
    files = encoded(write_image, scene.image), encoded(write_alpha, trimap)  # once, so that clients take no processor
    sys.stdout.write(f"{100 * (trimap == 0.5).mean():.0f}% unknown\n")
    with tempfile.TemporaryDirectory() as folder:
        for n_workers, n_clients in ((1, 1), (2, 1), (2, 2), (2, 16)):
            with running(Path(folder), "--workers", str(n_workers)) as service:
                wait_for(lambda running=service, count=n_workers: is_ready(running, count), START_SECONDS)
                send_all(service, files, 2 * n_workers, n_workers)
                _, seconds, used = send_all(service, files, n_requests, n_clients)
                n_cores, rate = used.sum() / seconds, n_requests / seconds
                one = one or (rate, n_cores)
                sys.stdout.write(
                    f"workers {n_workers}, clients {n_clients}: {rate:.2f} requests a second, "
                    f"{rate / one[0]:.2f} times one at a time (bound by cores {os.cpu_count() / one[1]:.2f}), "
                    f"{used.sum() / n_requests:.2f} processor seconds each, of which the service's own process "
                    f"{1000 * used[0] / n_requests:.0f} ms; {100 * n_cores / os.cpu_count():.0f}% of "
                    f"{os.cpu_count()} cores used, {memory(service)} MiB\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    measure(int(sys.argv[1]), int(sys.argv[2]))
