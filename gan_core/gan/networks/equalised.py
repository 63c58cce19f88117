"""Layers with an equalised learning rate, and what else the line of Karras et al. shares.

Source: Karras et al. 2018, "Progressive Growing of GANs" (arXiv:1710.10196), section 4.1: weights
are drawn from N(0, 1), and He's constant is applied whenever they are used. Adam moves every weight
by about the learning rate, so that all of them learn at the same pace relative to their size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad

from gan_core.gan.networks.strided import halve

LEAK = 0.2
# Restores the spread that a leaky ReLU takes; (1 + LEAK^2) / 2 = 0.52 of the mean square is left.
GAIN = math.sqrt(2)
_GROUP = 4  # Karras et al. 2018, appendix A.1


class EqualLinear(nn.Module):
    """x [N, n_in] -> [N, n_out].

    gain: multiplies the weights. lr: slows this layer down by a factor. bias: its start.
    """

    def __init__(
        self, n_in: int, n_out: int, gain: float = 1.0, lr: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / lr)
        self.bias = nn.Parameter(torch.full((n_out,), bias / lr))
        self.scale, self.lr = gain * lr / math.sqrt(n_in), lr

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.lr)


class EqualConv(nn.Module):
    """x [N, n_in, H, W] -> [N, n_out, H, W], or half the side if it halves, by a kernel of 4."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, gain: float = 1.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.scale = gain / math.sqrt(n_in * kernel**2)
        self.halves = kernel == 4

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.scale
        if self.halves:
            return halve(x, weight, self.bias)
        return conv2d(x, weight, self.bias, padding=weight.shape[2] // 2)


def with_spread(x: Tensor) -> Tensor:
    """Add to each picture how much those of its group differ: [N, C, H, W] -> [N, C + 1, H, W].

    Minibatch standard deviation: a D that sees it finds a G that makes the same picture over and
    over (Karras et al. 2018, section 3). Where N is no multiple of 4 the groups are smaller.
    """
    n, _, height, width = x.shape
    size = max(number for number in range(1, _GROUP + 1) if n % number == 0)
    groups = x.float().reshape(size, n // size, -1)
    variance = (groups - groups.mean(0)).square().mean(0)  # `var` is slow along this axis
    spread = (variance + 1e-8).sqrt().mean(1)  # [n / size]
    plane = spread.repeat(size).view(n, 1, 1, 1).expand(n, 1, height, width)
    return torch.cat([x, plane.to(x.dtype)], 1)


def fuse(weight: Tensor) -> Tensor:
    """A 3x3 filter on pixels that were repeated 2x2, as one 4x4 filter: the sum of its four shifts.

    The transposed convolution of stride 2 with it is the same by 2.25 times fewer multiplications.
    It leaves no lattice, as one with free filters does: every pixel gets the whole 3x3 filter.
    weight: [.., 3, 3].
    """
    down = pad(weight, (0, 0, 1, 0)) + pad(weight, (0, 0, 0, 1))
    return pad(down, (1, 0)) + pad(down, (0, 1))
