"""Runs that ended in an error of a library, or taught nothing, because of their data, their start or their length."""

import json

import numpy as np
import pytest
import torch

from hybridmatte import networks
from hybridmatte.data import Sample
from hybridmatte.networks import checkpoint
from hybridmatte.training import TrainingConfig, train
from tests.training.shared import BACKGROUNDS, disks, logged

SMALL = {
    "network": "unet",
    "size": "tiny",
    "crop": 64,
    "batch_size": 2,
    "epochs": 1,
    "epoch_steps": 2,
    "trimap_input": True,
}
PARADIGMS = ("alpha_free", "supervised", "composition", "nonlocal", "matte", "refinement")


def start(folder, data, **changes):
    options = {name: changes.pop(name) for name in ("validation", "backgrounds", "resume") if name in changes}
    return train(TrainingConfig(**SMALL | changes), data, folder / "run", progress=False, **options)


@pytest.mark.parametrize("paradigm", ["alpha_free", "supervised", "nonlocal", "refinement"])
@pytest.mark.parametrize(("dataset", "split"), [("am-2k", "train"), ("p3m-10k", "train"), ("folder", "")])
def test_a_missing_folder_is_named_as_missing(paradigm, dataset, split, tmp_path):
    """With trimap_band the message was: am-2k, train, has no mask."""
    band = {} if paradigm == "refinement" else {"trimap_band": 5}
    with pytest.raises(FileNotFoundError, match=f"data folder {tmp_path / 'AM'} does not exist, expected one with"):
        start(tmp_path, tmp_path / "AM", paradigm=paradigm, dataset=dataset, split=split, **band)
    (tmp_path / "AM").mkdir()
    with pytest.raises(FileNotFoundError, match="AM has no folder .* for image, only none at all"):
        start(tmp_path, tmp_path / "AM", paradigm=paradigm, dataset=dataset, split=split, **band)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_no_samples(paradigm, tmp_path):
    """It was a ZeroDivisionError."""
    with pytest.raises(ValueError, match="data has 0 samples, expected at least 1"):
        start(tmp_path, [], paradigm=paradigm)
    if paradigm != "refinement":
        with pytest.raises(ValueError, match="data has 0 samples, expected at least 1"):
            start(tmp_path, [], paradigm=paradigm, backgrounds=BACKGROUNDS)
    assert not (tmp_path / "run").exists()


def test_no_samples_to_score(tmp_path):
    with pytest.raises(ValueError, match="validation has 0 samples, expected at least 1"):
        start(tmp_path, disks("image", "trimap"), validation=[])
    with pytest.raises(ValueError, match="validation: sample 'disk 0' has no alpha"):
        start(tmp_path, disks("image", "trimap"), validation=disks("image", "trimap"))


@pytest.mark.parametrize(
    ("paradigm", "parts"),
    [
        ("alpha_free", ("image", "alpha")),
        ("supervised", ("image", "alpha")),
        ("nonlocal", ("image", "alpha")),
        ("matte", ("image", "alpha")),
        ("composition", ("image", "alpha", "foreground", "background")),
    ],
)
def test_samples_without_trimap(paradigm, parts, tmp_path):
    """It was KeyError: 'trimap', in the first step."""
    samples = [
        Sample(s.name, image=s.image, alpha=s.alpha, foreground=s.image, background=1 - s.image)
        for s in disks("image", "alpha")
    ]
    samples = [Sample(s.name, **{part: getattr(s, part) for part in parts}) for s in samples]
    with pytest.raises(ValueError, match="data: sample 'disk 0' has no trimap, expected one with "):
        start(tmp_path, samples, paradigm=paradigm)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("label", ["alpha", "mask"])
def test_a_band_makes_the_trimaps_of_samples_in_memory_too(label, tmp_path):
    start(tmp_path, disks("image", label), trimap_band=4)
    assert len(logged(tmp_path / "run", "loss")) == 2


@pytest.mark.parametrize("paradigm", ["segmentation", "blending"])
def test_masks_have_no_trimap_for_a_network_that_takes_one(paradigm, tmp_path):
    networks.unet("tiny", boundary=True).save_pretrained(tmp_path / "teacher")
    teacher = {"teacher": str(tmp_path / "teacher")} if paradigm == "blending" else {}
    with pytest.raises(ValueError, match=f"network takes a trimap, expected one from the image alone: .*'{paradigm}'"):
        start(tmp_path, disks("image", "mask"), paradigm=paradigm, **teacher)


def test_images_and_trimaps_of_several_sizes(tmp_path):
    samples = disks("image", "trimap")
    samples[1] = samples[1]._replace(trimap=samples[1].trimap[:60])
    with pytest.raises(ValueError, match="trimap of sample 'disk 1' has shape"):
        start(tmp_path, samples)
    with pytest.raises(ValueError, match="trimap of sample 'disk 1' has shape"):
        start(tmp_path, disks("image", "trimap"), validation=[s._replace(alpha=s.image[:, :, 0]) for s in samples])
    assert not (tmp_path / "run").exists()


def test_trimaps_that_are_unknown_everywhere(tmp_path):
    samples = [sample._replace(trimap=np.full_like(sample.trimap, 0.5)) for sample in disks("image", "trimap", "alpha")]
    with pytest.raises(ValueError, match="trimap of sample 'disk 0' is unknown everywhere"):
        start(tmp_path, samples)
    start(tmp_path, samples, paradigm="supervised")  # alpha says what the object is


@pytest.mark.parametrize("paradigm", ["alpha_free", "disentangled"])
def test_photographs_smaller_than_the_crops(paradigm, tmp_path):
    samples = disks("image", "trimap", shape=(50, 60))
    samples = samples if paradigm == "alpha_free" else [np.uint8(255 * sample.image) for sample in samples]
    with pytest.warns(UserWarning, match="3 of 3 .* of data are smaller than crops of 64: they are mirrored"):
        start(tmp_path, samples, paradigm=paradigm)


@pytest.mark.parametrize("name", ["run_s/network", "runs/first", "nowhere", "hustvl/vitmatte-small"])
@pytest.mark.parametrize("option", ["init_from", "teacher"])
def test_a_missing_folder_is_not_looked_for_on_a_hub(option, name, tmp_path, monkeypatch):
    def asked(*_, **__):
        raise AssertionError("a hub was asked")

    monkeypatch.setattr(checkpoint, "hf_hub_download", asked)
    monkeypatch.setattr(checkpoint, "hub_folder", asked)
    changes = {"init_from": name} if option == "init_from" else {"paradigm": "blending", "teacher": name}
    with pytest.raises(FileNotFoundError, match=f"{option} {name} is no folder, expected .* hf:OWNER/NAME"):
        start(tmp_path, disks("image", "trimap", "mask"), **changes, trimap_input=option == "init_from")
    if name != "hustvl/vitmatte-small":
        (tmp_path / "runs").mkdir()
        monkeypatch.chdir(tmp_path)
        if name != "nowhere":
            with pytest.raises(FileNotFoundError, match=f"network {name} is no folder"):
                networks.load_network(name)
    with pytest.raises(AssertionError, match="a hub was asked"):
        start(tmp_path, disks("image", "trimap"), init_from="hf:hustvl/vitmatte-small")


def test_a_network_of_a_hub_by_its_prefix(tmp_path, monkeypatch):
    networks.unet("tiny").save_pretrained(tmp_path / "there")
    monkeypatch.setattr(checkpoint, "hf_hub_download", lambda name, file: str(tmp_path / name.split("/")[1] / file))
    monkeypatch.setattr(checkpoint, "hub_folder", lambda name: tmp_path / name.split("/")[1])
    assert isinstance(networks.load_network("hf:owner/there"), networks.MattingUNet)


class TestLongerRun:
    @pytest.mark.slow
    def test_resumed_with_more_epochs(self, tmp_path):
        """With steps as schedule it is the run of that length."""
        options = {"learning_rate": 3e-3, "milestones": [2]}
        whole = start(tmp_path / "whole", disks("image", "trimap"), epochs=3, **options)
        start(tmp_path / "parts", disks("image", "trimap"), epochs=1, **options)
        longer = start(tmp_path / "parts", disks("image", "trimap"), epochs=3, resume=True, **options)
        for left, right in zip(whole.parameters(), longer.parameters(), strict=True):
            assert torch.equal(left, right)
        assert json.loads((tmp_path / "parts" / "run" / "config.json").read_text())["epochs"] == 3

    def test_resumed_with_fewer_epochs(self, tmp_path):
        start(tmp_path, disks("image", "trimap"), epochs=2)
        with pytest.raises(
            ValueError, match="epochs is 1 but the run in .* had 2, expected at least as many to resume"
        ):
            start(tmp_path, disks("image", "trimap"), epochs=1, resume=True)

    @pytest.mark.slow
    def test_a_run_with_cosine_goes_on_too(self, tmp_path):
        start(tmp_path, disks("image", "trimap"), schedule="cosine")
        start(tmp_path, disks("image", "trimap"), schedule="cosine", epochs=2, resume=True)
        assert len(logged(tmp_path / "run", "loss")) == 4
