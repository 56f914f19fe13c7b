"""Teachers of blended labels: whether their boundary head says anything, and at which size they look."""

import csv
import json

import numpy as np
import pytest
import torch

from hybridmatte import mse, networks, sad
from hybridmatte.cli import main
from hybridmatte.data import Sample
from hybridmatte.io.pictures import read_alpha, write_alpha, write_image
from hybridmatte.networks.labels import predict_boundary
from hybridmatte.training import MatteLabelBlending, TrainingConfig, score_alpha, train
from tests.synthetic import soft_disk
from tests.training.shared import BACKGROUNDS, disks, logged

SMALL = {"network": "unet", "size": "tiny", "crop": 64, "batch_size": 2, "epochs": 1, "epoch_steps": 2}


def run_main(*words):
    """Run a command line; return its exit code."""
    with pytest.raises(SystemExit) as leave:
        main(list(map(str, words)))
    return leave.value.code or 0


def teacher_with(value, folder):
    """Save a network whose boundary head gives the sigmoid of a value everywhere; return its folder."""
    torch.manual_seed(1)
    network = networks.unet("tiny", boundary=True)
    with torch.no_grad():
        network.boundary_head.weight.zero_()
        network.boundary_head.bias.fill_(value)
    network.save_pretrained(folder)
    return str(folder)


def blending(folder, student=None, **changes):
    torch.manual_seed(3)
    config = TrainingConfig(**SMALL | {"paradigm": "blending", "teacher": folder} | changes)
    student = networks.unet("tiny") if student is None else student
    return MatteLabelBlending(student, config, networks.load_network(folder)).eval()


def batch():
    generator = torch.Generator().manual_seed(0)
    image, strong = torch.rand((2, 2, 3, 64, 64), generator=generator)
    return {"image": image, "strong": strong, "mask": torch.rand((2, 1, 64, 64), generator=generator).round()}


class TestLabels:
    def test_the_boundary_is_hard_unless_asked_otherwise(self, tmp_path):
        """The paper's is 0 or 1; a collapsed head of 0.07 made labels of 93% mask and 7% alpha everywhere."""
        low, high = teacher_with(-2.6, tmp_path / "low"), teacher_with(0.5, tmp_path / "high")
        parts = batch()
        assert torch.equal(blending(low).labels(parts), parts["mask"])
        alpha = networks.load_network(high)(parts["image"]).detach()
        assert torch.allclose(blending(high).labels(parts), alpha, atol=1e-6)
        share = torch.sigmoid(torch.tensor(-2.6))
        soft = blending(low, soft_boundary=True).labels(parts)
        alpha = networks.load_network(low)(parts["image"]).detach()
        assert torch.allclose(soft, share * alpha + (1 - share) * parts["mask"], atol=1e-6)

    def test_masks_alone_as_the_control(self, tmp_path):
        parts = batch()
        assert torch.equal(blending(teacher_with(5.0, tmp_path / "t"), mask_only=True).labels(parts), parts["mask"])

    def test_the_boundary_does_not_follow_the_student(self, tmp_path):
        torch.manual_seed(5)
        folder = tmp_path / "teacher"
        networks.unet("tiny", boundary=True).save_pretrained(folder)
        parts = batch()
        with torch.no_grad():
            first = networks.load_network(folder).alpha_and_boundary(parts["image"])[1]
        for frozen in (True, False):
            module = blending(str(folder), ema=0.5, frozen_boundary=frozen)
            module.update_teacher()
            module.update_teacher()
            with torch.no_grad():
                found = module.boundary_network().alpha_and_boundary(parts["image"])[1]
            assert torch.equal(found, first) == frozen

    def test_of_arrays(self, tmp_path):
        network, sample = networks.load_network(teacher_with(-2.6, tmp_path / "t")), disks("image", "mask", count=1)[0]
        assert (networks.predict_labels(network, sample.image, sample.mask) == sample.mask).all()
        soft = networks.predict_labels(network, sample.image, sample.mask, soft=True)
        assert 0.01 < np.abs(soft - sample.mask).max() < 0.08


class TestTrainedHeads:
    def test_a_head_that_was_never_trained_cannot_teach(self, tmp_path, capsys):
        """Segmentation pre-training leaves it at random."""
        train(
            TrainingConfig(**SMALL | {"paradigm": "segmentation", "boundary": True}),
            disks("image", "mask"),
            tmp_path / "s",
            progress=False,
        )
        folder = tmp_path / "s" / "network"
        assert networks.load_network(folder).boundary_trained is False
        with pytest.raises(ValueError, match=r"teacher .*network has a boundary head that was never trained"):
            blending(str(folder))
        write_image(tmp_path / "image.png", disks("image", count=1)[0].image)
        write_alpha(tmp_path / "mask.png", disks("mask", count=1)[0].mask)
        assert run_main("blend", folder, tmp_path / "image.png", tmp_path / "mask.png", "-o", tmp_path / "x.png") == 2
        assert "has a boundary head that was never trained" in capsys.readouterr().err
        config = TrainingConfig(**SMALL | {"paradigm": "matte", "boundary": True, "init_from": str(folder)})
        train(config, disks("image", "alpha"), tmp_path / "t", progress=False)
        assert networks.load_network(tmp_path / "t" / "network").boundary_trained is True
        blending(str(tmp_path / "t" / "network"))

    def test_its_overlap_is_recorded_and_a_collapse_is_warned_of(self, tmp_path):
        config = TrainingConfig(**SMALL | {"paradigm": "matte", "boundary": True, "learning_rate": 1e-9})
        network = networks.load_network(teacher_with(-2.6, tmp_path / "low"))
        samples = disks("image", "alpha")
        with pytest.warns(UserWarning, match=r"has not learnt .* 0\.000. It gives 0\.0% .* the masks alone"):
            train(config, samples, tmp_path / "a", network=network, validation=samples, progress=False)
        network = networks.load_network(teacher_with(5.0, tmp_path / "high"))
        train(config, samples, tmp_path / "b", network=network, validation=samples, progress=False)
        with (tmp_path / "b" / "scores.csv").open() as file:
            found = float(next(csv.DictReader(file))["boundary_iou"])
        share = np.mean([((s.alpha > 0.05) & (s.alpha < 0.95)).mean() for s in samples])
        assert found == pytest.approx(share, rel=1e-4)

    def test_labels_that_are_the_masks_alone_are_warned_of_without_validation(self, tmp_path):
        """Only a validation set with alphas told that the blending was off."""
        samples = disks("image", "mask")

        def student(value, **changes):
            folder = teacher_with(value, tmp_path / f"teacher {value}")
            config = TrainingConfig(**SMALL | {"paradigm": "blending", "teacher": folder} | changes)
            train(config, samples, tmp_path / f"run {value} {len(changes)}", progress=False)
            return logged(tmp_path / f"run {value} {len(changes)}", "blended_share")

        with pytest.warns(UserWarning, match=r"covers 0\.00% of the photographs: the labels were the masks alone"):
            assert set(student(-2.6).values()) == {0.0}
        with pytest.warns(
            UserWarning, match=r"covers 100\.00% of the photographs: the labels are mostly the teacher's"
        ):
            assert set(student(5.0).values()) == {1.0}
        assert student(-2.6, mask_only=True) == {}

    @pytest.mark.slow
    def test_blending_records_that_of_its_teacher(self, tmp_path):
        config = {"paradigm": "blending", "teacher": teacher_with(5.0, tmp_path / "t"), "boundary": True}
        validation = disks("image", "mask", "alpha")
        with pytest.warns(UserWarning, match="the labels are mostly the teacher's alpha"):
            network = train(
                TrainingConfig(**SMALL | config), validation, tmp_path / "b", validation=validation, progress=False
            )
        assert "boundary_iou" in (tmp_path / "b" / "scores.csv").read_text().splitlines()[0]
        assert network.boundary_trained is False


class TestSide:
    def test_stored_with_the_network_and_used(self, tmp_path):
        for name in ("unet", "vitmatte"):
            torch.manual_seed(0)
            network = getattr(networks, name)("tiny", trimap=False).eval()
            network.side = 48
            network.save_pretrained(tmp_path / name)
            again, image = networks.load_network(tmp_path / name), soft_disk((96, 120), seed=0).image
            assert again.side == 48
            whole, small = (networks.predict_alpha(again, image, side=side) for side in (0, 48))
            assert np.array_equal(networks.predict_alpha(again, image), small)
            assert whole.shape == small.shape
            assert not np.array_equal(whole, small)
            again.side = None
            again.save_pretrained(tmp_path / name)
            assert "side" not in json.loads((tmp_path / name / "config.json").read_text())

    def test_a_network_with_trimap_has_none(self):
        network, scene = networks.unet("tiny", trimap=True), soft_disk((64, 64), seed=0)
        with pytest.raises(ValueError, match="side is 32, expected none: the network takes a trimap"):
            networks.predict_alpha(network, scene.image, scene.trimap, side=32)
        with pytest.raises(ValueError, match="side is 32, expected 0 for a network that takes a trimap"):
            TrainingConfig(**SMALL, trimap_input=True, side=32)

    def test_of_a_run_in_validation(self, tmp_path):
        samples = disks("image", "alpha")
        config = TrainingConfig(**SMALL | {"paradigm": "matte", "side": 40})
        network = train(config, samples, tmp_path, validation=samples, progress=False)
        with (tmp_path / "scores.csv").open() as file:
            found = float(next(csv.DictReader(file))["sad"])
        expected = [sad(networks.predict_alpha(network, s.image, side=40), s.alpha, region="whole") for s in samples]
        assert found == pytest.approx(np.mean(expected), rel=1e-4)
        assert networks.load_network(tmp_path / "network").side == 40

    def test_on_the_command_line(self, tmp_path, capsys):
        networks.unet("tiny", boundary=True).save_pretrained(tmp_path / "network")
        network, scene = networks.load_network(tmp_path / "network"), soft_disk((80, 100), seed=0)
        for part, plane in (("alpha", scene.alpha), ("mask", np.float32(scene.alpha > 0.5))):
            (tmp_path / part).mkdir()
            write_alpha(tmp_path / part / "0.png", plane)
        (tmp_path / "image").mkdir()
        write_image(tmp_path / "image" / "0.png", scene.image)

        def run(*words):
            code = run_main(*(tmp_path / word[1:] if word.startswith("@") else word for word in words))
            assert code == 0, capsys.readouterr().err

        run("predict", "@network", "@image/0.png", "-o", "@a.png", "--side", "40")
        expected = networks.predict_alpha(network, scene.image, side=40)
        assert np.abs(read_alpha(tmp_path / "a.png") - expected).max() < 0.02
        run("blend", "@network", "@image", "@mask", "-o", "@labels", "--side", "40")
        expected = networks.predict_labels(network, scene.image, scene.alpha > 0.5, side=40)
        assert np.mean(np.abs(read_alpha(tmp_path / "labels" / "0.png") - expected) > 0.02) < 0.02
        for side, name in (("40", "small"), ("0", "whole")):
            run("evaluate", "--network", "@network", "--data", "@", "--json", f"@{name}.json", "--side", side)
        small, whole = (json.loads((tmp_path / f"{name}.json").read_text())["mean"] for name in ("small", "whole"))
        assert small["sad"] != whole["sad"]
        assert small["mse_boundary"] > 0


class TestBlendedMasks:
    @pytest.fixture
    def blend(self, tmp_path, capsys):
        teacher = teacher_with(-2.6, tmp_path / "teacher")
        write_image(tmp_path / "image.png", soft_disk((80, 100), seed=0).image)

        def run(mask, *options):
            write_alpha(tmp_path / "mask.png", mask)
            words = ["blend", teacher, tmp_path / "image.png", tmp_path / "mask.png", "-o", tmp_path / "label.png"]
            assert run_main(*words, "--force", *options) == 0
            return read_alpha(tmp_path / "label.png"), capsys.readouterr().err

        return run

    def test_of_another_size(self, blend):
        """The message was that the shapes differ."""
        mask = np.float32(soft_disk((80, 100), seed=0).alpha > 0.5)
        label, _ = blend(mask[::2, ::2])
        assert label.shape == (80, 100)
        assert np.abs(label - mask).mean() < 0.05

    def test_an_inverted_one_is_warned_of(self, blend):
        mask = np.float32(soft_disk((80, 100), seed=0).alpha > 0.5)
        warning = blend(1 - mask)[1]
        assert "invert it" in warning
        assert "--invert" not in warning  # which blend does not have
        assert "warning" not in blend(mask)[1]

    def test_a_boundary_of_the_whole_picture_is_warned_of(self, tmp_path, blend):
        teacher_with(0.5, tmp_path / "teacher")
        mask = np.float32(soft_disk((80, 100), seed=0).alpha > 0.5)
        assert "the teacher's boundary covers 100% of the image" in blend(mask)[1]

    def test_soft(self, blend):
        mask = np.float32(soft_disk((80, 100), seed=0).alpha > 0.5)
        assert (blend(mask)[0] == mask).all()
        assert (blend(mask, "--soft")[0] != mask).any()


class TestBoundaryErrors:
    def test_region(self):
        target = np.float32([[0.0, 0.05, 0.5, 0.95, 1.0, 0.9]])
        alpha = np.float32([[1.0, 1.0, 0.3, 0.0, 0.0, 0.9]])
        assert mse(alpha, target, region="boundary") == pytest.approx(0.02, rel=1e-5)
        assert sad(alpha, target, region="boundary") == pytest.approx(0.2, rel=1e-5)
        with pytest.raises(ValueError, match=r"target has no pixel above 0\.05 and below 0\.95"):
            mse(alpha, np.round(target), region="boundary")

    def test_in_scores(self):
        scene = soft_disk((64, 64), seed=0)
        alpha = np.clip(scene.alpha + 0.1, 0, 1)
        assert score_alpha(alpha, scene.alpha)["mse_boundary"] == mse(alpha, scene.alpha, region="boundary")
        assert np.isnan(score_alpha(alpha, np.round(scene.alpha))["mse_boundary"])

    def test_of_folders(self, tmp_path, capsys):
        scene = soft_disk((64, 64), seed=0)
        for part in ("a", "b"):
            (tmp_path / part).mkdir()
            write_alpha(tmp_path / part / "0.png", scene.alpha)
        assert run_main("evaluate", tmp_path / "a", tmp_path / "b", "--region", "boundary") == 0
        assert "over the boundary" in " ".join(capsys.readouterr().out.split())


class TestNumbers:
    def test_of_samples(self, tmp_path):
        config = TrainingConfig(**SMALL | {"paradigm": "matte", "max_samples": 2, "epoch_steps": 0, "batch_size": 1})
        train(config, disks("image", "alpha"), tmp_path / "a", progress=False)
        assert len(logged(tmp_path / "a", "loss")) == 2
        foregrounds = [Sample(s.name, foreground=s.image, alpha=s.alpha) for s in disks("image", "alpha")]
        more = {"max_samples": 4}
        with pytest.raises(ValueError, match="data has 3 samples, expected at least max_samples, 4"):
            train(
                TrainingConfig(**SMALL | {"paradigm": "matte"} | more),
                foregrounds,
                tmp_path / "b",
                backgrounds=BACKGROUNDS,
                progress=False,
            )

    def test_of_composites(self, tmp_path, capsys):
        networks.unet("tiny").save_pretrained(tmp_path / "network")
        for part in ("foreground", "alpha", "photos"):
            (tmp_path / part).mkdir()
        scene = soft_disk((64, 64), seed=0)
        write_image(tmp_path / "foreground" / "0.png", scene.image)
        write_alpha(tmp_path / "alpha" / "0.png", scene.alpha)
        write_image(tmp_path / "photos" / "0.png", soft_disk((64, 64), seed=1).image)
        words = ["evaluate", "--network", tmp_path / "network", "--data", tmp_path, "--per-foreground", 3]
        assert run_main(*words, "--backgrounds", tmp_path / "photos") == 0
        assert "mean of 3" in capsys.readouterr().out
        assert run_main(*words) == 2
        assert "--per-foreground 3 came, expected --backgrounds with it" in capsys.readouterr().err


def test_boundary_of_an_image(tmp_path):
    network = networks.load_network(teacher_with(0.0, tmp_path / "t"))
    assert np.allclose(predict_boundary(network, soft_disk((50, 60), seed=0).image), 0.5)
