"""Bring every filter to a mean activation of 1, without changing what the network tells apart.

Gatys et al. 2016 (section 2) scale VGG so. ReLU and pooling are positively homogeneous, so a
filter's output may be divided by its mean and the next layer's matching inputs multiplied by it.
After it, losses of two networks have the same size, and a setting means the same on both.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gan_core.features.network import Architecture, FeatureNet

_LEAST_MEAN = 0.02  # of the layer's own mean: a filter that hardly ever answers is not blown up


@torch.no_grad()
def mean_activations(network: FeatureNet, pictures: Tensor) -> dict[str, Tensor]:
    """Mean answer of every filter to pictures [N, 3, H, W] in [0, 1], as {layer: [C]}."""
    layers = network.architecture.names()
    sums = {layer: torch.zeros(()) for layer in layers}
    for picture in pictures.split(1):
        for layer, h in network(picture, layers).items():
            sums[layer] = sums[layer] + h.float().mean((0, 2, 3))
    return {layer: total / len(pictures) for layer, total in sums.items()}


def rescale(
    architecture: Architecture, tensors: Mapping[str, Tensor], pictures: Tensor
) -> dict[str, Tensor]:
    """The same network with every filter's mean over `pictures` at 1 (silent filters: below)."""
    means = mean_activations(FeatureNet(architecture, tensors), pictures)
    scaled, before = {}, torch.ones(3)
    for layer, index, _, _ in architecture.layers():
        least = float(means[layer].mean()) * _LEAST_MEAN
        mean = means[layer].clamp_min(least) if least else torch.ones_like(means[layer])
        weight = tensors[f"features.{index}.weight"].float()
        scaled[f"features.{index}.weight"] = (
            weight * before.view(1, -1, 1, 1) / mean.view(-1, 1, 1, 1)
        )
        scaled[f"features.{index}.bias"] = tensors[f"features.{index}.bias"].float() / mean
        before = mean
    return scaled
