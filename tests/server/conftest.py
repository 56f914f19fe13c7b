"""A real service in a process of its own, and pictures to send."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hybridmatte.io.pictures import write_alpha, write_image
from tests.synthetic import soft_disk

if find_spec("fastapi") is None:
    collect_ignore_glob = ["test_*.py"]  # the extra app is not installed

ROOT = Path(__file__).parents[2]
START_SECONDS = 300  # kernels may have to be compiled


def encoded(write, array, **options):
    file = io.BytesIO()
    write(file, array, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def pictures():
    """The files of a small scene: image, trimap, mask and alpha, with the arrays as `scene`."""
    scene = soft_disk((64, 80))
    planes = {"trimap": scene.trimap, "alpha": scene.alpha, "mask": (scene.alpha > 0.5).astype(np.float32)}
    files = {name: encoded(write_alpha, plane) for name, plane in planes.items()}
    return SimpleNamespace(scene=scene, image=encoded(write_image, scene.image), **files)


@contextmanager
def running(folder, *options):
    """Start a service on a free port, and end it by SIGTERM; yields its address, process and log."""
    log = folder / f"service{len(list(folder.glob('service*')))}.log"
    command = [sys.executable, "-m", "hybridmatte", "serve", "--port", "0", "--no-open", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "PYTHONFAULTHANDLER": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file, env=environment, cwd=folder)
    try:
        address = wait_for(lambda: _address_in(log, process), 120)
        yield SimpleNamespace(url=address, process=process, log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            _abort(process)
            raise AssertionError(f"the service did not end by SIGTERM; its log:\n{log.read_text()}") from None


def _abort(process):
    """End a service and its workers so that the log tells where each of their threads was."""
    tasks = Path(f"/proc/{process.pid}/task")
    children = [path.read_text().split() for path in tasks.glob("*/children")]  # none where there is no /proc
    for pid in (*sum(children, []), process.pid):
        os.kill(int(pid), signal.SIGABRT)
        time.sleep(0.5)  # the traces do not mix
    process.wait(30)


def _address_in(log, process):
    text = log.read_text()
    assert process.poll() is None, text
    return next((line.split()[-1] for line in text.splitlines() if line.startswith("listening on")), None)


def wait_for(condition, seconds):
    """Return what a condition gives as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not true after {seconds} s")


def health(service):
    with urllib.request.urlopen(f"{service.url}health", timeout=10) as response:
        return json.loads(response.read())


def is_ready(service, n_workers=1):
    return health(service)["workers"] >= n_workers


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service with one worker that has warmed up."""
    with running(tmp_path_factory.mktemp("service"), "--workers", "1") as started:
        wait_for(lambda: is_ready(started), START_SECONDS)
        yield started
    assert "Traceback" not in started.log.read_text()  # whatever was sent, nothing failed by a fault of the service
