"""Hostile checkpoints: `train --resume` ends in one sentence that names the file, and runs no code of it.

Users met: code in a checkpoint that Lightning ran, tracebacks of Lightning and torch, "standard output cannot be used"
for a truncated file, and an empty checkpoint that silently started the run anew.
"""

import copy
import io
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import lightning
import pytest
import torch

from hybridmatte.cli import main
from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.training import TrainingConfig, train
from hybridmatte.training.checkpoint import CheckedRestore, check_checkpoint, read_checkpoint
from tests.synthetic import soft_disk

CONFIG = {
    "network": "unet",
    "size": "tiny",
    "trimap_input": True,
    "crop": 32,
    "batch_size": 1,
    "epochs": 1,
    "epoch_steps": 1,
    "prior": "none",
}
LOOP = "loops/fit_loop"
MODEL = "state_dict"
GROUP = "optimizer_states/0/param_groups/0"
MOMENTS = "optimizer_states/0/state/0"
SCHEDULE = "lr_schedulers/0"
SAVER = "callbacks/ModelCheckpoint"
GONE = object()


class Payload:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a folder with data, a configuration, and a finished run of one step."""
    folder = tmp_path_factory.mktemp("run")
    scene = soft_disk((40, 50), seed=0)
    for part in ("image", "trimap"):
        (folder / "data" / part).mkdir(parents=True)
    write_image(folder / "data" / "image" / "0.png", scene.image)
    write_alpha(folder / "data" / "trimap" / "0.png", scene.trimap)
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in CONFIG.items())
    (folder / "run.toml").write_text("".join(lines))
    train(TrainingConfig(**CONFIG), folder / "data", folder / "run", progress=False)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """Return a copy of that folder."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture
def resume(folder, capfd):
    """Return a function that writes a checkpoint, resumes by the command line, and returns its one sentence."""

    def run(content):
        path = folder / "run" / "checkpoints" / "last.ckpt"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            torch.save(content, path)
        capfd.readouterr()
        command = ["train", folder / "run.toml", "--data", folder / "data", "-o", folder / "run", "--resume"]
        with pytest.raises(SystemExit) as leave:
            main([str(word) for word in command])
        out, err = capfd.readouterr()
        assert leave.value.code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "standard output" not in err
        assert len(err) < 1500
        return err

    return run


def content_of(folder):
    """Return the content of the run's checkpoint."""
    return torch.load(folder / "run" / "checkpoints" / "last.ckpt", weights_only=True)


def changed(checkpoint, place, value):
    """Return a copy with another value, or without one, at a place of names separated by slashes."""
    checkpoint = inner = copy.copy(checkpoint)
    *path, last = place.split("/")
    for name in path:
        key = _key(inner, name)
        inner[key] = copy.copy(inner[key])
        inner = inner[key]
    key = _key(inner, last)
    if value is GONE:
        del inner[key]
    else:
        inner[key] = value(inner[key]) if callable(value) else value
    return checkpoint


def _key(inner, name):
    """Return the key of a dictionary that begins with a name, or an index of a list; a new key is the name."""
    if isinstance(inner, list):
        return int(name)
    found = [key for key in inner if str(key) == name] or [key for key in inner if str(key).startswith(name)]
    return found[0] if found else name


def archive(parts, compression=zipfile.ZIP_STORED):
    """Return a zip file of parts by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return file.getvalue()


def repacked(checkpoint, **options):
    """Return the bytes of a checkpoint, its parts compressed."""
    file = io.BytesIO()
    torch.save(checkpoint, file)
    with zipfile.ZipFile(file) as source:
        return archive({part: source.read(part) for part in source.namelist()}, **options)


DEEP = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
FILES = {
    "empty": b"",
    "text": b"this is no checkpoint",
    "pickle": pickle.dumps({"state_dict": {}}),
    "zip without content": archive({}),
    "zip of text": archive({"a.txt": b"a"}),
    "empty pickle": archive({"archive/data.pkl": b"", "archive/version": b"3\n"}),
    "broken pickle": archive({"archive/data.pkl": b"\x80\x02}q\x00(X", "archive/version": b"3\n"}),
    "deep pickle": archive(
        {"archive/data.pkl": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "archive/version": b"3"}
    ),
    "script": archive({"archive/code/__torch__.py": b"", "archive/constants.pkl": b"", "archive/version": b"3"}),
    "safetensors": (2).to_bytes(8, "little") + b"{}",
}
CONTENTS = {
    "list": [1, 2],
    "none": None,
    "tensor": torch.zeros(3),
    "empty dictionary": {},
    "weights alone": {"state_dict": {}},
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_file_that_is_no_checkpoint(content, resume):
    assert "last.ckpt" in resume(content)


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_is_no_checkpoint(name, folder, resume):
    """An empty dictionary started the run anew without a word."""
    torch.save(CONTENTS[name], folder / "run" / "checkpoints" / "last.ckpt")
    assert "last.ckpt" in resume(None)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
def test_truncated_checkpoint(share, folder, resume):
    """The sentence was "standard output cannot be used"."""
    content = (folder / "run" / "checkpoints" / "last.ckpt").read_bytes()
    assert "last.ckpt" in resume(content[: int(share * len(content))])


def test_no_code_runs(folder, resume, tmp_path):
    """A payload ran with Lightning 2.4: in place of the checkpoint, in it, and in the format of old versions."""
    content, payload, path = content_of(folder), Payload(tmp_path / "ran"), tmp_path / "other.ckpt"
    for place in ("epoch", MODEL, SAVER, f"{MOMENTS}/step", "hyper_parameters"):
        torch.save(changed(content, place, payload), path)
        with pytest.raises(ValueError, match="other objects than tensors and plain values"):
            read_checkpoint(path)
    assert "last.ckpt" in resume(payload)
    assert "last.ckpt" in resume(pickle.dumps(payload))
    torch.save(payload, path, _use_new_zipfile_serialization=False)
    assert "last.ckpt" in resume(path.read_bytes())
    assert not (tmp_path / "ran").exists()


def test_older_lightning_cannot_load_unsafely(folder, monkeypatch):
    """The package reads the checkpoint itself: what Lightning would do with it does not matter."""
    asked = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: asked.append(options) or load(*args, **options))
    train(TrainingConfig(**CONFIG), folder / "data", folder / "run", progress=False, resume=True)
    assert [options["weights_only"] for options in asked] == [True]


def test_parts_that_grow(folder, resume):
    """A compressed part of a megabyte can unpack to gigabytes."""
    content = content_of(folder) | {"zeros": torch.zeros(10_000_000)}
    small = repacked(content, compression=zipfile.ZIP_DEFLATED)
    assert len(small) < 10_000_000
    assert "last.ckpt" in resume(small)


VALUES = {
    MODEL: (GONE, None, [], {}),
    f"{MODEL}/network.head.weight": (
        GONE,
        None,
        [1.0],
        "weights",
        torch.zeros(1),
        lambda old: old[:, :1],
        lambda old: old.long(),
        lambda old: old > 0,
        lambda old: old * torch.nan,
        lambda old: old.to_sparse(),
        lambda old: old.to("meta"),
        lambda old: old.to(torch.complex64),
    ),
    f"{MODEL}/extra": (torch.zeros(1), 1),
    "epoch": (GONE, None, "1", True, -1, 2, 10**9, 1.0),
    "global_step": (GONE, None, "1", -1, 1.5, 10**30),
    "pytorch-lightning_version": (GONE, None, 2, "", "new", "1.5.0", "0.0.1", "2.6.6; import os", "9" * 5000, "2.4"),
    "callbacks": (GONE, None, [], 7),
    SAVER: (None, [], 7, {}, {"best_model_path": 1}),
    f"{SAVER}/best_model_path": (GONE, None, 7, "../../precious", lambda old: f"{Path(old).parent}/../../precious"),
    f"{SAVER}/last_model_path": (7, "../../precious"),
    f"{SAVER}/best_k_models": (None, [], {"../../precious": 1.0}, {"s3://bucket/key": 1.0}, {"a": "b"}),
    f"{SAVER}/best_model_score": (GONE, "a", [], torch.zeros(9)),
    "CropsModule": ([], 7, {}, {"samples": "3"}, {"samples": -1}),
    "loops": (GONE, None, [], {}, {"fit_loop": None}),
    LOOP: (GONE, None, [], {}),
    f"{LOOP}/epoch_progress": (GONE, None, 7, {}, {"current": {}, "total": {}}),
    f"{LOOP}/epoch_progress/current/completed": (GONE, None, "1", -1, 10**9, 0.5, True),
    f"{LOOP}/epoch_loop.batch_progress/is_last_batch": (GONE, None, "yes", 2),
    f"{LOOP}/epoch_loop.batch_progress/current/ready": (-5, "1", [], 10**30),
    f"{LOOP}/epoch_loop.automatic_optimization.optim_progress": (GONE, None, {}, {"optimizer": 1}),
    f"{LOOP}/epoch_loop.state_dict": (7, [], {"_batches_that_stepped": "1"}),
    "optimizer_states": (GONE, None, {}, [], [None], [{}], lambda old: old * 2),
    "optimizer_states/0/state": (None, [], {"a": {}}, {10**6: {}}, {0: None}, {0: {}}),
    "optimizer_states/0/param_groups": (None, {}, [], [None], [{}], lambda old: old * 2),
    f"{GROUP}/params": (GONE, None, [], ["0"], lambda old: old[:-1], lambda old: [k + 1 for k in old]),
    f"{GROUP}/lr": (GONE, None, "1e-3", -1.0, float("nan"), float("inf"), [1e-3], 10**400),
    f"{GROUP}/betas": (GONE, None, 0.9, (0.9,), ("0.9", 0.99), (0.9, float("nan"))),
    f"{GROUP}/eps": (None, "0", -1.0),
    f"{GROUP}/amsgrad": (None, "yes", 2, True),
    f"{GROUP}/foreach": ("yes", 7),
    f"{MOMENTS}/step": (GONE, None, 1, torch.zeros(3), torch.tensor(torch.nan)),
    f"{MOMENTS}/exp_avg": (GONE, None, torch.zeros(1), lambda old: old.long(), lambda old: old * torch.inf),
    f"{MOMENTS}/exp_avg_sq": (GONE, torch.zeros(10**3), lambda old: old[None]),
    f"{MOMENTS}/other": (torch.zeros(3), 5),
    "lr_schedulers": (GONE, None, {}, [], [None], [{}], lambda old: old * 2),
    f"{SCHEDULE}/base_lrs": (GONE, None, 7, [], ["a"], lambda old: old * 2, lambda old: [torch.nan for _ in old]),
    f"{SCHEDULE}/last_epoch": (GONE, None, "1", -7, 10**30, [1]),
    f"{SCHEDULE}/lr_lambdas": (GONE, None, 7, [7], [{"step": 1}, {"step": 1}, {"step": 1}]),
}


class EveryCase(lightning.Callback):
    """Checks changed checkpoints where a run checks its own, and keeps what was wrong with the sentences."""

    def __init__(self, content, path):
        self.content, self.path, self.found = content, path, []

    def on_fit_start(self, trainer, pl_module):
        for place, value in ((place, value) for place, values in VALUES.items() for value in values):
            sentence = self.sentence_of(changed(self.content, place, value), trainer, pl_module)
            is_good = "last.ckpt" in sentence and "\n" not in sentence and len(sentence) < 1500
            self.found.append(is_good or f"{place}: {sentence}")

    def sentence_of(self, checkpoint, trainer, module):
        try:
            check_checkpoint(checkpoint, self.path, module, trainer.max_epochs)
            CheckedRestore(checkpoint, self.path).on_fit_start(trainer, module)
        except ValueError as error:
            return str(error)
        return "nothing"


@pytest.mark.slow
def test_values_that_cannot_be_restored(folder):
    """Most ended in tracebacks of Lightning and torch; the others changed the run in silence."""
    cases = EveryCase(content_of(folder), folder / "run" / "checkpoints" / "last.ckpt")
    options = {"progress": False, "resume": True, "callbacks": [cases]}
    train(TrainingConfig(**CONFIG), folder / "data", folder / "run", **options)
    assert len(cases.found) > 150
    assert [found for found in cases.found if found is not True] == []


@pytest.mark.slow
def test_values_are_one_sentence(folder, resume):
    """The same in the command line; a sample, as each is read in the same way."""
    content = content_of(folder)
    for place in (f"{MODEL}/network.head.weight", f"{LOOP}/epoch_progress", f"{GROUP}/betas", f"{SCHEDULE}/base_lrs"):
        assert "last.ckpt" in resume(changed(content, place, GONE))


@pytest.mark.parametrize("content", [b"[]", b"null", b"[" * 100_000, b"{", b"\xff\xfe", b'{"paradigm": []}'])
def test_configuration_of_the_run(content, folder, resume):
    """A config.json beside the checkpoint that is a list, null or deeply nested ended in a traceback."""
    (folder / "run" / "config.json").write_bytes(content)
    assert "config.json" in resume(None) or content.startswith(b'{"p')


def test_whole_checkpoint_is_read(finished):
    """What `train` wrote is accepted as it is."""
    content = read_checkpoint(finished / "run" / "checkpoints" / "last.ckpt")
    assert content.keys() == content_of(finished).keys()
