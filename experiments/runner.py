"""Run an experiment, record its rows as they come, and write its page."""

from collections.abc import Sequence
from pathlib import Path

from experiments import pages, papers
from experiments.experiment import Experiment
from experiments.metadata import run_metadata
from experiments.options import Options
from experiments.registry import EXPERIMENTS
from experiments.results import RESULTS, Row, merge_results, read_results
from hybridmatte.errors import MissingExtraError


def measure(experiment: Experiment, options: Options) -> None:
    """Run an experiment, record and print each row as it comes, and write the page at the end.

    After a run that stopped early, `--report` writes the page of what was recorded.
    """
    metadata = run_metadata(options.threads, experiment.packages)  # before the record changes the checkout
    options.output.mkdir(parents=True, exist_ok=True)
    n_rows = 0
    for rows in experiment.run(options):
        n_rows += len(rows)
        for row in rows:
            print(describe(row, experiment.keys), flush=True)
        merge_results(result_path(experiment, options.output), metadata, rows, experiment.keys)
    if experiment.is_resumable and n_rows == 0:
        print(f"nothing to measure: {result_path(experiment, options.output)} has all rows; --output NEW measures anew")
    if experiment.is_recorded:
        write_page(experiment, options.output)
        print(f"written: {options.output / experiment.name}.md")


def write_page(experiment: Experiment, folder: Path = RESULTS) -> None:
    """Write the page, the drawn pictures and, in the project's own folder, the model card and the index."""
    document = read_results(result_path(experiment, folder))
    (folder / f"{experiment.name}.md").write_text(pages.make_page(experiment, document), encoding="utf-8")
    if experiment.pictures:
        try:
            experiment.draw(document, folder)
        except MissingExtraError as error:
            print(f"no pictures: {error}")
    if folder == RESULTS:
        if experiment.card is not None:
            pages.write_card(experiment.card, experiment, document)
        recorded = [other for other in EXPERIMENTS.values() if result_path(other, folder).exists()]
        (folder / "index.md").write_text(pages.make_index(recorded), encoding="utf-8")
        (folder / papers.PAGE).write_text(papers.make_papers_page(folder), encoding="utf-8")


def result_path(experiment: Experiment, folder: Path) -> Path:
    """Return the file of the recorded result."""
    return folder / f"{experiment.name}.json"


def describe(row: Row, keys: Sequence[str]) -> str:
    """Return a row as one line for the terminal: what tells it from other rows, then what was measured."""
    found = [f"{name} {value:.4g}" for name, value in (row["error"] or {}).items() if isinstance(value, int | float)]
    if row["median_s"] is not None:
        found.append(f"{row['median_s']:.3g} s")
    if row["peak_mib"] is not None:
        found.append(f"{row['peak_mib']:.0f} MiB")
    return f"{', '.join(str(row[key]) for key in keys)}: {', '.join(found)}"
