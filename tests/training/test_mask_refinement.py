"""Training of a network that corrects masks: loss by hand, a run from alphas and from masks, what is refused."""

import numpy as np
import pytest
import torch

from hybridmatte import networks
from hybridmatte.training import MaskRefinement, TrainingConfig, train
from tests.tolerances import assert_close
from tests.training.shared import BACKGROUNDS, disks, logged

OPTIONS = {
    "paradigm": "refinement",
    "network": "unet",
    "size": "tiny",
    "trimap_input": True,
    "crop": 64,
    "batch_size": 2,
    "epochs": 2,
    "epoch_steps": 3,
}


def test_loss_by_hand():
    torch.manual_seed(0)
    network = networks.unet("tiny", trimap=True).eval().requires_grad_(False)
    batch = {"image": torch.rand(2, 3, 64, 64)} | {name: torch.rand(2, 1, 64, 64) for name in ("mask", "alpha")}
    batch["weight"] = torch.tensor([0.0, 3.0]).reshape(2, 1, 1, 1).expand(2, 1, 64, 64)
    terms = MaskRefinement(network, TrainingConfig(**OPTIONS)).batch_terms(batch)
    alpha, target = network(batch["image"], batch["mask"])[1], batch["alpha"][1]
    assert_close(terms["cross_entropy"], -(target * alpha.log() + (1 - target) * (1 - alpha).log()).mean())


@pytest.mark.parametrize("label", ["alpha", "mask"])
def test_runs(label, tmp_path):
    samples = disks("image", label)
    train(TrainingConfig(**OPTIONS), samples, tmp_path, progress=False, validation=disks("image", "alpha", count=1))
    assert len(logged(tmp_path, "loss/cross_entropy")) == 6
    assert np.isfinite(list(logged(tmp_path, "validation/mse").values())).all()
    assert networks.load_network(tmp_path / "network").takes_trimap


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trimap_input": False}, "trimap_input is False and one_hot is False, expected True and False"),
        ({"one_hot": True}, "trimap_input is True and one_hot is True, expected True and False"),
        ({"network": "gca", "size": "tiny"}, "network is 'gca', expected 'pyramid' or 'unet'"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**OPTIONS | changes)


def test_backgrounds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="backgrounds came, expected none"):
        train(
            TrainingConfig(**OPTIONS),
            disks("image", "alpha"),
            tmp_path / "run",
            progress=False,
            backgrounds=BACKGROUNDS,
        )
