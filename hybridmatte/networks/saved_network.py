"""A base of networks with ``save_pretrained`` and a ``from_pretrained`` that checks all it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from huggingface_hub import PyTorchModelHubMixin, hf_hub_download, snapshot_download
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from huggingface_hub.utils import logging as hub_logging

from hybridmatte.io.documents import read_json_object
from hybridmatte.networks.config_schema import NOTES, check_config, check_rules
from hybridmatte.networks.saved_weights import INDEX, WEIGHTS, load_saved, stored_tensors

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SavedNetwork", "download_config", "hub_folder", "quiet_hub", "weights_folder"]

CONFIG = "config.json"


class SavedNetwork(PyTorchModelHubMixin):
    """A network that is saved as config.json and model.safetensors, and loaded from them.

    Attributes
    ----------
    config_kind : str
        Key of `config_schema.SCHEMAS`.
    marks : dict
        For an argument that config.json has only if it is False: the tensor that networks have with it.
    """

    config_kind: ClassVar[str] = ""
    marks: ClassVar[dict[str, str]] = {}

    def save_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, save_directory: str | PathLike[str], **options: Any
    ) -> Any:
        """Write the network to a folder: its weights, its arguments, and what it keeps of `config_schema.NOTES`.

        Parameters
        ----------
        save_directory : str or path
        **options
            As of `huggingface_hub.PyTorchModelHubMixin.save_pretrained`.
        """
        notes = {key: getattr(self, key, None) for key in NOTES}
        notes = {key: value for key, value in notes.items() if value is not None}
        check_rules(NOTES, notes, type(self).__name__)
        own = self._hub_mixin_config if isinstance(self._hub_mixin_config, dict) else {}
        own = {key: value for key, value in own.items() if key not in self.marks or not value}
        return super().save_pretrained(save_directory, **{"config": own | notes} | options)

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        map_location: str = "cpu",
        **model_kwargs: Any,
    ) -> Self:
        """Load a network that `save_pretrained` wrote.

        Parameters
        ----------
        pretrained_model_name_or_path : str or path
            Folder, or OWNER/NAME of a model on the Hugging Face hub.
        force_download, token, cache_dir, local_files_only, revision
            As in `huggingface_hub.hf_hub_download`. A folder needs none of them.
        map_location : str, default "cpu"
            Device of the network.
        **model_kwargs
            Values that replace those of config.json.

        Returns
        -------
        network : Module
            In evaluation mode.

        Raises
        ------
        FileNotFoundError
            If one of the two files is missing.
        ValueError
            If config.json has an unknown key or a value out of its range, or the tensors are not exactly those of the
            network. The message names the file, and the key or the tensor.
        """
        hub = {
            "force_download": force_download,
            "token": token,
            "cache_dir": cache_dir,
            "local_files_only": local_files_only,
            "revision": revision,
        }
        source = Path(pretrained_model_name_or_path)
        path = source / CONFIG if source.is_dir() else download_config(str(pretrained_model_name_or_path), **hub)
        config = read_json_object(path) | model_kwargs
        check_config(cls.config_kind, config, path)
        folder = weights_folder(pretrained_model_name_or_path, **hub)
        notes = {key: config.pop(key) for key in NOTES if key in config}
        if cls.marks:  # earlier versions wrote neither the tensor nor the argument
            stored = stored_tensors(folder)
            config = {key: tensor in stored or not stored for key, tensor in cls.marks.items()} | config
        network: Any = load_saved(lambda: cls(**config), folder)
        for key, value in notes.items():
            setattr(network, key, value)
        return network.to(map_location)


def download_config(name: str, **options: Any) -> Path:
    """Return the path of config.json of a model on the hub."""
    with quiet_hub():
        return Path(hf_hub_download(name, CONFIG, **options))


def weights_folder(source: str | PathLike[str], **options: Any) -> Path:
    """Return a folder with the weights: the source, or a copy of the model of that name on the hub."""
    return Path(source) if Path(source).is_dir() else hub_folder(str(source), **options)


def hub_folder(name: str, **options: Any) -> Path:
    """Return a folder with a copy of a model on the hub: its configuration and weights."""
    with quiet_hub():
        patterns = [f"{folder}{name}" for folder in ("", "*/") for name in (CONFIG, WEIGHTS, INDEX, "*.safetensors")]
        return Path(snapshot_download(name, allow_patterns=patterns, **options))


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Show no bars and no remarks of the hub's library in the block: an error is one sentence."""
    had_bars, level = not are_progress_bars_disabled(), hub_logging.get_verbosity()
    disable_progress_bars()
    hub_logging.set_verbosity_error()
    try:
        yield
    finally:
        hub_logging.set_verbosity(level)
        if had_bars:
            enable_progress_bars()
