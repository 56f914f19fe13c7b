"""A user's script, never run: `pyright` checks that the public names say what goes in and what comes out."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import hybridmatte
from hybridmatte import server

if TYPE_CHECKING:
    import torch
    from typing_extensions import assert_type

    def cut_out(folder: Path) -> None:
        image = hybridmatte.read_image(folder / "photo.jpg")
        trimap = hybridmatte.read_trimap(folder / "trimap.png")
        alpha = hybridmatte.matte(image, trimap, quality="best")
        assert_type(alpha, npt.NDArray[np.float32])
        assert_type(hybridmatte.matte(image, trimap, weights="free"), npt.NDArray[np.float32])
        assert_type(hybridmatte.matte_with_confidence(image, trimap, weights="research").alpha, npt.NDArray[np.float32])
        hybridmatte.write_alpha(folder / "alpha.png", alpha, bits=16)
        hybridmatte.write_image(folder / "cutout.png", hybridmatte.decontaminate(image, alpha))
        assert_type(hybridmatte.sad(alpha, alpha, trimap), float)

    def solve(image: npt.NDArray[np.uint8], trimap: npt.NDArray[np.uint8]) -> None:
        assert_type(hybridmatte.solve_cf(image, trimap, epsilon=1e-6), npt.NDArray[np.float32])
        assert_type(hybridmatte.solve_knn(image, trimap, n_neighbors=(10, 5)), npt.NDArray[np.float32])
        assert_type(hybridmatte.METHODS["cf"].when, str)
        result = hybridmatte.matte_from_mask(image, trimap > 0)
        assert_type(result.alpha, npt.NDArray[np.float32])
        assert_type(hybridmatte.matte_from_mask(image, trimap > 0, weights="free").description, str)
        hybridmatte.matte(image, trimap, weights="mit")  # pyright: ignore[reportArgumentType]
        alpha, _, description = result
        assert_type((alpha, description), tuple[npt.NDArray[np.float32], str])
        assert_type(result.guessed, float | None)
        assert_type(0.0 if result.correction is None else result.correction.changed, float)
        folder = hybridmatte.run_folder("auto", "photos", None, "cutouts", weights="research")
        assert_type(folder.errors, list[str])
        assert_type(len(folder.ignored) + len(folder.findings), int)
        layers = hybridmatte.estimate_layers(image, result.alpha)
        assert_type(layers.foreground, npt.NDArray[np.float32])

    def differentiate(image: torch.Tensor, trimap: torch.Tensor) -> None:
        alpha = hybridmatte.solve_cf(image, trimap, prior=trimap, confidence=0.5)
        assert_type(alpha, torch.Tensor)
        assert_type(hybridmatte.window_topk(image).distances, torch.Tensor)

    def ask(path: Path) -> None:
        client = server.Client("http://127.0.0.1:8000", token="word")
        answer = client.auto(path, outputs=["alpha"], options={"quality": "fast", "trust_mask": True, "erode": 3})
        assert_type(answer.array("alpha"), npt.NDArray[np.float32])
        assert_type(answer.files["alpha"], bytes)
        assert_type(server.ServiceError("sentence", 503).retry_after, float | None)
