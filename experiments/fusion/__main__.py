"""Make scenes, train the fusing network on folds and on everything, score it, and write weights and card."""

import argparse
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from experiments.common import (
    add_training_arguments,
    alphamatting_names,
    merge_results,
    positive_int,
    training_environment,
    write_checksum,
)
from experiments.fusion.pictures import draw_sheet
from experiments.fusion.report import write_report
from experiments.fusion.scenes import scene_names
from experiments.fusion.scoring import (
    FOLDS,
    FUSION,
    HELD_OUT,
    LEARNED,
    errors_of_scene,
    in_fold,
    labelled_cases,
    score_network,
    score_solvers,
)
from experiments.fusion.solved import read_scene, write_scene
from experiments.fusion.training import MEMBERS, train_fusion
from hybridmatte.bundled import WEIGHTS
from hybridmatte.networks import load_network
from hybridmatte.networks.export import export_fusion
from hybridmatte.solver_fusion import CANDIDATES, PLANES, fusion_planes

FOLDER = Path(__file__).parent
STAGES = ("scenes", "solvers", "folds", "objects", "ablation", "weights", "sheet")
RESIDUALS = tuple(name for name in PLANES if name.startswith("residual"))
ABLATION = {"everything": (), "no residuals": (*RESIDUALS, "contrast", "confidence"),
            "no distances": ("to_foreground", "to_background"),
            **{f"no {name}": (name, f"residual_{name}") for name in CANDIDATES}}
SOURCES = {"drawn scenes alone": ("drawn",), "no drawn scenes": ("real", "composite")}


def main():
    """Do the stages asked for; what is kept is not made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "fusion_networks")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--folds", nargs="+", type=int, default=[*range(FOLDS)])
    parser.add_argument("--steps", type=positive_int, default=600)
    parser.add_argument("--variants", nargs="+", choices=[*ABLATION, *SOURCES], default=[*ABLATION, *SOURCES])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.kept.mkdir(parents=True, exist_ok=True)
    for stage in [] if arguments.report else arguments.stages:
        globals()[f"do_{stage}"](arguments, training_environment(arguments.threads))
    if arguments.report or tuple(arguments.stages) == STAGES:
        write_report(FOLDER, WEIGHTS["fusion"])


def do_scenes(arguments, _):
    """Make and solve all scenes, in as many processes as there are threads."""
    folder = arguments.kept / "scenes"
    folder.mkdir(exist_ok=True)
    names = scene_names(arguments.data)
    with ProcessPoolExecutor(arguments.threads, get_context("spawn")) as pool:
        done = pool.map(partial(write_scene, data=arguments.data, folder=folder), names)
        print(f"{sum(done)} scenes made of {len(names)}", flush=True)


def do_solvers(arguments, metadata):
    """Score every solver."""
    merge_results(FOLDER / "result.json", metadata, score_solvers(labelled_cases(arguments.data)))


def do_folds(arguments, metadata):
    """Train and score the network of every fold and seed."""
    for seed in arguments.seeds:
        for fold in arguments.folds:
            network = kept_network(arguments, f"{FUSION}-{seed}-{fold}", arguments.steps, seed, fold)
            score_fold(arguments, metadata, network, FUSION, seed, fold)


def do_objects(arguments, metadata):
    """Score the folds' networks of the first seed on composites, of objects that they learned from and others."""
    photographs, found = alphamatting_names(arguments.data), {LEARNED: [], HELD_OUT: []}
    for fold in arguments.folds:
        network = load_network(kept_network(arguments, f"{FUSION}-{arguments.seeds[0]}-{fold}", arguments.steps,
                                            arguments.seeds[0], fold))
        for name in scene_names(arguments.data):
            group, source, _ = name.split("/")
            if group == "composite" and source in photographs:
                kind = HELD_OUT if source in in_fold(photographs, fold) else LEARNED
                found[kind].append(errors_of_scene(network, read_scene(name, arguments.kept / "scenes")))
    merge_results(FOLDER / "result.json", metadata, [
        {"method": kind, "subject": "composites", "size": len(errors), "median_s": None, "iqr_s": None,
         "peak_mib": None, "error": {name: float(np.sum([error[name] for error in errors])) for name in errors[0]}}
        for kind, errors in found.items()])


def do_ablation(arguments, metadata):
    """Train and score, with the first seed, networks of one member that miss something."""
    for name in arguments.variants:
        for fold in arguments.folds:
            seed, without, sources = arguments.seeds[0], ABLATION.get(name, ()), SOURCES.get(name)
            network = kept_network(arguments, f"{name}-{seed}-{fold}", arguments.steps, seed, fold, without, sources,
                                   members=1)
            score_fold(arguments, metadata, network, name, seed, fold, without)


def do_weights(arguments, _):
    """Train on everything with the first seed, and write the package's weights."""
    folder = kept_network(arguments, f"{FUSION}-{arguments.seeds[0]}-all", arguments.steps, arguments.seeds[0], None)
    WEIGHTS["fusion"].mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(folder / name, WEIGHTS["fusion"] / name)
    scene = read_scene(next(iter(scene_names(arguments.data))), arguments.kept / "scenes")
    solved, _ = scene.part(slice(None), slice(None))
    planes = torch.from_numpy(fusion_planes(solved))[None]
    print("ONNX differs by", export_fusion(load_network(folder), WEIGHTS["fusion"] / "model.onnx", planes), flush=True)
    write_checksum(WEIGHTS["fusion"])


def do_sheet(arguments, _):
    """Draw the photographs without true alpha, by the weights of the package."""
    draw_sheet(arguments.data, arguments.kept / "fusion.png")


def kept_network(arguments, name, steps, seed, fold, without=(), sources=None, members=MEMBERS):
    """Return the folder of a network, trained now if it is not kept."""
    folder = arguments.kept / name.replace(" ", "_")
    if not folder.is_dir():
        start, held_out = time.perf_counter(), in_fold(alphamatting_names(arguments.data), fold)
        names = [scene for scene in scene_names(arguments.data) if scene.split("/")[1] not in held_out]
        scenes = [read_scene(scene, arguments.kept / "scenes") for scene in names
                  if sources is None or scene.split("/")[0] in sources]
        network = train_fusion(scenes, steps=steps, seed=seed, without=without, members=members)
        network.save_pretrained(folder)
        print(f"{name} in {time.perf_counter() - start:.0f} s", flush=True)
    return folder


def score_fold(arguments, metadata, folder, method, seed, fold, without=()):
    """Score a network on the photographs that it has not seen."""
    held_out = in_fold(alphamatting_names(arguments.data), fold)
    cases = [case for case in labelled_cases(arguments.data) if case.name in held_out]
    rows = score_network(load_network(folder), method, cases, seed, without)
    print(method, seed, fold, {key: round(float(np.mean([row["error"][key] for row in rows])), 2)
                               for key in rows[0]["error"]}, flush=True)
    merge_results(FOLDER / "result.json", metadata, rows)


if __name__ == "__main__":
    main()
