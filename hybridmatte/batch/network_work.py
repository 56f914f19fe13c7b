"""The work on one job that needs a network, and so torch."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.from_image import matte_from_image
from hybridmatte.automatic.from_mask import AutomaticResult, describe_method
from hybridmatte.automatic.mask_checks import INVERT, fit_mask, warn_if_inverted
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.batch.budget import UNLIMITED, Budget
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.pool import DEVICE_VARIABLE
from hybridmatte.batch.work import FileOptions, read_image_and_mask, write_plane
from hybridmatte.io.masks import check_mask_aspect
from hybridmatte.networks import JointInference, MattingNetwork, MattingUNet, load_network, predict_labels
from hybridmatte.networks.labels import refuse_as_teacher
from hybridmatte.trimap import refuse_labels

__all__ = [
    "blended_file",
    "load_image_network",
    "load_mask_network",
    "load_teacher",
    "matte_by_image_network",
    "matte_by_mask_network",
]


@lru_cache(maxsize=1)  # each worker process loads the network once
def _cached_network(name: str) -> Any:
    """Load a network onto the device that the engine has chosen for this process."""
    network: Any = load_network(name)
    return network.to(os.environ.get(DEVICE_VARIABLE, "cpu"))


def load_image_network(name: str) -> MattingNetwork:
    """Return the network of that name; refuse one that takes a trimap or a mask."""
    network = _cached_network(name)
    if not isinstance(network, MattingNetwork) or network.takes_trimap:
        raise ValueError(
            f"network {name} is a {type(network).__name__} that takes a trimap or a mask, expected one "
            "from the image alone, or --mask"
        )
    return network


def load_mask_network(name: str) -> JointInference:
    """Return the network of that name; refuse one that takes no mask."""
    network = _cached_network(name)
    if not isinstance(network, JointInference):
        raise ValueError(f"network {name} is a {type(network).__name__}, expected a JointInference, which takes a mask")
    return network


def load_teacher(name: str) -> MattingUNet:
    """Return the network of that name; refuse one without a trained boundary head."""
    network: Any = _cached_network(name)
    refuse_as_teacher(network, f"network {name}")
    return network


def matte_by_image_network(image: npt.NDArray[np.float32], *, network: str) -> AutomaticResult:
    """Estimate alpha from an image by the network of that name."""
    return matte_from_image(image, load_image_network(network))


def matte_by_mask_network(
    image: npt.NDArray[np.float32], mask: npt.NDArray[np.float32], *, network: str, is_inverted: bool = False
) -> AutomaticResult:
    """Estimate alpha from an image and a mask by the network of that name; is_inverted is as for `fit_mask`."""
    mask = fit_mask(mask, image.shape[:2], is_inverted=is_inverted)
    return AutomaticResult(*load_mask_network(network).predict(image, mask), describe_method(None, has_network=True))


def blended_file(
    job: Job,
    *,
    network: str,
    files: FileOptions,
    side: int | None = None,
    soft: bool = False,
    budget: Budget = UNLIMITED,
) -> None:
    """Write the blended label of a job's image and mask, see `hybridmatte.networks.predict_labels`."""
    image, mask, metadata = read_image_and_mask(job, files, budget=budget)
    refuse_labels(mask, "mask")
    check_mask_aspect(mask.shape, image.shape[:2])
    mask = enlarged(mask, image.shape[:2])
    warn_if_inverted(mask, INVERT)
    options: dict[str, Any] = {} if side is None else {"side": side}
    options |= {"soft": True} if soft else {}
    labels = predict_labels(load_teacher(network), image, mask, **options)
    write_plane(job, labels, metadata, files)
