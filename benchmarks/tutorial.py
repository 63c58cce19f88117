"""The training loop of the PyTorch DCGAN tutorial, to compare with.

Sources: the tutorial's text, and Radford et al. 2016 (arXiv:1511.06434) for its settings.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gan_core.compute import Compute
from gan_core.pictures.canvas import to_tensor

BATCH = 128
LEARNING_RATE = 2e-4
BETAS = (0.5, 0.999)

Change = Callable[[Tensor], Tensor]


class TutorialLoop:
    """G and D, their optimisers, and one step of the game as the tutorial's text describes it.

    G, D: in fresh or pretrained state, made `plain`; D gives logits, the sigmoid is added here.
    change: what happens to pictures before D sees them, in both phases; by default nothing.
    compute: the tutorial's own is float32, contiguous.
    """

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        z_dim: int,
        compute: Compute,
        change: Change = lambda x: x,
    ) -> None:
        G, D = plain(G), plain(D)
        self.G, self.D = compute.place_module(G).train(), compute.place_module(D).train()
        self.z_dim, self.compute, self.change = z_dim, compute, change
        self.criterion = nn.BCELoss()
        self.opt_D, self.opt_G = (
            torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=BETAS, fused=False)
            for network in (self.D, self.G)
        )

    def step(self, x_real: Tensor) -> None:
        """D on the real batch, D on a fake one, then G. x_real: [N, 3, S, S] in [-1, 1]."""
        x_real = self.compute.place(x_real)
        # D: the real batch, then the fake one, each with its own backward pass.
        self.D.zero_grad()
        label = torch.full((len(x_real),), 1.0, device=x_real.device)
        score_real = self._score(x_real)
        self.criterion(score_real, label).backward()
        score_real.mean().item()
        x_fake = self._make(len(x_real))
        label.fill_(0.0)
        score_fake = self._score(x_fake.detach())
        self.criterion(score_fake, label).backward()
        score_fake.mean().item()
        self.opt_D.step()
        # G: through a D that is not held still, so D's gradients are computed and thrown away.
        self.G.zero_grad()
        label.fill_(1.0)
        score_G = self._score(x_fake)
        self.criterion(score_G, label).backward()
        score_G.mean().item()
        self.opt_G.step()

    def _score(self, x: Tensor) -> Tensor:
        with self.compute.autocast():
            logits: Tensor = self.D(self.change(x))
        return torch.sigmoid(logits.float())  # in bfloat16 a sigmoid is 1 from a logit of 6 on

    def _make(self, n: int) -> Tensor:
        with self.compute.autocast():
            x: Tensor = self.G(torch.randn(n, self.z_dim, 1, 1, device=self.compute.device))
        return x


def plain(network: nn.Module) -> nn.Module:
    """Put torch's own convolutions, around the same weights, where ours compute another way."""
    layers: nn.Sequential = network.main  # type: ignore[assignment]
    for index, old in enumerate(layers):
        if not isinstance(old, nn.Conv2d | nn.ConvTranspose2d) or hasattr(old, "parametrizations"):
            continue
        kind = nn.Conv2d if isinstance(old, nn.Conv2d) else nn.ConvTranspose2d
        ends, stride, padding = (old.in_channels, old.out_channels), old.stride[0], old.padding[0]
        assert isinstance(padding, int)
        new = kind(*ends, kernel_size=4, stride=stride, padding=padding, bias=old.bias is not None)
        new.weight, new.bias = old.weight, old.bias
        layers[index] = new
    return network


class Files(Dataset[Tensor]):
    """JPEG files as the tutorial prepares them: shorter side to 64, centre, [-1, 1]."""

    def __init__(self, folder: Path, side: int) -> None:
        self.paths, self.side = sorted(folder.glob("*.jpg")), side

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as file:
            picture = file.convert("RGB")
        scale = self.side / min(picture.size)
        width, height = (round(length * scale) for length in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - self.side) // 2, (height - self.side) // 2
        picture = picture.crop((left, top, left + self.side, top + self.side))
        pixels = torch.from_numpy(np.array(picture))
        return pixels.permute(2, 0, 1).contiguous().float().div(255).sub(0.5).div(0.5)


def batches(folder: Path, side: int, batch_size: int, workers: int) -> Iterator[Tensor]:
    """Endless shuffled batches from files, decoded again in every epoch."""
    loader = DataLoader(
        Files(folder, side), batch_size=batch_size, shuffle=True, num_workers=workers,
        drop_last=True, persistent_workers=workers > 0,
    )  # fmt: skip
    while True:
        yield from loader


def epochs(images: NDArray[np.uint8], batch_size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless batches as a DataLoader gives them: shuffled each epoch, the last one short.

    images: uint8 [N, S, S, 3]. Yields float32 [n, 3, S, S] in [-1, 1], contiguous.
    """
    pixels = torch.from_numpy(images)
    while True:
        for chosen in torch.randperm(len(pixels), generator=rng).split(batch_size):
            yield to_tensor(pixels[chosen]).contiguous()
