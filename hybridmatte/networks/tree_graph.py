"""Boosted trees as an ONNX graph."""

import numpy as np

__all__ = ["tree_graph"]

OPSET, TREE_OPSET, IR = 17, 3, 8  # of the standard operators, of those of trees, and of the file


def tree_graph(trees, features, trusted):
    """Return the bytes of an ONNX file that corrects a feature by trees.

    Parameters
    ----------
    trees : Trees
    features : int
        Of a row.
    trusted : int
        Which of them is alpha before it is corrected.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, leaves = _tables(trees)
    graph = helper.make_graph(
        [helper.make_node("TreeEnsembleRegressor", ["features"], ["error"], domain="ai.onnx.ml", n_targets=1,
                          aggregate_function="SUM", **nodes, **leaves),
         helper.make_node("Gather", ["features", "trusted"], ["first"], axis=1),
         helper.make_node("Add", ["first", "error"], ["corrected"]),
         helper.make_node("Clip", ["corrected", "low", "high"], ["alpha"])],
        "fusion",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", features])],
        [helper.make_tensor_value_info("alpha", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array([trusted]), "trusted"),
         numpy_helper.from_array(np.float32(0), "low"), numpy_helper.from_array(np.float32(1), "high")])
    model = helper.make_model(graph, ir_version=IR, opset_imports=[
        helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREE_OPSET)])
    checker.check_model(model)
    return model.SerializeToString()


def _tables(trees):
    """Return the operator's lists of nodes, inner ones and leaves of all trees, and of the leaves' values."""
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
                                   "falsenodeids")}
    leaves = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, root in enumerate(trees.roots.tolist()):
        waiting, number = [root], 0
        while number < len(waiting):  # a node's number is its place in this list
            node = waiting[number]
            below = (0, 0) if node < 0 else (len(waiting), len(waiting) + 1)
            row = (0, "LEAF", 0.0) if node < 0 else (int(trees.feature[node]), "BRANCH_LEQ",
                                                     float(trees.threshold[node]))
            for name, value in zip(nodes, (tree, number, *row, *below), strict=True):
                nodes[name].append(value)
            if node < 0:
                for name, value in zip(leaves, (tree, number, 0, float(trees.values[~node])), strict=True):
                    leaves[name].append(value)
            else:
                waiting += trees.branches[node].tolist()
            number += 1
    return ({f"nodes_{name}": values for name, values in nodes.items()},
            {f"target_{name}": values for name, values in leaves.items()})
