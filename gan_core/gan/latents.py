"""Latents from seeds, and pictures from latents."""

import numpy as np
import torch
from torch import Tensor, nn

_BATCH = 64  # keeps the memory of a large request flat


def latents(count: int, seed: int, z_dim: int, truncation: float = 1.0, first: int = 0) -> Tensor:
    """Draw z [count, z_dim], standard normal times `truncation`.

    Picture i of a seed depends on (seed, i) alone: not on how many are drawn, nor on the machine
    (numpy's PCG64 is specified; torch's generator is not, across versions).
    truncation: in [0, 1]. A DCGAN has no mapping network, so z itself is shrunk towards the
    origin: more typical pictures, less variety (Brock et al. 2019, section 3.1, in spirit).
    first: index of the first picture.
    """
    rows = [
        np.random.default_rng([seed, index]).standard_normal(z_dim, dtype=np.float32)
        for index in range(first, first + count)
    ]
    z = np.stack(rows) if rows else np.empty((0, z_dim), np.float32)
    return torch.from_numpy(z) * truncation


@torch.inference_mode()
def render(G: nn.Module, z: Tensor) -> Tensor:
    """Make pictures of latents: z [N, z_dim] -> float32 [N, 3, S, S] in [-1, 1], on the CPU.

    G is used as it is: put it in eval mode first, so that a picture depends on its own z alone.
    """
    device = next(G.parameters()).device
    return torch.cat([G(part.to(device)).float().cpu() for part in z.split(_BATCH)])
