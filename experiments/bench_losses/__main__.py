"""Measure how fast and how small the losses over similar pairs are, against the unfolded form."""

import argparse

from experiments.bench_losses.forms import FOLDER, FORMS, LOSSES, Config
from experiments.bench_losses.report import write_report
from experiments.common import environment, load_config, merge_results, run_fresh

KEYS = ("bench", "method", "form", "subject")
MORE = ((1, 256), (1, 1024), (4, 512))  # batch and side, beside the configured one, to see the growth of ours


def main():
    """Measure, record in result.json, and write the tables into the README."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--report", action="store_true", help="only write the tables from result.json")
    arguments = parser.parse_args()
    config = load_config(FOLDER / "config.toml", Config)
    if not arguments.report:
        metadata = environment(config.threads, names=("torch", "numpy", "numba"))
        for rows in measure(arguments.losses, config):
            merge_results(FOLDER / "result.json", metadata, rows, KEYS)
            for row in rows:
                print(row["bench"], row["method"], row["form"], row["subject"], row["median_s"], row.get("added_mib"),
                      flush=True)
    write_report()


def measure(losses, config):
    """Yield the rows of each fresh process."""
    common = ["--window-size", config.window_size, "--rounds", config.rounds]

    def run(*arguments):
        return run_fresh("experiments.bench_losses.worker", [*arguments, *common], threads=config.threads)

    for loss in losses:
        yield run("time", loss, "--side", config.side)
        for form in FORMS:
            yield run("memory", loss, "--form", form, "--side", config.side)
    for batch, side in MORE:
        yield run("time", losses[0], "--side", side, "--batch", batch, "--ours-only")


if __name__ == "__main__":
    main()
