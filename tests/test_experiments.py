"""The experiments: list, command line, form of the results, generated pages, and the arithmetic of the benchmark."""

import dataclasses
import json
import operator
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from experiments import __main__ as command_line
from experiments import bench_losses, bench_solvers, pages, runner
from experiments.bench_solvers import report as solvers_report
from experiments.bench_solvers.config import FILE, Config
from experiments.bench_solvers.pairs import PAIRS
from experiments.bench_solvers.photographs import run_in_turn
from experiments.bench_solvers.summary import goals_of, summarise_pair
from experiments.bench_threads.report import serial_share, thread_lines
from experiments.configs import load_config
from experiments.data_sets import Case
from experiments.experiment import Experiment
from experiments.fresh_process import call_fresh
from experiments.metadata import run_metadata
from experiments.options import DataOptions, Options, option
from experiments.registry import EXPERIMENTS, RECIPES
from experiments.results import RESULTS, ROOT, check_results, make_row, merge_results, read_results
from experiments.timing import summarise, time_call
from hybridmatte import write_alpha, write_image
from tests.synthetic import soft_disk

METADATA = {"commit": "abc", "date": "2026-01-01", "versions": {"numpy": "2.0"}, "processor": "one", "threads": 2}
KEYS = ("bench", "method", "package", "peer", "subject")
RECORDED = [experiment for experiment in EXPERIMENTS.values() if (RESULTS / f"{experiment.name}.json").exists()]
FOLDER = ROOT / "experiments"


def row(method="cf", subject="GT02 trimap1", package="hybridmatte", seconds=1.0, sad=4000.0, **more):
    return {
        "bench": "photographs",
        "method": method,
        "package": package,
        "peer": "PyMatting",
        "subject": subject,
        "size": 100,
        "median_s": seconds,
        "iqr_s": 0.0,
        "count": 3,
        "peak_mib": None,
        "error": {"sad": sad, "mse": 0.02},
        "warnings": [],
        **more,
    }


class TestResults:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            pytest.param({"results": [{"method": "cf"}]}, ValueError, r"results\[0\] has no 'subject'", id="missing"),
            pytest.param({"results": [{**row(), "median_s": "1"}]}, TypeError, "median_s is '1'", id="wrong type"),
            pytest.param({"results": [{**row(), "size": True}]}, TypeError, "size is True", id="bool for number"),
            pytest.param({"metadata": {**METADATA, "threads": 2.0}}, TypeError, "threads is 2.0", id="float threads"),
            pytest.param({"extra": 1}, ValueError, "document has keys", id="extra key"),
        ],
    )
    def test_schema_refuses(self, change, error, message):
        document = {"metadata": METADATA, "results": [row()]}
        assert check_results(document) is document
        with pytest.raises(error, match=message):
            check_results({**document, **change})

    @pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
    def test_recorded_results_fit_the_schema(self, path):
        read_results(path)

    def test_metadata_of_this_run_fits_the_schema(self):
        check_results({"metadata": run_metadata(2, ["numpy"]), "results": [make_row("cf", "GT02", (3, 4))]})

    def test_a_copy_without_git_names_the_commit_it_is_told(self, tmp_path, monkeypatch):
        """The files alone are copied to a machine with a GPU; its result says which commit they are, or "unknown"."""
        monkeypatch.setattr("experiments.metadata.ROOT", tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        monkeypatch.delenv("HYBRIDMATTE_COMMIT", raising=False)
        assert run_metadata(2)["commit"] == "unknown"
        monkeypatch.setenv("HYBRIDMATTE_COMMIT", "abc1234")
        assert run_metadata(2)["commit"] == "abc1234"

    def test_recorded_results_alone_do_not_modify_a_checkout(self, tmp_path, monkeypatch):
        """A run that adds rows part by part measures the code of the commit, whatever rows it has written before."""

        def git(*arguments):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

        code, rows = tmp_path / "code.py", tmp_path / "docs" / "results" / "made.json"
        rows.parent.mkdir(parents=True)
        for path in (code, rows):
            path.write_text("1\n", encoding="utf-8")
        git("init")
        git("add", ".")
        git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--message", "first")
        monkeypatch.setattr("experiments.metadata.ROOT", tmp_path)
        clean = run_metadata(2)["commit"]
        assert len(clean) == 7
        rows.write_text("2\n", encoding="utf-8")
        assert run_metadata(2)["commit"] == clean
        code.write_text("2\n", encoding="utf-8")
        assert run_metadata(2)["commit"] == f"{clean}-dirty"

    def test_partial_runs_merge(self, tmp_path):
        path = tmp_path / "made.json"
        merge_results(path, METADATA, [row("cf"), row("knn")], KEYS)
        later = {**METADATA, "commit": "def"}
        document = merge_results(path, later, [row("cf", seconds=2.0), row("cf", package="PyMatting")], KEYS)
        assert json.loads(path.read_text(encoding="utf-8")) == document
        assert [(r["method"], r["package"], r["median_s"], r["commit"]) for r in document["results"]] == [
            ("cf", "hybridmatte", 2.0, "def"),
            ("knn", "hybridmatte", 1.0, "abc"),
            ("cf", "PyMatting", 1.0, "def"),
        ]
        assert document["metadata"]["commit"] == "def"
        assert list(tmp_path.iterdir()) == [path]


class TestRegistry:
    def test_every_folder_is_listed(self):
        assert {path.stem for path in RESULTS.glob("*.json")} <= {*EXPERIMENTS}
        folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert folders == {*EXPERIMENTS, *RECIPES}

    @pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
    def test_packages_hold_what_the_runner_loads(self, experiment):
        folder = FOLDER / experiment.name
        assert "def run(" in (folder / "run.py").read_text(encoding="utf-8")
        assert (folder / "report.py").exists() == experiment.is_recorded
        assert (folder / "draw.py").exists() == bool(experiment.pictures)

    @pytest.mark.parametrize("name", [*EXPERIMENTS, *RECIPES])
    def test_readmes_are_short_and_say_how_to_run(self, name):
        text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
        assert f"python -m experiments {name}" in text or f"hybridmatte train experiments/{name}/" in text
        assert text.count("\n") < 50

    @pytest.mark.parametrize(
        "path",
        [*FOLDER.glob("*/README.md"), *RESULTS.glob("*.md"), *(ROOT / "docs" / "notes").glob("*.md")],
        ids=lambda path: str(path.name),
    )
    def test_lines_end_by_100_characters(self, path):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if len(line) > 100 and not line.startswith(("|", "    "))] == []

    def test_choices_are_the_entries_of_the_tables(self):
        pytest.importorskip("torch")
        from experiments import priors_alone
        from experiments.bench_losses.forms import OURS, UNFOLDED
        from experiments.priors_alone.run import SOLVERS

        assert tuple(SOLVERS) == priors_alone.METHODS
        assert tuple(OURS) == tuple(UNFOLDED) == bench_losses.LOSSES


class TestCommandLine:
    def test_list_names_everything_without_heavy_imports(self):
        code = "import sys; from experiments.__main__ import main; main(['--list']); print(*sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        listing, modules = out.rstrip().rsplit("\n", 1)
        assert [line.strip() for line in listing.splitlines() if line.strip() in {*EXPERIMENTS, *RECIPES}] == [
            *EXPERIMENTS,
            *RECIPES,
        ]
        assert all(experiment.question in listing for experiment in EXPERIMENTS.values())
        assert not {"torch", "numba", "cv2", "matplotlib", "experiments.runner"} & set(modules.split())

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            pytest.param(["bench_fusion", "--round", "3"], "unrecognized arguments: --round 3", id="unknown option"),
            pytest.param(["bench_magic"], "invalid choice: 'bench_magic'", id="unknown experiment"),
            pytest.param(["bench_fusion", "--rounds", "0"], "argument --rounds: 0, expected at least 1", id="minimum"),
            pytest.param(["bench_losses", "--losses", "l2"], "argument --losses: invalid choice: 'l2'", id="choice"),
            pytest.param(["fusion", "--seeds", "one"], "argument --seeds: invalid int value: 'one'", id="type"),
            pytest.param([], "no experiment given, expected a name, --list or --report", id="nothing"),
            pytest.param(["demo", "--report"], "demo records no result", id="nothing to report"),
            pytest.param(
                ["priors_alone", "--data", "nowhere", "--output", "@"],
                "data folder nowhere does not exist",
                id="no data",
            ),
        ],
    )
    def test_refusals_are_sentences(self, words, message, capsys, tmp_path):
        with pytest.raises(SystemExit) as left:
            command_line.main([str(tmp_path) if word == "@" else word for word in words])
        assert left.value.code == 2
        assert message in capsys.readouterr().err

    def test_options_are_typed(self):
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class Made(DataOptions):
            names: tuple[str, ...] = option(("a", "b"), "names", choices=("a", "b", "c"))
            steps: int | None = option(None, "steps", minimum=1)
            quick: bool = option(False, "quick")

        def parse(*words):
            parser = command_line.argparse.ArgumentParser()
            command_line.add_options(parser, Made)
            return command_line.read_options(Made, parser.parse_args(words))

        assert parse() == Made()
        assert parse("--names", "c", "--steps", "3", "--quick", "--threads", "1", "--data", "d") == Made(
            names=("c",), steps=3, quick=True, threads=1, data=Path("d")
        )
        assert parse("--names").names == ()

    def test_missing_extra_is_named(self, monkeypatch, capsys, tmp_path):
        for module in ("experiments.bench_attention.run", "experiments.demo.run"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setitem(sys.modules, "torch", None)
        monkeypatch.setattr("hybridmatte.errors.find_spec", lambda _: None)
        for name, message in (
            ("bench_attention", "torch not installed, expected the extra 'deep': pip install"),
            ("demo", "sklearn not installed, expected the extra 'demo': pip install"),
        ):
            with pytest.raises(SystemExit, match="2"):
                command_line.main([name, "--output", str(tmp_path)])
            assert message in capsys.readouterr().err


class TestGpu:
    DEVICE = {"device": "H100", "torch": "2.11", "triton": "3.6"}

    def test_without_a_device_the_page_says_so_and_a_record_stays(self, tmp_path, monkeypatch, capsys):
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        command_line.main(["gpu", "--all", "--output", str(tmp_path)])
        assert "Not measured: no CUDA device has been at hand." in (tmp_path / "gpu.md").read_text(encoding="utf-8")
        assert capsys.readouterr().out == (
            "gpu: there is no CUDA device, so nothing is measured; what was recorded before stays.\n"
        )
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


class TestPages:
    @pytest.mark.parametrize("experiment", RECORDED, ids=lambda experiment: experiment.name)
    def test_pages_are_up_to_date(self, experiment):
        """`python -m experiments NAME --report` would change nothing."""
        page = pages.make_page(experiment, read_results(RESULTS / f"{experiment.name}.json"))
        assert page == (RESULTS / f"{experiment.name}.md").read_text(encoding="utf-8")
        for link in pages.re.findall(r"\]\(([^)#]*)\)", page):
            assert (RESULTS / link).exists(), link
        assert not experiment.pictures or any(f"({name})" in page for name in experiment.pictures)

    def test_index_is_up_to_date(self):
        assert pages.make_index(RECORDED) == (RESULTS / "index.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", ["fusion", "finder_weights"])
    def test_tables_of_model_cards_are_up_to_date(self, name):
        def tables(text):
            return [line.replace(" \\*", "") for line in text.splitlines() if line.startswith("|")]

        experiment, text = EXPERIMENTS[name], EXPERIMENTS[name].card.read_text(encoding="utf-8")
        blocks = experiment.report_card(read_results(RESULTS / f"{name}.json"))
        assert tables(pages.CARD_BLOCK.search(text)[0]) == tables("\n".join(blocks))

    def test_card_is_replaced_between_its_marks(self, tmp_path):
        path, experiment = tmp_path / "README.md", EXPERIMENTS["finder_weights"]
        document = read_results(RESULTS / "finder_weights.json")
        path.write_text("before\n<!-- results: old -->\nold\n<!-- end of results -->\nafter\n")
        pages.write_card(path, experiment, document)
        text = path.read_text()
        assert text.startswith("before\n<!-- results: generated by `python -m experiments finder_weights --report` -->")
        assert text.endswith("<!-- end of results -->\nafter\n")
        assert "old" not in text.split("after")[0].split("-->", 1)[1].split("|")[0]
        path.write_text("no marks")
        with pytest.raises(ValueError, match="0 blocks of results, expected 1"):
            pages.write_card(path, experiment, document)

    def test_rows_of_modified_checkouts_are_marked(self):
        experiment = EXPERIMENTS["bench_automatic"]
        document = read_results(RESULTS / "bench_automatic.json")
        assert "\\*" not in pages.make_page(experiment, document)
        changed = [{**document["results"][0], "commit": "abc1234-dirty"}, *document["results"][1:]]
        page = pages.make_page(experiment, {**document, "results": changed})
        assert "| closed form \\* |" in page
        assert "| KNN |" in page
        assert page.endswith("on a modified checkout of abc1234; to be measured again.\n")

    @pytest.mark.parametrize("experiment", RECORDED, ids=lambda experiment: experiment.name)
    def test_every_report_marks(self, experiment):
        document = read_results(RESULTS / f"{experiment.name}.json")
        for commit, has_marks in (("abc-dirty", True), ("abc", False)):
            changed = {**document, "results": [{**row, "commit": commit} for row in document["results"]]}
            is_marked = any("\\*" in block for block in experiment.report(changed))
            assert is_marked == (has_marks and document["results"] != [])  # nothing may have been measured


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


def test_configs_are_typed(tmp_path):
    assert load_config(FILE, Config).rounds == 3
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


def test_photographs_are_enlarged_with_noise_of_their_new_size():
    from experiments.bench_fusion.large import NOISE, enlarged

    scene = soft_disk((60, 80))
    image, trimap = enlarged(scene.image, scene.trimap, 0.12)
    assert image.shape == (300, 400, 3)
    assert image.dtype == np.float32
    assert set(np.unique(trimap)) == set(np.unique(scene.trimap))
    corner = image[:30, :30]
    assert 0.5 * NOISE < (corner[:, 1:] - corner[:, :-1]).std() / 2**0.5 < 2 * NOISE
