"""Write a network as an ONNX file, after a check that ONNX Runtime gives the same alpha. Needs the extra ``onnx``."""

import tempfile
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte._validation import check_number
from hybridmatte.errors import require_extra
from hybridmatte.io.files import check_writable, write_bytes
from hybridmatte.networks.fusion_network import SolverFusion
from hybridmatte.networks.joint_inference import JointInference, fuse, trimap_of
from hybridmatte.networks.network import MattingNetwork, padded_to, predicting
from hybridmatte.networks.prediction import as_batch
from hybridmatte.networks.trimap_network import TrimapNetwork

require_extra("onnx", "onnx", "onnxscript", "onnxruntime")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402

__all__ = ["export_fusion", "export_onnx", "inputs_of", "onnx_session", "run_onnx", "run_onnx_outputs"]

MAX_STRIDES = 512  # largest height or width of a network of variable size, in strides


def export_onnx(
    network: MattingNetwork | TrimapNetwork | JointInference,
    path: str | PathLike[str],
    image: npt.ArrayLike,
    trimap: npt.ArrayLike | None = None,
    *,
    tolerance: float = 1e-3,
) -> float:
    """Write a network as an ONNX file and check it on an image.

    The file's inputs are ``image`` (B, 3, H, W) in [0, 1] and, if the network takes one, ``trimap`` (B, 1, H, W);
    height and width must be multiples of the network's stride. The file of a `MattingUNet` accepts any batch and size,
    that of a `MattingViT` one image of the size that it was exported with. The file of a `JointInference` or of a
    `TrimapNetwork` has ``mask`` in the place of the trimap; that of a `TrimapNetwork` gives ``probabilities``
    (B, 3, H, W) of background, unknown region and foreground, and no alpha. Both see the image at its full size.

    Parameters
    ----------
    network : MattingNetwork, TrimapNetwork or JointInference
    path : str or path
        Ends in ``.onnx``; the file is written only if the check passes.
    image : (H, W, 3) array
        A real photograph: the alphas of torch and ONNX Runtime are compared on it. A network of fixed size is exported
        for this size, padded to the stride.
    trimap : (H, W) array, optional
        For networks that take one; the mask for those that take a mask.
    tolerance : float, default 1e-3
        Largest allowed difference between the two alphas, or probabilities.

    Returns
    -------
    difference : float
        The largest difference found.

    Raises
    ------
    ValueError
        If the difference is larger than the tolerance, or path does not end in ``.onnx``.
    MissingExtraError
        If onnx, onnxscript or onnxruntime is not installed; raised when this function is imported.
    """
    path, tolerance = _checked(path, tolerance)
    inputs = inputs_of(network, image, trimap)
    module, names, outputs = _without_checks(network)
    with predicting(network):
        expected = module(*inputs)
        written = _simplified(_exported_network(network, module, inputs, names[: len(inputs)], outputs))
    return _write_if_same(written, inputs, expected, path, tolerance)


def inputs_of(
    network: MattingNetwork | TrimapNetwork | JointInference, image: npt.ArrayLike, plane: npt.ArrayLike | None = None
) -> list[torch.Tensor]:
    """Return image and trimap, or image and mask, as the padded tensors that a network's ONNX file takes."""
    if isinstance(network, MattingNetwork):
        tensors = as_batch(image, plane)
        network.prepared(*tensors)  # refuses a missing trimap, and one too many
    elif plane is None:
        raise ValueError(f"mask is missing, expected one: the network is a {type(network).__name__}")
    else:
        tensors = as_batch(image, plane, "mask")
    return [padded_to(tensor, network.stride) for tensor in tensors if tensor is not None]


def export_fusion(
    network: SolverFusion, path: str | PathLike[str], features: torch.Tensor, *, tolerance: float = 1e-3
) -> float:
    """Write a `SolverFusion` as an ONNX file from ``features`` (n, features) to ``alpha`` (n,); see `export_onnx`.

    A network with two outputs also gives ``doubt`` (n,), which are the logits of `SolverFusion.doubts`. features
    (n, features), n at least 2, must come from the pixels of a real photograph.
    """
    path, tolerance = _checked(path, tolerance)
    names = ["alpha", "doubt"][: network.outputs]
    module = _AlphaAndDoubt(network).eval() if network.outputs == 2 else network
    with predicting(network):
        expected = module(features)
        written = _simplified(_exported(module, [features], ["features"], ({0: torch.export.Dim("n")},), names))
    return _write_if_same(written, [features], expected, path, tolerance)


def _checked(path: str | PathLike[str], tolerance: float) -> tuple[Path, float]:
    """Return the path of an ONNX file that can be written, and a tolerance above 0."""
    path, tolerance = Path(path), check_number(tolerance, "tolerance", above=0)
    if path.suffix != ".onnx":
        raise ValueError(f"path is {path}, expected a name ending in .onnx")
    check_writable(path)
    return path, tolerance


def _write_if_same(
    written: bytes,
    inputs: Sequence[torch.Tensor],
    expected: torch.Tensor | tuple[torch.Tensor, ...],
    path: Path,
    tolerance: float,
) -> float:
    """Write an ONNX file if ONNX Runtime gives the expected outputs; return the largest difference."""
    outputs = run_onnx_outputs(onnx_session(written), inputs)
    expected = (expected,) if isinstance(expected, torch.Tensor) else expected
    differences = {
        name: float(abs(output - tensor.numpy()).max())
        for (name, output), tensor in zip(outputs.items(), expected, strict=True)
    }
    for name, difference in differences.items():
        if not difference <= tolerance:  # NaN is refused, too
            raise ValueError(
                f"{name} of the exported network differs by {difference:.1e}, expected at most "
                f"{tolerance:g}; nothing is written"
            )
    write_bytes(path, written)
    return max(differences.values())


class _AlphaAndDoubt(torch.nn.Module):
    """A `SolverFusion` whose forward returns both alpha and doubts.

    Shapes
    ------
    features : (n, features)
    alpha : (n,), in [0, 1]
    doubt : (n,), logits
    """

    def __init__(self, network: SolverFusion) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        corrections, doubts = self.network.corrections_and_doubts(features)
        return self.network.corrected(features, corrections), doubts


class _WithoutChecks(torch.nn.Module):
    """A network for inputs that are checked and padded already.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1], H and W multiples of the stride
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    def __init__(self, network: MattingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, trimap: torch.Tensor | None = None) -> torch.Tensor:
        return self.network.estimate(self.network.join(image, trimap))


class _Joined(torch.nn.Module):
    """A `JointInference` for inputs that are checked and padded already; other names as for `_WithoutChecks`."""

    def __init__(self, joint: JointInference) -> None:
        super().__init__()
        self.net_t, self.net_m, self.fusion = _Probabilities(joint.net_t), _WithoutChecks(joint.net_m), joint.fusion

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        probabilities = self.net_t(image, mask)
        return fuse(probabilities, self.net_m(image, trimap_of(probabilities)), self.fusion)


class _Probabilities(torch.nn.Module):
    """A `TrimapNetwork` that gives probabilities, for inputs that are checked and padded already."""

    def __init__(self, network: TrimapNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.network.logits(image, mask).softmax(dim=1)


def _without_checks(network: MattingNetwork | TrimapNetwork | JointInference) -> tuple[torch.nn.Module, list[str], str]:
    """Return the module to export, and the names of its inputs and of its output."""
    if isinstance(network, JointInference):
        return _Joined(network).eval(), ["image", "mask"], "alpha"
    if isinstance(network, TrimapNetwork):
        return _Probabilities(network).eval(), ["image", "mask"], "probabilities"
    return _WithoutChecks(network).eval(), ["image", "trimap"], "alpha"


def _exported_network(
    network: Any, module: torch.nn.Module, inputs: list[torch.Tensor], names: list[str], output: str
) -> bytes:
    """Return the ONNX file of a network, of any batch and size unless the network has a fixed size."""
    shapes, example = None, inputs
    if not network.has_fixed_size:
        height, width = (torch.export.Dim(name, min=1, max=MAX_STRIDES) for name in ("h", "w"))
        sides = {0: torch.export.Dim("b"), 2: network.stride * height, 3: network.stride * width}
        shapes = tuple(sides for _ in inputs)
        # the exporter would treat a size of 1, or two equal sides, as fixed
        example = [torch.rand(2, tensor.shape[1], 3 * network.stride, 4 * network.stride) for tensor in inputs]
    return _exported(module, example, names, shapes, [output])


def _exported(
    module: torch.nn.Module,
    example: Sequence[torch.Tensor],
    names: list[str],
    shapes: tuple[dict[int, Any], ...] | None,
    outputs: Sequence[str] = ("alpha",),
) -> bytes:
    """Return the ONNX file of a module with named inputs and outputs; `shapes` has the dimensions that may vary."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns about its own code; the file is checked afterwards
        program = torch.onnx.export(
            module,
            tuple(example),
            dynamo=True,
            verbose=False,
            input_names=names,
            output_names=list(outputs),
            dynamic_shapes=shapes,
        )
        assert program is not None
        file = Path(folder, "network.onnx")
        program.save(file, external_data=False)
        return file.read_bytes()


def _simplified(written: bytes) -> bytes:
    """Return an ONNX file with constants folded and standard operations only; OpenCV can read that of a U-Net."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "network.onnx"))
        options.log_severity_level = 3  # hides a warning about files for one machine, which basic operations are not
        onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
        model = onnx.load(options.optimized_model_filepath)
    _strip_traces(model)
    used = {node.domain for node in model.graph.node}
    for entry in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(entry)
    return model.SerializeToString()


def _strip_traces(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes of its own source: stack traces with the folders of this machine, and names."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def onnx_session(written: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """Return an ONNX Runtime session on the CPU for an ONNX file; with 0 threads ONNX Runtime chooses the number."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])


def run_onnx(session: onnxruntime.InferenceSession, inputs: Sequence[torch.Tensor]) -> npt.NDArray[np.float32]:
    """Return the alpha that a session computes from tensors: its first output."""
    return next(iter(run_onnx_outputs(session, inputs).values()))


def run_onnx_outputs(
    session: onnxruntime.InferenceSession, inputs: Sequence[torch.Tensor]
) -> dict[str, npt.NDArray[np.float32]]:
    """Return all that a session computes from tensors, by the names of its outputs and in their order."""
    inputs_by_name, outputs = (
        [entry.name for entry in entries] for entries in (session.get_inputs(), session.get_outputs())
    )
    arrays = session.run(None, {name: tensor.numpy() for name, tensor in zip(inputs_by_name, inputs, strict=True)})
    return {name: np.asarray(array) for name, array in zip(outputs, arrays, strict=True)}
