"""The benchmark of the solvers on made data, and the arithmetic of its report."""

import warnings

import numpy as np
import pytest

from experiments import bench_solvers
from experiments.bench_solvers import report as solvers_report
from experiments.bench_solvers.pairs import PAIRS
from experiments.bench_solvers.photographs import run_in_turn
from experiments.bench_solvers.summary import goals_of, summarise_pair
from experiments.data_sets import Case
from experiments.registry import EXPERIMENTS
from hybridmatte import write_alpha, write_image
from tests.experiments.rows import METADATA, row
from tests.synthetic import soft_disk


@pytest.fixture
def data(tmp_path):
    """A data folder with one small alphamatting photograph."""
    scene = soft_disk((40, 50))
    for part in ("image", "alpha", "trimap1", "trimap2"):
        (tmp_path / "alphamatting" / part).mkdir(parents=True)
    write_image(tmp_path / "alphamatting" / "image" / "GT00.png", scene.image)
    write_alpha(tmp_path / "alphamatting" / "alpha" / "GT00.png", scene.alpha)
    for part in ("trimap1", "trimap2"):
        write_alpha(tmp_path / "alphamatting" / part / "GT00.png", scene.trimap)
    return tmp_path


def test_priors_run_on_made_data(data, monkeypatch):
    pytest.importorskip("torch")
    from experiments.priors_alone import run as priors

    monkeypatch.setattr(priors, "STEPS", 60)
    options = EXPERIMENTS["priors_alone"].options(data=data, methods=("hinge, descent", "closed form"))
    (descended,), (solved,) = EXPERIMENTS["priors_alone"].run(options)
    assert (solved["method"], solved["subject"], solved["size"]) == ("closed form", "GT00 trimap1", [40, 50])
    assert solved["error"]["mse"] < descended["error"]["mse"] < 0.1


def test_solvers_run_on_made_data(data):
    options = bench_solvers.Options(data=data, methods=("cf",), trimaps=("trimap1",), rounds=1)
    rows = next(bench_solvers.EXPERIMENT.run(options))
    assert [row["package"] for row in rows] == ["hybridmatte", "PyMatting"]
    assert {row["subject"] for row in rows} == {"GT00 trimap1"}
    assert rows[0]["error"]["mse"] == pytest.approx(rows[1]["error"]["mse"], rel=0.02)


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


class TestSolversReport:
    ROWS = [  # noqa: RUF012
        row(subject="GT02 trimap1", seconds=1.0, sad=4000.0),
        row(subject="GT04 trimap1", seconds=2.0, sad=8000.0),
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

    def test_goals(self):
        goals = goals_of(PAIRS[0], summarise_pair(self.ROWS, PAIRS[0]))
        reached = {text: (value, is_met) for text, value, is_met in goals}
        assert reached["speed ratio >= 5"] == ("5.0", True)
        assert reached["SAD of the peer's, trimap1 <= 1.01"] == ("1.0909", False)
        assert reached["MSE of the peer's, trimap1 <= 1.01"] == ("1.0000", True)

    def test_direct_difference_is_the_largest(self):
        rows = [*self.ROWS]
        for position, difference in ((0, 2e-3), (1, 1e-4)):
            rows[position] = {**rows[position], "error": {**rows[position]["error"], "direct": difference}}
        assert goals_of(PAIRS[0], summarise_pair(rows, PAIRS[0]))[-1][1:] == ("2.0e-03", False)

    def test_losing_rows_stay(self):
        text = "\n".join(solvers_report.report({"metadata": METADATA, "results": self.ROWS}))
        assert "| cf | PyMatting | SAD of the peer's, trimap1 <= 1.01 | 1.0909 | **no** |" in text
        assert "| cf | hybridmatte | 6.000 | 20.00 | 1.500 | 5.0 x (4.0 to 6.0) | 3 | 0 | 2 |" in text


def test_photographs_are_enlarged_with_noise_of_their_new_size():
    from experiments.bench_fusion.large import NOISE, enlarged

    scene = soft_disk((60, 80))
    image, trimap = enlarged(scene.image, scene.trimap, 0.12)
    assert image.shape == (300, 400, 3)
    assert image.dtype == np.float32
    assert set(np.unique(trimap)) == set(np.unique(scene.trimap))
    corner = image[:30, :30]
    assert 0.5 * NOISE < (corner[:, 1:] - corner[:, :-1]).std() / 2**0.5 < 2 * NOISE
