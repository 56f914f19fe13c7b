"""What is measured on a CUDA device, without one."""

import numpy as np
import pytest

from experiments import __main__ as command_line
from experiments.registry import EXPERIMENTS
from experiments.results import make_row, merge_results
from tests.experiments.rows import METADATA
from tests.synthetic import soft_disk


class TestGpu:
    DEVICE = {"device": "H100", "torch": "2.11", "triton": "3.6"}

    def test_without_a_device_the_page_says_so_and_a_record_stays(self, tmp_path, monkeypatch, capsys):
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        command_line.main(["gpu", "--all", "--output", str(tmp_path)])
        assert "Not measured: no CUDA device has been at hand." in (tmp_path / "gpu.md").read_text(encoding="utf-8")
        assert capsys.readouterr().out.splitlines() == [
            "gpu: there is no CUDA device, so nothing is measured; what was recorded before stays.",
            f"written: {tmp_path / 'gpu.md'}",
        ]
        merge_results(tmp_path / "gpu.json", METADATA, [self.loss_row("unfolded", 0.2)], EXPERIMENTS["gpu"].keys)
        before = (tmp_path / "gpu.json").read_bytes()
        command_line.main(["gpu", "--parts", "losses", "--output", str(tmp_path)])
        assert (tmp_path / "gpu.json").read_bytes() == before
        assert "| ddc_loss |" in (tmp_path / "gpu.md").read_text(encoding="utf-8")

    def loss_row(self, form, seconds, **more):
        named = {"bench": "loss", "form": form, "failed": None, "error": {"gradient": 0.001}, "peak_mib": 10 * seconds}
        return {**make_row("ddc_loss", "16 x 3", [16, 3], median_s=seconds), **named, **self.DEVICE, **more}

    def test_report_compares_with_the_unfolded_form_where_that_has_room(self):
        ours, theirs = self.loss_row("hybridmatte", 0.01), self.loss_row("unfolded", 0.2)
        text = "\n".join(EXPERIMENTS["gpu"].report({"metadata": METADATA, "results": [ours, theirs]}))
        assert "Measured on H100 with torch 2.11 and Triton 3.6." in text
        assert "| ddc_loss | 16 x 3 | hybridmatte | 10.00 | 20.0 | 0 | 0.050 | 1.0e-03 |" in text
        nothing = {"error": None, "peak_mib": None, "median_s": None, "failed": "out of memory"}
        rows = [{**ours, "error": None}, {**theirs, **nothing}]
        text = "\n".join(EXPERIMENTS["gpu"].report({"metadata": METADATA, "results": rows}))
        assert "| ddc_loss | 16 x 3 | hybridmatte | 10.00 |  | 0 |  |  |" in text
        assert "| ddc_loss | 16 x 3 | unfolded | out of memory |  |  |  |  |" in text

    def test_report_of_solvers_steps_and_tests(self):
        def made(bench, method, error, **more):
            return {"bench": bench, "form": "alpha", **make_row(method, "24 MP", [2, 3], error), **self.DEVICE, **more}

        rows = [
            made("solver", "cf", {"d": 1e-4}, median_s=0.5, unknown=9, iterations=20, byte_floor_s=0.05, failed=None),
            made("solver", "knn", None, failed="left out, as it would take 99 s"),
            made("search", "window_topk", {"differ": 0}, median_s=0.002, byte_floor_s=0.001, arithmetic_floor_s=None),
            made("training", "vitmatte small", {"share": 0.05}, median_s=0.1, failed=None),
            made("tests", "pytest", {"passed": 8, "failed": 1}, failed="pytest ended with 1"),
        ]
        text = "\n".join(EXPERIMENTS["gpu"].report({"metadata": METADATA, "results": rows}))
        assert "| cf | 24 MP | 9 | 0.500 | 20 |  | 10.0 | 1.0e-04 |" in text
        assert "| knn | 24 MP |  | left out, as it would take 99 s |  |  |  |  |" in text
        assert "| 24 MP | alpha | 2.00 |  | 2.0 |  | 0 |" in text
        assert "| 24 MP | alpha | 100.00 |  | 5.0 |" in text
        assert "8 passed, 1 failed; pytest ended with 1." in text

    def test_iterations_on_the_device_are_counted(self):
        torch = pytest.importorskip("torch")
        from experiments.gpu.solvers import counted_iterations
        from hybridmatte.methods._closed_form_torch import closed_form_layer
        from hybridmatte.systems.differentiable import solve_batch

        scene = soft_disk()
        image, trimap = torch.from_numpy(scene.image).permute(2, 0, 1)[None], torch.from_numpy(scene.trimap)[None, None]
        layer = closed_form_layer(1e-7, rtol=1e-8, maxiter=500, on_device=True)
        with counted_iterations() as counts:
            solve_batch(layer, image, trimap, None, None)
        assert len(counts) == 1
        assert counts[0] > 1

    def test_the_photograph_has_a_usual_share_of_unknown_pixels(self):
        pytest.importorskip("sklearn")
        from experiments.gpu.solvers import enlarged_flower

        image, trimap = enlarged_flower(578, 866)
        assert image.shape == (*trimap.shape, 3)
        assert image.min() >= 0
        assert image.max() <= 1
        assert 0.15 < np.mean(trimap == 0.5) < 0.3
        assert {0.0, 1.0} <= set(np.unique(trimap))
