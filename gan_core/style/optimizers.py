"""Moving the pixels: Adam, whose average over iterates counts, or L-BFGS, whose best one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.style.config import StyleConfig
from gan_core.style.objective import Terms

_STALL = 12  # iterations of L-BFGS without the loss falling by _LEAST_GAIN
_LEAST_GAIN = 1e-5
# Of the learning rate: what single pixels get, and how much more each coarser level. By trial.
_GRAIN, _COARSER = 0.5, 0.25


class Broken(Exception):
    """The optimiser cannot go on from here: why, in a few words."""


class Optimizer(Protocol):
    """What `stylize` needs of either."""

    def step(self, evaluate: Callable[[Tensor], Terms]) -> Terms:
        """Take one step. Raises: Broken."""

    def picture(self) -> Tensor:
        """The result so far, [1, 3, H, W] in [0, 1]."""


class Adam:
    """Adam on the levels of a pyramid that add up to the picture, and an average of its iterates.

    Adam moves every number by about `lr`, whatever its slope. Over single pixels that is mostly
    grain; over a level of half, a quarter, ... the size it is whole areas that move together. So
    colours and large forms go ahead quickly while the rate that pixels see stays low (an idea of
    Kolkin et al. 2022, arXiv:2203.13215, who optimise a Laplacian pyramid).

    The average is smoother than any iterate, for these circle around it; it is what is kept.
    before: the optimiser of the size before; its moments are carried over, as in
    crowsonkb/style-transfer-pytorch, so that a new size does not begin with blind full steps.
    """

    def __init__(self, x: Tensor, config: StyleConfig, before: Adam | None = None) -> None:
        self._size = x.shape[2:]
        sides = [
            tuple(max(1, side >> level) for side in self._size) for level in range(config.levels)
        ]
        self._levels = [x.detach().clone()]
        self._levels += [torch.zeros(*x.shape[:2], *side, device=x.device) for side in sides[1:]]
        for level in self._levels:
            level.requires_grad_()
        self._decay, self._average, self._seen = config.average, torch.zeros_like(x), 0
        rates = [_GRAIN + _COARSER * index for index in range(config.levels)]
        if config.levels == 1:
            rates = [1.0]
        groups = [
            {"params": [level], "lr": config.lr * rate}
            for level, rate in zip(self._levels, rates, strict=True)
        ]
        betas = (config.beta1, config.beta2)
        self._adam = torch.optim.Adam(groups, config.lr, betas, config.eps)
        if before is not None:
            for level, old in zip(self._levels, before._levels, strict=False):
                state = before._adam.state[old]
                self._adam.state[level] = {
                    "step": state["step"].clone(),
                    "exp_avg": _stretch(state["exp_avg"], level.shape[2:]),
                    "exp_avg_sq": _stretch(state["exp_avg_sq"], level.shape[2:]).clamp_min(0),
                }

    def step(self, evaluate: Callable[[Tensor], Terms]) -> Terms:
        """One step down. Raises: Broken when the loss is not a number."""
        terms = evaluate(self._compose())
        slopes = torch.autograd.grad(terms.total, self._levels)
        if not all(torch.isfinite(each).all() for each in (terms.total, *slopes)):
            raise Broken("the loss was not a number")
        for level, slope in zip(self._levels, slopes, strict=True):
            level.grad = slope
        self._adam.step()
        with torch.no_grad():
            x = self._compose()
            inside = x.clamp(0, 1)
            self._levels[0].add_(inside - x)
            self._average.lerp_(inside, 1 - self._decay)
            self._seen += 1
        return terms

    def picture(self) -> Tensor:
        """The average, corrected for having begun at zero (Kingma & Ba 2015, section 3)."""
        if not self._seen:
            return self._compose().detach()
        return (self._average / (1 - self._decay**self._seen)).clamp(0, 1)

    def _compose(self) -> Tensor:
        return sum((_stretch(level, self._size) for level in self._levels[1:]), self._levels[0])


class Lbfgs:
    """L-BFGS with a strong-Wolfe line search, one iteration a step, its history kept between.

    The pixels are not clamped on the way: that would break what the history says of the slope.
    """

    def __init__(self, x: Tensor) -> None:
        self._x = x.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
        self._lbfgs = torch.optim.LBFGS(
            [self._x], lr=1.0, max_iter=1, max_eval=8, history_size=10,
            tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe",
        )  # fmt: skip
        self._best, self._least, self._since = self._x.detach().clone(), float("inf"), 0

    def step(self, evaluate: Callable[[Tensor], Terms]) -> Terms:
        """One iteration. Raises: Broken when it explodes or stalls; `picture` is still the best."""
        found: list[tuple[float, Terms]] = []

        def closure() -> Tensor:
            terms = evaluate(self._x)
            (slope,) = torch.autograd.grad(terms.total, self._x)
            self._x.grad = slope.contiguous()  # L-BFGS takes it as one long vector
            found.append((float(terms.total.detach()), terms))
            if found[-1][0] < self._least:
                gained = self._least - found[-1][0]
                if gained > _LEAST_GAIN * abs(found[-1][0]):
                    self._since = -1
                self._best.copy_(self._x.detach())
                self._least = found[-1][0]
            return terms.total.detach()

        self._lbfgs.step(closure)
        self._since += 1
        if not torch.isfinite(self._x).all() or found[-1][0] != found[-1][0]:
            raise Broken("the loss was not a number")
        if self._since >= _STALL:
            raise Broken(f"the loss did not fall for {_STALL} iterations")
        return min(found, key=lambda pair: pair[0])[1]

    def picture(self) -> Tensor:
        """The iterate with the least loss, clamped."""
        return self._best.clamp(0, 1)


def _stretch(x: Tensor, size: torch.Size) -> Tensor:
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
