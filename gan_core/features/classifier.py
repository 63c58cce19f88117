"""The network that StyleNet is cut out of: it learns to name what is on a photograph.

Batch norm makes a plain stack quick to train; for use it is folded into the convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_core.features.network import Architecture

# VGG's plan at half the width and with fewer convolutions: what two CPU cores train in 90 minutes.
# Average pooling from the first step on, because it is used with average pooling: its gradient is
# smooth (Gatys et al. 2016, section 2, prefer it).
TRAINED = Architecture((32, 64, 128, 256, 256), (2, 2, 3, 2, 2), "average")
STYLENET = TRAINED.up_to("relu5_1")


class Classifier(nn.Module):
    """Convolution, batch norm, ReLU; average pooling between blocks; mean over places; linear.

    Edges are filled with zeros here, which is quick; for use they are replicated.
    """

    def __init__(self, classes: int, architecture: Architecture = TRAINED) -> None:
        super().__init__()
        self.architecture = architecture
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        self.pools_before: set[int] = set()
        block = "relu1"
        for position, (name, _, n_in, n_out) in enumerate(architecture.layers()):
            if not name.startswith(block):
                self.pools_before.add(position)
                block = name.split("_")[0]
            conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            self.convs.append(conv)
            self.norms.append(nn.BatchNorm2d(n_out))
        self.head = nn.Linear(architecture.widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, H, W], normalised. Returns logits [N, classes]."""
        for position, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if position in self.pools_before:
                x = nn.functional.avg_pool2d(x, 2)
            x = nn.functional.relu(norm(conv(x)), inplace=True)
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """The convolutions with their batch norms folded in, by torchvision's keys; exact."""
        tensors = {}
        for (_, index, _, _), conv, norm in zip(
            self.architecture.layers(), self.convs, self.norms, strict=True
        ):
            assert isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d)
            assert norm.running_var is not None and norm.running_mean is not None
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            tensors[f"features.{index}.weight"] = conv.weight * factor.view(-1, 1, 1, 1)
            tensors[f"features.{index}.bias"] = norm.bias - norm.running_mean * factor
        return tensors
