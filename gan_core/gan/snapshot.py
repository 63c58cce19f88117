"""Snapshots: the weights for use. A folder with G, D and what is needed to build them.

    model.safetensors          G_ema; the convolutions in half precision
    discriminator.safetensors  D, likewise; may be missing
    config.json                the network's configuration and where the weights come from

Each safetensors file also carries the configuration in its metadata, so it can travel alone.
Nothing here opens a pickle. What is needed to *resume* a run is a checkpoint (checkpoint.py).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_core.errors import BadWeights
from gan_core.files import write_atomically
from gan_core.gan.budget import Budget
from gan_core.gan.config import NetworkConfig, config_from_dict
from gan_core.gan.networks import build
from gan_core.weights import CONFIG_FILE as CONFIG_FILE
from gan_core.weights import D_FILE as D_FILE
from gan_core.weights import G_FILE as G_FILE
from gan_core.weights import read_metadata, read_tensors

_FORMAT = "gan-atelier-snapshot-1"
# What a network may take, as against its files: these hold halves, and D's may be missing.
_ROOM, _SMALL = 8, 64_000_000  # times, bytes


@dataclass(frozen=True)
class Snapshot:
    """A trained pair. `training` tells where it comes from: kimg, data, kid, ... (plain values)."""

    network: NetworkConfig
    G: nn.Module
    D: nn.Module | None = None
    training: Mapping[str, Any] = field(default_factory=dict)


def save_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot's three files, each whole or not at all; G last, so a new G is complete.

    Raises: DiskFull.
    """
    config = {"network": asdict(snapshot.network), "training": dict(snapshot.training)}
    metadata = {"format": _FORMAT, "config": json.dumps(config)}
    with write_atomically(folder / CONFIG_FILE) as path:
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if snapshot.D is not None:
        with write_atomically(folder / D_FILE) as path:
            save_file(_for_storage(snapshot.D), path, metadata)
    with write_atomically(folder / G_FILE) as path:
        save_file(_for_storage(snapshot.G), path, metadata)


def load_snapshot(folder: Path, expect: NetworkConfig | None = None) -> Snapshot:
    """Load a snapshot's G and, where there is one, D, in float32 and eval mode.

    folder: the folder, or the path of its model.safetensors.
    expect: refuse any other network than this.

    Raises: BadWeights when files are missing, damaged, foreign or of another network.
    """
    path = weights_of(folder)
    config = _read_config(path)
    network = config_from_dict(NetworkConfig, config["network"])
    if expect is not None:
        require_same(network, expect)
    has_D = (path.parent / D_FILE).exists() and path.name == G_FILE
    files = [path, path.parent / D_FILE] if has_D else [path]
    with Budget(_ROOM * sum(file.stat().st_size for file in files) + _SMALL):
        G, D = build(network)
    load_weights(path, G)
    if has_D:
        load_weights(path.parent / D_FILE, D)
    return Snapshot(network, G.eval(), D.eval() if has_D else None, config["training"])


def weights_of(folder: Path) -> Path:
    """The file of G: in a snapshot's folder, or the path itself if it is that of a file."""
    return folder if folder.suffix.lower() == ".safetensors" else folder / G_FILE


def read_network(folder: Path) -> NetworkConfig:
    """A snapshot's network, without its weights. Raises: BadWeights."""
    return config_from_dict(NetworkConfig, _read_config(weights_of(folder))["network"])


def require_same(network: NetworkConfig, expect: NetworkConfig) -> None:
    """Compare two networks. Raises: BadWeights, naming what differs, when they are not equal."""
    found, wanted = asdict(network), asdict(expect)
    different = [key for key in wanted if found[key] != wanted[key]]
    if different:
        raise BadWeights(
            f"The model's network has {', '.join(f'{key} = {found[key]}' for key in different)}.",
            f"Here {', '.join(f'{key} = {wanted[key]}' for key in different)} is needed.",
            "Choose a model of the same kind and size, or leave its network as it is.",
        )


def load_weights(path: Path, module: nn.Module) -> None:
    """Load a safetensors file into a module, as `fill` does. Raises: BadWeights."""
    fill(module, read_tensors(path), path.name)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], label: str) -> None:
    """Copy tensors into a module, strictly; halves are widened to float32.

    Every name, shape and kind of number is compared with the module's before anything is copied.

    label: what messages call the tensors' file. Raises: BadWeights.
    """
    wanted = module.state_dict()
    missing, foreign = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    if missing or foreign:
        raise BadWeights(
            f"{label} does not fit this network: {len(missing)} of {len(wanted)} tensors are"
            f" missing and {len(foreign)} are foreign (first: {(missing + foreign)[0]}).",
            "The names must be exactly those of the network in config.json.",
            "Choose a file that was made for this network.",
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise BadWeights(
                f"In {label}, {name} has the shape {list(tensor.shape)}.",
                f"This network needs {list(wanted[name].shape)}.",
                "Choose a file that was made for this network.",
            )
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            raise BadWeights(
                f"In {label}, {name} holds {tensor.dtype}.",
                f"This network needs {wanted[name].dtype}.",
                "Choose a file that was made for this network.",
            )
        if not torch.isfinite(tensor.float()).all():
            raise BadWeights(
                f"In {label}, {name} holds values that are not numbers.",
                "Every weight must be finite.",
                "Choose an earlier snapshot.",
            )
    try:
        module.load_state_dict(tensors, strict=True)
    except ValueError as error:  # a stage of growing that the network does not have
        raise BadWeights(
            f"{label} does not fit this network: {error}.",
            "What a file says of its network must be possible.",
            "Choose a file that was made for this network.",
        ) from error


def is_snapshot(path: Path) -> bool:
    """Whether a safetensors file says that it is a snapshot. Raises: BadWeights if it is none.

    path: G's file. One that says so and is not sound is a snapshot all the same, for messages.
    """
    if "config" in read_metadata(path):
        return True
    try:
        return path.name == G_FILE and bool(_read_config(path))
    except BadWeights:
        return False


def _read_config(path: Path) -> dict[str, Any]:
    """The configuration from the file's own metadata, else from config.json beside it."""
    text = read_metadata(path).get("config")
    beside = path.parent / CONFIG_FILE
    try:
        if text is None and beside.is_file():
            text = beside.read_text(encoding="utf-8")
        config = json.loads(text or "")
        if not isinstance(config["network"], dict):
            raise TypeError("network is not a record")
        if not isinstance(config.setdefault("training", {}), dict):
            raise TypeError("training is not a record")
    except (ValueError, KeyError, TypeError) as error:
        raise BadWeights(
            f"{path.name} does not say which network it belongs to.",
            f"Its metadata, or {CONFIG_FILE} beside it, must hold the network's configuration.",
            "Choose a file that GAN Atelier wrote.",
        ) from error
    return dict(config)


def _for_storage(module: nn.Module) -> dict[str, Tensor]:
    """Convolution weights in half precision; everything smaller (statistics, biases) as it is."""
    return {
        name: (tensor.half() if tensor.dim() > 1 else tensor).detach().cpu().contiguous()
        for name, tensor in module.state_dict().items()
    }
