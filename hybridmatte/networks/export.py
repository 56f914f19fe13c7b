"""Write a network as ONNX, and see that it still gives the same alpha."""

import tempfile
import warnings
from pathlib import Path

import torch

from hybridmatte._validation import check_number
from hybridmatte.errors import require_extra
from hybridmatte.io.files import check_writable, write_bytes
from hybridmatte.networks.network import predicting
from hybridmatte.networks.prediction import as_batch

__all__ = ["export_fusion", "export_onnx", "onnx_session", "run_onnx"]

LARGEST = 512  # of a variable side, in strides


def export_onnx(network, path, image, trimap=None, *, tolerance=1e-3):
    """Write a network as an ONNX file and check it on an image.

    Its inputs are ``image`` (B, 3, H, W) in [0, 1] and, if the network takes one, ``trimap`` (B, 1, H, W); height and
    width are multiples of the network's stride. A `MattingUNet` takes any batch and size, a `MattingViT` one image of
    the size it was exported with.

    Parameters
    ----------
    network : MattingNetwork
    path : str or path
        Ends in ``.onnx``; written only if the check passes.
    image : (H, W, 3) array
        A real photograph: alphas of it are compared. Its size, padded, is that of a fixed-size network.
    trimap : (H, W) array, optional
        For networks that take one.
    tolerance : float, default 1e-3
        Largest difference in alpha between torch and ONNX Runtime.

    Returns
    -------
    difference : float
        The largest difference found.

    Raises
    ------
    ValueError
        If the difference is larger than the tolerance, or path does not end in ``.onnx``.
    MissingExtraError
        Without onnx, onnxscript or onnxruntime.
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime")
    path, tolerance = _checked(path, tolerance)
    inputs = [network.padded(tensor) for tensor in as_batch(image, trimap) if tensor is not None]
    with network.predicting():
        expected = network(*inputs)
        written = _simplified(_graph(network, inputs))
    return _write_if_same(written, inputs, expected, path, tolerance)


def export_fusion(network, path, features, *, tolerance=1e-3):
    """Write a `SolverFusion` as an ONNX file, from ``features`` (n, features) to ``alpha`` (n,); see `export_onnx`.

    features (n, features), n at least 2, are those of pixels of a real photograph.
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime")
    path, tolerance = _checked(path, tolerance)
    with predicting(network):
        expected = network(features)
        written = _simplified(_exported(network, [features], ["features"], ({0: torch.export.Dim("n")},)))
    return _write_if_same(written, [features], expected, path, tolerance)


def _checked(path, tolerance):
    """Return the path of an ONNX file that can be written, and a tolerance above 0."""
    path, tolerance = Path(path), check_number(tolerance, "tolerance", above=0)
    if path.suffix != ".onnx":
        raise ValueError(f"path is {path}, expected a name ending in .onnx")
    check_writable(path)
    return path, tolerance


def _write_if_same(written, inputs, expected, path, tolerance):
    """Write an ONNX file's bytes if ONNX Runtime gives what is expected; return the largest difference."""
    difference = float(abs(run_onnx(onnx_session(written), inputs) - expected.numpy()).max())
    if difference > tolerance:
        raise ValueError(f"alpha of the exported network differs by {difference:.1e}, expected at most "
                         f"{tolerance:g}; nothing is written")
    write_bytes(path, written)
    return difference


class _WithoutChecks(torch.nn.Module):
    """The network for inputs whose sizes need no padding."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image, trimap=None):
        return self.network.estimate(self.network.join(image, trimap))


def _graph(network, inputs):
    """Return the bytes of the network's ONNX file."""
    shapes, example = None, inputs
    if not network.has_fixed_size:
        height, width = (torch.export.Dim(name, min=1, max=LARGEST) for name in ("h", "w"))
        sides = {0: torch.export.Dim("b"), 2: network.stride * height, 3: network.stride * width}
        shapes = tuple(sides for _ in inputs)
        # a size of 1 or equal sides would be taken for a rule
        example = [torch.rand(2, tensor.shape[1], 3 * network.stride, 4 * network.stride) for tensor in inputs]
    return _exported(_WithoutChecks(network).eval(), example, ["image", "trimap"][:len(inputs)], shapes)


def _exported(module, example, names, shapes):
    """Return the bytes of the ONNX file of a module from inputs of some names to alpha; shapes may vary."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of the exporter about itself; what it made is checked
        program = torch.onnx.export(module, tuple(example), dynamo=True, verbose=False, input_names=names,
                                    output_names=["alpha"], dynamic_shapes=shapes)
        file = Path(folder, "network.onnx")
        program.save(file, external_data=False)
        return file.read_bytes()


def _simplified(written):
    """Return an ONNX file's bytes with constants folded, of standard operations only; OpenCV reads those of a U-Net."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "network.onnx"))
        options.log_severity_level = 3  # it warns that the file is for this machine, which these operations are not
        onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
        model = onnx.load(options.optimized_model_filepath)
    used = {node.domain for node in model.graph.node}
    for entry in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(entry)
    return model.SerializeToString()


def onnx_session(written, threads=0):
    """Return a session of ONNX Runtime on the CPU for an ONNX file's bytes; 0 threads are as many as it likes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])


def run_onnx(session, inputs):
    """Return the alpha that a session makes of tensors."""
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)})[0]
