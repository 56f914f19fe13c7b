"""Make scenes, train by each protocol and on everything, score, and write the weights of the package."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from experiments.data_sets import alphamatting_cases
from experiments.fresh_process import THREAD_VARIABLES
from experiments.fusion import (
    ABLATION,
    FORMER,
    FUSION,
    METHOD_SOURCES,
    OTHER_SOURCES,
    SHIPPED,
    SOURCES,
    TOGETHER,
    Options,
)
from experiments.fusion.doubts import Doubts, Key, Scaling, doubt_rows, fit_scaling, joined, scene_doubts
from experiments.fusion.kept_scenes import Rows, keep_rows, read_rows, write_scene
from experiments.fusion.peers import score_peers
from experiments.fusion.photographs import Split, photograph_names, splits
from experiments.fusion.pictures import draw_sheet
from experiments.fusion.scenes import GIVEN_TRIMAPS, is_given, scene_names
from experiments.fusion.scoring import Trained, score_scene, score_solvers
from experiments.fusion.second_output import with_doubts
from experiments.fusion.stress import is_stress, stress_names
from experiments.fusion.training import train_fusion
from experiments.results import Row
from hybridmatte.correction.weights import checksum
from hybridmatte.networks import SolverFusion
from hybridmatte.networks.export import export_fusion

ABLATION_SEED, WEIGHTS_SEED = 1, 0
FEWER = 5  # one of so many pixels of hard scenes is learned from, where these are few
SCALINGS = "doubts.json"  # in the folder of kept scenes


def run(options: Options) -> Iterator[list[Row]]:
    """Do the parts asked for; scenes and networks that are kept are not made again."""
    options.kept.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # of the workers; this process has read them already
    with ProcessPoolExecutor(options.threads, get_context("spawn")) as pool:
        if "scenes" in options.parts:
            is_needed = "ablation" in options.parts
            make_scenes(
                options, [name for name in scene_names(options.data) if is_needed or "drawn/" not in name], pool
            )
        if "solvers" in options.parts:
            yield score_solvers(alphamatting_cases(options.data))
        if "peers" in options.parts:
            names = given_scenes(photograph_names(options.data))
            yield _rows(pool.map(partial(score_peers, folder=options.kept / "scenes"), names))
        if "folds" in options.parts:
            networks = train_networks(options, options.protocols, pool)
            yield score_networks(options, given_scenes(photograph_names(options.data)), networks, pool)
        if "stress" in options.parts:
            make_scenes(options, stress_names(options.data), pool)
            networks = train_networks(options, options.protocols, pool)
            yield score_networks(options, stress_names(options.data), networks, pool)
        if "ablation" in options.parts:
            yield from ablate(options, pool)
        if "doubts" in options.parts:
            yield score_doubts(options, pool)
        if "former" in options.parts:
            yield from score_former(options, pool)
    finish(options)


def finish(options: Options) -> None:
    """Write what is not scored: weights of the package, and the sheet."""
    if "weights" in options.parts:
        write_weights(options)
    if "sheet" in options.parts:
        draw_sheet(options.data, options.kept / "fusion.png")


def make_scenes(options: Options, names: Sequence[str], pool: ProcessPoolExecutor) -> None:
    """Make and solve scenes and keep features of some pixels."""
    folder = options.kept / "scenes"
    folder.mkdir(exist_ok=True)
    done = pool.map(partial(make_one, data=options.data, folder=folder), names)
    print(f"{sum(done)} scenes made of {len(names)}", flush=True)


def make_one(name: str, data: Path, folder: Path) -> bool:
    """Make and solve a scene, and keep features of some pixels to learn from; return whether it was missing."""
    was_missing = write_scene(name, data, folder)
    if not is_stress(name):
        keep_rows(name, folder)
    return was_missing


def train_networks(options: Options, protocols: Sequence[str], pool: ProcessPoolExecutor) -> list[Trained]:
    """Train each method's networks by some protocols with each seed; networks that are kept are not trained again."""
    tasks = [
        (_trained(options, method, seed, protocol, number, split.held_out), split, METHOD_SOURCES[method])
        for seed in options.seeds
        for protocol in protocols
        for method in options.methods
        for number, split in enumerate(splits(protocol, options.data))
    ]
    return list(pool.map(partial(train_one, options), tasks))


def train_one(options: Options, task: tuple[Trained, Split, Sequence[str]]) -> Trained:
    """Train one network unless it is kept."""
    trained, split, sources = task
    if not trained.path.exists():
        torch.set_num_threads(1)
        rows = learned_rows(options, split.learned, sources)
        together = trained.method == TOGETHER
        network = train_fusion(rows, seed=trained.seed, without=trained.without, together=together)
        trained.path.parent.mkdir(parents=True, exist_ok=True)
        network.save_pretrained(trained.path.parent)
        print("trained", trained.path.parent.name, flush=True)
    return trained


def score_networks(
    options: Options, names: Sequence[str], networks: Sequence[Trained], pool: ProcessPoolExecutor
) -> list[Row]:
    """Return rows of the solvers and of the networks on scenes whose photograph these have not seen."""
    return _rows(pool.map(partial(score_scene, folder=options.kept / "scenes", networks=networks), names))


def score_former(options: Options, pool: ProcessPoolExecutor) -> Iterator[list[Row]]:
    """Score weights that were trained on the twelve on the eight; doubts fitted to six of these on the other two."""
    if options.former is None:
        raise FileNotFoundError("no folder of former weights given, expected --former")
    parts = splits("eight", options.data)
    eight = [name for split in parts for name in split.held_out]
    stress = [name for name in stress_names(options.data) if name.split("/")[1] in eight]
    make_scenes(options, [*given_scenes(eight), *stress], pool)
    network = SolverFusion.from_pretrained(options.former)
    networks = []
    for number, split in enumerate(parts):
        networks.append(_trained(options, FORMER, 0, "eight", number, split.held_out))
        fitted = with_doubts(network, given_rows(options, split.learned))
        networks[-1].path.parent.mkdir(parents=True, exist_ok=True)
        fitted.save_pretrained(networks[-1].path.parent)
    yield doubt_rows(judge_doubts(options, given_scenes(eight), networks, pool))
    yield score_networks(options, [*given_scenes(eight), *stress], networks, pool)


def given_rows(options: Options, photographs: Sequence[str]) -> list[Rows]:
    """Return the rows of photographs with the site's own trimaps."""
    return [read_rows(name, options.kept / "scenes") for name in given_scenes(photographs)]


def judge_doubts(
    options: Options, names: Sequence[str], networks: Sequence[Trained], pool: ProcessPoolExecutor
) -> dict[Key, Doubts]:
    """Return the doubts of networks on scenes whose photograph these have not seen."""
    found: dict[Key, list[Doubts]] = {}
    for part in pool.map(partial(scene_doubts, folder=options.kept / "scenes", networks=networks), names):
        for key, doubts in part.items():
            found.setdefault(key, []).append(doubts)
    return {key: joined(parts) for key, parts in found.items()}


def score_doubts(options: Options, pool: ProcessPoolExecutor) -> list[Row]:
    """Return rows of the doubts in the five folds, and keep each method's scaling for the package's weights."""
    networks = train_networks(options, ["folds"], pool)
    doubts = judge_doubts(options, given_scenes(photograph_names(options.data)), networks, pool)
    scalings = {
        method: fit_scaling(joined([part for key, part in doubts.items() if key[0] == method]))
        for method in options.methods
    }
    content = json.dumps({method: scaling._asdict() for method, scaling in scalings.items()})
    (options.kept / SCALINGS).write_text(content, encoding="utf-8")
    return doubt_rows(doubts)


def ablate(options: Options, pool: ProcessPoolExecutor) -> Iterator[list[Row]]:
    """Score networks without some features, or of other scenes, in four folds of the twelve photographs."""
    parts = splits("twelve", options.data)
    names = given_scenes([name for split in parts for name in split.held_out])
    for method in (FUSION, *options.variants):
        without, sources = ABLATION.get(method, ()), OTHER_SOURCES.get(method, SOURCES)
        tasks = [
            (
                _trained(options, method, ABLATION_SEED, "twelve", number, split.held_out)._replace(without=without),
                split,
                sources,
            )
            for number, split in enumerate(parts)
        ]
        networks = list(pool.map(partial(train_one, options), tasks))
        yield score_networks(options, names, networks, pool)


def given_scenes(photographs: Sequence[str]) -> list[str]:
    """Return the names of the scenes of photographs with the site's own trimaps."""
    return [f"real/{name}/{k}" for name in photographs for k in range(GIVEN_TRIMAPS)]


def learned_rows(options: Options, photographs: Sequence[str], sources: Sequence[str]) -> list[Rows]:
    """Return the rows of the scenes of some sources that show no other labelled photographs than the given ones."""
    others = set(photograph_names(options.data)) - set(photographs)
    found = []
    for name in scene_names(options.data):
        group, source, _ = name.split("/")
        if source in others:
            continue
        if group in sources or is_given(name) and "given" in sources:
            found.append(read_rows(name, options.kept / "scenes"))
        elif group == "hard" and "few hard" in sources:
            found.append(Rows(*(part[::FEWER] for part in read_rows(name, options.kept / "scenes"))))
    return found


def write_weights(options: Options) -> None:
    """Train on everything with one seed, and write the weights of the package; the report writes their card."""
    rows = learned_rows(options, photograph_names(options.data), METHOD_SOURCES[SHIPPED])
    network = train_fusion(rows, seed=WEIGHTS_SEED, together=SHIPPED == TOGETHER)
    scaling = Scaling(**json.loads((options.kept / SCALINGS).read_text(encoding="utf-8"))[SHIPPED])
    save_weights(options, scale_doubts(network, scaling), rows)


def scale_doubts(network: SolverFusion, scaling: Scaling) -> SolverFusion:
    """Return the network with scaled doubts: those of the folds say how large they are on unseen photographs."""
    with torch.no_grad():
        network.weights[-1][:, 1] *= scaling.scale
        network.biases[-1][1] = scaling.scale * network.biases[-1][1] + scaling.shift
    return network


def save_weights(options: Options, network: SolverFusion, rows: Sequence[Rows]) -> None:
    """Write the weights of the package as safetensors and ONNX, with their checksum; rows check the ONNX file."""
    with tempfile.TemporaryDirectory() as folder:  # save_pretrained also writes a card
        network.save_pretrained(folder)
        for name in ("config.json", "model.safetensors"):
            shutil.copyfile(Path(folder, name), options.weights / name)
    difference = export_fusion(network, options.weights / "model.onnx", torch.from_numpy(rows[0].features))
    print("ONNX differs by", difference, flush=True)
    content = (options.weights / "model.safetensors").read_bytes()
    (options.weights / "model.sha256").write_text(checksum(content) + "\n", encoding="ascii")


def _rows(parts: Iterable[list[Row]]) -> list[Row]:
    """Return the rows of several scenes as one list."""
    return [row for part in parts for row in part]


def _trained(
    options: Options, method: str, seed: int, protocol: str, number: int, held_out: tuple[str, ...]
) -> Trained:
    """Return where a network is kept, and what it is scored on."""
    path = trained_path(options.kept, f"{method}, {protocol} {number}, seed {seed}")
    return Trained(method, seed, protocol, held_out, path)


def trained_path(kept: Path, name: str) -> Path:
    """Return the file of a trained network."""
    return kept / "networks" / name.replace(", ", "_").replace(" ", "_") / "model.safetensors"
