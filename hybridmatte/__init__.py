"""Natural image matting: classical solvers, the similarities behind them, and tools around an alpha.

The rooms of the package, in the order data flows:

``image``, ``trimap``
    Read, write, validate and convert; make trimaps from masks and alphas.
``similarity``
    Which pixels are alike: window top-K and nearest neighbours in feature space.
``laplacian``
    From similarity to sparse operators.
``solver``
    Constraints, preconditioners, conjugate gradients.
``alpha``
    The solvers: ``solve_cf``, ``solve_knn``, ...
``losses``
    The matting priors and supervised losses in torch: not among the names below, ``import hybridmatte.losses``.
``fusion_features``, ``perceptron``
    What the network of the default looks at, and how it is evaluated.
``solver_fusion``
    The default: the best solver, corrected in each pixel by a small network.
``refinement``
    Bring an alpha from anywhere to the image's size and edges.
``automatic``, ``bundled``
    From a mask, or from the image alone by a network that comes along.
``foreground``, ``metrics``
    Colours behind an alpha, and scores.
``networks``, ``data``, ``training``
    Networks from images to alphas, the samples they learn from, and how: imported by name, like ``losses``.
``compilation``
    What the first run compiles, on all cores or beforehand.
``cli``
    The command line.

Names load on first use, so ``import hybridmatte`` stays fast.
"""

from hybridmatte._lazy import lazy_names

__version__ = "0.1.0"

_MODULE_OF = {
    "METHODS": "alpha",
    "closed_form_laplacian": "laplacian.closed_form",
    "WindowTopK": "similarity.window",
    "window_topk": "similarity.window",
    "Neighbors": "similarity.neighbors",
    "nearest_neighbors": "similarity.neighbors",
    "pixel_features": "similarity.features",
    "conjugate_gradient": "solver.conjugate_gradient",
    "Samples": "sampling",
    "expand_known": "similarity.known_expansion",
    "information_flow_laplacian": "laplacian.information_flow",
    "known_to_unknown_flow": "laplacian.information_flow",
    "sample_alpha": "sampling",
    "learning_based_laplacian": "laplacian.learning_based",
    "random_walk_laplacian": "laplacian.random_walk",
    "solve": "alpha",
    "large_kernel_laplacian": "laplacian.large_kernel",
    "solve_cf": "alpha.windows",
    "solve_information_flow": "alpha.flow",
    "knn_laplacian": "laplacian.knn",
    "nonlocal_laplacian": "laplacian.nonlocal_means",
    "solve_knn": "alpha.graph",
    "solve_nonlocal": "alpha.graph",
    "solve_sampling": "alpha.flow",
    "solve_large_kernel": "alpha.windows",
    "solve_learning_based": "alpha.windows",
    "solve_random_walk": "alpha.windows",
    "solve_ddc": "alpha.ddc",
    "LipschitzBand": "solver.lipschitz",
    "lipschitz_band": "solver.lipschitz",
    "ConvergenceWarning": "errors",
    "contact_sheet": "comparison",
    "compare_methods": "comparison",
    "Trial": "comparison",
    "MissingExtraError": "errors",
    "Layers": "foreground",
    "composite": "foreground",
    "cutout": "foreground",
    "decontaminate": "foreground",
    "matte": "solver_fusion",
    "matte_alone": "automatic",
    "matte_from_mask": "automatic",
    "estimate_foreground": "foreground",
    "estimate_layers": "foreground",
    "connectivity_error": "metrics",
    "gradient_error": "metrics",
    "mad": "metrics",
    "mse": "metrics",
    "refine": "refinement",
    "sad": "metrics",
    "trimap_scores": "metrics",
    "read_alpha": "image",
    "read_image": "image",
    "read_plane": "image",
    "read_profile": "image",
    "read_trimap": "image",
    "trimap_from_alpha": "trimap",
    "trimap_from_mask": "trimap",
    "write_alpha": "image",
    "write_image": "image",
    "split_trimap": "trimap",
}

__all__ = ["__version__", *sorted(_MODULE_OF)]
__getattr__ = lazy_names(__name__, _MODULE_OF)


def __dir__():
    """List the public names."""
    return __all__
