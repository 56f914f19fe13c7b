"""Segmentation pre-training, a teacher from true alphas, and a student from blended labels."""

import lightning
import numpy as np
import pytest
import torch

from hybridmatte import networks
from hybridmatte.data import Augmentation, Sample, TrainingCrops
from hybridmatte.data.tasks import AsMaskTask, AsTwoViews, without_colours
from hybridmatte.losses import gradient_loss, l1_loss
from hybridmatte.training import MatteLabelBlending, MatteTraining, TrainingConfig, train
from hybridmatte.training.label_blending import balanced_l1_loss, boundary_of
from tests.tolerances import assert_close
from tests.training.shared import BACKGROUNDS, disks, logged

SMALL = {
    "network": "unet",
    "size": "tiny",
    "crop": 64,
    "batch_size": 2,
    "epochs": 2,
    "epoch_steps": 3,
    "learning_rate": 2e-3,
    "weight_decay": 0.0,
}
SEGMENTATION = SMALL | {"paradigm": "segmentation"}
MATTE = SMALL | {"paradigm": "matte", "boundary": True}
BLENDING = SMALL | {"paradigm": "blending", "hue": 90.0, "brightness": 0.3}


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(1)
    networks.unet("tiny", boundary=True).save_pretrained(tmp_path / "teacher")
    return str(tmp_path / "teacher")


def batch_of(*parts, shape=(64, 64)):
    generator = torch.Generator().manual_seed(0)
    return {
        part: torch.rand((2, 3 if part in ("image", "strong") else 1, *shape), generator=generator) for part in parts
    }


class TestBoundaryHead:
    def test_saved_and_loaded(self, teacher):
        network, image = networks.load_network(teacher), torch.rand(1, 3, 40, 50)
        with torch.no_grad():
            alpha, boundary = network.alpha_and_boundary(image)
            assert torch.equal(alpha, network(image))
        assert boundary.shape == (1, 1, 40, 50)
        assert not torch.equal(alpha, boundary)

    def test_network_without(self):
        with pytest.raises(ValueError, match="no boundary head"):
            networks.unet("tiny").alpha_and_boundary(torch.rand(1, 3, 8, 8))


class TestStages:
    @pytest.mark.slow
    def test_segmentation(self, tmp_path):
        samples = disks("image", "mask")
        samples[0] = samples[0]._replace(mask=samples[0].mask * 0.6 + 0.1)  # soft: cut at 0.5
        train(TrainingConfig(**SEGMENTATION | {"epochs": 10}), samples, tmp_path, progress=False)
        errors = list(logged(tmp_path, "loss/mse").values())
        assert np.mean(errors[-5:]) < 0.7 * np.mean(errors[:5])

    def test_segmentation_over_backgrounds_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="backgrounds came, expected none: paradigm 'segmentation' learns"):
            train(
                TrainingConfig(**SEGMENTATION),
                disks("image", "mask"),
                tmp_path / "run",
                progress=False,
                backgrounds=BACKGROUNDS,
            )
        assert not (tmp_path / "run").exists()

    @pytest.mark.slow
    def test_teacher_learns_alpha_and_boundary(self, tmp_path):
        train(TrainingConfig(**MATTE | {"epochs": 10}), disks("image", "alpha"), tmp_path, progress=False)
        for name in ("mse", "gradient", "boundary"):
            errors = list(logged(tmp_path, f"loss/{name}").values())
            assert len(errors) == 30
            assert np.mean(errors[-5:]) < np.mean(errors[:5])

    def test_terms_by_hand(self):
        torch.manual_seed(0)
        network, batch = networks.unet("tiny", boundary=True).eval().requires_grad_(False), batch_of("image", "alpha")
        terms = MatteTraining(network, TrainingConfig(**MATTE | {"boundary_weight": 0.5})).batch_terms(batch)
        alpha, boundary = network.alpha_and_boundary(batch["image"])
        mixed = ((batch["alpha"] > 0.05) & (batch["alpha"] < 0.95)).float()
        assert_close(terms["mse"], (alpha - batch["alpha"]).square().mean())
        assert_close(terms["gradient"], gradient_loss(alpha, batch["alpha"]))
        assert_close(terms["boundary"], 0.5 * (boundary - mixed).abs().mean())

    def test_a_head_that_finds_nothing_costs_half_of_the_balanced_loss(self):
        """The mean over all pixels is lowest for such a head where boundaries are few, and heads collapsed to it."""
        is_true = torch.zeros(1, 1, 10, 10)
        is_true[..., 0, :5] = 1
        nothing, coarse = torch.zeros_like(is_true), torch.zeros_like(is_true)
        coarse[..., :2, :] = 1  # the boundary, and 15 pixels beside it
        assert l1_loss(nothing, is_true) < l1_loss(coarse, is_true)
        assert balanced_l1_loss(nothing, is_true) == 0.5
        assert_close(balanced_l1_loss(coarse, is_true), torch.tensor(0.5 * 15 / 95))
        assert balanced_l1_loss(nothing, nothing) == 0

    def test_balanced_terms_by_hand(self):
        torch.manual_seed(0)
        network, batch = networks.unet("tiny", boundary=True).eval().requires_grad_(False), batch_of("image", "alpha")
        config = TrainingConfig(**MATTE | {"boundary_weight": 0.5, "boundary_balanced": True})
        mixed = (batch["alpha"] > 0.05) & (batch["alpha"] < 0.95)
        error = (network.alpha_and_boundary(batch["image"])[1] - mixed.float()).abs()
        expected = 0.5 * (error[mixed].mean() + error[~mixed].mean()) / 2
        assert_close(MatteTraining(network, config).batch_terms(batch)["boundary"], expected)

    def test_network_without_boundary_head_learns_alpha(self, tmp_path):
        train(
            TrainingConfig(**MATTE | {"network": "modnet", "boundary": False}),
            disks("image", "alpha"),
            tmp_path,
            progress=False,
        )
        assert not logged(tmp_path, "loss/boundary")

    def test_boundary_of(self):
        assert boundary_of(torch.tensor([0.0, 0.05, 0.06, 0.94, 0.95, 1.0])).tolist() == [0, 0, 1, 1, 0, 0]


class TestBlending:
    def module(self, teacher, **changes):
        torch.manual_seed(3)
        config = TrainingConfig(**BLENDING | {"teacher": teacher} | changes)
        return MatteLabelBlending(networks.unet("tiny"), config, networks.load_network(teacher)).eval()

    @pytest.mark.parametrize("strong", [True, False])
    def test_label_by_hand(self, teacher, strong):
        module = self.module(teacher, strong=strong, soft_boundary=True).requires_grad_(False)
        batch = batch_of("image", "strong", "mask")
        batch["mask"] = batch["mask"].round()
        terms = module.batch_terms(batch)
        taught, boundary = module.teacher.alpha_and_boundary(batch["image"])
        label = torch.where(batch["mask"] > 0.5, boundary * taught + 1 - boundary, boundary * taught)
        alpha = module.network(batch["strong" if strong else "image"])
        assert_close(terms["mse"], (alpha - label).square().mean())
        assert_close(terms["gradient"], gradient_loss(alpha, label))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("changes", "follows"),
        [({}, True), ({"ema": 0.0}, False), ({"network": "modnet"}, False)],
        ids=["same architecture", "frozen", "another network"],
    )
    def test_teacher_follows_a_student_of_its_architecture(self, teacher, changes, follows, tmp_path):
        modules = []

        class Keep(lightning.Callback):
            def on_train_start(self, trainer, module):  # noqa: ARG002
                modules.append(module)

        config = TrainingConfig(**BLENDING | {"teacher": teacher, "ema": 0.9} | changes)
        train(config, disks("image", "mask"), tmp_path / "run", progress=False, callbacks=[Keep()])
        before = networks.load_network(teacher).state_dict()
        after = modules[0].teacher.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert bool(changed) == follows
        assert not [name for name in changed if name.startswith("boundary_head.")]

    def test_step_of_the_moving_average(self, teacher):
        module = self.module(teacher, ema=0.75)
        before = {name: tensor.clone() for name, tensor in module.teacher.state_dict().items()}
        module.update_teacher()
        name = "encoder.conv1.0.weight"
        expected = 0.75 * before[name] + 0.25 * module.network.state_dict()[name]
        assert_close(module.teacher.state_dict()[name], expected)

    def test_resumed_to_the_last_bit(self, teacher, tmp_path):
        config, samples = TrainingConfig(**BLENDING | {"teacher": teacher, "ema": 0.9}), disks("image", "mask")
        whole = train(config, samples, tmp_path / "whole", progress=False)

        class Stop(lightning.Callback):
            def on_train_epoch_start(self, trainer, module):  # noqa: ARG002
                if trainer.current_epoch == 1:
                    raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            train(config, samples, tmp_path / "parts", progress=False, callbacks=[Stop()])
        resumed = train(config, samples, tmp_path / "parts", progress=False, resume=True)
        for left, right in zip(whole.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(left, right)

    def test_teacher_without_boundary(self, tmp_path):
        networks.unet("tiny").save_pretrained(tmp_path / "plain")
        config = TrainingConfig(**BLENDING | {"teacher": str(tmp_path / "plain")})
        with pytest.raises(ValueError, match=r"teacher .*plain has no boundary head"):
            train(config, disks("image", "mask"), tmp_path / "run", progress=False)


class TestCrops:
    def test_views(self):
        augmentation = Augmentation(crop=64, hue=90.0, brightness=0.3)
        sample = disks("image", "mask", count=1)[0]
        cut = without_colours(augmentation)(sample, np.random.default_rng(0))
        views = AsTwoViews(augmentation)(cut, np.random.default_rng(1))
        assert (views["image"] == cut.image).all()
        assert np.abs(views["strong"] - cut.image).mean() > 0.01
        assert set(np.unique(views["mask"])) == {0, 1}
        soft = Sample("soft", image=cut.image, mask=np.float32([[0.49, 0.5, 0.51]]))
        assert AsMaskTask()(soft, None)["mask"].tolist() == [[0, 1, 1]]

    def test_several_sizes(self):
        crops = TrainingCrops(
            disks("image", "mask"), Augmentation(crop=64), seed=0, start=0, count=40, largest=128, step=4
        )
        sides = [crops[index]["image"].shape[1] for index in range(40)]
        assert {len(set(sides[k : k + 4])) for k in range(0, 40, 4)} == {1}
        assert set(sides) == {64, 96, 128}

    def test_run_with_several_sizes(self, tmp_path):
        train(TrainingConfig(**SEGMENTATION | {"crop_largest": 96}), disks("image", "mask"), tmp_path, progress=False)
        assert len(logged(tmp_path, "loss")) == 6


class TestLabels:
    def test_blend(self):
        parts = [
            torch.tensor(values).view(1, 1, 1, 3) for values in ([0.3, 0.3, 0.3], [0.0, 1.0, 0.5], [1.0, 0.0, 1.0])
        ]
        assert_close(networks.blend_labels(*parts).flatten(), np.float32([1.0, 0.3, 0.65]))

    def test_arrays(self, teacher):
        sample, network = disks("image", "mask", count=1)[0], networks.load_network(teacher)
        labels = networks.predict_labels(network, sample.image, 0.6 * sample.mask, soft=True)
        image = torch.from_numpy(sample.image.transpose(2, 0, 1))[None]
        with torch.no_grad():
            alpha, boundary = (plane[0, 0].numpy() for plane in network.alpha_and_boundary(image))
        assert_close(labels, boundary * alpha + (1 - boundary) * sample.mask)
