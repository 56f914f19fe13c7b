"""Write a trained network as the package's weights: half precision, as safetensors and as ONNX."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

from hybridmatte.correction.weights import checksum
from hybridmatte.io.files import write_bytes
from hybridmatte.networks import export_onnx, load_network

SMALL = 256  # tensors of fewer values stay in single precision


def write_weights(folder: Path, weights: Path, image: np.ndarray, mask: np.ndarray | None = None) -> None:
    """Write config.json, model.safetensors, model.onnx and model.sha256; the report writes the card.

    The ONNX file is checked on an image (H, W, 3), with a mask (H, W) for a network that takes one.
    """
    weights.mkdir(parents=True, exist_ok=True)
    write_bytes(weights / "config.json", (folder / "config.json").read_bytes())
    tensors = load_file(folder / "model.safetensors")
    halved = {name: _half(tensor) for name, tensor in tensors.items()}
    save_file(halved, weights / "model.safetensors", metadata={"format": "pt"})
    export_onnx(load_network(weights), weights / "model.onnx", image, mask)
    content = _with_half_weights(onnx.load(weights / "model.onnx"))
    write_bytes(weights / "model.onnx", content)
    write_bytes(weights / "model.sha256", (checksum(content) + "\n").encode("ascii"))


def _half(tensor: torch.Tensor) -> torch.Tensor:
    """Return a large tensor in half precision, and others as they are."""
    return tensor.half() if tensor.is_floating_point() and tensor.numel() >= SMALL else tensor


def _with_half_weights(model: onnx.ModelProto) -> bytes:
    """Return an ONNX file whose large weights are stored in half precision, each with a cast to single precision."""
    graph = model.graph
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        stored = f"{weight.name}_half"
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
        graph.node.insert(0, helper.make_node("Cast", [stored], [weight.name], to=TensorProto.FLOAT))
    return model.SerializeToString()
