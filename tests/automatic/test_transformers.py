"""Segmenters of transformers, on tiny models with random weights in a local folder; needs the extra deep."""

import json
import logging
import subprocess
import sys
import warnings

import numpy as np
import pytest

from hybridmatte import find_mask, load_segmenter, write_image
from hybridmatte.testing import check_segmenter
from tests.synthetic import soft_disk

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow  # transformers takes seconds to import

from huggingface_hub.utils import HfHubHTTPError  # noqa: E402
from huggingface_hub.utils.tqdm import progress_bar_states  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

from hybridmatte.automatic import _transformers_torch as adapter  # noqa: E402

IMAGE = soft_disk((45, 60), seed=1).image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def segformer(folder, names):
    """Save a tiny model that labels every pixel; return its name as a segmenter."""
    torch.manual_seed(1)
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[4, 2],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )
    place = folder / f"segformer_{'_'.join(names) or 'none'}"
    transformers.SegformerForSemanticSegmentation(config).save_pretrained(place)
    transformers.SegformerImageProcessor(size={"height": 32, "width": 32}).save_pretrained(place)
    return f"transformers:{place}"


@pytest.fixture(scope="module")
def sam(folder):
    """Save a tiny SAM; return its name as a segmenter."""
    torch.manual_seed(1)
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
            "output_channels": 8,
            "mlp_dim": 16,
            "window_size": 2,
            "global_attn_indexes": [0],
            "num_pos_feats": 4,
        },
        prompt_encoder_config={"hidden_size": 8, "image_size": 64, "patch_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 8,
            "mlp_dim": 16,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "iou_head_hidden_dim": 8,
        },
    )
    place = folder / "sam"
    model = transformers.SamModel(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)  # those of new models are so small that no prompt matters
    model.save_pretrained(place)
    processor = transformers.SamImageProcessor(
        size={"longest_edge": 64}, mask_size={"longest_edge": 16}, pad_size={"height": 64, "width": 64}
    )
    transformers.SamProcessor(processor).save_pretrained(place)
    return f"transformers:{place}"


class TestLabels:
    def test_of_two_labels_the_second_is_the_object(self, folder):
        name = segformer(folder, ["a", "b"])
        mask = find_mask(IMAGE, name)
        first = find_mask(IMAGE, load_segmenter(name, {"label": "a"}))
        assert mask.shape == (45, 60)
        assert 0 < mask.min() < mask.max() < 1
        assert np.abs(mask + first - 1).max() < 1e-5
        check_segmenter(name)

    def test_all_but_background_is_the_object(self, folder):
        name = segformer(folder, ["__background__", "cat", "dog"])
        both = find_mask(IMAGE, load_segmenter(name, {"label": ["cat", "dog"]}))
        assert np.abs(find_mask(IMAGE, name) - both).max() < 1e-6
        assert (find_mask(IMAGE, load_segmenter(name, {"label": "cat"})) < both).all()

    def test_one_channel(self, folder):
        assert 0 < find_mask(IMAGE, segformer(folder, ["object"])).min()

    def test_without_background_a_label_must_be_chosen(self, folder):
        name = segformer(folder, ["wall", "sky", "cat"])
        with pytest.raises(ValueError, match="label of segmenter .* is missing, expected .* of wall, sky, cat$"):
            find_mask(IMAGE, name)
        with pytest.raises(ValueError, match="label of segmenter .* is 'dog', expected one of wall, sky, cat"):
            find_mask(IMAGE, load_segmenter(name, {"label": "dog"}))
        with pytest.raises(TypeError, match="label of segmenter .* is 3, expected a label or a list"):
            load_segmenter(name, {"label": 3})
        with pytest.raises(ValueError, match="an option of segmenter .* is 'threshold', expected 'label'"):
            load_segmenter(name, {"threshold": 3})
        with pytest.raises(ValueError, match="takes no box"):
            find_mask(IMAGE, name, box=(1, 1, 9, 9))


class TestProgressBars:
    """A bar "Loading weights: 100%" stood on standard error beside the command's own lines."""

    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch):
        monkeypatch.setattr(adapter, "HF_HUB_DISABLE_PROGRESS_BARS", None)
        adapter._configured.cache_clear()
        adapter._loaded.cache_clear()
        before = transformers_logging.is_progress_bar_enabled(), dict(progress_bar_states)
        yield
        (transformers_logging.enable_progress_bar if before[0] else transformers_logging.disable_progress_bar)()
        progress_bar_states.clear()
        progress_bar_states.update(before[1])

    @pytest.mark.parametrize("is_shown", [True, False])
    def test_nothing_is_shown_and_the_settings_stay(self, folder, capfd, is_shown):
        name = segformer(folder, ["a", "b"])
        (transformers_logging.enable_progress_bar if is_shown else transformers_logging.disable_progress_bar)()
        progress_bar_states["mine"] = False
        states = dict(progress_bar_states)
        capfd.readouterr()
        find_mask(IMAGE, name)
        assert capfd.readouterr().err == ""
        assert (transformers_logging.is_progress_bar_enabled(), progress_bar_states) == (is_shown, states)

    def test_they_stay_after_an_error(self, folder):
        transformers_logging.enable_progress_bar()
        with pytest.raises(ValueError, match="cannot be loaded"):
            find_mask(IMAGE, f"transformers:{folder / 'nothing'}")
        assert transformers_logging.is_progress_bar_enabled()

    def test_warnings_are_shown(self, folder, monkeypatch):
        original = adapter._network_and_processor

        def warning(*arguments):
            warnings.warn("weights are missing", UserWarning, stacklevel=1)
            return original(*arguments)

        monkeypatch.setattr(adapter, "_network_and_processor", warning)
        with pytest.warns(UserWarning, match="weights are missing"):
            find_mask(IMAGE, segformer(folder, ["a", "b"]))


class TestSam:
    def test_box_and_points_change_the_mask(self, sam):
        masks = [
            find_mask(IMAGE, sam, **prompt)
            for prompt in (
                {"box": (5, 5, 30, 30)},
                {"points": [(20, 20)]},
                {"points": [(20, 20), (50, 40, 0)]},
                {"points": [(20, 20), (50, 40, 1)]},
                {"box": (5, 5, 30, 30), "points": [(20, 20), (3, 3, 0)]},
            )
        ]
        for number, mask in enumerate(masks):
            assert mask.shape == (45, 60)
            assert 0 < mask.min() < mask.max() < 1
            assert all(np.abs(mask - other).max() > 1e-6 for other in masks[:number])

    def test_contract(self, sam):
        check_segmenter(sam)

    @pytest.mark.parametrize("prompt", [{}, {"points": [(20, 20, 0)]}])
    def test_something_must_say_where_the_object_is(self, sam, prompt):
        with pytest.raises(ValueError, match="got neither a box nor a point on the object, expected --box or --point"):
            find_mask(IMAGE, sam, **prompt)

    def test_it_takes_no_options(self, sam):
        with pytest.raises(ValueError, match="is 'label', expected none: it takes box and points"):
            load_segmenter(sam, {"label": "a"})


def test_a_model_that_finds_objects(folder, monkeypatch):
    """The masks of the pipeline are joined; what it finds is made up, since random weights find nothing."""
    config = transformers.MaskFormerConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1] * 4,
            num_heads=[1] * 4,
            window_size=2,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        decoder_config=transformers.DetrConfig(
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_queries=4,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
        ),
        fpn_feature_size=32,
        mask_feature_size=32,
        id2label={0: "cat", 1: "dog", 2: "sky"},
        label2id={"cat": 0, "dog": 1, "sky": 2},
    )
    place = folder / "maskformer"
    transformers.MaskFormerForInstanceSegmentation(config).save_pretrained(place)
    transformers.MaskFormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(place)
    segmenter = load_segmenter(f"transformers:{place}", {"label": ["cat", "dog"]})
    assert find_mask(IMAGE, segmenter).shape == (45, 60)

    def found(_, __):
        masks = np.zeros((3, 45, 60), np.uint8)
        masks[0, :9], masks[1, 20:30], masks[2, 40:] = 255, 255, 255
        return [
            {"label": label, "mask": transformers.image_utils.PIL.Image.fromarray(mask)}
            for label, mask in zip(("cat", "dog", "sky"), masks, strict=True)
        ]

    monkeypatch.setattr(transformers.ImageSegmentationPipeline, "__call__", found)
    assert find_mask(IMAGE, segmenter)[:, 0].tolist() == [1.0] * 9 + [0.0] * 11 + [1.0] * 10 + [0.0] * 15


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "cannot be loaded: the folder has no config.json, expected a folder of a model, or OWNER/NAME"),
        ({}, "cannot be loaded: "),
        ({"model_type": "bert"}, "is a model of kind bert, expected one for image segmentation or mask generation"),
    ],
    ids=["empty", "no kind", "text"],
)
def test_folders_of_another_kind(tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=rf"^segmenter transformers:{tmp_path} [^\n]*{message}"):
        find_mask(IMAGE, f"transformers:{tmp_path}")


@pytest.mark.parametrize("place", ["{}/nothing", "./nothing", "a/b/c"])
def test_a_folder_that_does_not_exist(tmp_path, place):
    """The message was that of the hub on the form of a repository's name."""
    with pytest.raises(ValueError, match="cannot be loaded: there is no such folder, expected a folder of a model"):
        find_mask(IMAGE, f"transformers:{place.format(tmp_path)}")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be loaded: it is a file, expected a folder of a model"):
        find_mask(IMAGE, f"transformers:{tmp_path / 'model.safetensors'}")


UNREACHABLE = """
import os, sys, time
os.environ |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": sys.argv[1], "HF_HUB_OFFLINE": "0"}
from hybridmatte.automatic import _transformers_torch
from hybridmatte.cli import main
time.sleep = print  # each pause before another try
main(["auto", sys.argv[2], "-o", sys.argv[3], "--segmenter", "transformers:nobody/nothing"])
"""


def test_without_a_network_one_sentence_is_said_at_once(tmp_path):
    """It took 50 seconds, with eleven lines of the hub's library on standard error."""
    write_image(tmp_path / "image.png", IMAGE)
    arguments = [tmp_path / "hub", tmp_path / "image.png", tmp_path / "out.png"]
    result = subprocess.run(
        [sys.executable, "-c", UNREACHABLE, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: segmenter transformers:nobody/nothing cannot be loaded: the hub cannot be asked, ")
    assert line.endswith("expected a folder of a model, or OWNER/NAME on the Hugging Face hub")
    assert result.stdout == ""


def test_lines_of_failed_requests_are_kept_to_the_block(caplog):
    logger = logging.getLogger("huggingface_hub.utils._http")
    caplog.set_level("WARNING")
    with adapter._without_retry_lines():
        logger.warning("Retrying in 1s [Retry 1/5].")
    logger.warning("of the caller's own request")
    assert [record.getMessage() for record in caplog.records] == ["of the caller's own request"]


def test_the_hubs_own_answer_is_left_to_transformers(monkeypatch):
    def answers(_url):
        raise HfHubHTTPError.__new__(HfHubHTTPError)

    def refuses(*_, **__):
        raise OSError("nobody/missing is not a valid model identifier")

    monkeypatch.setattr(adapter, "get_hf_file_metadata", answers)
    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", refuses)
    with pytest.raises(
        ValueError, match=r"cannot be loaded: OSError \(nobody/missing is not a valid model identifier\)"
    ):
        load_segmenter("transformers:nobody/missing")
