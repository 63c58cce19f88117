"""From a name to the network, ready to see with: StyleNet is bundled, VGG-19 is on the Hub."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from gan_core.errors import BadSetting
from gan_core.features.classifier import STYLENET
from gan_core.features.network import Architecture, FeatureNet, check_tensors
from gan_core.features.rescale import rescale
from gan_core.hub.ranges import fetch_tensors
from gan_core.hub.resolve import BUNDLED
from gan_core.pictures.drawing import dead_leaves
from gan_core.weights import read_tensors

STYLENET_FILE = "features.safetensors"  # not model.safetensors: it is no GAN's
STYLENET_NAME = "StyleNet"
VGG19 = Architecture((64, 128, 256, 512, 512), (2, 2, 4, 4, 4), "max")
VGG19_REPO, VGG19_FILE = "timm/vgg19.tv_in1k", "model.safetensors"
_CALIBRATION = 8  # pictures


def load_network(
    name: str, deepest: str = "relu5_1", bundled: Path = BUNDLED, endpoint: str | None = None
) -> FeatureNet:
    """Load "stylenet" or "vgg19", cut after `deepest`, every filter rescaled to a mean of 1.

    endpoint: another Hub than huggingface.co.

    Raises: BadSetting for another name or layer; BadWeights; for VGG-19 also HubUnreachable.
    """
    return _load(name, deepest, bundled, endpoint)


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
    if name != "vgg19":
        raise BadSetting(
            f"There is no feature network {name!r}.",
            "There are stylenet and vgg19.",
            "Choose one of these.",
        )
    architecture = VGG19.up_to(deepest)
    # Always as many, 52 MB: what was fetched for one set of layers then serves every other.
    wanted = VGG19.up_to(max(deepest, "relu5_1")).shapes()
    fetched = fetch_tensors(VGG19_REPO, VGG19_FILE, wanted, endpoint=endpoint)
    scaled = rescale(architecture, read_tensors(fetched.path), calibration_pictures())
    return FeatureNet(architecture, scaled, name=f"VGG-19 ({VGG19_REPO}@{fetched.commit[:7]})")
