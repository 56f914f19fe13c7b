"""Networks in files as segmenters: ONNX by onnxruntime and by OpenCV, its settings, and tflite by OpenCV."""

import struct

import cv2
import numpy as np
import pytest

from hybridmatte import find_mask, load_segmenter, write_image
from hybridmatte.automatic import file_runners
from hybridmatte.cli import main
from hybridmatte.testing import check_segmenter
from tests.synthetic import soft_disk

SCENE = soft_disk((45, 60), seed=1)
IDENTITY = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1]])


def write_network(path, weights=IDENTITY[:1], sides=(16, 24), layout="NCHW", free=False, dtype=1, second=None):
    """Write an ONNX network whose output channels are weighted sums of the colours."""
    onnx = pytest.importorskip("onnx")
    helper, weights = onnx.helper, np.float32(weights)
    shape = ["n", 3, "h", "w"] if free else [1, 3, *sides] if layout == "NCHW" else [1, *sides, 3]
    kernel = helper.make_tensor("kernel", 1, [*weights.shape, 1, 1], weights.ravel())
    first, last = ("image", "out") if layout == "NCHW" else ("turned", "planes")
    nodes = [helper.make_node("Conv", ["float", "kernel"], [last])]
    if layout == "NHWC":
        nodes.insert(0, helper.make_node("Transpose", ["image"], [first], perm=[0, 3, 1, 2]))
        nodes.append(helper.make_node("Transpose", [last], ["out"], perm=[0, 2, 3, 1]))
    nodes.insert(len(nodes) - 1 if layout == "NCHW" else 1, helper.make_node("Cast", [first], ["float"], to=1))
    outputs = [helper.make_tensor_value_info("out", 1, ["a", "b", "c", "d"])]
    if second is not None:
        nodes.append(helper.make_node("Sub", ["out", "out"], [second]))
        outputs.insert(0, helper.make_tensor_value_info(second, 1, ["a", "b", "c", "d"]))
    inputs = [helper.make_tensor_value_info("image", dtype, shape)]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [kernel])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return f"onnx:{path}"


def shrunk(image, sides):
    return cv2.resize(image, sides[::-1], interpolation=cv2.INTER_AREA)


def expected(image, channel=0, sides=(16, 24)):
    return cv2.resize(shrunk(image, sides)[:, :, channel], image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


@pytest.fixture(params=["onnxruntime", "OpenCV"])
def runner(request, monkeypatch):
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
    monkeypatch.setattr(file_runners, "has_onnxruntime", lambda: request.param == "onnxruntime")
    return request.param


@pytest.fixture
def settings(tmp_path):
    def write(text, name="net.onnx.toml"):
        (tmp_path / name).write_text(text)

    return write


class TestOnnx:
    def test_stretched_to_its_size_and_back(self, tmp_path, settings, runner):
        name = write_network(tmp_path / "net.onnx")
        if runner == "OpenCV":
            settings("size = [16, 24]")
        assert np.abs(find_mask(SCENE.image, name) - expected(SCENE.image)).max() < 1e-5
        check_segmenter(name)

    @pytest.mark.usefixtures("runner")
    @pytest.mark.parametrize("beside", ["net.onnx.toml", "net.toml"])
    def test_settings_beside_the_file(self, tmp_path, settings, beside):
        """(image * scale - mean) / std: with scale 255, mean 51 and std 204 the output is (255 image - 51) / 204."""
        name = write_network(tmp_path / "net.onnx", IDENTITY[2:])
        settings('size = [16, 24]\nscale = 255\nmean = [9, 9, 51]\nstd = [1, 1, 204]\nactivation = "sigmoid"', beside)
        logits = (255 * shrunk(SCENE.image, (16, 24))[:, :, 2] - 51) / 204
        mask = cv2.resize(1 / (1 + np.exp(-logits)), (60, 45), interpolation=cv2.INTER_LINEAR)
        assert np.abs(find_mask(SCENE.image, name) - mask).max() < 1e-5

    @pytest.mark.usefixtures("runner")
    def test_channels_are_swapped_and_one_is_taken(self, tmp_path, settings):
        name = write_network(tmp_path / "net.onnx", IDENTITY)
        settings('size = [16, 24]\nchannels = "BGR"\nchannel = 0\ninvert = true')
        assert np.abs(1 - find_mask(SCENE.image, name) - expected(SCENE.image, 2)).max() < 1e-5

    @pytest.mark.usefixtures("runner")
    def test_softmax_is_over_the_channels(self, tmp_path, settings):
        name = write_network(tmp_path / "net.onnx", IDENTITY)
        settings('size = [16, 24]\nactivation = "softmax"\nchannel = 1')
        weights = np.exp(shrunk(SCENE.image, (16, 24)))
        mask = cv2.resize((weights / weights.sum(2, keepdims=True))[:, :, 1], (60, 45), interpolation=cv2.INTER_LINEAR)
        assert np.abs(find_mask(SCENE.image, name) - mask).max() < 1e-5

    @pytest.mark.usefixtures("runner")
    def test_minmax(self, tmp_path, settings):
        name = write_network(tmp_path / "net.onnx", 7 * IDENTITY[:1])
        settings('size = [16, 24]\nactivation = "minmax"')
        mask = find_mask(SCENE.image, name)
        assert mask.min() < 0.01
        assert mask.max() > 0.99

    @pytest.mark.usefixtures("runner")
    def test_output_by_name_or_number(self, tmp_path, settings):
        name = write_network(tmp_path / "net.onnx", second="zeros")
        settings("size = [16, 24]")
        for output in ("out", "zeros"):
            mask = find_mask(SCENE.image, load_segmenter(name, {"output": output}))
            assert (mask.max() > 0.1) == (output == "out")
        with pytest.raises(ValueError, match=r"output of segmenter .* is 'o', expected one of .*out.*, or 0 to 1"):
            find_mask(SCENE.image, load_segmenter(name, {"output": "o"}))
        with pytest.raises(ValueError, match=r"output of segmenter .* is 2, expected one of"):
            find_mask(SCENE.image, load_segmenter(name, {"output": 2}))

    def test_colours_last(self, tmp_path):
        pytest.importorskip("onnxruntime")
        name = write_network(tmp_path / "net.onnx", layout="NHWC")
        assert np.abs(find_mask(SCENE.image, name) - expected(SCENE.image)).max() < 1e-5

    @pytest.mark.parametrize("dtype", [2, 10], ids=["uint8", "float16"])
    def test_other_types_of_input(self, tmp_path, settings, dtype):
        pytest.importorskip("onnxruntime")
        name = write_network(tmp_path / "net.onnx", IDENTITY[:1] / (255 if dtype == 2 else 1), dtype=dtype)
        settings("scale = 255" if dtype == 2 else "")
        assert np.abs(find_mask(SCENE.image, name) - expected(SCENE.image)).max() < 5e-3

    @pytest.mark.usefixtures("runner")
    def test_a_free_size_must_be_set(self, tmp_path, settings):
        name = write_network(tmp_path / "net.onnx", free=True)
        message = (
            "size of segmenter onnx:.* is missing .*, expected size = PIXELS in net.onnx.toml, or --segmenter-option"
        )
        with pytest.raises(ValueError, match=message):
            find_mask(SCENE.image, name)
        settings("size = 20")
        mask = find_mask(SCENE.image, name)
        assert np.abs(mask - expected(SCENE.image, sides=(20, 20))).max() < 1e-5
        larger = find_mask(SCENE.image, load_segmenter(name, {"size": [16, 24]}))  # an option goes before the file
        assert np.abs(larger - expected(SCENE.image)).max() < 1e-5

    @pytest.mark.usefixtures("runner")
    def test_a_changed_file_is_read_again(self, tmp_path, settings):
        settings("size = [16, 24]")
        name = write_network(tmp_path / "net.onnx")
        before = find_mask(SCENE.image, name)
        write_network(tmp_path / "net.onnx", IDENTITY[:1] / 2, second="other_size_of_the_file")
        assert np.abs(find_mask(SCENE.image, load_segmenter(name, {"output": "out"})) - before / 2).max() < 1e-5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = 0", "size of .*net.onnx.toml is 0, expected an integer of at least 1"),
        ("size = [1, 2, 3]", "size of .* is .1, 2, 3., expected one number, or height and width"),
        ('size = "large"', "size of .* is 'large', expected an integer"),
        ("mean = [1, 2]", "mean of .* is .1, 2., expected one number, or three"),
        ("std = [1, 0, 1]", "std of .* is 0, expected a finite number above 0"),
        ("scale = nan", "scale of .* is nan"),
        ('layout = "HWC"', "layout of .* is 'HWC', expected 'NCHW' or 'NHWC'"),
        ('activation = "relu"', "activation of .* is 'relu', expected 'none' or 'sigmoid'"),
        ('channels = "rgb"', "channels of .* is 'rgb', expected 'RGB' or 'BGR'"),
        ("invert = 1", "invert of .* is 1, expected true or false"),
        ("channel = -1", "channel of .* is -1, expected an integer of at least 0"),
        ("output = 1.5", "output of .* is 1.5, expected an integer"),
        ("width = 3", "a key of .*net.onnx.toml is 'width', expected 'size' or"),
        ("size 3", "net.onnx.toml is not TOML"),
    ],
)
def test_a_wrong_setting_names_its_key_and_file(tmp_path, settings, text, message):
    (tmp_path / "net.onnx").write_bytes(b"never read")
    settings(text)
    with pytest.raises((ValueError, TypeError), match=message):
        load_segmenter(f"onnx:{tmp_path / 'net.onnx'}")


def test_two_files_of_settings(tmp_path, settings):
    (tmp_path / "net.onnx").write_bytes(b"never read")
    settings("size = 3")
    settings("size = 3", "net.toml")
    with pytest.raises(ValueError, match="has both net.onnx.toml and net.toml beside it, expected one of them"):
        load_segmenter(f"onnx:{tmp_path / 'net.onnx'}")


@pytest.mark.parametrize(
    ("weights", "text", "message"),
    [
        (IDENTITY, "", "channel of segmenter .* is missing: its output has 3, expected 0 to 2"),
        (IDENTITY, "channel = 3", "channel of segmenter .* is 3, expected 0 to 2"),
        (IDENTITY[:1], "channel = 3", "channel of segmenter .* is 3, expected 0, the only channel of its output"),
        (IDENTITY[:1], "output = 2", "output of segmenter .* is 2, expected one of out, or 0$"),
        (IDENTITY[:1] * 9, "", "activation of segmenter .* is 'none' but its output has values from .*'sigmoid'"),
        (IDENTITY[:1], 'activation = "softmax"', "activation of segmenter .* is 'softmax', expected 'sigmoid'"),
        (IDENTITY[:1] * np.nan, "", "output of segmenter .* has NaN"),
        (IDENTITY[:1], "size = 32", "size of segmenter .* is 32 x 32, expected 16 x 24"),
        (IDENTITY[:1], 'layout = "NHWC"', "expected 3 colours on the axis that layout NHWC names"),
    ],
)
def test_what_does_not_fit_the_network(tmp_path, settings, weights, text, message):
    pytest.importorskip("onnxruntime")
    name = write_network(tmp_path / "net.onnx", weights)
    settings(text)
    with pytest.raises(ValueError, match=message):
        find_mask(SCENE.image, name)


@pytest.mark.parametrize("kind", ["onnx", "mediapipe"])
@pytest.mark.parametrize("content", [b"", b"no network", b"\x1c\0\0\0TFL3" + bytes(100)], ids=["empty", "text", "cut"])
def test_files_of_another_kind(tmp_path, kind, content):
    path = tmp_path / f"net.{kind}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^segmenter {kind}:{path} [^\n]*, expected .*(network|tflite)"):
        find_mask(SCENE.image, load_segmenter(f"{kind}:{path}", {"size": 8}))


def test_the_command_takes_options(tmp_path, capsys):
    name = write_network(tmp_path / "net.onnx", free=True)
    write_image(tmp_path / "image.png", np.dstack([SCENE.alpha] * 3))
    command = ["auto", str(tmp_path / "image.png"), "--segmenter", name, "-o", str(tmp_path / "out.png"), "--matte"]
    options = ["size=24", "mean=0,0,0", "activation=none", "std=[1, 1, 1]"]
    with pytest.raises(SystemExit, match="0"):
        main(command + [word for option in options for word in ("--segmenter-option", option)])
    assert "found: " in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--segmenter-option", "activation=relu"])
    assert "activation of the segmenter's options is 'relu', expected" in capsys.readouterr().err


def tflite_header(shape, kind=0):
    """Return a tflite file with an input tensor and nothing else, laid out by hand after TensorFlow's schema.fbs."""
    content = bytearray(struct.pack("<I4s", 0, b"TFL3"))

    def table(*fields):
        """Append a table of 32-bit fields, after its list of fields; return its place."""
        start = len(content)
        content.extend(
            struct.pack(
                f"<{2 + len(fields)}H", 4 + 2 * len(fields), 4 + 4 * len(fields), *range(4, 4 + 4 * len(fields), 4)
            )
        )
        place = len(content)
        content.extend(struct.pack(f"<i{len(fields)}I", place - start, *[0] * len(fields)))
        return place

    def numbers(*values):
        place = len(content)
        content.extend(struct.pack(f"<I{len(values)}i", len(values), *values))
        return place

    model = table(0, 0, 0)
    graphs = numbers(0)
    graph = table(0, 0)
    tensors, inputs = numbers(0), numbers(0)
    tensor = table(0, 0)
    sides = numbers(*shape)
    places = ((0, model), (model + 12, graphs), (graphs + 4, graph), (graph + 4, tensors), (graph + 8, inputs))
    for place, target in (*places, (tensors + 4, tensor), (tensor + 4, sides)):
        struct.pack_into("<I", content, place, target - place)
    content[tensor + 8] = kind
    return bytes(content)


def test_the_size_is_read_from_a_tflite_file():
    """OpenCV does not tell the size that a tflite network expects."""
    assert file_runners._tflite_input_shape(tflite_header((1, 144, 256, 3)), "net") == (1, 144, 256, 3)
    with pytest.raises(ValueError, match="net has an input that is not float32"):
        file_runners._tflite_input_shape(tflite_header((1, 8, 8, 3), 3), "net")
    with pytest.raises(ValueError, match="net is damaged"):
        file_runners._tflite_input_shape(tflite_header((1, 8, 8, 3))[:60], "net")


def test_tflite_gets_the_image_colours_first(tmp_path, monkeypatch):
    """OpenCV turns the axes of a tflite network: it wants (1, 3, h, w) though the file says (1, h, w, 3)."""
    (tmp_path / "selfie.tflite").write_bytes(tflite_header((1, 16, 24, 3)))
    seen = []

    class Network:
        def getUnconnectedOutLayersNames(self):
            return ("out",)

        def setInput(self, value):
            seen.append(value)

        def forward(self, _):
            return seen[-1][:, :1]

    monkeypatch.setattr(cv2.dnn, "readNetFromTFLite", lambda _: Network())
    mask = find_mask(SCENE.image, f"mediapipe:{tmp_path / 'selfie.tflite'}")
    assert seen[0].shape == (1, 3, 16, 24)
    assert np.abs(mask - expected(SCENE.image)).max() < 1e-5
