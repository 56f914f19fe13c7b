"""Training runs: the loss falls, resuming and several processes do not change the result, NaN stops the run."""

import json
import signal
import subprocess
import sys

import lightning
import numpy as np
import pytest
import torch

from hybridmatte import gradient_error, mse, networks, sad
from hybridmatte.data import Sample
from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.losses import ddc_loss
from hybridmatte.training import AlphaFreeMatting, MattingScores, TrainingConfig, make_optimizer, train
from hybridmatte.training.optimizer import rate_factor
from tests.synthetic import soft_disk
from tests.training.shared import disks, logged
from tests.training.two_processes import TwoConvolutions

SMALL = {
    "network": "unet",
    "size": "tiny",
    "crop": 64,
    "batch_size": 2,
    "epochs": 3,
    "epoch_steps": 3,
    "learning_rate": 3e-3,
    "trimap_input": True,
    "smallest": 0.8,
    "largest": 1.2,
}


def samples(with_alpha=False):
    return disks("image", "trimap", *["alpha"] * with_alpha, shape=(90, 110))


def run(folder, with_alpha=False, **changes):
    """Train; return the network and the losses of all steps."""
    options = {name: changes.pop(name) for name in ("resume", "validation", "devices", "callbacks") if name in changes}
    config = TrainingConfig(**(SMALL | changes))
    network = train(config, samples(with_alpha), folder, progress=False, **options)
    return network, logged(folder, "loss")


@pytest.mark.slow
@pytest.mark.parametrize("paradigm", ["alpha_free", "supervised"])
def test_loss_falls_and_the_network_reloads(paradigm, tmp_path):
    network, losses = run(tmp_path, paradigm=paradigm, with_alpha=paradigm == "supervised", epochs=8)
    values = list(losses.values())
    assert len(values) == 24
    assert np.mean(values[-4:]) < 0.7 * np.mean(values[:4])
    loaded = networks.load_network(tmp_path / "network")
    scene = soft_disk((64, 64))
    assert np.array_equal(
        networks.predict_alpha(loaded, scene.image, scene.trimap),
        networks.predict_alpha(network, scene.image, scene.trimap),
    )


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["none", "affinity", "dc", "ddc", "hinge"])
def test_every_prior_trains(prior, tmp_path):
    _, losses = run(tmp_path, prior=prior, epochs=1)
    assert all(np.isfinite(value) for value in losses.values())
    assert len(logged(tmp_path, f"loss/{prior}")) == (0 if prior == "none" else 3)


@pytest.mark.slow
def test_resumed_run_is_the_uninterrupted_run(tmp_path, monkeypatch):
    whole, expected = run(tmp_path / "whole")

    class KilledError(Exception):
        pass

    step = AlphaFreeMatting.training_step

    def killed(self, batch, index):
        if self.global_step == 5:
            raise KilledError
        return step(self, batch, index)

    monkeypatch.setattr(AlphaFreeMatting, "training_step", killed)
    with pytest.raises(KilledError):
        run(tmp_path / "cut")
    monkeypatch.setattr(AlphaFreeMatting, "training_step", step)
    resumed, found = run(tmp_path / "cut", resume=True)
    assert found == expected
    for left, right in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(left, right)


@pytest.mark.slow
def test_folder_with_a_run_is_not_overwritten(tmp_path):
    with pytest.raises(ValueError, match="size is 'tinny', expected an encoder of timm or 'tiny'"):
        run(tmp_path, size="tinny")
    assert list(tmp_path.iterdir()) == []
    run(tmp_path, epochs=1)
    with pytest.raises(FileExistsError, match="holds a run already"):
        run(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="crop is 32 but the run in .* had 64, expected the same to resume"):
        run(tmp_path, epochs=1, crop=32, resume=True)
    with pytest.raises(FileNotFoundError, match="expected one to resume from"):
        run(tmp_path / "other", resume=True)


@pytest.mark.slow
def test_run_of_an_earlier_version_is_resumed(tmp_path):
    """Its config.json has the options of other paradigms too, and may lack a later one."""
    run(tmp_path, epochs=1)
    path = tmp_path / "config.json"
    options = json.loads(path.read_text())
    assert options == TrainingConfig(**SMALL | {"epochs": 1}).options()
    del options["fusion"]
    path.write_text(json.dumps({"grid": 9, "teacher": "", "ema": 0.999, **options}))
    run(tmp_path, epochs=1, resume=True)
    path.write_text(json.dumps(options | {"fusion": "hard"}))
    with pytest.raises(ValueError, match="fusion is 'soft' but the run in .* had 'hard', expected the same to resume"):
        run(tmp_path, epochs=1, resume=True)
    path.write_text(json.dumps(options | {"paradigm": "supervised"}))
    with pytest.raises(ValueError, match="paradigm is 'alpha_free' but the run in .* had 'supervised'"):
        run(tmp_path, epochs=1, resume=True)


@pytest.mark.slow
def test_nan_stops_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    terms = AlphaFreeMatting.loss_terms

    def broken(self, alpha, batch):
        return {**terms(self, alpha, batch), "bad": alpha.sum() * (torch.nan if self.global_step == 4 else 0.0)}

    monkeypatch.setattr(AlphaFreeMatting, "loss_terms", broken)
    with pytest.raises(FloatingPointError, match=r"loss is nan at step 4 \(known .*, bad nan\)"):
        run(tmp_path)
    saved = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 3
    assert all(torch.isfinite(value).all() for value in saved["state_dict"].values())
    assert not (tmp_path / "network").exists()


@pytest.mark.slow
def test_ctrl_c_is_raised_and_the_handler_of_python_restored(tmp_path):
    class Interrupt(lightning.Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step == 4:
                raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", callbacks=[Interrupt()])
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.slow
def test_validation_scores_are_logged(tmp_path):
    run(tmp_path, epochs=2, validation=samples(with_alpha=True))
    assert sorted(logged(tmp_path, "validation/sad_t")) == [2, 5]


@pytest.mark.slow
def test_accumulation_averages_batches(tmp_path):
    """With two batches in a step there are as many steps, and another result."""
    plain, losses = run(tmp_path / "plain", epochs=1)
    averaged, others = run(tmp_path / "averaged", epochs=1, accumulate=2)
    assert set(losses) == set(others) == {0, 1, 2}
    assert not torch.equal(next(plain.parameters()), next(averaged.parameters()))


@pytest.mark.slow
@pytest.mark.parametrize("paradigm", ["alpha_free", "supervised"])
def test_data_without_trimaps(paradigm, tmp_path):
    for part in ("image", "alpha"):
        (tmp_path / "data" / part).mkdir(parents=True)
    for sample in samples(with_alpha=True):
        write_image(tmp_path / "data" / "image" / f"{sample.name}.png", sample.image)
        write_alpha(tmp_path / "data" / "alpha" / f"{sample.name}.png", sample.alpha)
    options = SMALL | {"paradigm": paradigm, "epochs": 1}
    with pytest.raises(FileNotFoundError, match="has no folder 'trimap' for trimap"):
        train(TrainingConfig(**options), tmp_path / "data", tmp_path / "run", progress=False)
    train(TrainingConfig(**options, trimap_band=5), tmp_path / "data", tmp_path / "run", progress=False)
    assert len(logged(tmp_path / "run", "loss")) == 3


@pytest.mark.slow
def test_composites_and_half_precision(tmp_path):
    scenes = [soft_disk((90, 110), seed=seed) for seed in range(2)]
    foregrounds = [Sample(str(k), foreground=scene.image, alpha=scene.alpha) for k, scene in enumerate(scenes)]
    backgrounds = [Sample("b", background=np.random.default_rng(0).random((50, 60, 3)).astype(np.float32))]
    config = TrainingConfig(**(SMALL | {"paradigm": "supervised", "epochs": 1, "per_foreground": 3, "epoch_steps": 0}))
    train(config, foregrounds, tmp_path, backgrounds=backgrounds, precision="bf16-mixed", progress=False)
    assert list(logged(tmp_path, "loss")) == [0, 1, 2]  # six composites, two a step


class TestOptimizer:
    def test_layers_decay_and_biases_do_not(self):
        network = networks.vitmatte("tiny")
        optimizer = make_optimizer(network, learning_rate=1e-3, weight_decay=0.1, layer_decay=0.5)
        of = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
        parameters = dict(network.named_parameters())
        assert len(of) == len(parameters)
        depths = network.layer_depths()
        for name, parameter in parameters.items():
            assert of[id(parameter)]["lr"] == pytest.approx(1e-3 * 0.5 ** (5 - depths[name]))
            assert (of[id(parameter)]["weight_decay"] == 0) == (
                parameter.ndim <= 1 or "position" in name or "rel_pos" in name
            )

    def test_schedule(self):
        factors = [rate_factor(step, warmup_steps=3, milestones=[6, 9], decay=0.1) for step in range(11)]
        assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_scores_are_means_of_the_metrics():
    scenes, scores = [soft_disk(seed=0), soft_disk(seed=1)], MattingScores()
    alphas = [np.clip(scene.alpha + 0.1, 0, 1) for scene in scenes]
    for alpha, scene in zip(alphas, scenes, strict=True):
        scores.update(alpha, scene.alpha, scene.trimap)
    scores.update(scenes[0].alpha, scenes[0].alpha)
    found, pairs = scores.compute(), list(zip(alphas, scenes, strict=True))
    assert found["sad"] == pytest.approx(sum(sad(a, s.alpha, region="whole") for a, s in pairs) / 3)
    slopes = sum(gradient_error(a, s.alpha, region="whole") for a, s in pairs)
    assert found["gradient_error"] == pytest.approx(slopes / 3)
    assert found["mse_t"] == pytest.approx(sum(mse(a, s.alpha, s.trimap) for a, s in pairs) / 2)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    """Two processes that share the crops of each step change the network as one process with all of them does."""
    results = {}
    for devices, batch in ((1, 4), (2, 2)):
        folder = tmp_path / str(devices)
        command = [sys.executable, "-m", "tests.training.two_processes", str(folder), str(devices), str(batch)]
        subprocess.run(command, check=True, timeout=300, capture_output=True)
        results[devices] = torch.load(folder / "parameters.pt", weights_only=True)
    for left, right in zip(results[1], results[2], strict=True):
        assert torch.allclose(left, right, atol=1e-5)
    torch.manual_seed(0)
    start = list(TwoConvolutions().parameters())
    assert max((left - right).abs().max() for left, right in zip(start, results[1], strict=True)) > 1e-2


def test_windows_may_be_padded_with_zeros_as_in_the_authors_code():
    """The losses took it, a run did not."""
    torch.manual_seed(0)
    batch = {"image": torch.rand(1, 3, 32, 32), "trimap": torch.randint(3, (1, 1, 32, 32)) / 2}
    alpha = torch.rand(1, 1, 32, 32)
    terms = {}
    for padding in ("cut", "zeros"):
        config = TrainingConfig(**SMALL | {"padding": padding})
        terms[padding] = AlphaFreeMatting(networks.unet("tiny", trimap=True), config).loss_terms(alpha, batch)["ddc"]
        expected = 10 * ddc_loss(alpha, batch["image"], window_size=11, padding=padding)
        assert torch.allclose(terms[padding], expected)
    assert terms["cut"] != terms["zeros"]
