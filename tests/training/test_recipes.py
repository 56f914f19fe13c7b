"""The recipes in experiments/: what their comments offer is accepted, and they say what they assume."""

import re
from pathlib import Path

import pytest

import experiments
from hybridmatte import networks
from hybridmatte.training import read_config
from hybridmatte.training.initial_network import new_network, start_from

FOLDER = Path(experiments.__file__).parent
RECIPES = sorted(path for path in FOLDER.glob("*/*.toml") if "paradigm" in path.read_text())


def text_of(path):
    """Return a recipe's text, a command's lines joined."""
    return path.read_text().replace("\\\n#", "")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_batch_size_for_several_devices_says_so(path):
    """A user with one device took a quarter of the paper's step, unknowing."""
    devices = re.search(r"--devices (\d+)", text_of(path))
    line = re.search(r"^batch_size = (\d+)(.*)$", text_of(path), re.MULTILINE)
    if devices is None:
        assert "devices" not in line[2]
        return
    assert f"on each of {devices[1]} devices; on one, " in line[2]
    config, count = read_config(path), int(devices[1])
    for name, value in re.findall(r"(batch_size|accumulate) = (\d+)", line[2]):
        alone = config.batch_size * config.accumulate * count
        others = config.batch_size if name == "accumulate" else config.accumulate
        assert int(value) * others == alone


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_command_on_two_lines_is_one_command(path):
    """The second line, --devices 2, was a command of its own."""
    for line in path.read_text().splitlines():
        if re.match(r"#\s{5,}--", line):
            assert path.read_text().split(line)[0].rstrip("\n").endswith("\\")


def test_sizes_of_wsshm_in_the_comment():
    """The comment offered width = 0.5, which pretrained = true refuses."""
    path = FOLDER / "wsshm" / "segmentation.toml"
    comment = re.search(r"^size = .*$", path.read_text(), re.MULTILINE)[0]
    assert "resnet18 with width = 0.5 and pretrained = false" in comment
    network = new_network(read_config(path, size="resnet18", width=0.5, pretrained=False))
    assert network.has_boundary
    with pytest.raises(ValueError, match=r"width is 0\.5, expected 1 with pretrained weights"):
        new_network(read_config(path, size="resnet18", width=0.5))


def test_net_m_starts_from_imagenet_as_the_page_says():
    page = (FOLDER / "semantic_guided" / "README.md").read_text()
    assert "`net_t.toml` and `net_m.toml` start from ImageNet weights" in page
    for name in ("net_t", "net_m"):
        assert read_config(FOLDER / "semantic_guided" / f"{name}.toml").pretrained is True


@pytest.mark.parametrize("stage", ["blending", "matte"])
@pytest.mark.parametrize("boundary", [True, False])
def test_a_student_without_boundary_head_starts_from_the_pretrained_network(stage, boundary, tmp_path):
    """init_from was refused, for its boundary head was left over."""
    small = {"size": "tiny", "pretrained": False}
    networks_of = {name: FOLDER / "wsshm" / f"{name}.toml" for name in ("segmentation", stage)}
    new_network(read_config(networks_of["segmentation"], **small)).save_pretrained(tmp_path / "run_s")
    config = read_config(networks_of[stage], **small, boundary=boundary, init_from=str(tmp_path / "run_s"))
    network = new_network(config)
    transfer = start_from(network, config)
    assert network.has_boundary == boundary
    assert len(transfer.dropped) == (0 if boundary else 2)
    assert not transfer.left
    its = networks.load_network(tmp_path / "run_s")
    assert (network.head.weight == its.head.weight).all()


def test_am2k_is_that_of_the_authors_where_the_paper_is_silent():
    path = FOLDER / "alpha_free_am2k" / "config.toml"
    config = read_config(path)
    assert (config.weight_decay, config.padding, config.pretrained) == (0.05, "zeros", True)
    assert config.batch_size * 8 == 32
    assert (config.smallest, config.largest) == (1.0, 1.0)
    assert not any((config.brightness, config.contrast, config.saturation, config.hue, config.degrees, config.shear))
    assert (config.flip, config.unknown) == (0.0, 1.0)
    assert path.read_text().count("epository") >= 8


def test_wsshm_scores_at_the_side_of_the_paper():
    """Section 4.2: at test time the shorter edge has 512 pixels. Nothing shrank an image."""
    for name in ("segmentation", "matte", "blending"):
        assert read_config(FOLDER / "wsshm" / f"{name}.toml").side == 512
