"""Natural image matting: classical solvers, the priors behind them, and networks trained with these priors.

The packages, in the order in which data flows; each imports only from those before it:

``_validation``, ``errors``
    Checks of every input, and the warnings and errors of the package.
``io``
    Read and write pictures, and write files atomically.
``linalg``
    Krylov methods, preconditioners, primal-dual iterations, and the threads that run all kernels.
``trimap``
    Regions of a trimap; trimaps from masks and alphas.
``similarity``
    Which pixels are similar: in a window, and by nearest neighbours in feature space.
``systems``
    From a checked problem to a linear system over its unknown pixels, and to its solution.
``methods``
    One file a matting method: its Laplacian, its system and its public solver. ``registry`` lists them.
``correction``
    The default, `matte`: information flow, corrected per pixel by a small network.
``losses``
    The matting priors and supervised losses in torch: ``import hybridmatte.losses``.
``foreground``, ``linear_light``, ``metrics``, ``temporal_metrics``, ``comparison``
    Colours of the object without its background, also in linear light; errors of an alpha and of a clip's alphas over
    time; several methods side by side.
``memory``
    How much memory a job takes.
``networks``
    Networks from images to alpha: ``import hybridmatte.networks``.
``automatic``
    Alpha from a mask, from the image alone, or from a smaller alpha; segmenters, which find an object's mask.
``video``
    Alphas of the frames of a clip, which hold still: `matte_sequence`.
``testing``
    Contract tests for plug-ins: ``import hybridmatte.testing``.
``batch``
    Folders of pictures, in one or several processes.
``data``, ``training``
    Samples and training runs: ``import hybridmatte.data``, ``import hybridmatte.training``.
``server``
    The HTTP service and its page, and a client: ``import hybridmatte.server``.
``cli``
    The command line.

Public names load their module on first use, so ``import hybridmatte`` is fast.
"""

from hybridmatte._lazy import lazy_names

__version__ = "0.1.0"

_MODULE_OF = {
    "read_alpha": "io.pictures",
    "LinearPicture": "io.exr",
    "read_exr": "io.exr",
    "read_image": "io.pictures",
    "read_mask": "io.masks",
    "read_plane": "io.pictures",
    "Metadata": "io.metadata",
    "read_metadata": "io.metadata",
    "read_profile": "io.pictures",
    "read_trimap": "io.pictures",
    "write_alpha": "io.pictures",
    "write_exr": "io.exr",
    "write_image": "io.pictures",
    "split_trimap": "trimap",
    "trimap_from_alpha": "trimap",
    "trimap_from_mask": "trimap",
    "pixel_features": "similarity.features",
    "expand_known": "similarity.known_expansion",
    "nearest_neighbors": "similarity.neighbors",
    "Neighbors": "similarity.neighbors",
    "window_topk": "similarity.window",
    "WindowTopK": "similarity.window",
    "conjugate_gradient": "linalg.conjugate_gradient",
    "closed_form_laplacian": "methods.closed_form",
    "solve_cf": "methods.closed_form",
    "solve_ddc": "methods.ddc",
    "information_flow_laplacian": "methods.information_flow",
    "known_to_unknown_flow": "methods.information_flow",
    "solve_information_flow": "methods.information_flow",
    "knn_laplacian": "methods.knn",
    "solve_knn": "methods.knn",
    "large_kernel_laplacian": "methods.large_kernel",
    "solve_large_kernel": "methods.large_kernel",
    "learning_based_laplacian": "methods.learning_based",
    "solve_learning_based": "methods.learning_based",
    "lipschitz_band": "methods.lipschitz",
    "LipschitzBand": "methods.lipschitz",
    "nonlocal_laplacian": "methods.nonlocal_means",
    "solve_nonlocal": "methods.nonlocal_means",
    "random_walk_laplacian": "methods.random_walk",
    "solve_random_walk": "methods.random_walk",
    "Method": "methods.registry",
    "METHODS": "methods.registry",
    "solve": "methods.registry",
    "sample_alpha": "methods.shared_sampling",
    "Samples": "methods.shared_sampling",
    "solve_sampling": "methods.shared_sampling",
    "MatteWithConfidence": "correction.passes",
    "matte_with_confidence": "correction.confidence",
    "matte": "correction.matting",
    "Segmenter": "automatic.finding",
    "matte_from_image": "automatic.from_image",
    "AutomaticResult": "automatic.from_mask",
    "matte_from_mask": "automatic.from_mask",
    "refine": "automatic.refinement",
    "SegmenterInfo": "automatic.registry",
    "find_mask": "automatic.registry",
    "list_segmenters": "automatic.registry",
    "load_segmenter": "automatic.registry",
    "register_segmenter": "automatic.registry",
    "composite": "foreground",
    "cutout": "foreground",
    "decontaminate": "foreground",
    "estimate_foreground": "foreground",
    "estimate_layers": "foreground",
    "Layers": "foreground",
    "connectivity_error": "metrics",
    "gradient_error": "metrics",
    "mad": "metrics",
    "mse": "metrics",
    "sad": "metrics",
    "trimap_scores": "metrics",
    "dtssd": "temporal_metrics",
    "messddt": "temporal_metrics",
    "FrameMatte": "video.sequence",
    "matte_sequence": "video.sequence",
    "memory_needed": "memory",
    "compare_methods": "comparison",
    "contact_sheet": "comparison",
    "Trial": "comparison",
    "FolderResult": "batch.folders",
    "run_folder": "batch.folders",
    "ConvergenceWarning": "errors",
    "MissingExtraError": "errors",
}
_RENAMED = {"matte_alone": "matte_from_image"}  # old name: new name; the old ones warn, and go after 0.2

__all__ = ["__version__", *sorted(_MODULE_OF)]
__getattr__ = lazy_names(__name__, _MODULE_OF, _RENAMED)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
