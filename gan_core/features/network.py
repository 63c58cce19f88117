"""One feature network for any plain VGG-shaped stack: activations by layer name.

`relu3_2` is the second convolution of the third block, after its ReLU (Simonyan & Zisserman 2015,
arXiv:1409.1556; the names are those of Gatys et al. 2016). Weights are kept under torchvision's
keys, `features.N.weight|bias`, N counting convolutions, ReLUs and poolings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from gan_core.compute import Compute
from gan_core.errors import BadSetting, BadWeights
from gan_core.hub.resolve import brief

# Of ImageNet's photographs, RGB in [0, 1]; what torchvision's and timm's networks expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def standardise(x: Tensor) -> Tensor:
    """[N, 3, H, W] in [0, 1] -> in units of ImageNet's standard deviation, around its mean."""
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Architecture:
    """Blocks of 3x3 convolutions with ReLU, a 2x2 pooling between blocks."""

    widths: tuple[int, ...]  # channels of each block
    convs: tuple[int, ...]  # convolutions in each block
    pool: str  # "average" | "max"

    def layers(self) -> Iterator[tuple[str, int, int, int]]:
        """Name, N of `features.N`, channels in and channels out, of every convolution in order."""
        index, n_in = 0, 3
        for block, (width, convs) in enumerate(zip(self.widths, self.convs, strict=True), 1):
            for conv in range(1, convs + 1):
                yield f"relu{block}_{conv}", index, n_in, width
                index, n_in = index + 2, width
            index += 1  # the pooling

    def names(self) -> tuple[str, ...]:
        """The layers that can be asked for, the shallowest first."""
        return tuple(name for name, *_ in self.layers())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the network under its key, with its shape."""
        found: dict[str, tuple[int, ...]] = {}
        for _, index, n_in, n_out in self.layers():
            found[f"features.{index}.weight"] = (n_out, n_in, 3, 3)
            found[f"features.{index}.bias"] = (n_out,)
        return found

    def up_to(self, deepest: str) -> Architecture:
        """The same stack, cut after the layer `deepest`. Raises: BadSetting."""
        self.require([deepest])
        block, conv = map(int, deepest.removeprefix("relu").split("_"))
        return Architecture(self.widths[:block], (*self.convs[: block - 1], conv), self.pool)

    def require(self, layers: Iterable[str]) -> None:
        """Raises: BadSetting when there is no such layer."""
        for name in layers:
            if name not in self.names():
                raise BadSetting(
                    f"This network has no layer {name!r}.",
                    f"Its layers are {', '.join(self.names())}.",
                    "Choose one of these.",
                )


class FeatureNet(nn.Module):
    """Frozen; built to the deepest layer in use, so that nothing is computed for nothing.

    tensors: the weights by key (`Architecture.shapes`); those of deeper layers are ignored.
    name: for recipes and reports.

    Raises: BadSetting for an unknown layer, BadWeights for missing or misshapen tensors.
    """

    def __init__(
        self,
        architecture: Architecture,
        tensors: Mapping[str, Tensor],
        deepest: str | None = None,
        name: str = "",
    ) -> None:
        super().__init__()
        self.architecture = architecture.up_to(deepest or architecture.names()[-1])
        self.name = name
        check_tensors(self.architecture, {key: tuple(t.shape) for key, t in tensors.items()})
        for key in self.architecture.shapes():
            self.register_buffer(key.replace(".", "_"), tensors[key].float().clone())
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    @property
    def brief_name(self) -> str:
        """Its name with as much of a commit as people write."""
        return brief(self.name)

    def forward(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Activations after the ReLU of each of `layers`.

        x: [N, 3, H, W], RGB in [0, 1]. Edges are replicated and not filled with zeros: a black
        frame is a strong feature, and leaves a trace along the edges of what is optimised.
        Returns {layer: [N, C, H', W']}, H' = H halved (rounded down) at every pooling before it.
        """
        wanted = set(layers)
        self.architecture.require(wanted)
        h, found = ((x - self.get_buffer("mean")) / self.get_buffer("std")), {}
        h = h.to(self.get_buffer("features_0_weight").dtype)
        block = 1
        for name, index, _, _ in self.architecture.layers():
            if not name.startswith(f"relu{block}_"):
                h, block = self._pool(h), block + 1
            weight = self.get_buffer(f"features_{index}_weight")
            bias = self.get_buffer(f"features_{index}_bias")
            h = relu(conv2d(pad(h, (1, 1, 1, 1), mode="replicate"), weight, bias))
            if name in wanted:
                found[name] = h
            if len(found) == len(wanted):
                break
        return found

    def copy_to(self, compute: Compute) -> FeatureNet:
        """A copy on a device, its weights in the precision and layout of `compute`."""
        copied = compute.place_module(deepcopy(self))
        return copied.to(torch.bfloat16) if compute.dtype == "bfloat16" else copied

    def _pool(self, h: Tensor) -> Tensor:
        # A picture of a few pixels is not pooled to nothing.
        size = (min(2, h.shape[2]), min(2, h.shape[3]))
        return avg_pool2d(h, size) if self.architecture.pool == "average" else max_pool2d(h, size)


def check_tensors(
    architecture: Architecture, found: Mapping[str, tuple[int, ...]], where: str = "The file"
) -> None:
    """Compare names and shapes with those the architecture needs; further ones are ignored.

    Raises: BadWeights for the first that is missing or has another shape.
    """
    for key, shape in architecture.shapes().items():
        if key not in found:
            raise BadWeights(
                f"{where} has no tensor {key!r}.",
                f"This network needs {len(architecture.shapes())} tensors, features.0.weight and"
                " so on.",
                "Choose the weights of this network.",
            )
        if tuple(found[key]) != shape:
            raise BadWeights(
                f"In {where[0].lower() + where[1:]}, {key} has the shape {list(found[key])}.",
                f"This network needs {list(shape)}.",
                "Choose the weights of this network.",
            )
