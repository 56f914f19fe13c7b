"""Hostile folders of networks: each ends in one sentence that names the file, and the key or the tensor.

Users met: tracebacks of `config.json`, networks with missing tensors that predicted with random ones, files opened
outside the folder, hubs asked because a file said so, and gigabytes for a network that the file only described.
"""

import json
import os
import resource
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hybridmatte import networks
from hybridmatte.cli import main
from hybridmatte.io.pictures import write_image
from hybridmatte.networks.checkpoint import CLASSES
from tests.faults.network_configs import (
    BACKBONE,
    CONFIGS,
    FILES,
    VALUES,
)

MAKERS = {
    "unet": lambda: networks.unet("tiny"),
    "gca": lambda: networks.gca("tiny"),
    "matteformer": lambda: networks.matteformer("tiny"),
    "modnet": lambda: networks.modnet("tiny"),
    "net_m": lambda: networks.net_m("tiny", refinement=False),
    "net_t": lambda: networks.net_t("tiny"),
    "vitmatte": lambda: networks.vitmatte("tiny"),
    "joint": lambda: networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny", refinement=False)),
    "fusion": lambda: networks.SolverFusion(features=3, trusted=0, widths=[4]),
}

MAX_MEMORY = 400_000  # kB that a refused folder may take
every_class = pytest.mark.parametrize("name", MAKERS)
weights_of_every_class = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name not in ("vitmatte", "fusion") else ()) for name in MAKERS],
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a function that gives the folder of a small network of a class, written once."""
    root = tmp_path_factory.mktemp("networks")

    def write(name):
        if not (root / name).exists():
            MAKERS[name]().save_pretrained(root / name)
        return root / name

    return write


@pytest.fixture
def folder_of(saved, tmp_path):
    """Return a function that copies the folder of a class."""

    def copy(name):
        return Path(shutil.copytree(saved(name), tmp_path / "network", dirs_exist_ok=True))

    return copy


@pytest.fixture
def described(tmp_path):
    """Return a function that makes the folder of a class with its config.json and a file of one foreign tensor."""

    def write(name):
        folder = tmp_path / "network"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIGS[name]))
        save_file({"foreign": torch.zeros(1)}, folder / "model.safetensors")
        return folder

    return write


@pytest.fixture
def predict(tmp_path, capfd):
    """Return a function that runs ``predict`` with a folder, and returns its one sentence."""
    write_image(tmp_path / "image.png", np.zeros((40, 40, 3), np.float32))

    def run(folder):
        capfd.readouterr()
        with pytest.raises(SystemExit) as leave:
            main(["predict", str(folder), str(tmp_path / "image.png"), "-o", str(tmp_path / "alpha.png")])
        out, err = capfd.readouterr()
        assert leave.value.code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "standard output" not in err
        assert len(err) < 1500
        return err

    return run


@pytest.fixture
def no_network(monkeypatch):
    """Fail a test that looks a name up."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: asked.append(args) or [])
    monkeypatch.setattr("timm.models._hub.load_model_config_from_hf", lambda *args, **_: asked.append(args))
    yield
    assert asked == []


def loaders_of(name):
    """Return the functions that load a folder of a class."""
    own = {"vitmatte": lambda: networks.MattingViT, "fusion": lambda: networks.SolverFusion, **CLASSES}
    loaders = [own[name]().from_pretrained] if name in own else []
    return loaders if name == "fusion" else [networks.load_network, *loaders]


def load(name, folder):
    """Load a folder by the first of these functions."""
    return loaders_of(name)[0](folder)


def configurations(name):
    """Return the configurations that are to be refused: key, value."""
    cases = [(key, value) for key, values in VALUES[name].items() for value in values]
    cases += [("unknown_key", 1), ("__class__", "os.system"), ("pretrained", True)]
    if name == "vitmatte":
        cases += [(f"backbone_config.{key}", value) for key, values in BACKBONE.items() for value in values]
    return cases


def change(folder, key, value):
    """Change one value of a config.json."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    inner = config["backbone_config"] if "." in key else config
    inner[key.split(".")[-1]] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_file_that_is_no_configuration(content, described, predict):
    """A list, null, or a deeply nested config.json ended in a traceback."""
    folder = described("unet")
    (folder / "config.json").write_bytes(content)
    assert str(folder) in predict(folder)


@every_class
@pytest.mark.parametrize("kind", ["list", "null", "deep list", "cut short"])
def test_class_of_a_file_that_is_no_configuration(name, kind, described):
    """`from_pretrained` of each class read config.json in its own way."""
    folder = described(name)
    (folder / "config.json").write_bytes(FILES[kind])
    for loader in loaders_of(name):
        with pytest.raises(ValueError, match=r"config\.json"):
            loader(folder)


@pytest.mark.usefixtures("no_network")
@every_class
def test_wrong_values(name, described):
    """Wrong types of width, encoder, depths and heads, unknown keys and giant numbers: an error that names the key."""
    folder = described(name)
    good = (folder / "config.json").read_text()
    cases = configurations(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for key, value in cases:
        change(folder, key, value)
        with pytest.raises(ValueError, match=r"config\.json") as caught:
            load(name, folder)
        assert key.split(".")[-1] in str(caught.value), value
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 1500
        (folder / "config.json").write_text(good)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_MEMORY


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", [name for name in MAKERS if name != "fusion"])
def test_wrong_values_are_one_sentence(name, described, predict):
    """The same folders in the command line; a sample, as each is read in the same way."""
    folder = described(name)
    good = (folder / "config.json").read_text()
    for key, value in configurations(name)[::7]:
        change(folder, key, value)
        assert key.split(".")[-1] in predict(folder)
        (folder / "config.json").write_text(good)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("unet", "encoder", "convnext_xxlarge"),
        ("unet", "encoder", "vit_giant_patch14_dinov2"),
        ("unet", "encoder", "resnetv2_152x4_bit"),
        ("unet", "encoder", "swin_tiny_patch4_window7_224"),
        ("unet", "encoder", "resnet18"),
        ("unet", "width", 16.0),
        pytest.param("gca", "width", 16.0, marks=pytest.mark.slow),
        pytest.param("net_m", "width", 16.0, marks=pytest.mark.slow),
        pytest.param("matteformer", "channels", 1024, marks=pytest.mark.slow),
        pytest.param("matteformer", "depths", [64, 64, 64, 64], marks=pytest.mark.slow),
        ("vitmatte", "backbone_config.num_hidden_layers", 64),
        ("vitmatte", "backbone_config.mlp_ratio", 16),
        ("vitmatte", "convstream_hidden_sizes", [8192] * 3),
        ("net_t", "size", "resnet50"),
        ("modnet", "size", "mobilenetv2"),
        ("fusion", "widths", [65_536] * 64),
    ],
)
def test_giant_networks_take_no_memory(name, key, value, described):
    """A config.json of a giant network beside small weights took minutes and 5 GB."""
    folder = described(name)
    change(folder, key, value)
    if key == "backbone_config.num_hidden_layers":
        change(folder, "backbone_config.out_features", None)
        change(folder, "backbone_config.out_indices", None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="tensor|cannot be built") as caught:
        load(name, folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_MEMORY


def damaged_tensors(tensors):
    """Return changed copies of a network's tensors by the kind of damage, and the tensor that the error names."""
    floats = [name for name, tensor in tensors.items() if tensor.is_floating_point()]
    first, last, middle = floats[0], floats[-1], floats[len(floats) // 2]
    value = tensors[middle]
    return {
        "one missing": ({k: v for k, v in tensors.items() if k != middle}, middle),
        "all missing": ({}, f"and {len(tensors) - 1} more"),
        "half missing": ({k: v for k, v in tensors.items() if k < middle}, ""),
        "one more": ({**tensors, "extra.weight": torch.zeros(3)}, "extra.weight"),
        "renamed": ({("model." + k if k == last else k): v for k, v in tensors.items()}, last),
        "one value more": ({**tensors, middle: torch.zeros(value.numel() + 1)}, middle),
        "flattened": ({**tensors, first: tensors[first].flatten()[None, None]}, first),
        "empty": ({**tensors, middle: torch.zeros(0)}, middle),
        "integers": ({**tensors, middle: value.to(torch.int64)}, middle),
        "bytes": ({**tensors, middle: value.to(torch.uint8)}, middle),
        "booleans": ({**tensors, middle: value > 0}, middle),
        "all integers": ({k: v.to(torch.int32) for k, v in tensors.items()}, ""),
        "not a number": ({**tensors, middle: torch.full_like(value, torch.nan)}, middle),
        "infinite": ({**tensors, middle: torch.full_like(value, torch.inf)}, middle),
        "too large": ({**tensors, middle: torch.full_like(value, 1e300, dtype=torch.float64)}, middle),
    }


@weights_of_every_class
def test_tensors_that_do_not_fit(name, folder_of):
    """A ViTMatte with missing tensors predicted with random ones and exited with 0."""
    folder = folder_of(name)
    path = folder / ("net_m" if name == "joint" else "") / "model.safetensors"
    good = path.read_bytes()
    loaders = loaders_of(name)
    kinds = damaged_tensors(load_file(path))
    if name == "joint":  # its parts are those of net_m, whose row has all kinds
        kinds = {kind: kinds[kind] for kind in ("one missing", "all missing", "integers", "not a number")}
    for kind, (tensors, named) in kinds.items():
        save_file(tensors, path)
        for loader in loaders if kind == "one missing" else loaders[:1]:
            with pytest.raises(ValueError, match="tensor") as caught:
                loader(folder)
            assert named in str(caught.value), kind
            assert "model.safetensors" in str(caught.value) or str(folder) in str(caught.value)
            assert "\n" not in str(caught.value)
    path.write_bytes(good)
    load(name, folder)


@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_missing_tensor_ends_the_command(name, folder_of, predict):
    """No bar and no report of transformers stands beside the sentence."""
    folder = folder_of(name)
    tensors = load_file(folder / "model.safetensors")
    for kind in ("one missing", "all missing", "integers"):
        changed, named = damaged_tensors(tensors)[kind]
        save_file(changed, folder / "model.safetensors")
        assert named in predict(folder)


def test_configuration_of_an_earlier_transformers(folder_of):
    """The keys that transformers 4.33 wrote into the public checkpoints are known."""
    folder = folder_of("vitmatte")
    (folder / "config.json").write_text(json.dumps(CONFIGS["vitmatte"]))
    networks.load_network(folder)


def test_half_precision_is_loaded(folder_of):
    """Floating-point weights of 16 bits are not refused."""
    folder = folder_of("modnet")
    path = folder / "model.safetensors"
    halves = {k: v.half() if v.is_floating_point() else v for k, v in load_file(path).items()}
    save_file(halves, path)
    for name, tensor in networks.load_network(folder).state_dict().items():
        assert torch.equal(tensor, halves[name].to(tensor.dtype))


HEADERS = {
    "empty": b"",
    "short": b"\x10\x00\x00",
    "no header": b"\x00" * 8,
    "long header": b"\xff" * 7 + b"\x7f" + b"{}" * 20,
    "large header": (1 << 25).to_bytes(8, "little") + b"{}",
    "no JSON": (20).to_bytes(8, "little") + b"x" * 20,
    "deep": (40_000).to_bytes(8, "little") + b"[" * 40_000,
    "offsets": (80).to_bytes(8, "little")
    + b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 999999999999]}}'.ljust(80),
    "pickle": b"\x80\x04cposix\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_damaged_weights(content, folder_of, predict):
    folder = folder_of("vitmatte")
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in predict(folder)


@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_truncated_weights(name, folder_of, predict):
    folder = folder_of(name)
    content = (folder / "model.safetensors").read_bytes()
    for share in (0.001, 0.1, 0.5, 0.999):
        (folder / "model.safetensors").write_bytes(content[: int(share * len(content))])
        assert "model.safetensors" in predict(folder)


INDICES = {
    "a list": [],
    "no map": {},
    "map is a list": {"weight_map": []},
    "map is empty": {"weight_map": {}},
    "absolute path": {"weight_map": {"a": "/etc/passwd"}},
    "absolute weights": {"weight_map": {"a": "/tmp/model.safetensors"}},
    "parent": {"weight_map": {"a": "../other/model.safetensors"}},
    "folder": {"weight_map": {"a": "sub/model.safetensors"}},
    "back slash": {"weight_map": {"a": "..\\model.safetensors"}},
    "hidden": {"weight_map": {"a": ".safetensors"}},
    "number": {"weight_map": {"a": 1}},
    "null": {"weight_map": {"a": None}},
    "pickle": {"weight_map": {"a": "model.bin"}},
    "missing": {"weight_map": {"a": "none.safetensors"}},
    "wrong": {"weight_map": {"a": "part.safetensors"}},
}


@pytest.mark.parametrize("name", ["unet", "vitmatte"])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_index_stays_in_the_folder(name, index, folder_of, predict, tmp_path):
    """The map of an index opened files outside the folder."""
    folder = folder_of(name)
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "model.safetensors", tmp_path / "other")
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    if "weight_map" in index and index["weight_map"]:
        names = list(load_file(folder / "part.safetensors"))
        if index["weight_map"] == {"a": "../other/model.safetensors"}:
            index = {"weight_map": dict.fromkeys(names, "../other/model.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "index.json" in predict(folder)


@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_weights_in_several_files(name, folder_of):
    """An index within the folder works, for every class."""
    folder = folder_of(name)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    place = {key: f"part-{k % 2}.safetensors" for k, key in enumerate(tensors)}
    for file in set(place.values()):
        save_file({key: tensor for key, tensor in tensors.items() if place[key] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": place}))
    for key, tensor in load(name, folder).state_dict().items():
        assert torch.equal(tensor, tensors[key.removeprefix("model.")])


@pytest.mark.usefixtures("no_network")
def test_no_other_file_is_followed(folder_of):
    """An adapter's configuration, which names another model on a hub, is not looked at."""
    folder = folder_of("vitmatte")
    adapter = {"base_model_name_or_path": "nobody/nothing", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    networks.load_network(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "dangling link", "loop"])
def test_what_is_no_file(name, kind, folder_of, predict):
    """A named pipe in place of a file waited for ever."""
    folder = folder_of("unet")
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(folder / ("nothing" if kind == "dangling link" else name))
    assert name in predict(folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["net_t", "net_m"])
def test_joint_network_inside_itself(part, folder_of, predict):
    """A link from a part to the whole recursed until the stack was full."""
    folder = folder_of("joint")
    shutil.rmtree(folder / part)
    (folder / part).symlink_to(folder)
    assert part in predict(folder)
    (folder / part).unlink()
    assert part in predict(folder)
    (folder / part).symlink_to(folder / ("net_m" if part == "net_t" else "net_t"))
    assert "net_" in predict(folder)


@pytest.mark.slow
def test_a_hub_that_is_not_reached_is_one_sentence(predict, monkeypatch, tmp_path):
    """The hub's own remarks stood beside the sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(-3, "no")))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)  # the hub's client tries again for 23 seconds
    assert "nobody/nothing is no folder here" in predict("nobody/nothing")
