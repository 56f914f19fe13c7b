"""What happens to processes: killed workers, deadlines, clients that leave, the end of the service, its start."""

import concurrent.futures
import http.client
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from hybridmatte.server import Client, ServiceError
from hybridmatte.server.work import COMPILATION
from tests.server.conftest import START_SECONDS, health, is_ready, running, wait_for
from tests.synthetic import soft_disk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def large():
    """An image and a trimap that take some seconds."""
    scene = soft_disk((600, 800))
    trimap = scene.trimap.copy()
    trimap[:, 20:-20] = np.where(trimap[:, 20:-20] == 0, 0.5, trimap[:, 20:-20])
    return np.rint(scene.image * 255).astype(np.uint8), trimap


def workers_of(service):
    """Return the numbers of the worker processes, which are the children of the service."""
    pid = service.process.pid
    text = "".join(Path(f"/proc/{pid}/task/{task}/children").read_text() for task in os.listdir(f"/proc/{pid}/task"))
    pids = [int(word) for word in text.split()]
    return [pid for pid in pids if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


def send_later(service, large, **options):
    """Send a large request in a thread; return its future once a worker computes.

    `working` counts from the choice of a worker: if that dies before it has read its work, another one does it. Reading
    takes some milliseconds of the processor.
    """
    pool = concurrent.futures.ThreadPoolExecutor(1)
    before = {pid: processor_seconds(pid) for pid in workers_of(service)}
    future = pool.submit(Client(service.url).matte, *large, **options)
    wait_for(lambda: future.done() or any(processor_seconds(pid) > before[pid] + 0.2 for pid in before), 120)
    return future


def processor_seconds(pid):
    """Return the seconds of the processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def small(pictures):
    return pictures.image, pictures.trimap


def test_a_killed_worker_is_a_clean_503_and_the_service_lives(service, large, small):
    """The request gets a sentence; the next one a result."""
    (before,) = workers_of(service)
    future = send_later(service, large)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(ServiceError, match="the process that did the work has died") as caught:
        future.result(120)
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    assert Client(service.url).matte(*small).files  # waits in the queue for the new worker
    assert workers_of(service) != [before]


def test_a_worker_that_dies_idle_is_replaced(service, small):
    (before,) = workers_of(service)
    os.kill(before, signal.SIGKILL)
    assert Client(service.url).matte(*small).files
    wait_for(lambda: is_ready(service), START_SECONDS)
    assert before not in workers_of(service)


def test_a_client_that_leaves_frees_its_worker(service, large, small):
    """The work is interrupted, and the worker stays warm for the next request."""
    before = workers_of(service)
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    body = b"".join([*_parts(large)])
    connection.request("POST", "/v1/matte", body, {"Content-Type": "multipart/form-data; boundary=x"})
    wait_for(lambda: health(service)["working"], 120)
    connection.close()
    start = time.monotonic()
    Client(service.url).matte(*small)
    assert time.monotonic() - start < 15
    assert workers_of(service) == before


def _parts(large):
    import io

    from hybridmatte.io.pictures import write_alpha, write_image

    for name, write, array in (("image", write_image, large[0]), ("trimap", write_alpha, large[1])):
        file = io.BytesIO()
        write(file, array)
        yield b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), file.getvalue())
    yield b"--x--\r\n"


def test_clients_that_leave_the_queue_are_forgotten(service, large):
    """A page that gives up stale previews, many times."""
    future = send_later(service, large)
    parts = urlsplit(service.url)
    bodies = b"".join(_parts(large))
    for _ in range(20):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        connection.request("POST", "/v1/matte", bodies, {"Content-Type": "multipart/form-data; boundary=x"})
        connection.close()
    wait_for(lambda: health(service)["waiting"] == 0, 120)
    assert future.result(120).files
    wait_for(lambda: health(service)["working"] == 0, 60)


def test_a_request_takes_no_longer_than_its_limit(tmp_path, large, small):
    with running(tmp_path, "--workers", "1", "--timeout", "1", "--queue-timeout", "0.3") as started:
        wait_for(lambda: is_ready(started), START_SECONDS)
        first, start = send_later(started, large), time.monotonic()
        with pytest.raises(ServiceError, match="no worker was free for 0.3 s, expected one") as caught:
            Client(started.url).matte(*small)
        assert caught.value.status == 503
        with pytest.raises(ServiceError, match="the work has taken more than 1 s and was stopped") as caught:
            first.result(120)
        assert caught.value.status == 503
        assert time.monotonic() - start < 60
        assert (caught.value.kind, caught.value.retry_after) == ("time limit", None), "it would be so again"
        wait_for(lambda: _files_if_free(started, small), START_SECONDS)  # the worker is interrupted or replaced first


def _files_if_free(service, small):
    """Return the files of an answer, None if no worker is free."""
    try:
        return Client(service.url).send("decode", {"image": small[0]}).files
    except ServiceError as error:
        if "no worker was free" not in str(error):
            raise
        return None


def test_sigterm_finishes_what_is_under_way(tmp_path, large):
    with running(tmp_path, "--workers", "1") as started:
        wait_for(lambda: is_ready(started), START_SECONDS)
        workers, future = workers_of(started), send_later(started, large)
        started.process.send_signal(signal.SIGTERM)
        assert future.result(120).files["alpha"]
        assert started.process.wait(120) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
        parts = urlsplit(started.url)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((parts.hostname, parts.port))


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_interrupt_ends_at_once_with_json(tmp_path, large, first):
    """A user met a bare 500, a traceback and "lifespan unsupported"."""
    with running(tmp_path, "--workers", "1") as started:
        wait_for(lambda: is_ready(started), START_SECONDS)
        workers, future = workers_of(started), send_later(started, large)
        half = _connected(started, b"POST /v1/decode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
        time.sleep(0.3)
        started.process.send_signal(first)
        time.sleep(0.5)
        start = time.monotonic()
        for _ in range(3):
            started.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        with pytest.raises(ServiceError, match="was told to end at once and has stopped this request") as caught:
            future.result(60)
        assert (caught.value.status, caught.value.retry_after) == (503, 5)
        with half, half.makefile("rb") as answer:
            assert b'"kind": "unavailable"' in answer.read(), "the body is written after the headers"
        assert started.process.wait(60) == 0
        assert time.monotonic() - start < 10
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    log = started.log.read_text()
    assert "Traceback" not in log
    assert "unsupported" not in log


def _connected(service, data):
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    connection.sendall(data)
    return connection


@pytest.mark.parametrize("seconds", [0.05, 0.5, 0.7, 0.9])
def test_an_interrupt_while_it_starts_leaves_no_traceback(tmp_path, seconds):
    """In a terminal, Ctrl-C reaches all processes; a worker that had just begun printed a traceback."""
    with running(tmp_path, "--workers", "1") as started:
        time.sleep(seconds)
        for pid in (started.process.pid, *workers_of(started)):
            os.kill(pid, signal.SIGINT)
        assert started.process.wait(60) == 0
    assert "Traceback" not in started.log.read_text()


def test_the_first_start_says_that_kernels_are_compiled(tmp_path, monkeypatch):
    """A user waited for two minutes, and read only "warming up"."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    with running(tmp_path, "--workers", "1") as started:
        state = wait_for(lambda: (now := health(started))["reason"] == COMPILATION and now, 120)
        assert (state["status"], state["workers"]) == ("warming up", 0)
        assert 0 < state["seconds"] < wait_for(lambda: health(started)["seconds"] > state["seconds"] and 1000, 60)
        assert f"{COMPILATION}; requests wait" in started.log.read_text()


def test_workers_end_with_a_service_that_is_killed(tmp_path):
    with running(tmp_path, "--workers", "1") as started:
        wait_for(lambda: is_ready(started), START_SECONDS)
        workers = workers_of(started)
        started.process.kill()
        started.process.wait(60)
        wait_for(lambda: not any(_runs(pid) for pid in workers), 60)


def _runs(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_nothing_is_written_to_disk(service):
    """Forms of many megabytes, which other services keep in temporary files."""
    folder = service.log.parent
    before, noise = set(folder.rglob("*")), np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
    written = _written(service)
    Client(service.url).send("decode", {"image": noise})
    assert set(folder.rglob("*")) == before
    assert _written(service) - written < 100_000  # lines of the log


def _written(service):
    """Return the bytes that the service and its workers have caused to be written to disks."""
    pids = [service.process.pid, *workers_of(service)]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/io").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def test_a_port_in_use_is_one_sentence(service, tmp_path):
    port = urlsplit(service.url).port
    with (
        pytest.raises(AssertionError, match=f"error: port {port} of 127.0.0.1 cannot be used"),
        running(tmp_path, "--port", str(port)),
    ):
        pass
