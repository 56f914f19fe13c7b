"""ONNX files hold no traces of the exporter's own source, and say which sizes they take."""

import re

import numpy as np
import pytest

from hybridmatte import networks
from hybridmatte.correction.weights import WEIGHTS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TRACES = re.compile(rb"networks/|site-packages|stack_trace|\.py\b|pkg\.torch|/home/|/root/|/tmp/")


def parts_of(graph):
    """Yield a graph and all that carries notes in it."""
    yield from (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from parts_of(inner)


def assert_without_traces(content):
    model = onnx.load_from_string(content)
    assert not TRACES.search(content)
    for part in (model, *parts_of(model.graph), *model.functions):
        assert not part.metadata_props
        assert not part.doc_string


@pytest.mark.parametrize("folder", sorted(set(WEIGHTS.values())), ids=lambda folder: folder.name)
def test_files_of_the_package(folder):
    assert_without_traces((folder / "model.onnx").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_exported_files(name, tmp_path):
    network = getattr(networks, name)("tiny", trimap=True)
    generator = np.random.default_rng(0)
    image, trimap = generator.random((64, 96, 3), np.float32), generator.integers(3, size=(64, 96)) / np.float32(2)
    networks.export_onnx(network, tmp_path / "network.onnx", image, trimap)
    assert_without_traces((tmp_path / "network.onnx").read_bytes())
