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


class Broken(Exception):
    """The optimiser cannot go on from here: why, in a few words."""


class Optimizer(Protocol):
    """What `stylize` needs of either."""

    def step(self, evaluate: Callable[[Tensor], Terms]) -> Terms:
        """Take one step. Raises: Broken."""

    def picture(self) -> Tensor:
        """The result so far, [1, 3, H, W] in [0, 1]."""


class Adam:
    """Adam on pixels, clamped to [0, 1], and an exponential average of the iterates.

    The average is smoother than any iterate, and what is kept (the iterates circle around it).
    before: at a larger size, the optimiser of the one before; its moments are carried over, as in
    crowsonkb/style-transfer-pytorch, so that the new size does not begin with blind full steps.
    """

    def __init__(self, x: Tensor, config: StyleConfig, before: Adam | None = None) -> None:
        self._x = x.detach().clone().requires_grad_()
        self._lr, self._decay = config.lr, config.average
        self._average, self._seen = torch.zeros_like(x), 0
        betas = (config.beta1, config.beta2)
        self._adam = torch.optim.Adam([self._x], config.lr, betas, config.eps)
        if before is not None:
            state = before._adam.state[before._x]
            size = x.shape[2:]
            self._adam.state[self._x] = {
                "step": state["step"].clone(),
                "exp_avg": _stretch(state["exp_avg"], size),
                "exp_avg_sq": _stretch(state["exp_avg_sq"], size).clamp_min(0),
            }

    def step(self, evaluate: Callable[[Tensor], Terms]) -> Terms:
        """One step down. Raises: Broken when the loss is not a number."""
        terms = evaluate(self._x)
        (slope,) = torch.autograd.grad(terms.total, self._x)
        if not (torch.isfinite(terms.total) and torch.isfinite(slope).all()):
            raise Broken("the loss was not a number")
        self._x.grad = slope
        self._adam.step()
        with torch.no_grad():
            self._x.clamp_(0, 1)
            self._average.lerp_(self._x, 1 - self._decay)
            self._seen += 1
        return terms

    def picture(self) -> Tensor:
        """The average, corrected for having begun at zero (Kingma & Ba 2015, section 3)."""
        if not self._seen:
            return self._x.detach()
        return (self._average / (1 - self._decay**self._seen)).clamp(0, 1)


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
