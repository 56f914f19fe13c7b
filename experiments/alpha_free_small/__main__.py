"""Train networks by six policies and several seeds, score them, and write the tables and the growth of an alpha."""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import torch

from experiments.alpha_free_small.cost import measure_cost
from experiments.alpha_free_small.growth import KeepAlphas, draw_growth
from experiments.alpha_free_small.report import write_report
from experiments.alpha_free_small.samples import halved, other_samples, test_samples, without_alpha
from experiments.alpha_free_small.softness import describe
from experiments.common import add_data_argument, environment, merge_results, positive_int
from hybridmatte import solve_cf
from hybridmatte.training import MattingScores, read_config, train
from hybridmatte.training.scores import predict_sample
from hybridmatte.trimap import split_trimap

FOLDER = Path(__file__).parent
POLICIES = {"known": "none", "known + affinity": "affinity", "known + DC": "dc", "known + DDC": "ddc",
            "known + hinge": "hinge", "true alpha": None}
FORMS = {"automatic": False, "trimap": True}
VARIANTS = {"as configured": {}, "window 5": {"window_size": 5}, "window 21": {"window_size": 21},
            "weight 1": {"prior_weight": 1.0}, "weight 100": {"prior_weight": 100.0}, "width 2": {"width": 2.0},
            "half size": {}, "half size, weight 1": {"prior_weight": 1.0}, "held out": {}}
FOLDS = 2  # of "held out": a network is scored on the photographs that it was not trained on
CONFIDENCE = 0.01  # of the network's alpha in solve_cf
KEYS = ("method", "subject")


def main():
    """Run what is asked for; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--policies", nargs="+", choices=list(POLICIES), default=list(POLICIES))
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=["as configured"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=positive_int, help="more or fewer than config.toml's, for all runs")
    parser.add_argument("--precision", default="32-true", help="as Lightning names it, e.g. bf16-mixed")
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--cost", action="store_true", help="only measure the loss's share of a step")
    parser.add_argument("--report", action="store_true", help="only write the tables from result.json")
    arguments = parser.parse_args()
    if arguments.cost:
        plain, with_prior = measure_cost()
        print(f"ViTMatte-S, 1 x 3 x 512 x 512: {plain:.2f} s a step, with DDC {with_prior:.2f} s: "
              f"{(with_prior - plain) / with_prior:.1%} of it")
        return
    if not arguments.report:
        run_all(arguments)
    write_report(FOLDER, list(POLICIES))


def run_all(arguments):
    """Run all that is asked for; draw the growth under seed 0 if all policies are among them."""
    torch.set_num_threads(arguments.threads)
    metadata = environment(arguments.threads, names=("numpy", "torch", "timm", "lightning"))
    for variant, seed, form in itertools.product(arguments.variants, arguments.seeds, arguments.forms):
        keepers = {}
        for policy in arguments.policies:
            config = configure(policy, form, variant, seed, arguments.steps)
            keepers[policy] = KeepAlphas()
            rows = run(f"{policy}, {form}", variant, config, arguments, keepers[policy])
            merge_results(FOLDER / "result.json", metadata, rows, KEYS)
            print(policy, form, variant, seed, *(row["error"] for row in rows), rows[0]["median_s"], flush=True)
        if seed == 0 and len(keepers) == len(POLICIES):
            draw_growth(keepers, FOLDER / f"growth_{form}.jpg")


def configure(policy, form, variant, seed, steps=None):
    """Return the configuration of one run."""
    prior = POLICIES[policy]
    changes = {"paradigm": "supervised"} if prior is None else {"prior": prior}
    if steps is not None:
        changes["epoch_steps"] = steps // 10
    return read_config(FOLDER / "config.toml", seed=seed, trimap_input=FORMS[form], **changes, **VARIANTS[variant])


def run(name, variant, config, arguments, keeper):
    """Train and score; return the rows of the network alone and of closed form with it as prior."""
    alone, refined, pairs = MattingScores(), MattingScores(), []
    seconds = 0.0
    for training, scored in splits(variant, arguments.data, with_alpha=config.paradigm == "supervised"):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            network = train(config, training, Path(folder) / "run", precision=arguments.precision, progress=False,
                            callbacks=[keeper])
        seconds += time.perf_counter() - start
        for sample in scored:
            alpha = predict_sample(network, sample)
            alone.update(alpha, sample.alpha, sample.trimap)
            is_unknown = split_trimap(sample.trimap).is_unknown
            pairs.append((alpha[is_unknown], sample.alpha[is_unknown]))
            solved = solve_cf(sample.image, sample.trimap, prior=alpha, confidence=CONFIDENCE)
            refined.update(solved, sample.alpha, sample.trimap)
    name += "" if variant == "as configured" else f", {variant}"
    steps = config.epochs * config.epoch_steps
    errors = {"": alone.compute() | describe(pairs), ", then closed form": refined.compute()}
    return [{"method": name + suffix, "subject": f"{steps} steps, seed {config.seed}", "median_s": seconds,
             "size": [config.crop, config.crop], "iqr_s": None, "peak_mib": None, "error": error}
            for suffix, error in errors.items()]


def splits(variant, data, *, with_alpha):
    """Yield pairs of samples to train on and samples to score."""
    twelve, others = test_samples(data), other_samples(data)
    if variant.startswith("half size"):
        twelve, others = [halved(sample) for sample in twelve], [halved(sample) for sample in others]
    if variant == "held out":
        for fold in range(FOLDS):
            kept = [sample for index, sample in enumerate(twelve) if index % FOLDS != fold]
            yield (kept if with_alpha else without_alpha(kept)), twelve[fold::FOLDS]
    else:
        yield (twelve if with_alpha else [*without_alpha(twelve), *others]), twelve


if __name__ == "__main__":
    main()
