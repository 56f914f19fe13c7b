"""Pre-training on fused photographs, transfer of its weights, and fine-tuning on composites."""

import json
import logging

import numpy as np
import pytest
import timm
import torch
import webdataset
from safetensors.torch import save_file

from hybridmatte import networks
from hybridmatte.data import Sample
from hybridmatte.io.pictures import write_image
from hybridmatte.training import CompositionMatting, TrainingConfig, train
from hybridmatte.training.initial_network import new_network
from hybridmatte.training.optimizer import rate_factor
from hybridmatte.training.sources import EpochPlan, PhotographSource
from tests.synthetic import soft_disk
from tests.training.shared import logged

SMALL = {
    "paradigm": "disentangled",
    "network": "unet",
    "size": "tiny",
    "trimap_input": True,
    "one_hot": True,
    "crop": 64,
    "batch_size": 4,
    "epochs": 2,
    "epoch_steps": 4,
    "learning_rate": 3e-3,
    "unknown": 0.0,
    "degrees": 30.0,
    "shear": 10.0,
    "hue": 30.0,
    "grid": 4,
    "schedule": "cosine",
    "warmup_steps": 2,
    "weight_decay": 0.05,
    "beta2": 0.95,
}
FINE_TUNING = {name: value for name, value in SMALL.items() if name != "grid"} | {"paradigm": "composition"}


def photographs(count=4):
    generator = np.random.default_rng(0)
    return [
        np.kron(generator.integers(0, 256, (9, 10, 3), np.uint8), np.ones((10, 10, 1), np.uint8)) for _ in range(count)
    ]


def pretrain(folder, data=None, **changes):
    return train(TrainingConfig(**(SMALL | changes)), photographs() if data is None else data, folder, progress=False)


@pytest.mark.slow
def test_learns_to_take_flat_photographs_apart(tmp_path):
    """A constant 0.5 has a mean error of 0.25."""
    flat = [np.full((90, 100, 3), colour, np.uint8) for colour in ((250, 20, 20), (20, 20, 250))]
    pretrain(tmp_path, flat, epochs=5, epoch_steps=20, alpha_level="block", hue=0.0, learning_rate=1e-2)
    errors = list(logged(tmp_path, "loss/alpha").values())
    assert np.mean(errors[:5]) > 0.23
    assert np.mean(errors[-10:]) < 0.2


@pytest.mark.parametrize(
    "form",
    [{}, {"trimap_input": False, "one_hot": False}, {"alpha_level": "block", "unknown_cells": 0.5}],
    ids=["one-hot", "image alone", "blocks"],
)
def test_forms(form, tmp_path):
    network = pretrain(tmp_path, **form)
    assert network.trimap_planes == (0 if "trimap_input" in form else 3)
    for name in ("loss", "loss/alpha", "loss/composition", "loss/pyramid"):
        assert len(logged(tmp_path, name)) == 8


@pytest.mark.parametrize("network", ["gca", "matteformer", "modnet", "net_m", "vitmatte"])
def test_every_network_is_trained(network, tmp_path):
    torch.manual_seed(SMALL.get("seed", 0))
    before = getattr(networks, network)("tiny", trimap="one-hot")
    after = pretrain(tmp_path, network=network, epochs=1, epoch_steps=2, batch_size=2, warmup_steps=0, weight_decay=0.0)
    for (name, start), end in zip(before.named_parameters(), after.parameters(), strict=True):
        assert not torch.equal(start, end), name


@pytest.mark.slow
def test_folder_of_photographs_gives_the_same_run(tmp_path):
    for index, photograph in enumerate(photographs()):
        write_image(tmp_path / f"{index}.png", photograph)
    first, second = pretrain(tmp_path / "a"), pretrain(tmp_path / "b", data=tmp_path)
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its shards to the garbage collector
def test_shards(tmp_path):
    with webdataset.ShardWriter(str(tmp_path / "%03d.tar"), verbose=0) as shards:
        for index, photograph in enumerate(photographs()):
            write_image(tmp_path / "one.png", photograph)
            shards.write({"__key__": f"{index}", "png": (tmp_path / "one.png").read_bytes()})
    pretrain(tmp_path / "run", data=str(tmp_path / "000.tar"))
    assert len(logged(tmp_path / "run", "loss")) == 8
    with pytest.raises(ValueError, match="epoch_steps is 0, expected at least 1 for a stream"):
        pretrain(tmp_path / "other", data=str(tmp_path / "000.tar"), epoch_steps=0)
    with pytest.raises(FileNotFoundError, match=r"2 of 3 shards do not exist, the first is .*001\.tar"):
        pretrain(tmp_path / "other", data=str(tmp_path / "{000..002}.tar"))
    with pytest.raises(ValueError, match="data has 1 shards for 2 reading processes"):
        train(TrainingConfig(**SMALL), str(tmp_path / "000.tar"), tmp_path / "other", workers=2, progress=False)


def test_backgrounds_and_validation_without_trimaps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected none: pre-training fuses the photographs of data"):
        train(TrainingConfig(**SMALL), photographs(), tmp_path, backgrounds=tmp_path, progress=False)
    scene = soft_disk((70, 80), seed=0)
    with pytest.raises(ValueError, match="validation has no trimap of disk"):
        train(
            TrainingConfig(**SMALL),
            photographs(),
            tmp_path,
            progress=False,
            validation=[Sample("disk", image=scene.image, alpha=scene.alpha)],
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_resumed_with_other_photographs(tmp_path):
    """A longer run that was refused for its photographs was recorded, and then the run itself was refused."""
    pretrain(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    longer = TrainingConfig(**SMALL | {"epochs": 9})
    with pytest.raises(ValueError, match="data has 3 samples but the run had 4 samples"):
        train(longer, photographs(3), tmp_path, resume=True, progress=False)
    assert (tmp_path / "config.json").read_bytes() == before
    train(longer, photographs(4), tmp_path, resume=True, progress=False)
    assert json.loads((tmp_path / "config.json").read_text())["epochs"] == 9


def test_warm_up_without_end(tmp_path):
    with pytest.raises(ValueError, match="warmup_steps is 8, expected fewer than the run's 8 steps"):
        pretrain(tmp_path, warmup_steps=8)


def test_composites_without_backgrounds(tmp_path):
    (tmp_path / "foreground").mkdir()
    (tmp_path / "alpha").mkdir()
    config = TrainingConfig(**FINE_TUNING)
    with pytest.raises(ValueError, match="backgrounds are missing, expected photographs"):
        train(config, tmp_path, tmp_path / "run", progress=False)


def test_too_few_photographs(tmp_path):
    with pytest.raises(ValueError, match="data has 1 photographs, expected at least 2"):
        pretrain(tmp_path, data=photographs(1))


def test_loss_counts_the_unknown_region_alone():
    torch.manual_seed(0)
    trimap = torch.randint(3, (2, 1, 32, 32)) / 2
    alpha, other = torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32)
    batch = {"trimap": trimap, "alpha": torch.rand(2, 1, 32, 32)}
    batch |= {name: torch.rand(2, 3, 32, 32) for name in ("image", "foreground", "background")}
    module = CompositionMatting(networks.unet("tiny", trimap=True), TrainingConfig(**FINE_TUNING))
    here, there = (module.loss_terms(values, batch) for values in (alpha, torch.where(trimap == 0.5, alpha, other)))
    for name in ("alpha", "composition", "pyramid"):
        assert torch.equal(here[name], there[name])


class TestTransfer:
    @pytest.fixture
    def source(self, tmp_path):
        torch.manual_seed(5)
        networks.unet("tiny", trimap="one-hot").save_pretrained(tmp_path / "source")
        return tmp_path / "source"

    def test_encoder_alone(self, source):
        network, before = networks.unet("tiny", trimap="one-hot"), networks.unet("tiny", trimap="one-hot")
        before.load_state_dict(network.state_dict())
        transfer = networks.load_parts(network, source, "encoder")
        its, start = networks.load_network(source).state_dict(), before.state_dict()
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, (its if name.startswith("encoder.") else start)[name]), name
            assert (name in transfer.loaded) == name.startswith("encoder.")
        assert "tensors loaded" in str(transfer)
        assert "in pyramid, stages, head" in str(transfer)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["gca", "matteformer", "net_m", "vitmatte"])
    def test_encoders_of_other_networks(self, name, tmp_path):
        make = getattr(networks, name)
        make("tiny", trimap="one-hot").save_pretrained(tmp_path)
        network = make("tiny", trimap="one-hot")
        transfer = networks.load_parts(network, tmp_path, "encoder")
        depths = network.layer_depths()
        decoder = {key for key, depth in depths.items() if depth == max(depths.values())}
        assert {key for key in depths if key not in decoder} <= set(transfer.loaded)
        assert len(set(transfer.left) & decoder) > 10

    def test_a_network_without_such_names(self, source):
        network = networks.unet("tiny", trimap="one-hot")
        network.encoder_prefix = "trunk."
        with pytest.raises(ValueError, match=r"no tensor whose name begins with 'trunk\.'"):
            networks.load_parts(network, source, "encoder")

    def test_all(self, source):
        network = networks.unet("tiny", trimap="one-hot")
        assert "none left" in str(networks.load_parts(network, source))
        for name, tensor in networks.load_network(source).state_dict().items():
            assert torch.equal(tensor, network.state_dict()[name])

    def test_trimap_planes_may_be_added(self, tmp_path):
        plain, network = networks.unet("tiny").eval(), networks.unet("tiny", trimap="one-hot").eval()
        plain.save_pretrained(tmp_path / "plain")
        transfer = networks.load_parts(network, tmp_path / "plain", "encoder")
        assert transfer.widened == ("encoder.conv1.0.weight",)
        image, trimap = torch.rand(1, 3, 64, 64), torch.randint(3, (1, 1, 64, 64)) / 2
        with torch.no_grad():
            for left, right in zip(
                plain.encoder(plain.join(image)), network.encoder(network.join(image, trimap)), strict=True
            ):
                assert torch.allclose(left, right, atol=1e-5)

    @pytest.mark.slow
    @pytest.mark.parametrize("parts", ["all", "encoder"])
    @pytest.mark.parametrize("name", ["unet", "vitmatte", "gca", "net_m"])
    def test_trimap_planes_may_be_added_to_any(self, name, parts, tmp_path):
        make = getattr(networks, name)
        plain, network = make("tiny", trimap=False).eval(), make("tiny", trimap="one-hot").eval()
        plain.save_pretrained(tmp_path)
        transfer = networks.load_parts(network, tmp_path, parts)
        assert transfer.widened
        image, trimap = torch.rand(1, 3, 64, 64), torch.randint(3, (1, 1, 64, 64)) / 2
        if name in ("gca", "net_m"):  # elsewhere their attention looks at the trimap
            without, with_trimap = plain.prepared(image), network.prepared(image, trimap)
            places = [lambda one: one.stem[0], *[lambda one: one.skips[0]] * (parts == "all")]
            pairs = [(place(plain)(without), place(network)(with_trimap)) for place in places]
        else:
            pairs = [(plain(image), network(image, trimap))] * (parts == "all")
        for left, right in pairs:
            assert torch.allclose(left, right, atol=1e-5)

    @pytest.mark.parametrize(
        ("other", "parts", "message"),
        [
            (lambda: networks.unet("tiny", width=2.0), "encoder", r"has encoder\..* of shape"),
            (lambda: networks.unet("tiny"), "all", r"has encoder\.conv1\.0\.weight of shape"),
            (lambda: networks.vitmatte("tiny"), "all", "has no tensor"),
            (lambda: networks.unet("tiny", trimap=True), "all", r"has encoder\.conv1\.0\.weight of shape"),
            (lambda: networks.unet("tiny", trimap="one-hot"), "half", "parts is 'half'"),
        ],
        ids=["width", "fewer planes", "kind", "other trimap", "parts"],
    )
    def test_what_does_not_fit_is_refused_whole(self, source, other, parts, message):
        network = other()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with pytest.raises(ValueError, match=message):
            networks.load_parts(network, source, parts)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name])

    def test_a_run_starts_from_it_and_says_so(self, source, tmp_path, caplog):
        samples = []
        for seed in range(2):
            scene = soft_disk((90, 110), seed=seed)
            layers = {"foreground": scene.image, "background": 1 - scene.image}
            samples.append(Sample(str(seed), image=scene.image, alpha=scene.alpha, trimap=scene.trimap, **layers))
        changes = {
            "init_from": str(source),
            "parts": "encoder",
            "epochs": 1,
            "epoch_steps": 1,
            "warmup_steps": 0,
            "learning_rate": 1e-9,
        }
        config = TrainingConfig(**(FINE_TUNING | changes))
        with caplog.at_level(logging.INFO, "hybridmatte"):
            network = train(config, samples, tmp_path / "run", progress=False)
        assert "tensors loaded" in caplog.text
        names = json.loads((tmp_path / "run" / "transfer.json").read_text())
        assert "encoder.conv1.0.weight" in names["loaded"]
        assert "head.weight" in names["left"]
        its = networks.load_network(source)
        assert torch.allclose(network.encoder.conv1[0].weight, its.encoder.conv1[0].weight, atol=1e-6)
        assert not torch.allclose(network.head.weight, its.head.weight, atol=1e-3)


def test_the_file_of_a_trained_encoder_is_said(tmp_path, caplog):
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model("resnet10t").state_dict(), path)
    for pretrained, is_said in ((str(path), True), (False, False)):
        caplog.clear()
        with caplog.at_level(logging.INFO, "hybridmatte"):
            new_network(TrainingConfig(**(FINE_TUNING | {"size": "resnet10t", "pretrained": pretrained})))
        assert (f"the encoder has the weights of {path}" in caplog.text) == is_said


def test_one_plane_does_not_become_three(tmp_path):
    networks.unet("tiny", trimap=True).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"of shape .*; do trimap_input and one_hot agree\?"):
        networks.load_parts(networks.unet("tiny", trimap="one-hot"), tmp_path, "encoder")


def test_cosine_rises_and_falls():
    factors = [rate_factor(step, warmup_steps=4, last=12) for step in range(13)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[8] == pytest.approx(0.5)
    assert factors[12] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(factors[4:]) < 0)


class TestLosses:
    """The composition loss was a thirteenth of that of the code that the paper builds on."""

    def terms(self, **changes):
        torch.manual_seed(0)
        trimap = torch.randint(3, (2, 1, 32, 32)) / 2
        batch = {"trimap": trimap, "alpha": torch.rand(2, 1, 32, 32)}
        batch |= {name: torch.rand(2, 3, 32, 32) for name in ("image", "foreground", "background")}
        config = TrainingConfig(**(FINE_TUNING | changes))
        alpha = torch.rand(2, 1, 32, 32)
        return CompositionMatting(networks.unet("tiny", trimap=True), config).loss_terms(alpha, batch), alpha, batch

    def test_composition_as_in_matteformer(self):
        """Its code sums over the channels of images divided by about 0.226, and divides by the unknown pixels."""
        terms, alpha, batch = self.terms()
        composed = alpha * batch["foreground"] + (1 - alpha) * batch["background"]
        is_unknown = batch["trimap"] == 0.5
        expected = ((composed - batch["image"]).abs() / 0.226 * is_unknown).sum() / is_unknown.sum()
        assert terms["composition"].item() == pytest.approx(expected.item(), rel=1e-3)
        plain, *_ = self.terms(composition_weight=1.0)
        assert terms["composition"].item() == pytest.approx(13.27 * plain["composition"].item(), rel=1e-5)

    @pytest.mark.parametrize("options", [SMALL, FINE_TUNING], ids=["disentangled", "composition"])
    @pytest.mark.parametrize("name", ["alpha", "composition", "pyramid"])
    def test_each_may_be_left_out(self, name, options):
        terms, *_ = self.terms(**{f"{name}_weight": 0.0})
        assert set(terms) == {"alpha", "composition", "pyramid"} - {name}
        nothing = dict.fromkeys(("alpha_weight", "composition_weight", "pyramid_weight"), 0.0)
        with pytest.raises(ValueError, match="alpha_weight, composition_weight and pyramid_weight are 0"):
            TrainingConfig(**options | nothing)

    def test_alpha_of_matteformer_is_logged_at_full_size(self):
        """It was the weighted mean over three heads, and not comparable with other networks."""
        network = networks.matteformer("tiny").requires_grad_(False).eval()
        config = TrainingConfig(**FINE_TUNING | {"network": "matteformer", "pyramid_weight": 0.0})
        module = CompositionMatting(network, config)
        *_, batch = self.terms()
        terms = module.batch_terms(batch)
        first = network.weighted_alphas(batch["image"], batch["trimap"])[0][1]
        is_unknown = batch["trimap"] == 0.5
        expected = (first - batch["alpha"]).abs()[is_unknown].mean().item()
        assert module._at_full_size["alpha"].item() == pytest.approx(expected, rel=1e-5)
        assert terms["alpha"].item() != pytest.approx(expected, rel=1e-3)

    def test_asymmetric_reaches_the_crops(self):
        flat = [np.full((90, 100, 3), colour, np.uint8) for colour in ((250, 20, 20), (20, 20, 250))]
        plan = EpochPlan(0, 1, 4, 4)
        for asymmetric in (True, False):
            options = SMALL | {"asymmetric": asymmetric, "degrees": 0.0, "hue": 180.0}
            crops = PhotographSource(TrainingConfig(**options), flat).crops(plan)
            backgrounds = {tuple(crops[k]["background"][:, 0, 0].tolist()) for k in range(4)}
            assert (backgrounds <= {(250, 20, 20), (20, 20, 250)}) == asymmetric

    @pytest.mark.slow
    def test_a_run_of_an_earlier_version_keeps_its_losses(self, tmp_path):
        pretrain(tmp_path, epochs=1, asymmetric=False, composition_weight=1.0, warmup_steps=0)
        path = tmp_path / "config.json"
        options = json.loads(path.read_text())
        for name in ("asymmetric", "composition_weight", "alpha_weight", "pyramid_weight"):
            del options[name]
        path.write_text(json.dumps(options))
        config = SMALL | {"epochs": 1, "warmup_steps": 0}
        with pytest.raises(ValueError, match="asymmetric is True but the run in .* had False|composition_weight is 13"):
            train(TrainingConfig(**config), photographs(), tmp_path, resume=True, progress=False)
        same = {"asymmetric": False, "composition_weight": 1.0}
        train(TrainingConfig(**config | same), photographs(), tmp_path, resume=True, progress=False)
