"""Training of Net-T, of Net-M, and adaptation of both to photographs with masks."""

import lightning
import numpy as np
import pytest
import torch

from hybridmatte import networks, trimap_scores
from hybridmatte.data import TrimapTasks
from hybridmatte.losses import hard_mining_loss, l1_loss
from hybridmatte.networks.discriminator import PatchDiscriminator
from hybridmatte.training import NonlocalMatting, RealAdaptation, TrainingConfig, train
from hybridmatte.training.initial_network import new_network, start_from
from hybridmatte.training.nonlocal_matting import regression_terms
from hybridmatte.training.trimap_generation import classes_of
from tests.synthetic import soft_disk
from tests.tolerances import assert_close
from tests.training.shared import BACKGROUNDS, disks, logged

SMALL = {"size": "tiny", "crop": 64, "batch_size": 2, "epochs": 2, "epoch_steps": 3, "learning_rate": 2e-3}
TRIMAP = SMALL | {"mask_scale": 0.15, "paradigm": "trimap", "network": "net_t"}
NONLOCAL = SMALL | {"paradigm": "nonlocal", "network": "net_m", "trimap_input": True, "one_hot": True}
REAL = SMALL | {
    "mask_scale": 0.15,
    "paradigm": "real",
    "network": "joint",
    "trimap_input": True,
    "one_hot": True,
    "halving_steps": 2,
    "trimap_rate": 1e-3,
    "discriminator_rate": 1e-3,
}


class TestTrimapGeneration:
    @pytest.mark.slow
    def test_learns_and_scores(self, tmp_path):
        samples = disks("image", "alpha")
        network = train(TrainingConfig(**TRIMAP | {"epochs": 8}), samples, tmp_path, validation=samples, progress=False)
        losses = list(logged(tmp_path, "loss/cross_entropy").values())
        assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
        assert not network.training
        rows = (tmp_path / "scores.csv").read_text().splitlines()
        assert rows[0] == "epoch,step,accuracy,iou_background,iou_unknown,iou_foreground,iou"
        assert len(rows) == 9
        assert isinstance(networks.load_network(tmp_path / "network"), networks.TrimapNetwork)

    def test_from_composites(self, tmp_path):
        foregrounds = [sample._replace(foreground=sample.image, image=None) for sample in disks("image", "alpha")]
        train(TrainingConfig(**TRIMAP | {"epochs": 1}), foregrounds, tmp_path, backgrounds=BACKGROUNDS, progress=False)
        assert len(logged(tmp_path, "loss")) == 3

    def test_classes(self):
        assert classes_of(torch.tensor([[[[0.0, 0.5, 1.0]]]])).tolist() == [[[0, 1, 2]]]

    def test_tasks(self):
        sample = disks("image", "alpha", count=1)
        tasks = TrimapTasks(sample, 0.2, erode=20)
        assert trimap_scores(tasks[0].trimap, soft_disk((80, 90), seed=0).trimap)["accuracy"] > 0.7
        wider = TrimapTasks(sample, 0.2, erode=40)[0]
        assert (wider.trimap == tasks[0].trimap).all()
        assert wider.mask.sum() < tasks[0].mask.sum() < (tasks[0].trimap > 0).sum()


class TestNonlocalMatting:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("changes", "terms"),
        [
            ({}, {"loss", "loss/alpha", "loss/hard"}),
            ({"hard_percent": 0.0}, {"loss", "loss/alpha"}),
            ({"refinement": False}, {"loss", "loss/alpha", "loss/hard"}),
            ({"network": "gca"}, {"loss", "loss/alpha", "loss/hard"}),
        ],
        ids=["whole", "not mined", "coarse", "gca"],
    )
    def test_terms(self, changes, terms, tmp_path):
        network = train(
            TrainingConfig(**NONLOCAL | changes), disks("image", "alpha", "trimap"), tmp_path, progress=False
        )
        assert all(len(logged(tmp_path, term)) == 6 for term in terms)
        assert ("loss/hard" in terms) == bool(logged(tmp_path, "loss/hard"))
        if "network" not in changes:
            assert (network.refinement is None) == ("refinement" in changes)

    def test_loss_is_half_of_both_sums(self):
        """The paper's sum over coarse and refined alpha, halved."""
        torch.manual_seed(0)
        network = networks.net_m("tiny").eval()
        sample = disks("image", "alpha", "trimap", count=1)[0]
        batch = {
            name: torch.from_numpy(np.atleast_3d(getattr(sample, name)).transpose(2, 0, 1))[None]
            for name in ("image", "alpha", "trimap")
        }
        network.requires_grad_(False)
        terms = NonlocalMatting(network, TrainingConfig(**NONLOCAL)).batch_terms(batch)
        is_unknown = batch["trimap"] == 0.5
        alphas = [alpha for _, alpha in network.weighted_alphas(batch["image"], batch["trimap"])]
        assert_close(terms["alpha"], sum(l1_loss(alpha, batch["alpha"], region=is_unknown) for alpha in alphas) / 2)
        assert_close(
            terms["hard"], sum(hard_mining_loss(alpha, batch["alpha"], region=is_unknown) for alpha in alphas) / 2
        )


class TestRealAdaptation:
    @pytest.fixture
    def teacher(self, tmp_path):
        torch.manual_seed(1)
        networks.net_m("tiny").save_pretrained(tmp_path / "teacher")
        return str(tmp_path / "teacher")

    @pytest.fixture
    def joint(self, tmp_path):
        torch.manual_seed(2)
        networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny")).save_pretrained(tmp_path / "joint")
        return str(tmp_path / "joint")

    @pytest.mark.slow
    def test_run(self, teacher, joint, tmp_path):
        config, samples = TrainingConfig(**REAL | {"teacher": teacher, "init_from": joint}), disks("image", "mask")
        validation = disks("image", "mask", "alpha")
        network = train(
            config, samples, tmp_path / "run", backgrounds=BACKGROUNDS, validation=validation, progress=False
        )
        for term in ("cross_entropy", "alpha", "hard", "adversarial", "discriminator"):
            assert len(logged(tmp_path / "run", f"loss/{term}")) == 6
        assert (tmp_path / "run" / "scores.csv").read_text().startswith("epoch,step,sad,")
        again = networks.load_network(tmp_path / "run" / "network")
        sample = validation[0]
        assert (again.predict(sample.image, sample.mask)[0] == network.predict(sample.image, sample.mask)[0]).all()

    @pytest.mark.slow
    def test_both_networks_and_the_discriminator_learn_and_the_teacher_does_not(self, teacher, tmp_path):
        config = TrainingConfig(**REAL | {"teacher": teacher, "epochs": 1})
        torch.manual_seed(config.seed)
        network = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny")).eval()
        modules, kept = [], {}

        class Keep(lightning.Callback):
            def on_train_start(self, trainer, module):  # noqa: ARG002
                assert module.network.training
                assert not module.teacher.training
                modules.append(module)
                kept.update({name: tensor.clone() for name, tensor in module.state_dict().items()})

        train(
            config,
            disks("image", "mask"),
            tmp_path / "run",
            network=network,
            backgrounds=BACKGROUNDS,
            progress=False,
            callbacks=[Keep()],
        )
        changed = {name for name, tensor in modules[0].state_dict().items() if not torch.equal(tensor, kept[name])}
        assert not [name for name in changed if name.startswith("teacher.")]
        for part in (
            "network.net_t.head.weight",
            "network.net_m.head.weight",
            "network.net_m.refinement.head.weight",
            "discriminator.layers.0.weight",
        ):
            assert part in changed

    @pytest.mark.slow
    def test_what_does_not_fit_is_refused(self, teacher, joint, tmp_path):
        def start(**changes):
            train(
                TrainingConfig(**REAL | changes),
                disks("image", "mask"),
                tmp_path / "run",
                backgrounds=BACKGROUNDS,
                progress=False,
            )

        with pytest.raises(ValueError, match="init_from is '', expected the joint network"):
            start(teacher=teacher)
        with pytest.raises(ValueError, match="teacher is a JointInference that takes no trimap"):
            start(teacher=joint, init_from=joint)
        with pytest.raises(ValueError, match=r"network is 'vitmatte' \(the default\), expected 'joint'"):
            TrainingConfig(paradigm="real", teacher=teacher)
        with pytest.raises(FileNotFoundError, match="backgrounds nowhere do not exist"):
            train(
                TrainingConfig(**REAL | {"teacher": teacher, "init_from": joint}),
                disks("image", "mask"),
                tmp_path / "run",
                backgrounds="nowhere",
                progress=False,
            )
        assert not (tmp_path / "run").exists()

    @pytest.mark.slow
    @pytest.mark.parametrize(("every", "steps"), [(1, [0, 1, 2, 3, 4, 5]), (2, [1, 3, 5]), (0, [])])
    def test_steps_of_the_discriminator(self, every, steps, teacher, joint, tmp_path):
        """It took one after every step of the networks, and could not be left out."""
        config = TrainingConfig(**REAL | {"teacher": teacher, "init_from": joint, "discriminator_steps": every})
        train(config, disks("image", "mask"), tmp_path / "run", backgrounds=BACKGROUNDS, progress=False)
        values = logged(tmp_path / "run", "loss/discriminator").values()
        assert len(set(values)) == len(steps)  # between its steps the last loss is shown again
        assert len(logged(tmp_path / "run", "loss/adversarial")) == (6 if every else 0)
        assert len(logged(tmp_path / "run", "loss/cross_entropy")) == 6

    @pytest.mark.slow
    def test_interrupted_and_resumed(self, teacher, joint, tmp_path):
        config, samples = TrainingConfig(**REAL | {"teacher": teacher, "init_from": joint}), disks("image", "mask")
        options = {"backgrounds": BACKGROUNDS, "progress": False}
        whole = train(config, samples, tmp_path / "whole", **options)

        class Stop(lightning.Callback):
            def on_train_epoch_start(self, trainer, module):  # noqa: ARG002
                if trainer.current_epoch == 1:
                    raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            train(config, samples, tmp_path / "parts", callbacks=[Stop()], **options)
        resumed = train(config, samples, tmp_path / "parts", resume=True, **options)
        for left, right in zip(whole.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(left, right)

    @pytest.mark.parametrize("parts", ["all", "encoder"])
    def test_starts_from_both_networks(self, parts, teacher, tmp_path):
        torch.manual_seed(2)
        source = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny"))
        source.save_pretrained(tmp_path / "joint")
        config = TrainingConfig(**REAL | {"teacher": teacher, "init_from": str(tmp_path / "joint"), "parts": parts})
        network = new_network(config)
        start_from(network, config)
        same = [name for name, tensor in network.named_parameters() if torch.equal(tensor, source.get_parameter(name))]
        assert {"net_t.encoder.conv1.weight", "net_m.attention.embed.weight"} <= set(same)
        assert ("net_t.head.weight" in same) == ("net_m.head.weight" in same) == (parts == "all")

    def test_guidance_falls_by_half(self, teacher):
        module = RealAdaptation(
            networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny")),
            TrainingConfig(**REAL | {"teacher": teacher}),
            networks.load_network(teacher),
        )
        weights = []
        for module._steps_taken in range(6):  # noqa: B020
            weights.append(module.guidance_weight())
        assert weights == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]

    def test_equations_by_hand(self, teacher):
        """Eq. 6 and 7, with a discriminator that returns the mean colour, and a teacher whose alpha is 0.3."""
        config = TrainingConfig(**REAL | {"teacher": teacher, "guidance_weight": 0.25})
        joint = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny")).eval().requires_grad_(False)
        module = RealAdaptation(joint, config, networks.load_network(teacher)).eval()
        module.discriminator.forward = lambda image: image.mean(dim=(1, 2, 3), keepdim=True)
        module.teacher.forward = lambda image, trimap: torch.full_like(trimap, 0.3)  # noqa: ARG005
        generator = torch.Generator().manual_seed(0)
        image, background = torch.rand((2, 2, 3, 32, 32), generator=generator)
        mask, trimap = (torch.randint(3, (2, 1, 32, 32), generator=generator) / 2 for _ in range(2))
        batch = {"image": image, "background": background, "mask": mask, "trimap": trimap}
        terms, composed = module.network_terms(batch)
        logits = joint.net_t(image, mask)
        parts = logits.softmax(dim=1)
        alphas = [
            parts[:, 2:] + parts[:, 1:2] * alpha
            for _, alpha in joint.net_m.weighted_alphas(image, parts.argmax(dim=1, keepdim=True) / 2)
        ]
        taught = torch.where(trimap == 0.5, torch.tensor(0.3), trimap)
        expected = {
            "cross_entropy": torch.nn.functional.cross_entropy(logits, (2 * trimap[:, 0]).long()),
            "alpha": sum((alpha - taught).abs().mean() for alpha in alphas),
            "hard": sum((alpha - taught).abs().flatten().topk(1024).values.mean() for alpha in alphas),
        }
        for name, value in expected.items():
            assert_close(terms[name], 0.25 * value)
        last = alphas[1].clamp(0, 1)
        assert_close(composed, last * image + (1 - last) * background)
        realness = composed.mean(dim=(1, 2, 3))
        assert_close(terms["adversarial"], (realness - 1).square().mean())
        assert_close(
            module.discriminator_loss(image, composed),
            realness.square().mean() + (image.mean(dim=(1, 2, 3)) - 1).square().mean(),
        )

    def test_region_of_the_whole_image(self):
        alpha, target = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
        terms = regression_terms(alpha, target, None, 50.0)
        errors = (alpha - target).abs().flatten().sort(descending=True).values
        assert_close(terms["alpha"], errors.mean())
        assert_close(terms["hard"], errors[:64].mean())

    def test_discriminator_judges_patches(self):
        judge = PatchDiscriminator()
        assert judge(torch.rand(2, 3, 64, 96)).shape == (2, 1, 11, 15)
        assert sum(parameter.numel() for parameter in judge.parameters()) == 2_764_737


def test_missing_backgrounds_and_masks(tmp_path):
    networks.net_m("tiny").save_pretrained(tmp_path / "teacher")
    config = TrainingConfig(**REAL | {"teacher": str(tmp_path / "teacher")})
    network = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny"))
    with pytest.raises(ValueError, match="backgrounds are missing"):
        train(config, disks("image", "mask"), tmp_path / "run", progress=False, network=network)
    with pytest.raises(ValueError, match="validation has no mask of disk 0"):
        train(
            config,
            disks("image", "mask"),
            tmp_path / "run",
            progress=False,
            backgrounds=BACKGROUNDS,
            validation=disks("image", "alpha"),
            network=network,
        )
    assert not (tmp_path / "run").exists()
