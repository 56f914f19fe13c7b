"""The commands that train, predict, evaluate and export, on drawn images in a folder."""

import csv
import json
import logging
from pathlib import Path

import numpy as np
import pytest

import experiments
from hybridmatte import networks
from hybridmatte.cli import main
from hybridmatte.io.pictures import read_alpha, read_image, write_alpha, write_image
from hybridmatte.training import read_config
from tests.synthetic import soft_disk
from tests.training.shared import logged, write_disks

RECIPES = sorted(path for path in Path(experiments.__file__).parent.glob("*/*.toml") if "paradigm" in path.read_text())


@pytest.fixture
def folder(tmp_path):
    """Return a folder with run.toml, and with images, alphas and trimaps of three disks in data."""
    return write_disks(tmp_path)


@pytest.fixture
def run(folder, capsys):
    """Return a function that runs a command line and returns exit code, stdout and stderr; ``@`` is the folder."""

    def command(text):
        try:
            code = main([word.replace("@", f"{folder}/") for word in text.split()]) or 0
        except SystemExit as leave:
            code = leave.code or 0
        return code, *capsys.readouterr()

    return command


def test_from_photographs_to_scores(folder, run):
    code, _, err = run("train @run.toml --data @data --output @run")
    assert code == 0, err
    assert "the network is in" in err
    assert {path.name for path in (folder / "run").iterdir()} == {"config.json", "checkpoints", "logs", "network"}
    code, _, err = run("train @run.toml --data @data --output @run")
    assert code == 2
    assert "holds a run already" in err
    assert run("train @run.toml --data @data --output @run --resume")[0] == 0

    assert run("predict @run/network @data/image/0.png @data/trimap/0.png -o @alpha.png")[0] == 0
    network, scene = networks.load_network(folder / "run" / "network"), soft_disk((70, 90), seed=0)
    expected = networks.predict_alpha(network, scene.image, scene.trimap)
    assert np.abs(read_alpha(folder / "alpha.png") - expected).max() < 0.02  # both in 8 bits

    code, out, err = run("evaluate --network @run/network --data @data --json @scores.json --csv @scores.csv")
    assert code == 0, err
    for header in ("SAD / 1000", "MAD", "MSE", "Grad / 1000", "Conn / 1000", "SAD-T / 1000", "MSE-T", "mean of 3"):
        assert header in out
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["mean"]["sad_t"] == pytest.approx(np.mean([row["sad_t"] for row in scores["results"]]))
    assert len((folder / "scores.csv").read_text().splitlines()) == 4


def test_automatic_network_needs_no_trimaps_to_be_scored(folder, run):
    networks.unet("tiny").save_pretrained(folder / "network")
    for path in (folder / "data" / "trimap").iterdir():
        path.unlink()
    (folder / "data" / "trimap").rmdir()
    code, out, err = run("evaluate --network @network --data @data")
    assert code == 0, err
    assert "SAD-T" not in out


def test_foregrounds_are_scored_over_backgrounds(folder, run):
    networks.unet("tiny").save_pretrained(folder / "network")
    (folder / "data" / "image").rename(folder / "data" / "foreground")
    (folder / "photos").mkdir()
    for seed in range(2):
        write_image(folder / "photos" / f"{seed}.png", soft_disk((50, 60), seed=seed + 5).image)
    code, out, err = run("evaluate --network @network --data @data --backgrounds @photos")
    assert code == 0, err
    assert "mean of 60" in out  # three foregrounds, 20 composites each
    assert "SAD-T" in out


def test_validation_is_logged_after_every_epoch(folder, run):
    code, _, err = run("train @run.toml --data @data --output @run --validation @data")
    assert code == 0, err
    curve = list(logged(folder / "run", "validation/sad_t").values())
    assert len(curve) == 2
    rows = list(csv.DictReader((folder / "run" / "scores.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert "epoch 2: sad " in err
    assert not logging.getLogger("hybridmatte").handlers
    code, out, err = run("evaluate --network @run/network --data @data --json @scores.json")
    scores = json.loads((folder / "scores.json").read_text())
    assert float(rows[-1]["sad_t"]) == pytest.approx(scores["mean"]["sad_t"], rel=1e-4)
    assert curve[-1] == pytest.approx(scores["mean"]["sad_t"], rel=1e-4)


def test_networks_that_take_masks(folder, run):
    joint = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny"))
    joint.save_pretrained(folder / "joint")
    for command in (
        "predict @joint @data/image/0.png -o @a.png",
        "export @joint @data/image/0.png -o @a.onnx",
        "predict @joint/net_t @data/image/0.png -o @a.png",
    ):
        code, _, err = run(command)
        assert code == 2
        assert "which takes a mask, expected one from image and trimap" in err
    assert run("evaluate --network @joint --data @data --json @joint.json")[0] == 0
    assert {"sad", "sad_t"} <= set(json.loads((folder / "joint.json").read_text())["mean"])
    code, out, err = run("evaluate --network @joint/net_t --data @data --json @net_t.json")
    assert code == 0, err
    assert "iou unknown" in out
    assert 0 <= json.loads((folder / "net_t.json").read_text())["mean"]["accuracy"] <= 1


def test_blended_labels_of_a_folder(folder, run):
    networks.unet("tiny", boundary=True).save_pretrained(folder / "teacher")
    networks.unet("tiny").save_pretrained(folder / "plain")
    (folder / "data" / "alpha" / "2.png").unlink()  # no mask
    code, _, err = run("blend @teacher @data/image @data/alpha -o @labels")
    assert code == 1
    assert "2.png has no mask in" in err
    assert "2 written, 0 already there, 1 failed" in err
    scene = soft_disk((70, 90), seed=0)
    with pytest.warns(UserWarning, match="the teacher's boundary covers"):  # it was not trained
        expected = networks.predict_labels(networks.load_network(folder / "teacher"), scene.image, scene.alpha)
    assert np.abs(read_alpha(folder / "labels" / "0.png") - expected).max() < 0.02
    code, _, err = run("blend @plain @data/image @data/alpha -o @other")
    assert code == 2
    assert "has no boundary head" in err
    assert not (folder / "other").exists()


@pytest.mark.slow
def test_speed(folder, run):
    pytest.importorskip("onnxruntime")
    networks.unet("tiny", trimap=True).save_pretrained(folder / "network")
    code, _, err = run("benchmark-network @network --size 64 --count 2")
    assert code == 0, err
    assert "64 x 64" in err
    assert "by ONNX Runtime" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("unet", "images of any size, height and width multiples of"), ("vitmatte", "images of 96 x 96 pixels alone")],
)
def test_export(name, sizes, folder, run):
    """That of a ViTMatte takes one size alone, which nothing said."""
    getattr(networks, name)("tiny", trimap=True).save_pretrained(folder / "network")
    code, _, err = run("export @network @data/image/0.png @data/trimap/0.png -o @network.onnx")
    assert code == 0, err
    assert "gives the same alpha to" in err
    assert sizes in " ".join(err.split())


def test_size_of_the_tiles(folder, run):
    """Only Python could choose it."""
    networks.unet("tiny").save_pretrained(folder / "network")
    write_image(folder / "data" / "image" / "0.png", soft_disk((100, 130), seed=0).image)
    assert run("predict @network @data/image/0.png -o @whole.png")[0] == 0
    assert run("predict @network @data/image/0.png -o @tiles.png --tile-pixels 4096")[0] == 0
    network, image = networks.load_network(folder / "network"), read_image(folder / "data" / "image" / "0.png")
    for name, pixels in (("whole", 1 << 20), ("tiles", 4096)):
        expected = networks.predict_alpha(network, image, max_pixels=pixels)
        assert np.abs(read_alpha(folder / f"{name}.png") - expected).max() < 0.003
    assert (read_alpha(folder / "whole.png") != read_alpha(folder / "tiles.png")).any()
    write_alpha(folder / "data" / "alpha" / "0.png", soft_disk((100, 130), seed=0).alpha)
    write_alpha(folder / "data" / "trimap" / "0.png", soft_disk((100, 130), seed=0).trimap)
    assert run("evaluate --network @network --data @data --json @whole.json")[0] == 0
    assert run("evaluate --network @network --data @data --json @tiles.json --tile-pixels 4096")[0] == 0
    whole, tiles = (json.loads((folder / f"{name}.json").read_text())["mean"] for name in ("whole", "tiles"))
    assert whole != tiles


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train @run.toml --data @nowhere --output @run", "does not exist, expected one with image, trimap"),
        ("train @missing.toml --data @data --output @run", "missing.toml cannot be used"),
        ("train @run.toml --data @data --output @run --precision half", "--precision is 'half'"),
        ("train @run.toml --data @data --output @run --resume", "expected one to resume from"),
        ("evaluate --network @missing --data @data", "is no folder"),
        ("evaluate --network @data --data @data --backgrounds @nowhere", "has no config.json"),
        ("train @run.toml --data @data --output @run --validation @nowhere", "nowhere does not exist"),
        ("evaluate --network @missing", "--data is missing"),
        ("evaluate", "Usage"),
        ("evaluate @data/alpha @data/alpha --network @missing", "expected none with --network"),
        ("evaluate @data/alpha @data/alpha --region whole --backgrounds @data", "expected none without --network"),
        ("evaluate --network @missing --data @data --region whole", "--region whole came"),
        ("evaluate @data/alpha @data/alpha --region whole --tile-pixels 9999", "expected none without --network"),
        ("predict @missing @data/image/0.png -o @a.png --tile-pixels 9", "Invalid value for '--tile-pixels'"),
        ("predict @missing @data/image/0.png -o @a.png", "is no folder"),
        ("export @missing @data/image/0.png -o @a.onnx", "is no folder"),
    ],
    ids=[
        "data",
        "config",
        "precision",
        "resume",
        "network",
        "backgrounds",
        "validation",
        "no data",
        "nothing",
        "with",
        "without",
        "region",
        "tiles without",
        "tile of 9",
        "predict",
        "export",
    ],
)
def test_mistakes_are_one_sentence(run, folder, command, message):
    code, out, err = run(command)
    assert code in (0, 2) if command == "evaluate" else code == 2
    assert message in " ".join((out + err).split())
    assert not (folder / "run" / "network").exists()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.parent.name)
def test_recorded_configurations_are_valid(path):
    assert read_config(path).epochs > 0
