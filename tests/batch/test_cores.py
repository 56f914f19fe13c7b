"""The cores of a process: a container with two cores of a large machine has two."""

import os

import pytest

from hybridmatte.batch.cores import available_cores


@pytest.mark.parametrize(("text", "expected"), [("100000 100000\n", 1), ("50000 100000\n", 1), ("150000 100000\n", 1)])
def test_the_share_of_a_container_counts(tmp_path, text, expected):
    (tmp_path / "cpu.max").write_text(text)
    assert available_cores(tmp_path / "cpu.max") == expected


@pytest.mark.parametrize("text", ["max 100000\n", "", "6400000 100000\n"])
def test_without_a_limit_all_cores_of_the_process_count(tmp_path, text):
    (tmp_path / "cpu.max").write_text(text)
    assert available_cores(tmp_path / "cpu.max") == available_cores(tmp_path / "none") >= 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to cores")
def test_a_process_bound_to_one_core_has_one(tmp_path):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert available_cores(tmp_path / "none") == 1
    finally:
        os.sched_setaffinity(0, before)
