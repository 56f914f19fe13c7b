"""Segmenters of transformers: models that label every pixel, models that find objects, and SAM with box and points."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from logging import getLogger
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import transformers
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_DISABLE_PROGRESS_BARS
from huggingface_hub.utils import HfHubHTTPError
from huggingface_hub.utils.tqdm import progress_bar_states
from PIL import Image
from transformers.models.auto import modeling_auto
from transformers.utils import logging

from hybridmatte._validation import check_choice
from hybridmatte.automatic.finding import Box, Points, Segmenter, reason_of
from hybridmatte.automatic.segmenter_hints import CONFIGURATION
from hybridmatte.io._picture import to_uint8

__all__ = ["transformers_segmenter"]

Mask = npt.NDArray[np.float32]
PROMPTED = frozenset(modeling_auto.MODEL_FOR_MASK_GENERATION_MAPPING_NAMES)  # names of kinds of models
SEMANTIC = frozenset(modeling_auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES)
OBJECTS = frozenset(
    {
        *modeling_auto.MODEL_FOR_IMAGE_SEGMENTATION_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_INSTANCE_SEGMENTATION_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES,
    }
)
BACKGROUND = frozenset({"background", "bg", "unlabeled", "unlabelled", "none"})  # without underscores, in small letters
MAX_LISTED = 30  # labels in a message


class _Model(NamedTuple):
    """A loaded model, what prepares its input, and the names of its labels."""

    network: Any
    processor: Any
    labels: tuple[str, ...]


def transformers_segmenter(name: str, argument: str, options: Mapping[str, Any]) -> Segmenter:
    """Return the segmenter ``transformers:MODEL``; MODEL is a folder, or OWNER/NAME on the Hugging Face hub.

    Its one option, `label`, is a label or a list of labels that belong to the object.
    """
    kind = _configured(name, argument).model_type
    if kind in PROMPTED:
        for key in options:
            raise ValueError(f"an option of segmenter {name} is {key!r}, expected none: it takes box and points")
        return Segmenter(name, partial(_find_prompted, name=name, argument=argument), True, True, is_built_in=True)
    if kind not in SEMANTIC | OBJECTS:
        raise ValueError(
            f"segmenter {name} is a model of kind {kind}, expected one for image segmentation or mask generation"
        )
    for key in options:
        check_choice(key, f"an option of segmenter {name}", ("label",))
    chosen = options.get("label", [])
    chosen = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(chosen, list | tuple) or not all(isinstance(label, str) for label in chosen):
        raise TypeError(f"label of segmenter {name} is {chosen!r}, expected a label or a list of labels")
    find = _find_semantic if kind in SEMANTIC else _find_objects
    return Segmenter(name, partial(find, name=name, argument=argument, chosen=tuple(chosen)), is_built_in=True)


@lru_cache(maxsize=8)
def _configured(name: str, argument: str) -> Any:
    """Return the configuration of a model."""
    _refuse_missing(name, argument)
    try:
        with _without_progress_bars(), _without_retry_lines():
            return transformers.AutoConfig.from_pretrained(argument, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise _not_loaded(name, error) from error


@lru_cache(maxsize=1)
def _loaded(name: str, argument: str) -> _Model:
    """Return a model, on the GPU if there is one."""
    config = _configured(name, argument)
    try:
        with _without_progress_bars(), _without_retry_lines():
            network, processor = _network_and_processor(config.model_type, argument)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise _not_loaded(name, error) from error
    labels = tuple(str(label) for _, label in sorted((config.id2label or {}).items()))
    return _Model(network.eval().to("cuda" if torch.cuda.is_available() else "cpu"), processor, labels)


def _network_and_processor(kind: str, argument: str) -> tuple[Any, Any]:
    """Return the network of a model of that kind, and what prepares its input."""
    if kind in SEMANTIC:
        network = transformers.AutoModelForSemanticSegmentation.from_pretrained(argument)
        return network, transformers.AutoImageProcessor.from_pretrained(argument)
    if kind in PROMPTED:
        network = transformers.AutoModelForMaskGeneration.from_pretrained(argument)
        return network, transformers.AutoProcessor.from_pretrained(argument)
    pipeline = transformers.pipeline("image-segmentation", model=argument, trust_remote_code=False)
    return pipeline.model, pipeline


def _refuse_missing(name: str, argument: str) -> None:
    """Refuse a folder without a model, and a model on the hub if the hub cannot be reached.

    transformers asks the hub six times within half a minute; it has no option for that.
    """
    if os.path.exists(argument):
        if not os.path.isdir(argument):
            raise _not_loaded(name, "it is a file")
        if not os.path.isfile(os.path.join(argument, CONFIGURATION)):
            raise _not_loaded(name, f"the folder has no {CONFIGURATION}")
        return
    if argument.startswith((".", "~", "/", os.sep)) or argument.count("/") > 1 or os.path.isabs(argument):
        raise _not_loaded(name, "there is no such folder")
    try:
        if not isinstance(try_to_load_from_cache(argument, CONFIGURATION), str):
            get_hf_file_metadata(hf_hub_url(argument, CONFIGURATION))
    except HfHubHTTPError:  # the hub answers; transformers says what is wrong
        return
    except Exception as error:
        raise _not_loaded(name, f"the hub cannot be asked, {reason_of(error)}") from error


@contextmanager
def _without_retry_lines() -> Iterator[None]:
    """Let the hub's library print no lines on failed requests in the block; its last error says what failed."""

    def is_wanted(_record: object) -> bool:
        return False

    logger = getLogger("huggingface_hub.utils._http")
    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Let transformers and the hub show no progress bars in the block; the caller's settings hold again after it.

    The environment variable HF_HUB_DISABLE_PROGRESS_BARS decides alone where it is set. Warnings are shown as ever.
    """
    if HF_HUB_DISABLE_PROGRESS_BARS is not None:
        yield
        return
    are_shown, states = logging.is_progress_bar_enabled(), dict(progress_bar_states)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if are_shown:
            logging.enable_progress_bar()
        progress_bar_states.clear()
        progress_bar_states.update(states)


def _not_loaded(name: str, error: Exception | str) -> ValueError:
    reason = error if isinstance(error, str) else reason_of(error)
    return ValueError(
        f"segmenter {name} cannot be loaded: {reason}, expected a folder of a model, or OWNER/NAME on the "
        "Hugging Face hub"
    )


def _find_semantic(image: Mask, *, name: str, argument: str, chosen: tuple[str, ...]) -> Mask:
    """Return the probability (H, W) of the object's labels, of a model that labels every pixel."""
    model = _loaded(name, argument)
    inputs = model.processor(images=_picture(image), return_tensors="pt").to(model.network.device)
    with torch.inference_mode():
        logits = model.network(**inputs).logits.float()
        logits = torch.nn.functional.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        if logits.shape[1] == 1:
            return logits[0, 0].sigmoid().cpu().numpy()
        numbers = [model.labels.index(label) for label in _labels_of_object(model.labels, chosen, name)]
        return logits[0].softmax(0)[numbers].sum(0).clamp(0, 1).cpu().numpy()


def _find_objects(image: Mask, *, name: str, argument: str, chosen: tuple[str, ...]) -> Mask:
    """Return the union of the masks (H, W) of the object's labels, of a model that finds objects."""
    model = _loaded(name, argument)
    labels = _labels_of_object(model.labels, chosen, name)
    mask = np.zeros(image.shape[:2], np.float32)
    for found in model.processor(_picture(image)):
        if found["label"] in labels:
            mask = np.maximum(mask, np.asarray(found["mask"], np.float32) / np.float32(255))
    return mask


def _find_prompted(
    image: Mask, *, name: str, argument: str, box: Box | None = None, points: Points | None = None
) -> Mask:
    """Return the best mask (H, W) of SAM or a model of its kind for a box, for points, or for both."""
    if box is None and not any(label for *_, label in points or []):
        raise ValueError(f"segmenter {name} got neither a box nor a point on the object, expected --box or --point")
    model = _loaded(name, argument)
    prompts: dict[str, Any] = {}
    if box is not None:
        prompts["input_boxes"] = [[list(box)]]
    if points:
        prompts["input_points"] = [[[[x, y] for x, y, _ in points]]]
        prompts["input_labels"] = [[[label for *_, label in points]]]
    inputs = model.processor(images=_picture(image), return_tensors="pt", **prompts)
    sizes = [inputs.pop(key) for key in ("original_sizes", "reshaped_input_sizes") if key in inputs]
    with torch.inference_mode():
        inputs = {key: _as_float(value).to(model.network.device) for key, value in inputs.items()}
        outputs = model.network(**inputs)
        best = int(outputs.iou_scores[0, 0].argmax())
        return _enlarged_logits(model.processor, outputs.pred_masks, sizes)[best].sigmoid().cpu().numpy()


def _as_float(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor in single precision if it is in double; processors give coordinates so."""
    return value.float() if value.dtype == torch.float64 else value


def _enlarged_logits(processor: Any, logits: torch.Tensor, sizes: list[torch.Tensor]) -> torch.Tensor:
    """Return the logits (masks, H, W) at the image's size; processors of SAM 1 also take the size without padding."""
    enlarge = processor.image_processor.post_process_masks
    if "reshaped_input_sizes" not in inspect.signature(enlarge).parameters:
        sizes = sizes[:1]
    return enlarge(logits.float().cpu(), *sizes, binarize=False)[0][0]


def _labels_of_object(labels: tuple[str, ...], chosen: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the labels that belong to the object: those chosen, else of two the second, else all but background."""
    unknown = [label for label in chosen if label not in labels]
    if unknown:
        raise ValueError(f"label of segmenter {name} is {unknown[0]!r}, expected one of {_listed(labels)}")
    if chosen:
        return chosen
    objects = tuple(label for label in labels if label.strip("_ ").lower() not in BACKGROUND)
    if len(objects) < len(labels):
        return objects
    if len(labels) == 2:
        return labels[1:]
    raise ValueError(
        f"label of segmenter {name} is missing, expected --segmenter-option label=LABEL with one or several of "
        f"{_listed(labels)}"
    )


def _listed(labels: tuple[str, ...]) -> str:
    """Return labels as a list for a message, which ends after some of them."""
    more = f" and {len(labels) - MAX_LISTED} more" if len(labels) > MAX_LISTED else ""
    return ", ".join(labels[:MAX_LISTED]) + more


def _picture(image: Mask) -> Image.Image:
    return Image.fromarray(to_uint8(image))
