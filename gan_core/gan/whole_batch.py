"""Batch norm over the whole batch, when each process of a team holds a part of it.

Differs from torch's SyncBatchNorm: that is for GPUs alone, and R1 needs gradients of gradients.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.gan.team import Team


def normalise_together(network: nn.Module, team: Team) -> None:
    """Let every batch norm of a network take the statistics of all processes' pictures."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalise, module, team)  # type: ignore[method-assign]


def _normalise(norm: _BatchNorm, team: Team, x: Tensor) -> Tensor:
    """`norm(x)`, x [N, C, ...] being this process's part of the batch."""
    if not norm.training:
        return type(norm).forward(norm, x)
    whole = x.float()
    mean, variance = statistics(whole, team)
    _remember(norm, mean, variance, team.size * x.numel() // x.shape[1])
    scale = norm.weight * (variance + norm.eps).rsqrt()
    shift = norm.bias - mean * scale
    along_channels = (1, -1, *(1 for _ in x.shape[2:]))
    return torch.addcmul(shift.view(along_channels), whole, scale.view(along_channels)).to(x.dtype)


def statistics(x: Tensor, team: Team) -> tuple[Tensor, Tensor]:
    """Mean and variance [C] of all parts together, of equal size; x: this one, [N, C, ...].

    Of means and variances of the parts, not of sums of squares, which would lose digits: the whole
    varies as much as its parts do within, and their means among each other (Chan et al. 1979).
    """
    variance, mean = torch.var_mean(x, [0, *range(2, x.dim())], correction=0)
    mine = torch.stack([mean, variance])
    slots = [mine if rank == team.rank else torch.zeros_like(mine) for rank in range(team.size)]
    means, variances = team.sum(torch.stack(slots)).unbind(1)  # [size, C] each
    whole = means.mean(0)
    return whole, (variances + (means - whole).square()).mean(0)


@torch.no_grad()
def _remember(norm: _BatchNorm, mean: Tensor, variance: Tensor, n: int) -> None:
    """Move the running statistics on as torch does: by the unbiased variance of n numbers."""
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None and norm.momentum is not None
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * n / (n - 1), norm.momentum)
