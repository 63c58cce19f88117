"""Safetensors files, read with care: the names and the tensors, or a message why not."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from gan_core.errors import BadWeights

# The files of a model's folder, here and in a repository.
G_FILE, D_FILE, CONFIG_FILE = "model.safetensors", "discriminator.safetensors", "config.json"
MAX_MB = 300  # of a model from outside; the DCGAN tutorial's two networks take 25


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file. Raises: BadWeights."""
    with _open(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, and nothing else. Raises: BadWeights."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: Path) -> Any:
    if not path.is_file():
        raise BadWeights(
            f"There is no weight file at {path}.",
            "Weights are a safetensors file, mostly called model.safetensors.",
            "Check the name, or choose a model from the list.",
        )
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise BadWeights(
            f"{path.name} ({path.stat().st_size} bytes) cannot be read as safetensors: {error}.",
            "It must be a whole safetensors file, and no pickle under that name.",
            "Copy or download the file again; a pickle's name must end with .pth, .pt or .bin.",
        ) from error
