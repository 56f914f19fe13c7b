"""Make scenes, boost trees on folds and on everything, score them, and write weights and card."""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from experiments.common import (
    add_training_arguments,
    alphamatting_names,
    environment,
    merge_results,
    write_checksum,
)
from experiments.fusion.pictures import draw_sheet
from experiments.fusion.report import write_report
from experiments.fusion.scenes import scene_names
from experiments.fusion.scoring import FOLDS, FUSION, in_fold, labelled_cases, score_solvers, score_trees
from experiments.fusion.solved import keep_rows, read_rows, write_scene
from experiments.fusion.training import train_fusion
from hybridmatte.boosted_trees import Trees
from hybridmatte.bundled import WEIGHTS
from hybridmatte.fusion_features import FEATURES, PLANES, SOLVERS, TRUSTED

FOLDER = Path(__file__).parent
PACKAGES = ("numpy", "scipy", "numba", "opencv-python-headless", "lightgbm")  # that decide features and trees
STAGES = ("scenes", "solvers", "folds", "ablation", "weights", "sheet")
LEARNED = ("real",)  # scenes that the package's trees learn from
SMALL = {"rounds": 150}  # trees of the ablation, from every third pixel
AROUND = ("mean", "deviation", "least", "most", "fitted", "misfit", "correlation", "above", "below", "slope", "detail")
ABLATION = {"everything": (), "nothing around the pixel": AROUND,
            "no residuals": ("residual", "contrast", "confidence", "colour"),
            "no distances to the known regions": ("to_foreground", "to_background", "is_foreground", "is_background"),
            **{f"no {name}": (name,) for name in SOLVERS},
            "information_flow and samples": ("cf", "knn", "sampling"),
            "no samples": ("samples", "residual", "contrast", "confidence", "foreground", "background")}
SOURCES = {"only the site's trimaps": ("given",), "and composites": ("real", "composite"),
           "and drawn scenes": ("real", "drawn"), "drawn scenes alone": ("drawn",)}


def main():
    """Do the stages asked for; scenes and trees that are kept are not made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "fusion")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--folds", nargs="+", type=int, default=[*range(FOLDS)])
    parser.add_argument("--variants", nargs="+", choices=[*ABLATION, *SOURCES], default=[*ABLATION, *SOURCES])
    arguments = parser.parse_args()
    arguments.kept.mkdir(parents=True, exist_ok=True)
    for stage in [] if arguments.report else arguments.stages:
        globals()[f"do_{stage}"](arguments, environment(arguments.threads, names=PACKAGES))
    if arguments.report or tuple(arguments.stages) == STAGES:
        write_report(FOLDER, WEIGHTS["fusion"])


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
    merge_results(FOLDER / "result.json", metadata, score_solvers(labelled_cases(arguments.data)))


def do_folds(arguments, metadata):
    """Train and score the trees of every fold and seed."""
    for seed in arguments.seeds:
        for fold in arguments.folds:
            do_fold(arguments, metadata, FUSION, seed, fold)


def do_ablation(arguments, metadata):
    """Train and score, with the first seed, fewer trees that miss something, or learn from other scenes."""
    for name in arguments.variants:
        for fold in arguments.folds:
            do_fold(arguments, metadata, name, arguments.seeds[0], fold, ABLATION.get(name, ()),
                    SOURCES.get(name, LEARNED), SMALL)


def do_fold(arguments, metadata, method, seed, fold, without=(), sources=LEARNED, options=None):
    """Train trees without a fold's photographs, and score them on these."""
    start = time.perf_counter()
    held_out = in_fold(alphamatting_names(arguments.data), fold)
    path = arguments.kept / f"{method.replace(' ', '_')}-{seed}-{fold}.npz"
    if not path.exists():
        rows = learned_rows(arguments, held_out, sources, 1 if options is None else 3)
        trees = train_fusion(rows, seed=seed, without=without, threads=arguments.threads, **options or {})
        np.savez(path, **trees._asdict())
    trees = Trees(**np.load(path))
    cases = [case for case in labelled_cases(arguments.data) if case.name in held_out]
    found = score_trees(trees, method, cases, seed, without)
    print(method, seed, fold, {key: round(float(np.mean([row["error"][key] for row in found])), 2)
                               for key in found[0]["error"]}, f"{time.perf_counter() - start:.0f} s", flush=True)
    merge_results(FOLDER / "result.json", metadata, found)


def learned_rows(arguments, held_out, sources, every):
    """Return the rows, or every so manieth of them, of the scenes of some sources without some photographs."""
    found = []
    for name in scene_names(arguments.data):
        group, source, number = name.split("/")
        is_given = group == "real" and int(number) < 2 and "given" in sources
        if source not in held_out and (group in sources or is_given):
            found.append(read_rows(name, arguments.kept / "scenes", every))
    return found


def do_weights(arguments, _):
    """Train on everything with the first seed, and write the package's weights."""
    import torch

    from hybridmatte.networks import SolverFusion
    from hybridmatte.networks.export import export_fusion

    rows = learned_rows(arguments, (), LEARNED, 1)
    trees = train_fusion(rows, seed=arguments.seeds[0], threads=arguments.threads)
    network = SolverFusion.of_trees(trees, features=len(FEATURES), trusted=PLANES.index(TRUSTED))
    card = WEIGHTS["fusion"] / "README.md"
    text = card.read_text(encoding="utf-8")
    network.save_pretrained(WEIGHTS["fusion"])
    card.write_text(text, encoding="utf-8")
    print("ONNX differs by", export_fusion(network, WEIGHTS["fusion"] / "model.onnx",
                                           torch.from_numpy(rows[0].features)), flush=True)
    write_checksum(WEIGHTS["fusion"] / "model.safetensors")


def do_sheet(arguments, _):
    """Draw the photographs without true alpha, by the weights of the package."""
    draw_sheet(arguments.data, arguments.kept / "fusion.png")


if __name__ == "__main__":
    main()
