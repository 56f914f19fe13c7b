"""The command line of the experiments."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import __main__ as command_line
from experiments.options import DataOptions, option
from experiments.registry import EXPERIMENTS, RECIPES
from experiments.results import ROOT


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
