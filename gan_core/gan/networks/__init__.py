"""The networks by name, and what may be asked of any. They know nothing of losses or training.

Every G: `G(z [N, z_dim]) -> [N, 3, S, S]` in [-1, 1], S the network's resolution; in eval mode a
picture depends on its own z alone. Every D: `D(x) -> logits [N]`, and `D.blocks()`, all of its
parameters by block, the one nearest to the pixels first. Some can do more:

- `G.scales(z, truncation)` makes a list of pictures, smallest first; D takes such a list, or the
  full size.
- `G.mapping(z)` makes styles w, `G.mix(coarse, fine, side)` one of two, `G.synthesis(w)` pictures.
- `grow(side, fade)` on G and D: only what this side needs is computed (`gan.growth`).
- `G(z, truncation)` with `G.truncate(w, truncation)`: where it is not z that is shrunk.
- `rng`, a generator or None: where a network draws random numbers from while it learns.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from gan_core.gan.networks.families import KINDS

if TYPE_CHECKING:  # the settings import the families, and with them this file
    from gan_core.gan.config import NetworkConfig


def build(config: NetworkConfig, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Make (G, D) for a configuration, with fresh weights that depend on `seed` alone."""
    module = import_module(f"{__name__}.{KINDS[config.kind].module}")
    return cast(tuple[nn.Module, nn.Module], module.build(config, seed))


def make(G: nn.Module, z: Tensor) -> list[Tensor]:
    """What G makes of z for D to judge: one picture each, or all of its scales, smallest first."""
    return cast(list[Tensor], G.scales(z)) if hasattr(G, "scales") else [G(z)]  # type: ignore[operator]


def judge(D: nn.Module, x: list[Tensor]) -> Tensor:
    """D's logits [N] of pictures as `make` gives them."""
    return cast(Tensor, D(x if len(x) > 1 else x[0]))


def blocks(D: nn.Module) -> list[list[nn.Parameter]]:
    """All of D's parameters by block, the one nearest to the pixels first."""
    return cast(list[list[nn.Parameter]], D.blocks())  # type: ignore[operator]


def grow(network: nn.Module, side: int, fade: float) -> None:
    """Let a network that can grow work at this side. fade: what the new part counts, in [0, 1]."""
    network.grow(side, fade)  # type: ignore[operator]


def draw_from(network: nn.Module, rng: torch.Generator) -> None:
    """Let a network that needs random numbers while it learns take them from here."""
    if hasattr(network, "rng"):
        network.rng = rng  # type: ignore[assignment]
