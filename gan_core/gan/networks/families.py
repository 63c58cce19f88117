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

# The optimiser of the lesson's notebook; what of its loop is otherwise: docs/lesson.md.
_NOTEBOOK: Mapping[str, Any] = {
    "loss": "non-saturating",
    "batch_size": 256,
    "lr_G": 2e-4,
    "lr_D": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
}


@dataclass(frozen=True)
class Family:
    """One kind of network.

    about: one plain line. sizes: the sides it can do, in pixels. shape: fields of `NetworkConfig`
    whose default is another here. options: fields of `NetworkConfig` -> what they may be here.
    recipe: fields of `TrainConfig` as its source prescribes them; what is set by hand wins.
    grows: whether it can begin with small pictures and grow (`gan.growth`). has_batch_norm: in G,
    where they can be all that learns.
    """

    module: str
    about: str
    sizes: tuple[int, ...]
    shape: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    grows: bool = False
    has_batch_norm: bool = True

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
    "pyramid": Family(
        "pyramid",
        "Colours at every scale: grows from small pictures, or is judged at all sizes at once",
        _DOUBLINGS,
        options={"scales": ("one", "all")},
        grows=True,
    ),
    "mlp": Family(
        "mlp",
        "The lesson's first: fully connected layers, as in its notebook",
        (28, 32),
        shape={"resolution": 28, "channels": 1, "width_G": 64, "width_D": 64},
        options={"channels": (1, 3)},
        recipe=_NOTEBOOK,
    ),
    "notebook": Family(
        "notebook",
        "The lesson's second: its notebook's DCGAN, for digits",
        (28,),
        shape={"resolution": 28, "channels": 1, "width_G": 64, "width_D": 64},
        options={"channels": (1, 3)},
        recipe=_NOTEBOOK,
    ),
    "stylegan": Family(
        "stylegan",
        "Style-based: a mapping network, and noise and style in every layer",
        (16, 32, 64, 128),
        # Karras et al. 2020 (ADA); gamma by the rule of its code, 0.0002 S^2 / batch, for 64 px and
        # batches of 32. Differs: the learning rates, 2e-3 to 2.5e-3 there (docs/experiments.md).
        recipe={
            "loss": "non-saturating",
            "lr_G": 5e-3,
            "lr_D": 8e-3,
            "beta1": 0.0,
            "beta2": 0.99,
            "r1_gamma": 0.025,
            "ema_halflife_kimg": 10.0,
        },
        has_batch_norm=False,
    ),
}

# Made elsewhere, and only to make pictures with: no run can be of this kind.
LAYERS = "layers"
KINDS: dict[str, Family] = {
    **FAMILIES,
    LAYERS: Family("layers", "Made elsewhere: a plain table of layers", tuple(range(8, 257))),
}
