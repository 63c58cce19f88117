"""Networks are built as their configuration says; one from outside may say anything."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gan_core.errors import BadWeights

_MAKES = (torch.empty, torch.zeros, torch.ones, torch.randn)
_BYTES = 4  # of a float32


class Budget(TorchFunctionMode):
    """While a `with` block lasts, no more new tensors than so many bytes; BadWeights instead.

    It counts before anything is allocated: a file of a kilobyte cannot ask for gigabytes.
    """

    def __init__(self, n_bytes: int) -> None:
        super().__init__()
        self.allowed, self.asked = n_bytes, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count what a function is about to make, and let it."""
        if func in _MAKES:
            shape = args[0] if args and isinstance(args[0], Sequence) else args
            self.asked += _BYTES * prod(shape)
            if self.asked > self.allowed:
                raise BadWeights(
                    f"Its configuration asks for a network of {self.asked / 1e6:,.0f} MB or more.",
                    f"With files of this size it can have {self.allowed / 1e6:,.0f} MB.",
                    "Choose a file that was made for this network.",
                )
        return func(*args, **(kwargs or {}))
