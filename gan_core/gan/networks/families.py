"""The kinds of network there are, as plain data. Adding one is an entry here and a file beside it.

The file, called `module`, has `build(config, seed) -> (G, D)`. What any G and D must be able to do
stands in `gan_core.gan.networks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What fields of `NetworkConfig` may be, where a family says nothing else.
_USUAL: Mapping[str, tuple[Any, ...]] = {
    "channels": (3,),
    "scales": ("one",),
    "d_norm": ("batch",),
}
_DOUBLINGS = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Family:
    """One kind of network.

    about: one plain line. sizes: the sides it can do, in pixels. shape: fields of `NetworkConfig`
    whose default is another here. options: fields of `NetworkConfig` -> what they may be here.
    recipe: fields of `TrainConfig` as its source prescribes them; what is set by hand wins.
    grows: whether it can begin with small pictures and grow (`gan.growth`).
    """

    module: str
    about: str
    sizes: tuple[int, ...]
    shape: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    grows: bool = False

    def allowed(self) -> Mapping[str, tuple[Any, ...]]:
        """Every field of `NetworkConfig` that has only some values here, and these."""
        return {"resolution": self.sizes, **_USUAL, **self.options}


FAMILIES: dict[str, Family] = {
    "dcgan": Family(
        "dcgan",
        "The classic: strided convolutions with batch norm, one size",
        _DOUBLINGS,
        options={"d_norm": ("batch", "spectral")},
    ),
}
