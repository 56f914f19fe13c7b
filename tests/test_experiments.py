"""What experiments share: the form of result.json, merging, configs, timing; and the benchmark's arithmetic."""

import dataclasses
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from experiments.bench_solvers.pairs import FOLDER, PAIRS, Config
from experiments.bench_solvers.report import make_report, summarise_pair, verdicts
from experiments.bench_solvers.worker import run_in_turn
from experiments.common import (
    ROOT,
    Case,
    check_results,
    environment,
    load_config,
    merge_results,
    summarise,
    time_call,
)

METADATA = {"commit": "abc", "date": "2026-01-01", "versions": {"numpy": "2.0"}, "processor": "one", "threads": 2}
KEYS = ("bench", "method", "package", "peer", "subject")


def row(method="cf", subject="GT02 trimap1", package="hybridmatte", seconds=1.0, sad=4000.0, **more):
    return {"bench": "photographs", "method": method, "package": package, "peer": "PyMatting", "subject": subject,
            "size": 100, "median_s": seconds, "iqr_s": 0.0, "count": 3, "peak_mib": None,
            "error": {"sad": sad, "mse": 0.02}, "warnings": [], **more}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"results": [{"method": "cf"}]}, ValueError, r"results\[0\] has no 'subject'", id="missing key"),
        pytest.param({"results": [{**row(), "median_s": "1"}]}, TypeError, "median_s is '1'", id="wrong type"),
        pytest.param({"results": [{**row(), "size": True}]}, TypeError, "size is True", id="bool for number"),
        pytest.param({"metadata": {**METADATA, "threads": 2.0}}, TypeError, "threads is 2.0", id="float threads"),
        pytest.param({"extra": 1}, ValueError, "document has keys", id="extra key"),
    ],
)
def test_schema_refuses(change, error, message):
    document = {"metadata": METADATA, "results": [row()]}
    assert check_results(document) is document
    with pytest.raises(error, match=message):
        check_results({**document, **change})


@pytest.mark.parametrize("path", sorted(FOLDER.parent.glob("*/result.json")), ids=lambda path: path.parent.name)
def test_recorded_results_fit_the_schema(path):
    check_results(json.loads(path.read_text(encoding="utf-8")))


def test_metadata_of_this_run_fits_the_schema():
    check_results({"metadata": environment(2), "results": []})


def test_partial_runs_merge(tmp_path):
    path = tmp_path / "result.json"
    merge_results(path, METADATA, [row("cf"), row("knn")], KEYS)
    later = {**METADATA, "commit": "def"}
    document = merge_results(path, later, [row("cf", seconds=2.0), row("cf", package="PyMatting")], KEYS)
    assert json.loads(path.read_text(encoding="utf-8")) == document
    assert [(r["method"], r["package"], r["median_s"], r["commit"]) for r in document["results"]] == [
        ("cf", "hybridmatte", 2.0, "def"), ("knn", "hybridmatte", 1.0, "abc"), ("cf", "PyMatting", 1.0, "def"),
    ]
    assert document["metadata"]["commit"] == "def"
    assert list(tmp_path.iterdir()) == [path]


def test_configs_are_typed(tmp_path):
    pytest.importorskip("tomllib")  # Python 3.11
    assert load_config(FOLDER / "config.toml", Config).threads == 2
    kind = dataclasses.make_dataclass("Kind", [("rounds", int)], frozen=True)
    path = tmp_path / "config.toml"
    path.write_text("rounds = 3")
    assert load_config(path, kind).rounds == 3
    path.write_text("rounds = 3.0")
    with pytest.raises(TypeError, match="rounds is 3.0, expected int"):
        load_config(path, kind)
    path.write_text("rouns = 3")
    with pytest.raises(ValueError, match="key 'rouns' is unknown"):
        load_config(path, kind)


def test_timing_repeats_and_warms_up():
    calls = []
    timing = time_call(lambda: calls.append(1) or len(calls), warm_up=2, repeats=5)
    assert (timing.result, timing.count, len(calls)) == (7, 5, 7)
    assert timing.median_s >= 0.0
    assert summarise([4.0, 1.0, 2.0])[1:] == (2.0, 1.5, 3)


def test_peak_memory_is_that_of_the_fresh_process():
    code = "import numpy; from experiments.common import peak_mib; a = peak_mib(); b = numpy.ones(2**23)"
    output = subprocess.run([sys.executable, "-c", code + "; print(a, peak_mib())"], capture_output=True, text=True,
                            check=True, cwd=ROOT).stdout
    before, after = map(float, output.split())
    assert 10 < before < 200
    assert 60 < after - before < 70  # 64 MiB


def test_ours_and_the_peer_run_in_turn():
    calls = []

    def side(name, seconds):
        def run(image, trimap):
            calls.append((name, image, trimap))
            warnings.warn(f"{name} speaks", UserWarning, stacklevel=1)
            return np.full((1, 1), len(calls) / 10), seconds
        return run

    case = Case("GT00", "trimap1", "image", "trimap", None)
    runs = run_in_turn({"ours": side("ours", 1.0), "peer": side("peer", 4.0)}, case, 5, max_seconds=12.0)
    assert [name for name, _, _ in calls] == ["ours", "peer"] * 3  # 15 s after three rounds
    assert all(call[1:] == ("image", "trimap") for call in calls)
    assert runs["ours"] == (np.array([[0.1]]), [1.0] * 3, ["UserWarning: ours speaks"])
    assert runs["peer"][1] == [4.0] * 3


class TestReport:
    ROWS = [  # noqa: RUF012
        row(subject="GT02 trimap1", seconds=1.0, sad=4000.0), row(subject="GT04 trimap1", seconds=2.0, sad=8000.0),
        row(subject="GT06 trimap1", seconds=1.0, sad=1.0),
        row(subject="GT02 trimap1", package="PyMatting", seconds=6.0, sad=4000.0),
        row(subject="GT04 trimap1", package="PyMatting", seconds=8.0, sad=7000.0, warnings=["UserWarning: broke"]),
    ]

    def test_means_and_ratios_are_over_common_cases(self):
        summary = summarise_pair(self.ROWS, PAIRS[0])
        assert summary["subjects"] == ["GT02 trimap1", "GT04 trimap1"]
        assert summary["ratios"] == [6.0, 4.0]
        assert summary["hybridmatte"]["sad"] == {"trimap1": 6000.0}
        assert summary["PyMatting"]["warned"] == 1

    def test_verdicts(self):
        goals = verdicts(PAIRS[0], summarise_pair(self.ROWS, PAIRS[0]))
        reached = {text: (value, is_met) for text, value, is_met in goals}
        assert reached["speed ratio >= 5"] == ("5.0", True)
        assert reached["SAD of the peer's, trimap1 <= 1.01"] == ("1.0909", False)
        assert reached["MSE of the peer's, trimap1 <= 1.01"] == ("1.0000", True)

    def test_direct_difference_is_the_largest(self):
        rows = [*self.ROWS]
        for position, difference in ((0, 2e-3), (1, 1e-4)):
            rows[position] = {**rows[position], "error": {**rows[position]["error"], "direct": difference}}
        assert verdicts(PAIRS[0], summarise_pair(rows, PAIRS[0]))[-1][1:] == ("2.0e-03", False)

    def test_losing_rows_stay(self):
        text = make_report({"metadata": METADATA, "results": self.ROWS})
        assert "| cf | PyMatting | SAD of the peer's, trimap1 <= 1.01 | 1.0909 | **no** |" in text
        assert "| cf | hybridmatte | 6.000 | 20.00 | 1.500 | 5.0 x (4.0 to 6.0) | 3 | 0 | 2 |" in text
