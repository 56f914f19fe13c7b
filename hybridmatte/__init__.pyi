# The public names for type checkers; __init__.py loads them on first use. tests/test_layout.py compares the two.

from hybridmatte.automatic.finding import Segmenter as Segmenter
from hybridmatte.automatic.from_image import matte_from_image as matte_from_image
from hybridmatte.automatic.from_mask import AutomaticResult as AutomaticResult, matte_from_mask as matte_from_mask
from hybridmatte.automatic.refinement import refine as refine
from hybridmatte.automatic.registry import (
    find_mask as find_mask,
    list_segmenters as list_segmenters,
    load_segmenter as load_segmenter,
    register_segmenter as register_segmenter,
    SegmenterInfo as SegmenterInfo,
)
from hybridmatte.batch.folders import FolderResult as FolderResult, run_folder as run_folder
from hybridmatte.comparison import compare_methods as compare_methods, contact_sheet as contact_sheet, Trial as Trial
from hybridmatte.memory import memory_needed as memory_needed
from hybridmatte.correction.confidence import matte_with_confidence as matte_with_confidence
from hybridmatte.correction.matting import matte as matte
from hybridmatte.correction.passes import MatteWithConfidence as MatteWithConfidence
from hybridmatte.errors import ConvergenceWarning as ConvergenceWarning, MissingExtraError as MissingExtraError
from hybridmatte.foreground import (
    composite as composite,
    cutout as cutout,
    decontaminate as decontaminate,
    estimate_foreground as estimate_foreground,
    estimate_layers as estimate_layers,
    Layers as Layers,
)
from hybridmatte.io.exr import LinearPicture as LinearPicture, read_exr as read_exr, write_exr as write_exr
from hybridmatte.io.masks import read_mask as read_mask
from hybridmatte.io.metadata import Metadata as Metadata, read_metadata as read_metadata
from hybridmatte.io.pictures import (
    read_alpha as read_alpha,
    read_image as read_image,
    read_plane as read_plane,
    read_profile as read_profile,
    read_trimap as read_trimap,
    write_alpha as write_alpha,
    write_image as write_image,
)
from hybridmatte.linalg.conjugate_gradient import conjugate_gradient as conjugate_gradient
from hybridmatte.methods.closed_form import closed_form_laplacian as closed_form_laplacian, solve_cf as solve_cf
from hybridmatte.methods.ddc import solve_ddc as solve_ddc
from hybridmatte.methods.information_flow import (
    information_flow_laplacian as information_flow_laplacian,
    known_to_unknown_flow as known_to_unknown_flow,
    solve_information_flow as solve_information_flow,
)
from hybridmatte.methods.knn import knn_laplacian as knn_laplacian, solve_knn as solve_knn
from hybridmatte.methods.large_kernel import (
    large_kernel_laplacian as large_kernel_laplacian,
    solve_large_kernel as solve_large_kernel,
)
from hybridmatte.methods.learning_based import (
    learning_based_laplacian as learning_based_laplacian,
    solve_learning_based as solve_learning_based,
)
from hybridmatte.methods.lipschitz import lipschitz_band as lipschitz_band, LipschitzBand as LipschitzBand
from hybridmatte.methods.nonlocal_means import (
    nonlocal_laplacian as nonlocal_laplacian,
    solve_nonlocal as solve_nonlocal,
)
from hybridmatte.methods.random_walk import (
    random_walk_laplacian as random_walk_laplacian,
    solve_random_walk as solve_random_walk,
)
from hybridmatte.methods.registry import Method as Method, METHODS as METHODS, solve as solve
from hybridmatte.methods.shared_sampling import (
    sample_alpha as sample_alpha,
    Samples as Samples,
    solve_sampling as solve_sampling,
)
from hybridmatte.metrics import (
    connectivity_error as connectivity_error,
    gradient_error as gradient_error,
    mad as mad,
    mse as mse,
    sad as sad,
    trimap_scores as trimap_scores,
)
from hybridmatte.similarity.features import pixel_features as pixel_features
from hybridmatte.similarity.known_expansion import expand_known as expand_known
from hybridmatte.similarity.neighbors import nearest_neighbors as nearest_neighbors, Neighbors as Neighbors
from hybridmatte.similarity.window import window_topk as window_topk, WindowTopK as WindowTopK
from hybridmatte.temporal_metrics import dtssd as dtssd, messddt as messddt
from hybridmatte.trimap import (
    split_trimap as split_trimap,
    trimap_from_alpha as trimap_from_alpha,
    trimap_from_mask as trimap_from_mask,
)
from hybridmatte.video.sequence import FrameMatte as FrameMatte, matte_sequence as matte_sequence

__version__: str
