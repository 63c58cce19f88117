"""The networks of the lesson's notebook: its layers by name, its sizes, grey inside and out."""

import pytest
import torch

from gan_core.errors import BadSetting
from gan_core.gan.config import derive, network_of
from gan_core.gan.networks import build


def linear(name: str, n_in: int, n_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def conv(name: str, first: int, second: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (first, second, kernel, kernel)}


def batch_norm(name: str, n: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (n,) for part in parts} | {f"{name}.num_batches_tracked": ()}


NOTEBOOK = {
    "mlp": (
        linear("linear1", 100, 256) | batch_norm("bn1", 256)
        | linear("linear2", 256, 512) | batch_norm("bn2", 512)
        | linear("linear3", 512, 1024) | batch_norm("bn3", 1024)
        | linear("linear4", 1024, 784),
        linear("linear1", 784, 512) | linear("linear2", 512, 256) | linear("linear3", 256, 1),
    ),
    "notebook": (
        conv("conv1", 100, 256, 3) | batch_norm("bn1", 256)
        | conv("conv2", 256, 128, 3) | batch_norm("bn2", 128)
        | conv("conv3", 128, 64, 3) | batch_norm("bn3", 64)
        | conv("conv4", 64, 1, 3),
        conv("conv1", 64, 1, 4)
        | conv("conv2", 128, 64, 4) | batch_norm("bn2", 128)
        | conv("conv3", 256, 128, 4) | batch_norm("bn3", 256)
        | conv("conv4", 1, 256, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOTEBOOK)
def test_the_notebooks_own_weights_load_strictly(kind):
    for network, layers in zip(build(network_of(kind)), NOTEBOOK[kind], strict=True):
        state = {name: torch.randn(shape) for name, shape in layers.items()}
        network.load_state_dict(state, strict=True)


def test_the_digits_grow_as_in_the_notebook():
    G, D = build(network_of("notebook"))
    sides = {"G": [], "D": []}
    for name, network in (("G", G), ("D", D)):
        for layer in (network.conv1, network.conv2, network.conv3, network.conv4):
            layer.register_forward_hook(
                lambda _m, _in, x, name=name: sides[name].append(x.shape[2])
            )
    D(G(torch.randn(2, 100)))
    assert sides == {"G": [3, 7, 15, 28], "D": [14, 7, 3, 1]}


@pytest.mark.parametrize("kind", NOTEBOOK)
def test_a_grey_network_is_grey_to_whoever_looks_and_sees_no_colour(kind):
    G, D = build(network_of(kind, width_G=4, width_D=4))
    x = G(torch.randn(4, 100))
    assert torch.equal(x[:, 0], x[:, 1])
    assert torch.equal(x[:, 0], x[:, 2])
    coloured = torch.rand(4, 3, 28, 28)
    swapped = coloured[:, [2, 0, 1]]
    assert torch.allclose(D.eval()(coloured), D(swapped), atol=1e-5)


@pytest.mark.parametrize("kind", NOTEBOOK)
def test_a_colour_network_paints_and_sees_colour(kind):
    G, D = build(network_of(kind, width_G=4, width_D=4, channels=3))
    x = G(torch.randn(4, 100))
    assert not torch.equal(x[:, 0], x[:, 1])
    coloured = torch.rand(4, 3, 28, 28)
    assert not torch.allclose(D.eval()(coloured), D(coloured[:, [2, 0, 1]]), atol=1e-5)


@pytest.mark.parametrize("kind", NOTEBOOK)
def test_they_are_trained_as_the_notebook_does_unless_told_otherwise(kind):
    config = derive(60_000, 15, network_of(kind))
    values = (config.lr_G, config.lr_D, config.beta1, config.beta2, config.batch_size)
    assert values == (2e-4, 2e-4, 0.5, 0.999, 256)
    assert derive(60_000, 15, network_of(kind), batch_size=32).batch_size == 32


def test_a_size_that_the_lesson_has_not_is_refused_with_those_it_has():
    with pytest.raises(BadSetting, match=r"resolution is 64.*28 or 32"):
        network_of("mlp", resolution=64)
    with pytest.raises(BadSetting, match=r"resolution is 32.*28"):
        network_of("notebook", resolution=32)
