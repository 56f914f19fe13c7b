"""Train networks by six policies and several seeds, score them, and write the tables and the growth of an alpha."""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from experiments.alpha_free_small.cost import measure_cost
from experiments.alpha_free_small.growth import KeepAlphas, draw_growth
from experiments.alpha_free_small.report import write_report
from experiments.alpha_free_small.samples import test_samples, training_samples
from experiments.common import add_data_argument, environment, merge_results, positive_int
from hybridmatte import solve_cf
from hybridmatte.networks import predict_alpha
from hybridmatte.training import MattingScores, read_config, train

FOLDER = Path(__file__).parent
POLICIES = {"known": "none", "known + affinity": "affinity", "known + DC": "dc", "known + DDC": "ddc",
            "known + hinge": "hinge", "true alpha": None}
FORMS = {"automatic": False, "trimap": True}
CONFIDENCE = 0.01  # of the network's alpha in solve_cf
KEYS = ("method", "subject")


def main():
    """Run what is asked for; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--policies", nargs="+", choices=list(POLICIES), default=list(POLICIES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=positive_int, help="more or fewer than config.toml's, for all runs")
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
    write_report(FOLDER, list(POLICIES), list(FORMS))


def run_all(arguments):
    """Run every policy, form and seed; draw the growth under the first seed if all trimap policies are among them."""
    torch.set_num_threads(2)
    metadata = environment(2, names=("numpy", "torch", "timm", "lightning"))
    truth = test_samples(arguments.data)
    for seed in arguments.seeds:
        for form in arguments.forms:
            keepers = {}
            for policy in arguments.policies:
                config = configure(policy, form, seed, arguments.steps)
                keepers[policy] = KeepAlphas()
                rows = run(f"{policy}, {form}", config, arguments.data, truth, keepers[policy])
                merge_results(FOLDER / "result.json", metadata, rows, KEYS)
                print(form, policy, seed, *(row["error"] for row in rows), rows[0]["median_s"], flush=True)
            if seed == 0 and len(keepers) == len(POLICIES):
                draw_growth(keepers, FOLDER / f"growth_{form}.jpg")


def configure(policy, form, seed, steps=None):
    """Return the configuration of one run."""
    prior = POLICIES[policy]
    changes = {"paradigm": "supervised"} if prior is None else {"prior": prior}
    if steps is not None:
        changes["epoch_steps"] = steps // 10
    return read_config(FOLDER / "config.toml", seed=seed, trimap_input=FORMS[form], **changes)


def run(name, config, data, truth, keeper):
    """Train once; return the rows of the network alone and of closed form with it as prior."""
    samples = training_samples(data, with_alpha=config.paradigm == "supervised")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        network = train(config, samples, Path(folder) / "run", progress=False, callbacks=[keeper])
    seconds = time.perf_counter() - start
    alone, refined = MattingScores(), MattingScores()
    for sample in truth:
        alpha = predict_alpha(network, sample.image, sample.trimap if network.takes_trimap else None)
        alone.update(alpha, sample.alpha, sample.trimap)
        solved = solve_cf(sample.image, sample.trimap, prior=alpha, confidence=CONFIDENCE)
        refined.update(solved, sample.alpha, sample.trimap)
    steps = config.epochs * config.epoch_steps
    return [{"method": f"{name}{suffix}", "subject": f"{steps} steps, seed {config.seed}", "median_s": seconds,
             "size": [config.crop, config.crop], "iqr_s": None, "peak_mib": None, "error": scores.compute()}
            for suffix, scores in (("", alone), (", then closed form", refined))]


if __name__ == "__main__":
    main()
