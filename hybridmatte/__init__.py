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
    "METHODS": "methods.registry",
    "Method": "methods.registry",
    "closed_form_laplacian": "methods.closed_form",
    "WindowTopK": "similarity.window",
    "window_topk": "similarity.window",
    "Neighbors": "similarity.neighbors",
    "nearest_neighbors": "similarity.neighbors",
    "pixel_features": "similarity.features",
    "conjugate_gradient": "linalg.conjugate_gradient",
    "Samples": "methods.shared_sampling",
    "expand_known": "similarity.known_expansion",
    "information_flow_laplacian": "methods.information_flow",
    "known_to_unknown_flow": "methods.information_flow",
    "sample_alpha": "methods.shared_sampling",
    "learning_based_laplacian": "methods.learning_based",
    "random_walk_laplacian": "methods.random_walk",
    "solve": "methods.registry",
    "large_kernel_laplacian": "methods.large_kernel",
    "solve_cf": "methods.closed_form",
    "solve_information_flow": "methods.information_flow",
    "knn_laplacian": "methods.knn",
    "nonlocal_laplacian": "methods.nonlocal_means",
    "solve_knn": "methods.knn",
    "solve_nonlocal": "methods.nonlocal_means",
    "solve_sampling": "methods.shared_sampling",
    "solve_large_kernel": "methods.large_kernel",
    "solve_learning_based": "methods.learning_based",
    "solve_random_walk": "methods.random_walk",
    "solve_ddc": "methods.ddc",
    "LipschitzBand": "methods.lipschitz",
    "lipschitz_band": "methods.lipschitz",
    "ConvergenceWarning": "errors",
    "contact_sheet": "comparison",
    "compare_methods": "comparison",
    "Trial": "comparison",
    "MissingExtraError": "errors",
    "Layers": "foreground",
    "composite": "foreground",
    "cutout": "foreground",
    "decontaminate": "foreground",
    "matte": "correction.matting",
    "matte_alone": "automatic.mattes",
    "matte_from_mask": "automatic.mattes",
    "estimate_foreground": "foreground",
    "estimate_layers": "foreground",
    "connectivity_error": "metrics",
    "gradient_error": "metrics",
    "mad": "metrics",
    "mse": "metrics",
    "refine": "automatic.refinement",
    "sad": "metrics",
    "trimap_scores": "metrics",
    "read_alpha": "io.pictures",
    "read_image": "io.pictures",
    "read_plane": "io.pictures",
    "read_profile": "io.pictures",
    "read_trimap": "io.pictures",
    "trimap_from_alpha": "trimap",
    "trimap_from_mask": "trimap",
    "write_alpha": "io.pictures",
    "write_image": "io.pictures",
    "split_trimap": "trimap",
}

__all__ = ["__version__", *sorted(_MODULE_OF)]
__getattr__ = lazy_names(__name__, _MODULE_OF)


def __dir__():
    """List the public names."""
    return __all__
