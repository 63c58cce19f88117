"""A time is given; how many steps at which size it buys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# From size to size (sqrt 2 longer, twice the pixels), this share of the steps. Most of the painting
# is done while it is small and cheap; each larger size only adds the finer strokes.
_FEWER = 0.7
_FEWEST = 6  # steps at the last size, below which it is not worth beginning it


@dataclass(frozen=True)
class Cost:
    """Seconds a step takes: fixed + per_pixel * pixels."""

    fixed: float
    per_pixel: float

    @classmethod
    def from_two(cls, first: tuple[int, float], second: tuple[int, float]) -> Cost:
        """From the measured seconds at two numbers of pixels, the smaller one first."""
        slope = max(1e-12, (second[1] - first[1]) / max(1, second[0] - first[0]))
        return cls(max(0.0, first[1] - slope * first[0]), slope)

    def of(self, pixels: int) -> float:
        """Seconds of one step."""
        return self.fixed + self.per_pixel * pixels


def share_out(pixels: Sequence[int], seconds: float, cost: Cost) -> list[float]:
    """Seconds for each size, the smallest first; fewer than `pixels` when time does not allow all.

    pixels: number of pixels of each size. At least the first gets something.
    """
    reached = list(pixels)
    while len(reached) > 1 and _last_steps(reached, seconds, cost) < _FEWEST:
        reached.pop()
    wanted = [_FEWER**i * cost.of(count) for i, count in enumerate(reached)]
    return [seconds * each / sum(wanted) for each in wanted]


def _last_steps(pixels: Sequence[int], seconds: float, cost: Cost) -> float:
    whole = sum(_FEWER**i * cost.of(count) for i, count in enumerate(pixels))
    return seconds / whole * _FEWER ** (len(pixels) - 1)
