"""Make free scenes, choose a recipe on held-out ones, train, score on all photographs, and write the weights."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from experiments.data_sets import TRIMAPS
from experiments.fresh_process import THREAD_VARIABLES
from experiments.fusion import FREE, METHOD_SOURCES, SHIPPED
from experiments.fusion.doubts import Doubts, doubt_rows, fit_scaling
from experiments.fusion.kept_scenes import Rows, keep_rows, keep_scene, read_rows, read_scene, scene_path
from experiments.fusion.photographs import Split, photograph_names, splits
from experiments.fusion.run import (
    given_scenes,
    judge_doubts,
    learned_rows,
    save_weights,
    scale_doubts,
    score_networks,
    trained_path,
)
from experiments.fusion.scoring import Trained, load_network
from experiments.fusion.stress import stress_names
from experiments.fusion.training import train_fusion
from experiments.fusion_free import (
    BESIDE,
    CANDIDATE,
    METHODS,
    RENDERED,
    TUNING,
    FreeOptions,
    Recipe,
)
from experiments.fusion_free.free_scenes import free_names, is_held_out, make_free_scene, recipe_names
from experiments.results import Row, make_row
from hybridmatte.correction.estimates import BASE_SOLVER
from hybridmatte.correction.features import FEATURES
from hybridmatte.correction.network import WRONG, Perceptron, predict_correction_and_doubt
from hybridmatte.networks import SolverFusion

WEIGHTS_SEED = 0
UNSEEN, FOLDS = "unseen", "folds"  # protocols: no photograph is learned from; five folds of the twenty


def run(options: FreeOptions) -> Iterator[list[Row]]:
    """Do the parts asked for; scenes and networks that are kept are not made again."""
    (options.kept / "scenes").mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # of the workers; this process has read them already
    with ProcessPoolExecutor(options.threads, get_context("spawn")) as pool:
        if "scenes" in options.parts:
            make_scenes(options, pool)
        if "tuning" in options.parts:
            for variant in options.variants:
                yield score_variant(options, variant, pool)
        if "free" in options.parts:
            networks = train_free(options, pool)
            yield score_networks(options, given_scenes(photograph_names(options.data)), networks, pool)
        if "stress" in options.parts:
            networks = train_free(options, pool)
            yield score_networks(options, stress_names(options.data), networks, pool)
        if "doubts" in options.parts:
            given = given_scenes(photograph_names(options.data))
            yield doubt_rows(judge_doubts(options, given, train_free(options, pool), pool))
        if "candidate" in options.parts:
            yield score_candidate(options, pool)
    if "weights" in options.parts:
        write_weights(options)


def make_scenes(options: FreeOptions, pool: ProcessPoolExecutor) -> None:
    """Make and solve the free scenes and keep features of some pixels."""
    names = free_names()
    done = pool.map(partial(make_one, pictures=options.pictures, folder=options.kept / "scenes"), names)
    print(f"{sum(done)} scenes made of {len(names)}", flush=True)


def make_one(name: str, pictures: Path, folder: Path) -> bool:
    """Make and solve a scene, and keep features of some pixels to learn from; return whether it was missing."""
    was_missing = not scene_path(name, folder).exists()
    if was_missing:
        keep_scene(name, make_free_scene(name, pictures), folder)
    keep_rows(name, folder)
    return was_missing


def recipe_rows(options: FreeOptions, recipe: Recipe, is_whole: bool = True) -> list[Rows]:
    """Return the rows that a recipe learns from, without those of held-out foregrounds unless `is_whole`."""
    return [
        Rows(*(part[:: recipe.groups[name.split("/")[0]]] for part in read_rows(name, options.kept / "scenes")))
        for name in recipe_names(recipe)
        if is_whole or not is_held_out(name)
    ]


def train_recipe(options: FreeOptions, task: tuple[Trained, Recipe, bool]) -> Trained:
    """Train a network by a recipe unless it is kept."""
    trained, recipe, is_whole = task
    if not trained.path.exists():
        torch.set_num_threads(1)
        network = train_fusion(recipe_rows(options, recipe, is_whole), seed=trained.seed, steps=recipe.steps)
        _keep(network, trained)
    return trained


def score_variant(options: FreeOptions, variant: str, pool: ProcessPoolExecutor) -> list[Row]:
    """Return rows of a recipe: its error on the twelve photographs."""
    trained = Trained(variant, 0, "tuning", (), trained_path(options.kept, f"free tuning, {variant}, seed 0"))
    pool.submit(train_recipe, options, (trained, TUNING[variant], True)).result()
    network = load_network(trained.path)
    found = {}
    for number, kind in enumerate(TRIMAPS):
        twelve = [f"real/{name}/{number}" for name in splits("sets", options.data)[0].learned]
        found[f"the twelve, {kind}"] = error_ratio(network, options, twelve)
    return [make_row(variant, subject, 0, {"ratio": ratio}, tuning=True) for subject, ratio in found.items()]


def held_out_names() -> list[str]:
    """Return the names of the held-out rendered scenes."""
    return [name for name in free_names((RENDERED,)) if is_held_out(name)]


def error_ratio(network: Perceptron, options: FreeOptions, names: Sequence[str]) -> float:
    """Return a network's sum of absolute errors over information flow's, estimated from the scenes' kept pixels."""
    sums = np.zeros(2)
    for name in names:
        features, truth = read_rows(name, options.kept / "scenes")
        base = features[:, FEATURES.index(BASE_SOLVER)]
        correction, _ = predict_correction_and_doubt(network, features)
        errors = [np.abs(alpha.clip(0, 1) - truth).mean() for alpha in (base + correction, base)]
        sums += unknown_count(name, options.kept / "scenes") * np.array(errors)
    return float(sums[0] / sums[1])


@cache
def unknown_count(name: str, folder: Path) -> int:
    """Return the number of unknown pixels of a kept scene."""
    return int((read_scene(name, folder)[0].known == 0.5).sum())


def train_free(options: FreeOptions, pool: ProcessPoolExecutor) -> list[Trained]:
    """Train each method's networks with each seed on all free scenes."""
    tasks = [
        (_free_network(options, method, seed), METHODS[method], True)
        for method in options.methods
        for seed in options.seeds
    ]
    return list(pool.map(partial(train_recipe, options), tasks))


def score_candidate(options: FreeOptions, pool: ProcessPoolExecutor) -> list[Row]:
    """Return rows of networks that learn from what is shipped and from rendered scenes, in five folds."""
    tasks = [
        (
            Trained(
                CANDIDATE,
                seed,
                FOLDS,
                split.held_out,
                trained_path(options.kept, f"{CANDIDATE}, fold {number}, seed {seed}"),
            ),
            split,
        )
        for seed in options.seeds
        for number, split in enumerate(splits(FOLDS, options.data))
    ]
    networks = list(pool.map(partial(train_candidate, options), tasks))
    names = [*given_scenes(photograph_names(options.data)), *stress_names(options.data)]
    return score_networks(options, names, networks, pool)


def train_candidate(options: FreeOptions, task: tuple[Trained, Split]) -> Trained:
    """Train one network of the candidate unless it is kept."""
    trained, split = task
    if not trained.path.exists():
        torch.set_num_threads(1)
        rows = learned_rows(options, split.learned, METHOD_SOURCES[SHIPPED])
        _keep(train_fusion([*rows, *recipe_rows(options, BESIDE)], seed=trained.seed), trained)
    return trained


def write_weights(options: FreeOptions) -> None:
    """Train on all free scenes with one seed, and write the weights of the package; the report writes their card.

    The doubts are scaled by what a network without the held-out foregrounds says of these, so that no photograph takes
    part in the weights.
    """
    recipe = METHODS[FREE]
    part = Trained(FREE, WEIGHTS_SEED, "part", (), trained_path(options.kept, f"{FREE}, part, seed {WEIGHTS_SEED}"))
    train_recipe(options, (part, recipe, False))
    kept = [read_rows(name, options.kept / "scenes") for name in held_out_names()]
    features, truth = map(np.concatenate, zip(*kept, strict=True))
    correction, logits = predict_correction_and_doubt(load_network(part.path), features)
    found = (features[:, FEATURES.index(BASE_SOLVER)] + correction).clip(0, 1)
    scaling = fit_scaling(Doubts(logits, np.abs(found - truth) > WRONG))
    print("doubts scaled by", scaling, flush=True)
    options.weights.mkdir(exist_ok=True)
    whole = train_recipe(options, (_free_network(options, FREE, WEIGHTS_SEED), recipe, True))
    network = SolverFusion.from_pretrained(whole.path.parent)
    save_weights(options, scale_doubts(network, scaling), recipe_rows(options, recipe))


def _free_network(options: FreeOptions, method: str, seed: int) -> Trained:
    """Return where a network of all free scenes is kept."""
    names = tuple(photograph_names(options.data))
    return Trained(method, seed, UNSEEN, names, trained_path(options.kept, f"{method}, seed {seed}"))


def _keep(network: SolverFusion, trained: Trained) -> None:
    trained.path.parent.mkdir(parents=True, exist_ok=True)
    network.save_pretrained(trained.path.parent)
    print("trained", trained.path.parent.name, flush=True)
