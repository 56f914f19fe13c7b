"""Write a network as ONNX, and see that it still gives the same alpha."""

from pathlib import Path

import numpy as np
import torch

from hybridmatte._files import check_writable
from hybridmatte.errors import require_extra
from hybridmatte.networks.prediction import check_inputs

__all__ = ["export_onnx"]


def export_onnx(network, path, image, trimap=None, *, tolerance=1e-3):
    """Write a network as an ONNX file of variable batch, height and width, checked on an image.

    Parameters
    ----------
    network : MattingNetwork
    path : str or path
        Ends in ``.onnx``; written only if the check passes.
    image : (H, W, 3) array
        A real photograph: what is compared is its alpha.
    trimap : (H, W) array, optional
        For networks that take one.
    tolerance : float, default 1e-3
        Largest difference in alpha between torch and ONNX Runtime.

    Returns
    -------
    difference : float
        The largest difference found.

    Raises
    ------
    ValueError
        If the difference is larger than the tolerance.
    MissingExtraError
        Without onnx, onnxscript or onnxruntime.
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime")
    raise NotImplementedError
