"""The experiment's measure of processor time counts what a command starts and does not wait for."""

import sys

import pytest

from experiments.cluster.processor_time import processor_time

BURN = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("is_awaited", [True, False])
def test_time_of_a_process_counts_whether_or_not_its_parent_waits(is_awaited):
    """A parent that ignores the end of its children, as Ray's does, hid their time."""
    ignored = "" if is_awaited else "signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
    code = f"import signal, subprocess, sys; {ignored} subprocess.Popen([sys.executable, '-c', {BURN!r}]).wait()"
    spent = processor_time([sys.executable, "-c", code])
    assert spent.code == 0
    assert 0.5 < spent.cpu < 1.6
