"""The page on the tables and figures of the four papers: its verdicts, and the names of the rows it asks for."""

import re

import pytest

from experiments import papers
from experiments.papers import FILE, Item, line_of, make_papers_page
from experiments.registry import EXPERIMENTS
from experiments.results import RESULTS, make_row, merge_results
from tests.experiments.rows import METADATA

ITEMS = [Item(**values) for values in papers.tomllib.loads(FILE.read_text(encoding="utf-8"))["items"]]


def cells_of(folder, rows, **values):
    """Return the cells of a made item, whose rows are those of an experiment."""
    if rows:
        merge_results(folder / "priors_alone.json", METADATA, rows)
    named = {"paper": "ddc", "item": "Table 9", "published": "SAD 1, 2", "experiment": "priors_alone"}
    return line_of(Item(**named, **values), folder)


def line(folder, values, **more):
    """Return the cells of an item, from the values of its lines by seed."""
    rows = [
        make_row(f"the {name}", f"seed {seed}, step 20", 1, {"sad": 1000 * value})
        for name, seeds in values.items()
        for seed, value in enumerate(seeds)
    ]
    return cells_of(
        folder,
        rows,
        command="python -m experiments priors_alone",
        measures={"SAD / 1000": ("sad", 0.001)},
        lines={name: f"the {name}" for name in ("ddc", "dc", "known")},
        orders=[["SAD / 1000", "ddc", "dc", "known"]],
        **more,
    )


@pytest.mark.parametrize(
    ("values", "verdict", "seeds"),
    [
        pytest.param({"ddc": [1, 2, 3], "dc": [2, 3, 4], "known": [3, 4, 5]}, "holds", "3", id="holds"),
        pytest.param(
            {"ddc": [1, 2, 3], "dc": [2, 3, 4], "known": [1, 9, 9]},
            "holds on average only: dc below known in SAD (2 of 3 seeds)",
            "3",
            id="in the means",
        ),
        pytest.param(
            {"ddc": [2, 2, 2], "dc": [1, 1, 1], "known": [1, 9, 9]},
            "does not hold: ddc below dc in SAD; holds on average only: dc below known in SAD (2 of 3 seeds)",
            "3",
            id="refuted",
        ),
        pytest.param(
            {"ddc": [1], "known": [2, 2]},
            "holds; not run yet: dc; fewer than three seeds",
            "1 to 2",
            id="lines missing",
        ),
        pytest.param({"ddc": [1, 1, 1]}, "nothing to compare; not run yet: dc, known", "3", id="nothing to compare"),
        pytest.param({}, "not run yet", "-", id="nothing"),
    ],
)
def test_verdicts(values, verdict, seeds, tmp_path):
    cells = line(tmp_path, values)
    assert cells[3] == verdict
    assert cells[5:] == ["abc" if values else "", seeds]
    assert ("ddc 2.00 (1.00)" in cells[2]) == (values.get("ddc") == [1, 2, 3])


def test_subjects_choose_rows(tmp_path):
    values = {"ddc": [1.0, 1.0, 1.0]}
    assert "ddc 1.00" in line(tmp_path, values, subject="step 20$")[2]
    assert line(tmp_path, values, subject="step 2$")[3] == "not run yet"


def test_lines_with_subjects_of_their_own_are_compared_by_seed(tmp_path):
    """Table 5 of the paper on segmentations compares one method with itself, on two subjects."""
    values = {20: (3.0, 3.0, 1.0), 50: (2.0, 2.0, 2.0)}
    rows = [
        make_row("net_t", f"seed {seed}, eroded {eroded}", 1, {"iou": value})
        for eroded, seeds in values.items()
        for seed, value in enumerate(seeds)
    ]
    cells = cells_of(
        tmp_path,
        rows,
        measures={"IoU": ("iou", 1.0)},
        lines={str(eroded): ["net_t", f"eroded {eroded}$"] for eroded in values},
        orders=[["IoU", "50", "20"]],
    )
    assert cells[2] == "IoU: 20 2.33 (1.15), 50 2.00 (0.00)"
    assert cells[3] == "holds on average only: 50 below 20 in IoU (2 of 3 seeds)"


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        pytest.param(["ddc", "dc", 0.6], "holds", id="kept"),
        pytest.param(["dc", "ddc"], "does not hold: dc at most 1 times ddc (2.00) in SAD", id="of another line"),
        pytest.param(["dc", 2.0, 0.8], "does not hold: dc at most 1.6 in SAD", id="of a number"),
        pytest.param([3.0, "dc"], "does not hold: dc at least 3 in SAD", id="from below"),
        pytest.param(["ddc", "known", 2.0], "holds", id="line missing"),
    ],
)
def test_limits_are_held_against_the_means(limit, verdict, tmp_path):
    cells = line(tmp_path, {"ddc": [1.0, 1.0, 1.0], "dc": [2.0, 2.0, 2.0]}, limits=[["SAD / 1000", *limit]])
    assert cells[3] == f"{verdict}; not run yet: known"


def test_footnotes_follow_the_verdict(tmp_path):
    assert line(tmp_path, {"ddc": [1.0] * 3, "dc": [2.0] * 3, "known": [3.0] * 3}, footnote="‡")[3] == "holds ‡"


def test_only_footnotes_that_verdicts_refer_to_are_shown(tmp_path):
    page = make_papers_page(tmp_path)  # without records, no row is marked
    assert "‡ The encoder" in page
    assert "modified checkout" not in page
    assert "former recipes" not in page


def test_times_are_shown_where_no_error_has_the_name(tmp_path):
    rows = [
        make_row(name, "onnx", 1, {"parameters": 9.0}, median_s=seconds)
        for name, seconds in {"a": 1.5, "b": 3.0}.items()
    ]
    cells = cells_of(
        tmp_path,
        rows,
        measures={"seconds": ("median_s", 1.0)},
        lines={"a": "a", "b": "b"},
        orders=[["seconds", "a", "b"]],
    )
    assert cells[2:4] == ["seconds: a 1.50, b 3.00", "holds"]


def test_the_page_is_up_to_date():
    assert make_papers_page() == (RESULTS / papers.PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item.paper} {item.item}")
def test_items_say_what_answers_them(item):
    assert sum(map(bool, (item.cannot, item.shown, item.experiment))) == 1
    if item.experiment:
        assert item.experiment in EXPERIMENTS
        assert item.command.startswith(f"python -m experiments {item.experiment}")
        assert all(set(names) <= set(item.lines) and heading in item.measures for heading, *names in item.orders)
        for heading, *sides in item.limits:
            assert heading in item.measures
            assert {side for side in sides if isinstance(side, str)} <= set(item.lines)


@pytest.mark.parametrize(
    "item", [item for item in ITEMS if item.experiment == "wsshm_small"], ids=lambda item: item.item
)
def test_label_blending_is_shown_beside_students_of_masks_alone(item):
    """Without them nobody sees whether the blending does anything."""
    if item.item != "The boundary head of the teacher":
        assert any(re.search(r"masks alone$", method) and "teacher" not in method for method in item.lines.values())


def test_a_verdict_is_over_all_measures_that_the_paper_claims():
    """Table 1 "held": by SAD, while the paper has trimaps ahead of alphas in MSE and Grad."""
    item = next(item for item in ITEMS if item.paper == "ddc" and item.item.startswith("Table 1"))
    assert [tuple(order) for order in item.orders] == [
        ("SAD / 1000", "alphas", "trimaps"),
        ("MSE", "trimaps", "alphas"),
        ("Grad / 1000", "trimaps", "alphas"),
    ]
    for item in ITEMS:
        if item.orders and "SAD-T / 1000" in item.measures and "MSE-T" in item.measures:
            assert {heading for heading, *_ in item.orders} == set(item.measures), item.item


def test_rows_that_are_asked_for_are_those_that_runs_record():
    """A name that no run records would stay "not run yet" for ever."""
    pytest.importorskip("lightning")
    from experiments import alpha_free_small, dpt_small
    from experiments.alpha_free_small.automatic import ALPHAS, method_name, policies
    from experiments.dpt_small.run import starts
    from experiments.wsshm_small.run import CONSTANT, JOBS

    found = {CONSTANT, *(job.method for part in JOBS.values() for job in part())}
    options = alpha_free_small.Options()
    for name in alpha_free_small.SETS:
        for policy, weight in policies(options):
            found |= {
                f"{method_name(policy, weight, name)}, {scored}"
                for scored in (f"{name} held out", ALPHAS[name], "the twenty")
            }
    options = dpt_small.Options(variants=tuple(dpt_small.VARIANTS))
    for network in dpt_small.NETWORKS:
        found |= {start.method for start in starts(network, 0, options)}
    for item in ITEMS:
        if item.experiment in ("wsshm_small", "dpt_small") or "--sets" in item.command:
            assert set(item.lines.values()) <= found, item.item
