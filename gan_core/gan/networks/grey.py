"""Grey networks in a house of colour: one channel inside, three everywhere else."""

from torch import Tensor


def to_colour(x: Tensor) -> Tensor:
    """Repeat the one channel of a grey picture: [N, 1 or 3, H, W] -> [N, 3, H, W]."""
    return x.expand(-1, 3, -1, -1)


def to_channels(x: Tensor, channels: int) -> Tensor:
    """What a network of so many channels sees: [N, 3, H, W] -> [N, channels, H, W].

    The mean of the three, and not the brightness that an eye would see: so each of them hears of
    G's one channel alike.
    """
    return x.mean(dim=1, keepdim=True) if channels == 1 else x
