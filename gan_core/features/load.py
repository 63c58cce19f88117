"""From a name to the network, ready to see with: StyleNet is bundled, others are on the Hub.

VGG-19 is one of them; so is whatever `export-stylenet` wrote and somebody put into a repository.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.errors import BadSetting, BadWeights
from gan_core.features.classifier import STYLENET
from gan_core.features.network import Architecture, FeatureNet, check_tensors
from gan_core.features.rescale import rescale
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.names import FEATURE_NETWORK, FEATURES
from gan_core.hub.ranges import fetch_tensors
from gan_core.hub.resolve import BUNDLED, brief, find_kept, find_on_hub, on_the_hub
from gan_core.pictures.drawing import dead_leaves
from gan_core.weights import CONFIG_FILE, read_tensors

STYLENET_FILE = FEATURES
NETWORKS = ("stylenet", "vgg19")  # those with a name of their own
STYLENET_NAME = "StyleNet"
VGG19 = Architecture((64, 128, 256, 512, 512), (2, 2, 4, 4, 4), "max")
VGG19_REPO, VGG19_FILE = "timm/vgg19.tv_in1k", "model.safetensors"
_CALIBRATION = 8  # pictures
# Of a network from outside: names of layers have one digit for the block, and one for the layer.
_MOST_BLOCKS, _MOST_CONVS, _MOST_WIDTH, _MOST_CONFIG = 5, 9, 1024, 1_000_000


def load_network(
    name: str, deepest: str = "relu5_1", bundled: Path = BUNDLED, endpoint: str | None = None
) -> FeatureNet:
    """Load a network, cut after `deepest`, every filter rescaled to a mean of 1.

    name: "stylenet", "vgg19", or "owner/repo" or "owner/repo@revision" on the Hub. Once fetched, a
    revision stays what it was then; the network's own name tells the commit. A repository holds
    what `export-stylenet` writes, and never stands for a path.
    endpoint: another Hub than huggingface.co.

    Raises: BadSetting for another name or layer; BadWeights; for what is on the Hub also
    HubUnreachable and DiskFull.
    """
    return _load(name, deepest, bundled, endpoint)


def is_network(name: str) -> bool:
    """Whether a network can be called so: a known name, or one on the Hub. Asks nobody."""
    return name in NETWORKS or on_the_hub(name) is not None


def is_here(name: str) -> bool:
    """Whether one with a name of its own, or one of the Hub that is kept here, whole. Asks nobody.

    Raises: DiskFull.
    """
    return name in NETWORKS or find_kept(name, sought=FEATURE_NETWORK) is not None


def setting_of(called: str, asked: str) -> str:
    """By which name to ask for a network again and get the same.

    called: its own name. asked: that it was asked for by.
    """
    if called == STYLENET_NAME:  # also where it took another's place
        return NETWORKS[0]
    return called if on_the_hub(called) else asked


def fetch_network(
    name: str, on_progress: OnProgress = quietly, borrowed: Borrowed | None = None
) -> FeatureNet:
    """Fetch a network that is called "owner/repo" or "owner/repo@revision", if it is not here.

    borrowed: bounds what strangers have fetched.

    Raises: BadWeights for any other name, and for what is not one; HubUnreachable; DiskFull.
    """
    return _read(*_find(name, on_progress, borrowed=borrowed))


def calibration_pictures() -> Tensor:
    """What filters are rescaled on: dead leaves, which have the edges and the spectrum of
    photographs and can be drawn anywhere. [N, 3, 128, 128] in [0, 1]."""
    drawn = [torch.from_numpy(dead_leaves(128, seed)) for seed in range(_CALIBRATION)]
    return torch.stack(drawn).permute(0, 3, 1, 2).float() / 255


@lru_cache(maxsize=4)
def _load(name: str, deepest: str, bundled: Path, endpoint: str | None) -> FeatureNet:
    if name == "stylenet":
        path = bundled / "stylenet" / STYLENET_FILE
        tensors = read_tensors(path)
        check_tensors(STYLENET, {key: tuple(t.shape) for key, t in tensors.items()}, path.name)
        return FeatureNet(STYLENET, tensors, deepest, STYLENET_NAME)  # rescaled when exported
    if on_the_hub(name):
        found = _find(name, quietly, endpoint)
        return _read(*found, deepest)
    if name != "vgg19":
        raise BadSetting(
            f"There is no feature network {name!r}.",
            "There are stylenet and vgg19, and those on the Hugging Face Hub, as owner/repo.",
            "Choose one of these.",
        )
    architecture = VGG19.up_to(deepest)
    # Always as many, 52 MB: what was fetched for one set of layers then serves every other.
    wanted = VGG19.up_to(max(deepest, "relu5_1")).shapes()
    fetched = fetch_tensors(VGG19_REPO, VGG19_FILE, wanted, endpoint=endpoint)
    scaled = rescale(architecture, read_tensors(fetched.path), calibration_pictures())
    return FeatureNet(architecture, scaled, name=f"VGG-19 ({VGG19_REPO}@{fetched.commit[:7]})")


def _find(
    name: str,
    on_progress: OnProgress,
    endpoint: str | None = None,
    borrowed: Borrowed | None = None,
) -> tuple[Path, str]:
    """Where a network of the Hub lies here, and its name with the commit."""
    found = find_on_hub(
        name, on_progress, sought=FEATURE_NETWORK, endpoint=endpoint, borrowed=borrowed
    )
    assert found.name is not None  # what is on the Hub has one
    return found.G, found.name


def _read(path: Path, name: str, deepest: str | None = None) -> FeatureNet:
    """Read what `export-stylenet` wrote, and nothing else. Raises: BadSetting, BadWeights."""
    architecture = _architecture(path.with_name(CONFIG_FILE), name)
    tensors, where = read_tensors(path), f"{FEATURES} of {brief(name)}"
    check_tensors(architecture, {key: tuple(t.shape) for key, t in tensors.items()}, where)
    others = sorted(tensors.keys() - architecture.shapes().keys())
    odd = [key for key, t in tensors.items() if not (t.is_floating_point() and t.isfinite().all())]
    if others or odd:
        raise BadWeights(
            f"{where} holds {len(others)} further tensors and {len(odd)} that are no finite numbers"
            f" ({', '.join((others + odd)[:3])}).",
            "It must hold the network's own, and neither NaN nor infinities.",
            "Choose another repository.",
        )
    return FeatureNet(architecture, tensors, deepest, name)


def _architecture(path: Path, name: str) -> Architecture:
    """What a configuration says of a network's form. Raises: BadWeights."""
    try:
        if path.stat().st_size > _MOST_CONFIG:
            raise ValueError(f"it has {path.stat().st_size} bytes")
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        widths, convs, pool = (stored[key] for key in ("widths", "convs", "pool"))
        _require_numbers("widths", widths, _MOST_WIDTH)
        _require_numbers("convs", convs, _MOST_CONVS)
        if len(widths) != len(convs) or pool not in ("average", "max"):
            raise ValueError(f"{len(widths)} widths, {len(convs)} convs, pool {pool!r:.40}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadWeights(
            f"{CONFIG_FILE} of {brief(name)} does not describe a feature network ({error!s:.120}).",
            f"It names widths (up to {_MOST_WIDTH}) and convs (up to {_MOST_CONVS}) of 1 to"
            f" {_MOST_BLOCKS} blocks, and pool, as `export-stylenet` writes them.",
            "Choose another repository.",
        ) from error
    return Architecture(tuple(widths), tuple(convs), pool)


def _require_numbers(name: str, found: Any, most: int) -> None:
    is_whole = isinstance(found, list) and all(type(n) is int and 1 <= n <= most for n in found)
    if not is_whole or not 1 <= len(found) <= _MOST_BLOCKS:
        raise ValueError(f"{name} is {found!r:.60}")
