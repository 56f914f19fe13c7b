"""Runs, times and fresh processes."""

import dataclasses
import operator
import os
import subprocess
import sys

import pytest

from experiments import __main__ as command_line
from experiments import runner
from experiments.bench_threads.report import serial_share, thread_lines
from experiments.experiment import Experiment
from experiments.fresh_process import call_fresh
from experiments.options import Options
from experiments.results import RESULTS, ROOT, make_row, read_results
from experiments.timing import summarise, time_call


class TestRunner:
    @dataclasses.dataclass(frozen=True)
    class Made(Experiment):
        """Yields two parts, then fails if its cost is a failure."""

        def run(self, options):  # noqa: ARG002
            yield [make_row("one", "first", 1, {"foreground_s": 0.5}, median_s=1.0)]
            yield [make_row("two", "first", 1, {"foreground_s": 0.5}, median_s=1.0)]
            if self.cost == "a failure":
                raise RuntimeError("stopped")

    def test_rows_are_recorded_and_reported(self, tmp_path, capsys):
        experiment = self.Made(name="bench_automatic", question="Does it?", cost="nothing")
        runner.measure(experiment, Options(output=tmp_path / "new"))
        document = read_results(tmp_path / "new" / "bench_automatic.json")
        assert [row["method"] for row in document["results"]] == ["one", "two"]
        assert document["results"][0]["commit"] == document["metadata"]["commit"]
        assert "| two" in (tmp_path / "new" / "bench_automatic.md").read_text(encoding="utf-8")
        assert "two, first: foreground_s 0.5, 1 s" in capsys.readouterr().out

    def test_rows_before_a_failure_are_recorded(self, tmp_path):
        experiment = self.Made(name="bench_automatic", question="Does it?", cost="a failure")
        with pytest.raises(RuntimeError, match="stopped"):
            runner.measure(experiment, Options(output=tmp_path))
        assert len(read_results(tmp_path / "bench_automatic.json")["results"]) == 2
        assert not (tmp_path / "bench_automatic.md").exists()

    def test_report_writes_the_same_page_elsewhere(self, tmp_path):
        for name in ("bench_networks.json", "bench_networks.md"):
            (tmp_path / name).write_bytes((RESULTS / name).read_bytes())
        command_line.main(["bench_networks", "--report", "--output", str(tmp_path)])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bench_networks.json", "bench_networks.md"]
        assert (tmp_path / "bench_networks.md").read_bytes() == (RESULTS / "bench_networks.md").read_bytes()


def test_timing_repeats_and_warms_up():
    calls = []
    timing = time_call(lambda: calls.append(1) or len(calls), warm_up=2, repeats=5)
    assert (timing.result, timing.count, len(calls)) == (7, 5, 7)
    assert timing.median_s >= 0.0
    assert summarise([4.0, 1.0, 2.0])[1:] == (2.0, 1.5, 3)


class TestFreshProcess:
    def test_result_and_threads(self):
        assert call_fresh(operator.add, [1], [2], threads=1) == [1, 2]
        assert call_fresh(os.getenv, "NUMBA_NUM_THREADS", threads=3) == "3"

    def test_failure(self, capfd):
        with pytest.raises(subprocess.CalledProcessError):
            call_fresh(operator.truediv, 1, 0, threads=1)
        assert "ZeroDivisionError" in capfd.readouterr().err

    def test_peak_memory_is_that_of_the_fresh_process(self):
        code = "import numpy; from experiments.fresh_process import peak_mib; a = peak_mib(); b = numpy.ones(2**23)"
        output = subprocess.run(
            [sys.executable, "-c", code + "; print(a, peak_mib())"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
        before, after = map(float, output.split())
        assert 10 < before < 200
        assert 60 < after - before < 70  # 64 MiB


class TestThreads:
    def test_serial_share_is_that_of_amdahls_law(self):
        assert serial_share(1.0, 0.5, 2) == 0
        assert serial_share(1.0, 1.0, 4) == 1
        assert serial_share(2.0, 2.0 * (0.3 + 0.7 / 4), 4) == pytest.approx(0.3)

    def test_a_line_for_each_count_above_one(self):
        errors = {"unknown": 9.0, "wall_1": 4.0, "processor_1": 4.0, "wall_2": 2.0, "processor_2": 5.0, "wall_4": 4.0}
        lines = thread_lines(make_row("cf", "3 x 4", (4, 3), {**errors, "processor_4": 4.0}))
        assert [line[3:] for line in lines] == [
            ["2", "4.000", "2.000", "2.00", "1.25", "0.00"],
            ["4", "4.000", "4.000", "1.00", "1.00", "1.00"],
        ]
