"""Make scenes, train on folds and on everything, score, and write weights and card."""

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from experiments.common import (
    add_training_arguments,
    alphamatting_cases,
    alphamatting_names,
    environment,
    merge_results,
    write_checksum,
)
from experiments.fusion.pictures import draw_sheet
from experiments.fusion.report import write_report
from experiments.fusion.scenes import is_given, scene_names
from experiments.fusion.scoring import FOLDS, FUSION, in_fold, score_fusion, score_solvers
from experiments.fusion.solved import keep_rows, read_rows, write_scene
from experiments.fusion.training import train_fusion
from hybridmatte.correction.weights import WEIGHTS
from hybridmatte.networks.export import export_fusion

FOLDER = Path(__file__).parent
PACKAGES = ("numpy", "scipy", "numba", "opencv-python-headless", "torch")  # that decide features and network
STAGES = ("scenes", "solvers", "folds", "ablation", "weights", "sheet")
LEARNED = ("real", "composite")  # scenes that the package's network learns from
ABLATION_SEED, WEIGHTS_SEED = 1, 0
AROUND = ("mean", "deviation", "least", "most", "fitted", "misfit", "correlation", "slope", "detail")
ABLATION = {"nothing around the pixel": AROUND,
            "no residuals": ("residual", "contrast", "confidence", "colour"),
            "no distances to the known regions": ("to_foreground", "to_background", "is_foreground", "is_background"),
            "no information_flow": ("information_flow",),
            "no samples": ("samples", "residual", "contrast", "confidence", "foreground", "background")}
SOURCES = {"photographs alone": ("real",), "photographs with the site's trimaps alone": ("given",),
           "drawn scenes too": ("real", "composite", "drawn"), "drawn scenes alone": ("drawn",)}


def main():
    """Do the stages asked for; scenes that are kept are not made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "fusion")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--folds", nargs="+", type=int, default=[*range(FOLDS)])
    parser.add_argument("--variants", nargs="+", choices=[*ABLATION, *SOURCES], default=[*ABLATION, *SOURCES])
    arguments = parser.parse_args()
    arguments.kept.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    metadata = environment(arguments.threads, names=PACKAGES)  # before result.json changes
    for stage in [] if arguments.report else arguments.stages:
        globals()[f"do_{stage}"](arguments, metadata)
    if arguments.report or tuple(arguments.stages) == STAGES:
        write_report(FOLDER, WEIGHTS["fusion"], [FUSION, *ABLATION, *SOURCES])


def do_scenes(arguments, _):
    """Make and solve all scenes and keep features of some pixels, in as many processes as there are threads."""
    folder = arguments.kept / "scenes"
    folder.mkdir(exist_ok=True)
    names = scene_names(arguments.data)
    with ProcessPoolExecutor(arguments.threads, get_context("spawn")) as pool:
        done = pool.map(partial(write_scene, data=arguments.data, folder=folder), names)
        print(f"{sum(done)} scenes made of {len(names)}", flush=True)
        list(pool.map(partial(keep_rows, folder=folder), names))


def do_solvers(arguments, metadata):
    """Score every solver."""
    merge_results(FOLDER / "result.json", metadata, score_solvers(alphamatting_cases(arguments.data)))


def do_folds(arguments, metadata):
    """Train and score the network of every fold and seed."""
    for seed in arguments.seeds:
        do_variant(arguments, metadata, FUSION, seed)


def do_ablation(arguments, metadata):
    """Train and score, with one seed, networks that miss something, or learn from other scenes."""
    for name in arguments.variants:
        do_variant(arguments, metadata, name, ABLATION_SEED, ABLATION.get(name, ()), SOURCES.get(name, LEARNED))


def do_variant(arguments, metadata, method, seed, without=(), sources=LEARNED):
    """Train a network without the photographs of each fold, and score them on these."""
    for fold in arguments.folds:
        start = time.perf_counter()
        held_out = in_fold(alphamatting_names(arguments.data), fold)
        network = train_fusion(learned_rows(arguments, held_out, sources), seed=seed, without=without)
        found = score_fusion(network.without_torch(), method, arguments.data, held_out, seed, without)
        print(method, seed, fold, {key: round(float(np.mean([row["error"][key] for row in found])), 2)
                                   for key in found[0]["error"]}, f"{time.perf_counter() - start:.0f} s", flush=True)
        merge_results(FOLDER / "result.json", metadata, found)


def learned_rows(arguments, held_out, sources):
    """Return the rows of the scenes of some sources without some photographs."""
    return [read_rows(name, arguments.kept / "scenes") for name in scene_names(arguments.data)
            if name.split("/")[1] not in held_out
            and (name.split("/")[0] in sources or is_given(name) and "given" in sources)]


def do_weights(arguments, _):
    """Train on everything with one seed, and write the package's weights; the report writes their card."""
    rows = learned_rows(arguments, (), LEARNED)
    network = train_fusion(rows, seed=WEIGHTS_SEED)
    with tempfile.TemporaryDirectory() as folder:  # it also writes a card
        network.save_pretrained(folder)
        for name in ("config.json", "model.safetensors"):
            shutil.copyfile(Path(folder, name), WEIGHTS["fusion"] / name)
    print("ONNX differs by", export_fusion(network, WEIGHTS["fusion"] / "model.onnx",
                                           torch.from_numpy(rows[0].features)), flush=True)
    write_checksum(WEIGHTS["fusion"] / "model.safetensors")


def do_sheet(arguments, _):
    """Draw the photographs without true alpha, by the weights of the package."""
    draw_sheet(arguments.data, arguments.kept / "fusion.png")


if __name__ == "__main__":
    main()
