"""Networks as others have written them, small: what their files hold is told by these."""

from torch import Tensor, nn

Z, WIDTH = 12, 8


class Net(nn.Module):
    """What people have: layers in one `nn.Sequential` under a name, as in the tutorial."""

    def __init__(self, name: str, layers: list[nn.Module]) -> None:
        super().__init__()
        self.name = name
        setattr(self, name, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self.name)(x)


def punks_G() -> nn.Module:
    """github.com/teddykoker/cryptopunks-gan."""
    w, layers = WIDTH, list[nn.Module]()
    for n_in, n_out, kernel, stride, padding in (
        (Z, 4 * w, 3, 1, 0), (4 * w, 2 * w, 3, 2, 1), (2 * w, w, 4, 2, 0),
    ):  # fmt: skip
        layers += [nn.ConvTranspose2d(n_in, n_out, kernel, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(n_out), nn.ReLU(True)]
    return Net("network", [*layers, nn.ConvTranspose2d(w, 4, 4, 2, 1, bias=False), nn.Tanh()])
