"""Endless shuffled batches from one uint8 array in memory; the order can be saved and resumed."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.pictures.canvas import to_tensor


class Batches:
    """Deal out pictures in shuffled epochs; a batch may span two of them.

    images: uint8 [N, S, S, 3]. rng: the CPU generator that shuffles.
    """

    def __init__(self, images: NDArray[np.uint8], rng: torch.Generator) -> None:
        self._images = torch.from_numpy(images)
        self._rng = rng
        self.waiting = torch.empty(0, dtype=torch.int64)  # indices not yet dealt

    def next(self, batch_size: int, part: slice = slice(None)) -> Tensor:
        """Return float32 [batch_size, 3, S, S] in [-1, 1], channels_last in memory.

        part: only these of them; all are dealt.
        """
        while len(self.waiting) < batch_size:
            shuffled = torch.randperm(len(self._images), generator=self._rng)
            self.waiting = torch.cat([self.waiting, shuffled])
        chosen, self.waiting = self.waiting[:batch_size], self.waiting[batch_size:]
        return to_tensor(self._images[chosen[part]])
