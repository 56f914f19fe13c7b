"""Make scenes, train on folds and on everything, score, and write the weights of the package."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from experiments.data_sets import alphamatting_cases, alphamatting_names
from experiments.fusion import ABLATION, FUSION, OTHER_SOURCES, SOURCES, Options
from experiments.fusion.kept_scenes import Rows, keep_rows, read_rows, write_scene
from experiments.fusion.pictures import draw_sheet
from experiments.fusion.scenes import is_given, scene_names
from experiments.fusion.scoring import in_fold, score_network, score_solvers
from experiments.fusion.training import train_fusion
from experiments.results import Row
from hybridmatte.correction.weights import checksum
from hybridmatte.networks.export import export_fusion

ABLATION_SEED, WEIGHTS_SEED = 1, 0


def run(options: Options) -> Iterator[list[Row]]:
    """Do the parts asked for; scenes that are kept are not made again."""
    options.kept.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    if "scenes" in options.parts:
        make_scenes(options)
    if "solvers" in options.parts:
        yield score_solvers(alphamatting_cases(options.data))
    if "folds" in options.parts:
        for seed in options.seeds:
            yield from cross_validate(options, FUSION, seed)
    if "ablation" in options.parts:
        for name in options.variants:
            yield from cross_validate(
                options, name, ABLATION_SEED, ABLATION.get(name, ()), OTHER_SOURCES.get(name, SOURCES)
            )
    if "weights" in options.parts:
        write_weights(options)
    if "sheet" in options.parts:
        draw_sheet(options.data, options.kept / "fusion.png")


def make_scenes(options: Options) -> None:
    """Make and solve all scenes and keep features of some pixels, in as many processes as there are threads."""
    folder = options.kept / "scenes"
    folder.mkdir(exist_ok=True)
    names = scene_names(options.data)
    with ProcessPoolExecutor(options.threads, get_context("spawn")) as pool:
        done = pool.map(partial(write_scene, data=options.data, folder=folder), names)
        print(f"{sum(done)} scenes made of {len(names)}", flush=True)
        list(pool.map(partial(keep_rows, folder=folder), names))


def cross_validate(
    options: Options, method: str, seed: int, without: Sequence[str] = (), sources: Sequence[str] = SOURCES
) -> Iterator[list[Row]]:
    """Train a network without the photographs of each fold, and score these."""
    for fold in options.folds:
        held_out = in_fold(alphamatting_names(options.data), fold)
        network = train_fusion(learned_rows(options, held_out, sources), seed=seed, without=without)
        yield score_network(network.without_torch(), method, options.data, held_out, seed, without)


def learned_rows(options: Options, held_out: Sequence[str], sources: Sequence[str]) -> list[Rows]:
    """Return the rows of the scenes of some sources without some photographs."""
    return [
        read_rows(name, options.kept / "scenes")
        for name in scene_names(options.data)
        if name.split("/")[1] not in held_out
        and (name.split("/")[0] in sources or is_given(name) and "given" in sources)
    ]


def write_weights(options: Options) -> None:
    """Train on everything with one seed, and write the weights of the package; the report writes their card."""
    rows = learned_rows(options, (), SOURCES)
    network = train_fusion(rows, seed=WEIGHTS_SEED)
    with tempfile.TemporaryDirectory() as folder:  # save_pretrained also writes a card
        network.save_pretrained(folder)
        for name in ("config.json", "model.safetensors"):
            shutil.copyfile(Path(folder, name), options.weights / name)
    difference = export_fusion(network, options.weights / "model.onnx", torch.from_numpy(rows[0].features))
    print("ONNX differs by", difference, flush=True)
    content = (options.weights / "model.safetensors").read_bytes()
    (options.weights / "model.sha256").write_text(checksum(content) + "\n", encoding="ascii")
