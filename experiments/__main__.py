"""The command line of the experiments: `python -m experiments NAME [options]`."""

import argparse
import os
import sys
from collections.abc import Sequence

from experiments.fresh_process import THREAD_VARIABLES
from experiments.options import add_options, read_options
from experiments.registry import EXPERIMENTS, RECIPES
from hybridmatte.errors import MissingExtraError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one experiment, list all, or write pages from recorded results."""
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    if parsed.list:
        print(listing())
    elif parsed.name is None and not parsed.report_all:
        parser.error("no experiment given, expected a name, --list or --report")
    else:
        try:
            execute(parsed)
        except (MissingExtraError, FileNotFoundError) as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser, with one sub-command for each experiment."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__, allow_abbrev=False)
    parser.add_argument("--list", action="store_true", help="list all experiments with question and cost")
    parser.add_argument(
        "--report", dest="report_all", action="store_true", help="write all pages again from the recorded results"
    )
    commands = parser.add_subparsers(dest="name", metavar="NAME", title="experiments")
    for experiment in EXPERIMENTS.values():
        command = commands.add_parser(
            experiment.name,
            help=experiment.question,
            allow_abbrev=False,
            description=f"{experiment.question} Cost: {experiment.cost}.",
        )
        command.add_argument(
            "--report",
            action="store_true",
            help="write page and pictures again from the recorded result, without a run",
        )
        add_options(command, experiment.options)
    return parser


def execute(parsed: argparse.Namespace) -> None:
    """Run what the command line asks for."""
    if parsed.name is not None:  # before NumPy, Numba or torch is loaded
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(parsed.threads)))
    from experiments import runner

    if parsed.report_all:
        for experiment in EXPERIMENTS.values():
            if experiment.is_recorded:
                runner.write_page(experiment)
        return
    experiment = EXPERIMENTS[parsed.name]
    options = read_options(experiment.options, parsed)
    if not parsed.report:
        runner.measure(experiment, options)
    elif experiment.is_recorded:
        runner.write_page(experiment, options.output)
    else:
        raise FileNotFoundError(f"{experiment.name} records no result, expected an experiment with a page")


def listing() -> str:
    """Return the names, questions and costs of all experiments, and the recipes for larger machines."""
    lines = ["Experiments (python -m experiments NAME):", ""]
    for experiment in EXPERIMENTS.values():
        lines += [f"  {experiment.name}", f"      {experiment.question}", f"      Cost: {experiment.cost}."]
    lines += ["", "Recipes for larger machines (hybridmatte train experiments/NAME/FILE.toml):", ""]
    for name, about in RECIPES.items():
        lines += [f"  {name}", f"      {about}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
