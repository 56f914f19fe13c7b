"""Boost trees on the features of solved scenes' pixels."""

import numpy as np

from hybridmatte.boosted_trees import Trees
from hybridmatte.fusion_features import CANDIDATES, FEATURES, TRUSTED

ROUNDS = 600  # trees
SHAPE = {"objective": "l1", "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 200, "lambda_l2": 1.0}
DRAWN = {"feature_fraction": 0.3, "bagging_fraction": 0.5, "bagging_freq": 1}  # at random, for each tree
FALLBACK = "sampling"  # is corrected where the trusted solver is left out


def trusted_without(without):
    """Return the candidate that is corrected, by name."""
    return FALLBACK if TRUSTED in without else TRUSTED


def train_fusion(rows, *, seed, without=(), rounds=ROUNDS, threads=1):
    """Return `Trees` that give what the trusted candidate misses, by absolute error.

    Parameters
    ----------
    rows : list of Rows
    seed : int
    without : collection of str
        Words: features with one of them in their names are not looked at.
    rounds : int
    threads : int
    """
    import lightgbm

    features = np.concatenate([part.features for part in rows])
    features[:, left_out(without)] = 0
    error = np.concatenate([part.alpha for part in rows]) - features[:, FEATURES.index(trusted_without(without))]
    options = SHAPE | DRAWN | {"seed": seed, "num_threads": threads, "verbose": -1, "deterministic": True,
                               "force_row_wise": True}
    return trees_of(lightgbm.train(options, lightgbm.Dataset(features, error), rounds))


def left_out(without):
    """Return the numbers of the features that mention one of some words."""
    return [k for k, name in enumerate(FEATURES) if any(word in mentioned(name) for word in without)]


def mentioned(name):
    """Return the candidates in a feature's name, with all of its words."""
    words = name.replace("|", " ").replace(",", " ").replace("residual_", "residual ").split()
    every = CANDIDATES if "candidates" in words or "solvers" in words else ()
    return {*words, *every}


def trees_of(booster):
    """Return the `Trees` of a LightGBM booster."""
    parts = {name: [] for name in Trees._fields}
    for tree in booster.dump_model()["tree_info"]:
        parts["roots"].append(_add(tree["tree_structure"], parts))
    kinds = Trees(np.int32, np.int32, np.float32, np.int32, np.float32)
    arrays = Trees(*(np.array(parts[name], kind) for name, kind in zip(Trees._fields, kinds, strict=True)))
    return arrays._replace(branches=arrays.branches.reshape(-1, 2))


def _add(node, parts):
    """Add a node of LightGBM's and all below it; return its number."""
    if "leaf_value" in node:
        parts["values"].append(node["leaf_value"])
        return ~(len(parts["values"]) - 1)
    number = len(parts["feature"])
    parts["feature"].append(node["split_feature"])
    parts["threshold"].append(_rounded_down(node["threshold"]))
    parts["branches"].append(None)
    parts["branches"][number] = [_add(node[side], parts) for side in ("left_child", "right_child")]
    return number


def _rounded_down(threshold):
    """Return the largest float32 that is not above a number: the same float32 features are above it."""
    nearest = np.float32(threshold)
    return nearest if nearest <= threshold else np.nextafter(nearest, np.float32(-np.inf))
