"""The network that a style transfer sees with, and how it computes on this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch

from gan_core.compute import Compute, choose
from gan_core.errors import HubUnreachable
from gan_core.features.load import NETWORKS, load_network
from gan_core.features.network import FeatureNet
from gan_core.style.config import StyleConfig
from gan_core.style.objective import layers_of

_PROBED_SIDE = 128  # pixels: a step there takes milliseconds, and ranks the ways of computing


def load_network_for(config: StyleConfig) -> tuple[FeatureNet, str]:
    """The network of the settings, or StyleNet and why.

    Raises: BadSetting, BadWeights; HubUnreachable for one by its name on the Hub, which whoever
    typed it meant and no other.
    """
    layers = [*layers_of(config.objective)]
    deepest = max(layers)  # relu1_1 ... relu5_4: the order of the alphabet is that of depth
    try:
        return load_network(config.network, deepest), ""
    except HubUnreachable as error:
        if config.network not in NETWORKS:
            raise
        return load_network("stylenet", min(deepest, "relu5_1")), f"{error} StyleNet is used."


@lru_cache(maxsize=4)
def choose_compute(network: FeatureNet) -> Compute:
    """Time a step at a small size in every way there is; once for a network and process."""

    def make_step(compute: Compute) -> Callable[[], None]:
        prepared = prepare(network, compute)
        x = compute.place(torch.rand(1, 3, _PROBED_SIDE, _PROBED_SIDE)).requires_grad_()
        deepest = prepared.architecture.names()[-1:]

        def step() -> None:
            prepared(x, deepest)[deepest[0]].float().square().mean().backward()

        return step

    return choose(make_step, 1, seconds=0.3)[0]


@lru_cache(maxsize=4)
def prepare(network: FeatureNet, compute: Compute) -> FeatureNet:
    """A copy of the network on the device, in the precision and layout. Adam's pixels, losses and
    Gram matrices stay float32."""
    return network.copy_to(compute)
