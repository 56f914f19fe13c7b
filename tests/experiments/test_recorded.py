"""Rows that are recorded already are not measured again, and networks that are kept are those asked for."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from experiments import pages, recorded
from experiments.experiment import Experiment
from experiments.recorded import PACKED, Recorded, former
from experiments.results import make_row, merge_results
from experiments.tables import FORMER, seed_table
from tests.experiments.rows import METADATA


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Return the recipe of an experiment "made"."""
    folder = tmp_path / "experiments" / "made"
    folder.mkdir(parents=True)
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    path = folder / "train.toml"
    path.write_text("steps = 3", encoding="utf-8")
    return path


def made_row(name, seed, configuration=None, **error):
    more = {} if configuration is None else {"configuration": configuration}
    return make_row(name, f"seed {seed}", 1, {"sad": 1.0} | error, **more)


def test_a_row_is_skipped_in_its_own_configuration_alone(tmp_path, recipe):
    first = Recorded("made", tmp_path, tmp_path)
    assert not first.has("ddc", "seed 0")
    changes = {"prior": "ddc"}
    merge_results(tmp_path / "made.json", METADATA, [made_row("ddc", 0, first.configuration(changes))])
    later = Recorded("made", tmp_path, tmp_path)
    assert later.has("ddc", "seed 0", changes)
    assert not later.has("ddc", "seed 0", {"prior": "dc"})
    assert not later.has("ddc", "seed 0")
    assert not later.has("ddc", "seed 1", changes)
    recipe.write_text("# a comment\nsteps = 3  # is no change\n", encoding="utf-8")
    assert Recorded("made", tmp_path, tmp_path).has("ddc", "seed 0", changes)
    recipe.write_text("steps = 4", encoding="utf-8")
    assert not Recorded("made", tmp_path, tmp_path).has("ddc", "seed 0", changes)


@pytest.mark.usefixtures("recipe")
def test_rows_of_other_code_and_of_packed_data_are_measured_again(tmp_path):
    """Both would be mixed with the rows of the photographs themselves, and of the present code."""
    first = Recorded("made", tmp_path, tmp_path)
    merge_results(tmp_path / "made.json", METADATA, [made_row("ddc", 0, first.configuration())])
    other = Recorded("made", tmp_path, tmp_path, {"colours": "fitted"})
    assert not other.has("ddc", "seed 0")
    assert not former([made_row("ddc", 0, other.configuration())], "made")[0]["former"]
    (tmp_path / PACKED).write_text('{"quality": 60}', encoding="utf-8")
    packed = Recorded("made", tmp_path, tmp_path)
    assert not packed.has("ddc", "seed 0")
    assert former([made_row("ddc", 0, packed.configuration())], "made")[0]["former"]


def test_a_new_configuration_removes_the_former_seeds_of_its_method(tmp_path):
    path = tmp_path / "made.json"
    old = [made_row("ddc", seed, "one") for seed in range(3)]
    merge_results(path, METADATA, [*old, made_row("dc", 0), made_row("dc", 1, "one")])
    document = merge_results(path, METADATA, [made_row("ddc", 1, "two")])
    assert [(row["method"], row["subject"], row.get("configuration")) for row in document["results"]] == [
        ("dc", "seed 0", None),
        ("dc", "seed 1", "one"),
        ("ddc", "seed 1", "two"),
    ]
    document = merge_results(path, METADATA, [made_row("dc", 5)])  # a row that names none removes none
    assert len(document["results"]) == 4


@pytest.mark.usefixtures("recipe")
def test_lines_say_how_many_seeds_they_have_and_whether_they_are_former(tmp_path):
    here = Recorded("made", tmp_path, tmp_path).configuration()
    rows = former([made_row("ddc", 0, here), made_row("ddc", 1, here), made_row("dc", 0)], "made")
    table = seed_table("loss", {"sad": ("SAD", 1.0)}, {"ddc": rows[:2], "dc": rows[2:]})
    assert "| ddc | 2 | 1.00 (0.00) |" in table
    assert f"| dc{FORMER} | 1 | 1.00 |" in table


@pytest.mark.usefixtures("recipe")
def test_the_page_explains_the_mark(tmp_path, monkeypatch):
    def report(document):
        return [seed_table("loss", {"sad": ("SAD", 1.0)}, {row["method"]: [row] for row in document["results"]})]

    monkeypatch.setattr(Experiment, "_load", lambda *_: SimpleNamespace(report=report))
    experiment = Experiment(name="made", question="Does it?", cost="nothing", is_resumable=True)
    rows = [made_row("ddc", 0, Recorded("made", tmp_path, tmp_path).configuration()), made_row("dc", 0)]
    page = pages.make_page(experiment, {"metadata": METADATA, "results": rows})
    assert "| dc † | 1 |" in page
    assert "† Measured by former recipes" in page
    assert "†" not in pages.make_page(experiment, {"metadata": METADATA, "results": rows[:1]})
    others = dataclasses.replace(experiment, is_resumable=False)
    assert "†" not in pages.make_page(others, {"metadata": METADATA, "results": rows[1:]})


def test_a_kept_network_of_another_configuration_is_refused(tmp_path):
    pytest.importorskip("lightning")
    from experiments.kept_networks import train_kept
    from experiments.options import TrainingOptions

    recipe = tmp_path / "recipe.toml"
    recipe.write_text('paradigm = "segmentation"\nnetwork = "unet"\nsize = "tiny"\n', encoding="utf-8")
    folder = tmp_path / "kept"
    (folder / "network").mkdir(parents=True)
    config = {"paradigm": "segmentation", "network": "unet", "size": "tiny"}
    from hybridmatte.training import read_config

    (folder / "config.json").write_text(json.dumps(read_config(recipe).options() | config), encoding="utf-8")
    assert train_kept(folder, recipe, list, TrainingOptions()) == folder / "network"
    earlier = read_config(recipe).options() | config
    del earlier["flip"]  # of a version that had no such option, but mirrored half of the crops
    (folder / "config.json").write_text(json.dumps(earlier), encoding="utf-8")
    assert train_kept(folder, recipe, list, TrainingOptions()) == folder / "network"
    with pytest.raises(ValueError, match=r"keeps a network of flip = 0\.5, expected flip = 0\.0"):
        train_kept(folder, recipe, list, TrainingOptions(), flip=0.0)
    with pytest.raises(ValueError, match=r"keeps a network of crop = 512, expected crop = 96: give another folder"):
        train_kept(folder, recipe, list, TrainingOptions(), crop=96)
