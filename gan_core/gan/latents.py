"""Latents from seeds, and pictures from latents."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_core.gan.snapshot import Snapshot
from gan_core.pictures import to_uint8

_BATCH = 64  # keeps the memory of a large request flat


def sample(
    snapshot: Snapshot, count: int, seed: int, truncation: float = 1.0, first: int = 0
) -> Tensor:
    """Make a model's pictures of a seed, from number `first` on: [count, 3, S, S], as `render`."""
    return render(snapshot.G, latents(count, seed, snapshot.network.z_dim, first), truncation)


def generate(
    snapshot: Snapshot, count: int, seed: int = 0, truncation: float = 1.0
) -> NDArray[np.uint8]:
    """Make pictures of a seed, to look at or to save: uint8 [count, S, S, 3]; else as `sample`."""
    return to_uint8(sample(snapshot, count, seed, truncation))


def latents(count: int, seed: int, z_dim: int, first: int = 0) -> Tensor:
    """Draw z [count, z_dim], standard normal.

    Picture i of a seed depends on (seed, i) alone: not on how many are drawn, nor on the machine
    (numpy's PCG64 is specified; torch's generator is not, across versions).
    first: index of the first picture.
    """
    rows = [
        np.random.default_rng([seed, index]).standard_normal(z_dim, dtype=np.float32)
        for index in range(first, first + count)
    ]
    z = np.stack(rows) if rows else np.empty((0, z_dim), np.float32)
    return torch.from_numpy(z)


@torch.inference_mode()
def render_scales(G: nn.Module, z: Tensor, truncation: float = 1.0) -> list[Tensor]:
    """Make pictures of latents at every size that G has learned, smallest first: [N, 3, s, s] each.

    z: [N, z_dim]. G: one that is judged at all of its sizes at once (`NetworkConfig.scales`).
    """
    device = next(G.parameters()).device
    made = cast(list[Tensor], G.scales(z.to(device), truncation))  # type: ignore[operator]
    return [scale.float().cpu() for scale in made]


@torch.inference_mode()
def render_mixed(
    G: nn.Module, coarse: Tensor, fine: Tensor, side: int, truncation: float = 1.0
) -> Tensor:
    """Mix styles: sides below `side` follow one latent, the others another; as `render`.

    coarse, fine: [N, z_dim]. G: style-based, that is, one with `mix`. Source: Karras et al. 2019
    (arXiv:1812.04948), section 3.1.
    """
    device = next(G.parameters()).device
    net: Any = G
    styles = [net.truncate(net.mapping(z.to(device)), truncation) for z in (coarse, fine)]
    made: Tensor = net.synthesis(net.mix(*styles, side))
    return made.float().cpu()


@torch.inference_mode()
def render(G: nn.Module, z: Tensor, truncation: float = 1.0) -> Tensor:
    """Make pictures of latents: z [N, z_dim] -> float32 [N, 3, S, S] in [-1, 1], on the CPU.

    G is used as it is: put it in eval mode first, so that a picture depends on its own z alone.

    truncation: in [0, 1]; less gives more typical pictures, and less variety. A style-based G draws
    its w towards the average. Others have no mapping network, so z itself is shrunk towards the
    origin (Brock et al. 2019, section 3.1, in spirit).
    """
    device = next(G.parameters()).device
    parts = (part.to(device) for part in z.split(_BATCH))
    if hasattr(G, "truncate"):
        return torch.cat([G(part, truncation).float().cpu() for part in parts])
    return torch.cat([G(part * truncation).float().cpu() for part in parts])
