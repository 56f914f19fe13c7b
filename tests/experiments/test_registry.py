"""The list of experiments, and their configurations."""

import dataclasses

import pytest

from experiments import bench_losses
from experiments.bench_solvers.config import FILE, Config
from experiments.configs import load_config
from experiments.registry import EXPERIMENTS, RECIPES
from experiments.results import RESULTS, ROOT

FOLDER = ROOT / "experiments"


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
