"""Net-T and joint networks on the command line and as ONNX files; the coarse alpha of Net-M; its head."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hybridmatte import networks
from hybridmatte.cli import main
from hybridmatte.io.pictures import read_alpha, write_alpha, write_image
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.networks.nonlocal_matting import NormalizedHead
from tests.synthetic import soft_disk

SCENE = soft_disk((70, 90), seed=0)
MASK = np.float32(SCENE.alpha > 0.5)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    networks.net_t("tiny").save_pretrained(tmp_path / "net_t")
    networks.net_m("tiny").save_pretrained(tmp_path / "net_m")
    for part, plane in (("alpha", SCENE.alpha), ("mask", MASK), ("trimap", SCENE.trimap)):
        (tmp_path / part).mkdir()
        write_alpha(tmp_path / part / "0.png", plane)
    (tmp_path / "image").mkdir()
    write_image(tmp_path / "image" / "0.png", SCENE.image)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Return a function that runs a command line and returns exit code and standard error; ``@`` is the folder."""

    def command(text):
        with pytest.raises(SystemExit) as leave:
            main([word.replace("@", f"{folder}/") for word in text.split()])
        return leave.value.code or 0, " ".join(capsys.readouterr().err.split())

    return command


class TestCommandLine:
    def test_join_and_predict(self, folder, run):
        """Only Python could join them, and predict refused both."""
        code, err = run("join @net_t @net_m -o @joint --fusion hard")
        assert code == 0, err
        joint = networks.load_network(folder / "joint")
        assert joint.fusion == "hard"
        code, err = run("join @net_t @net_m -o @joint")
        assert code == 2
        assert "joint exists, expected a new folder, or --force" in err
        for options, expected in (
            ("", joint.predict(SCENE.image, MASK)[0]),
            (" --coarse", joint.coarse().predict(SCENE.image, MASK)[0]),
            (" --tile-pixels 4096", joint.predict(SCENE.image, MASK, max_pixels=4096)[0]),
        ):
            code, err = run(f"predict @joint @image/0.png @mask/0.png -o @a.png --force{options}")
            assert code == 0, err
            assert np.mean(np.abs(read_alpha(folder / "a.png") - expected) > 0.02) < 0.02
        joint.fusion = "soft"
        run("predict @joint @image/0.png @mask/0.png -o @soft.png --fusion soft")
        expected = joint.predict(SCENE.image, MASK)[0]
        assert np.mean(np.abs(read_alpha(folder / "soft.png") - expected) > 0.02) < 0.02

    def test_advice_on_an_inverted_mask_names_no_option_of_another_command(self, folder, run):
        write_alpha(folder / "mask" / "0.png", 1 - MASK)
        run("join @net_t @net_m -o @joint")
        for command in (
            "predict @net_t @image/0.png @mask/0.png -o @a.png",
            "predict @joint @image/0.png @mask/0.png -o @b.png",
        ):
            _, err = run(command)
            assert "invert it" in err
            assert "--invert" not in err

    def test_trimap_of_net_t(self, folder, run):
        code, err = run("predict @net_t @image/0.png @mask/0.png -o @t.png")
        assert code == 0, err
        expected = predict_trimap(networks.load_network(folder / "net_t"), SCENE.image, MASK)
        assert np.mean(np.abs(read_alpha(folder / "t.png") - expected) > 0.01) < 0.02

    def test_coarse_alpha_of_net_m(self, folder, run):
        code, err = run("predict @net_m @image/0.png @trimap/0.png -o @c.png --coarse")
        assert code == 0, err
        network = networks.load_network(folder / "net_m")
        expected = networks.predict_alpha(network.coarse(), SCENE.image, SCENE.trimap)
        assert np.abs(read_alpha(folder / "c.png") - expected).max() < 0.02

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("join @net_m @net_t -o @x", "net_t is a MattingNonlocal, expected a TrimapNetwork"),
            ("join @net_t @net_m -o @x --fusion both", "--fusion is 'both', expected 'soft'"),
            ("predict @net_t @image/0.png -o @x.png", "which takes a mask, expected one from image and trimap"),
            ("export @net_t @image/0.png -o @x.onnx", "or the mask after the image"),
            ("predict @net_t @image/0.png @mask/0.png -o @x.png --side 40", "--side 40 came, expected none"),
            ("predict @net_t @image/0.png @mask/0.png -o @x.png --tile-pixels 5000", "Net-T sees the image as a whole"),
            ("predict @net_t @image/0.png @mask/0.png -o @x.png --coarse", "has no Net-M that refines its alpha"),
            ("predict @net_m @image/0.png @trimap/0.png -o @x.png --fusion hard", "--fusion hard came, expected none"),
            ("evaluate --network @net_m --data @ --erode 20", "--erode 20 came, expected none"),
            ("evaluate --network @net_t --data @ --side 40", "--side 40 came, expected none"),
            ("evaluate @alpha @alpha --region whole --erode 20", "--erode 20.0 came, expected none without --network"),
            ("evaluate @alpha @alpha --region whole --coarse", "expected none without --network"),
        ],
    )
    def test_mistakes_are_one_sentence(self, command, message, run, folder):
        code, err = run(command)
        assert code == 2
        assert message in err
        assert not (folder / "x").exists()

    def test_evaluate(self, folder, run):
        """Table 5 needs masks eroded by 20 to 50 pixels; fusion and refinement could not be chosen."""
        run("join @net_t @net_m -o @joint")
        means = {}
        for name, options in {
            "mask": "",
            "20": "--erode 20",
            "50": "--erode 50",
            "hard": "--fusion hard",
            "coarse": "--coarse",
        }.items():
            code, err = run(f"evaluate --network @joint --data @ --json @{name}.json {options}")
            assert code == 0, err
            assert ("eroded by" in err) == ("erode" in options)
            means[name] = json.loads((folder / f"{name}.json").read_text())["mean"]["sad"]
        assert len(set(means.values())) == len(means)
        code, err = run("evaluate --network @net_t --data @ --json @t.json --erode 30")
        assert code == 0, err
        assert "eroded by 30 pixels" in err

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "output"), [("net_t", "probabilities"), ("joint", "alpha")])
    def test_export(self, name, output, run):
        pytest.importorskip("onnxruntime")
        run("join @net_t @net_m -o @joint")
        code, err = run(f"export @{name} @image/0.png @mask/0.png -o @n.onnx")
        assert code == 0, err
        assert f"gives the same {output} to" in err

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["net_t", "joint"])
    def test_speed(self, name, run):
        pytest.importorskip("onnxruntime")
        run("join @net_t @net_m -o @joint")
        code, err = run(f"benchmark-network @{name} --size 64 --count 1")
        assert code == 0, err
        assert "by ONNX Runtime" in err


class TestCoarse:
    def test_is_the_alpha_before_the_refinement(self, tmp_path):
        torch.manual_seed(1)
        network = networks.net_m("tiny").eval()
        image, trimap = torch.rand(1, 3, 64, 64), torch.randint(3, (1, 1, 64, 64)) / 2
        coarse = network.coarse()
        with torch.no_grad():
            (_, first), (_, refined) = network.weighted_alphas(image, trimap)
            assert torch.equal(coarse(image, trimap), first)
            assert torch.equal(network(image, trimap), refined.clamp(0, 1))
            coarse.head.weight.mul_(-1)  # shared
            assert not torch.equal(network.weighted_alphas(image, trimap)[0][1], first)
        coarse.save_pretrained(tmp_path)
        assert networks.load_network(tmp_path).refinement is None
        assert network.refinement is not None

    def test_of_a_joint_network(self):
        joint = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny"), "hard").eval()
        coarse = joint.coarse()
        assert coarse.fusion == "hard"
        assert not coarse.training
        assert coarse.net_m.refinement is None
        with pytest.raises(ValueError, match="net_m is a MattingUNet, which has no coarse alpha"):
            networks.JointInference(networks.net_t("tiny"), networks.unet("tiny", trimap=True)).coarse()


class TestHead:
    def test_is_that_of_the_table(self):
        """Convolution, spectral norm, batch norm."""
        torch.manual_seed(0)
        head, x = NormalizedHead(8).eval(), torch.rand(1, 8, 6, 7)
        with torch.no_grad():
            head.norm.running_mean.fill_(0.5)
            head.norm.running_var.fill_(4.0)
            sigma = torch.linalg.matrix_norm(head.weight.flatten(1), 2)
            plain = torch.nn.functional.conv2d(x, head.weight / sigma, head.bias, padding=1)
            assert torch.allclose(head(x), (plain - 0.5) / (4.0 + 1e-5) ** 0.5, atol=1e-6)
        assert isinstance(networks.net_m("tiny").head, NormalizedHead)

    def test_networks_of_earlier_versions_are_loaded(self, tmp_path):
        torch.manual_seed(0)
        network = networks.MattingNonlocal(width=5 / 32, normalized_head=False).eval()
        network.save_pretrained(tmp_path)
        path = tmp_path / "config.json"
        config = json.loads(path.read_text())
        assert config.pop("normalized_head") is False
        path.write_text(json.dumps(config))
        again = networks.load_network(tmp_path)
        assert type(again.head) is torch.nn.Conv2d
        image, trimap = torch.rand(1, 3, 32, 32), torch.randint(3, (1, 1, 32, 32)) / 2
        with torch.no_grad():
            assert torch.equal(again(image, trimap), network(image, trimap))
        tensors = load_file(tmp_path / "model.safetensors")
        del tensors["head.bias"]
        save_file(tensors, tmp_path / "model.safetensors")
        with pytest.raises(ValueError, match="there is no tensor head.bias"):
            networks.load_network(tmp_path)


def test_page_names_the_command():
    page = (Path(networks.__file__).parents[2] / "docs" / "training.md").read_text()
    assert re.search(r"hybridmatte join run_t/network run_m/network -o joint", page)
