"""The networks by name. They know nothing of losses, optimisers or training."""

from torch import nn

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks import dcgan

_BUILDERS = {"dcgan": dcgan.build}


def build(config: NetworkConfig, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Make (G, D) for a configuration, with fresh weights that depend on `seed` alone."""
    return _BUILDERS[config.kind](config, seed)
