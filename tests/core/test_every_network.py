"""What holds for every kind of network, tiny: shapes, who learns when, storing, resuming, seeds."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from gan_core.compute import Compute
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, network_of
from gan_core.gan.latents import latents, render, sample
from gan_core.gan.networks import blocks, build, judge, make
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.start import Data
from gan_core.gan.state import new_state, state_to_tensors
from gan_core.gan.steps import step_D, step_G, train_step
from gan_core.gan.train import train
from gan_core.pictures import to_uint8
from gan_core.weights import read_tensors

CPU = Compute("cpu", "float32", True, 1)
Z = 8


def tiny(kind: str, **asked) -> NetworkConfig:
    """A network of a kind, narrow and at its smallest size but 8 px."""
    side = min(size for size in FAMILIES[kind].sizes if size > 8)
    return network_of(kind, **{"resolution": side, "z_dim": Z, "width_G": 4, "width_D": 4, **asked})


# Every kind, and of each field of its network every value that it can have.
NETWORKS = [tiny(kind) for kind in FAMILIES] + [
    tiny(kind, **{name: value})
    for kind, family in FAMILIES.items()
    for name, values in family.options.items()
    for value in values
    if value != getattr(tiny(kind), name)
]


@pytest.fixture(params=NETWORKS, ids=lambda n: f"{n.kind}-{n.channels}-{n.d_norm}-{n.scales}")
def network(request) -> NetworkConfig:
    return request.param


def config(network: NetworkConfig, **changes) -> TrainConfig:
    quiet = Cadence(report=None, preview=None, checkpoint=None, measure=None)
    settings = {"minutes": None, "kimg": 0.064, "batch_size": 8, "cadence": quiet}
    return TrainConfig(network=network, **{**settings, **changes})


def pictures(network: NetworkConfig, n: int = 24) -> np.ndarray:
    side = network.resolution
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)


def state_of(network: NetworkConfig, **changes):
    return new_state(config(network, **changes), pictures(network), CPU)


def paired(first, second):
    return zip(first.parameters(), second.parameters(), strict=True)


def in_use(module, network: NetworkConfig) -> dict[str, torch.Tensor]:
    """The parameters that full-size pictures pass through: not the colours of smaller sides."""
    named = dict(module.named_parameters())
    if network.kind != "pyramid" or network.scales == "all":
        return named
    idle = [f"{part}.{s}." for part in ("heads", "readers") for s in module.sides[:-1]]
    return {name: each for name, each in named.items() if not name.startswith(tuple(idle))}


@pytest.mark.parametrize(
    ("kind", "size"), [(kind, size) for kind, family in FAMILIES.items() for size in family.sizes]
)
def test_g_makes_pictures_of_every_size_of_its_family_and_d_one_logit_each(kind, size):
    G, D = build(tiny(kind, resolution=size))
    x = G(torch.randn(3, Z))
    assert x.shape == (3, 3, size, size)
    assert x.abs().max() <= 1
    assert D(x).shape == (3,)
    assert judge(D, make(G, torch.randn(3, Z))).shape == (3,)


def test_the_same_seed_builds_the_same_weights_and_leaves_the_global_generator_alone(network):
    before = torch.get_rng_state()
    first, again, other = (build(network, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for a, b, c in zip(first, again, other, strict=True):
        assert all(torch.equal(x, y) for x, y in paired(a, b))
        assert not all(torch.equal(x, y) for x, y in paired(a, c))


def test_the_blocks_of_d_hold_each_of_its_parameters_once(network):
    _, D = build(network)
    held = [id(parameter) for block in blocks(D) for parameter in block]
    assert len(held) == len(set(held))
    assert set(held) == {id(parameter) for parameter in D.parameters()}


def test_d_learns_nothing_in_gs_phase_and_g_nothing_in_ds(network):
    state = state_of(network)
    x_real = [torch.rand_like(x) for x in make(state.G, torch.randn(8, Z))]
    before = copy.deepcopy(state.G), copy.deepcopy(state.D)
    made = make(state.G, torch.randn(8, Z))
    step_D(state, config(network), CPU, x_real, [x.detach() for x in made])
    assert all(torch.equal(a, b) for a, b in paired(before[0], state.G))
    moved = in_use(state.D, network)
    assert moved
    assert not any(torch.equal(before[1].get_parameter(name), moved[name]) for name in moved)
    held = copy.deepcopy(state.D)
    step_G(state, config(network), CPU, made, torch.zeros(8))
    assert all(torch.equal(a, b) for a, b in paired(held, state.D))
    for name, parameter in in_use(state.G, network).items():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_d_alone_learns_to_tell_bright_from_dark(network):
    settings = config(network, augment=(), lr_D=2e-3)
    state = new_state(settings, pictures(network), CPU)
    shapes = [x.shape for x in make(state.G, torch.randn(8, Z))]
    bright, dark = ([torch.rand(s) * 0.5 + at for s in shapes] for at in (0.5, -1.0))
    for _ in range(40):
        step_D(state, settings, CPU, bright, dark)
    state.D.eval()
    with torch.inference_mode():
        assert judge(state.D, bright).min() > judge(state.D, dark).max()


def test_g_alone_learns_to_fool_a_held_d(network):
    settings = config(network, augment=(), lr_G=5e-3)
    state = new_state(settings, pictures(network), CPU)
    z = torch.randn(8, Z)
    losses = [
        float(step_G(state, settings, CPU, make(state.G, z), torch.zeros(8))[0]) for _ in range(60)
    ]
    assert losses[-1] < losses[0] * 0.8


def test_r1_reaches_every_parameter_of_d_that_has_to_do_with_its_slope(network):
    """Gradients of gradients: a layer that has none would silently not be held back."""
    settings = config(network, augment=(), r1_gamma=100.0)
    ends = []
    for each in (settings, replace(settings, r1_gamma=0.0)):
        state = new_state(each, pictures(network), CPU)
        made = make(state.G, torch.randn(8, Z))
        step_D(state, each, CPU, [torch.ones_like(x) / 2 for x in made], [x * 0 for x in made])
        ends.append(in_use(state.D, network))
    weights = [name for name, parameter in ends[0].items() if parameter.dim() > 1]
    assert not any(torch.equal(ends[0][name].grad, ends[1][name].grad) for name in weights)


def test_g_is_in_train_mode_in_every_step_also_after_previews(network, tmp_path):
    """The lesson's notebook leaves its DCGAN's G in eval mode from the first plot on."""
    modes = []

    def note(module, _inputs, _outputs):
        if module.training:
            modes.append("learning")
        elif not torch.is_inference_mode_enabled():
            modes.append("learning in eval mode")

    watch = torch.nn.modules.module.register_module_forward_hook(note)
    always = Cadence(report=None, preview=0, checkpoint=None, measure=None)
    try:
        list(train(config(network, cadence=always), Data(pictures(network)), tmp_path, among=[CPU]))
    finally:
        watch.remove()
    assert set(modes) == {"learning"}


def test_a_snapshot_makes_the_same_pictures_when_it_is_read_back(network, tmp_path):
    state = state_of(network)
    for _ in range(2):
        train_step(state, config(network), CPU)
    save_snapshot(Snapshot(network, state.G_ema, state.D), tmp_path)
    back = load_snapshot(tmp_path, network)
    z = latents(4, 0, Z)
    before, after = (to_uint8(render(G, z)).astype(int) for G in (state.G_ema, back.G))
    assert np.abs(before - after).max() <= 3  # the weights are stored in half precision
    x = make(state.G_ema, z)
    assert torch.allclose(judge(state.D.eval(), x), judge(back.D, x), atol=0.02)


def test_a_resumed_run_equals_an_uninterrupted_one(network, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    images = Data(pictures(network))
    settings = config(network, r1_gamma=0.1, mirror=True)
    list(train(settings, images, whole, among=[CPU]))
    list(train(replace(settings, kimg=0.024), images, parts, among=[CPU]))
    list(train(settings, images, parts, find_checkpoint(parts), among=[CPU]))
    one, two = (read_tensors(folder / "checkpoint.safetensors") for folder in (whole, parts))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_same_seed_trains_the_same_network(network):
    ends = []
    for _ in range(2):
        state = state_of(network)
        train_step(state, config(network), CPU)
        ends.append(state_to_tensors(state))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_picture_depends_on_its_seed_and_number_and_not_on_its_company(network):
    state = state_of(network)
    for _ in range(2):
        train_step(state, config(network), CPU)
    snapshot = Snapshot(network, state.G_ema)
    many = sample(snapshot, 70, seed=3)
    assert torch.equal(many, sample(snapshot, 70, seed=3))
    spread = float(many.std(0).mean())  # a narrow network's first pictures are all but grey
    few, others = sample(snapshot, 2, seed=3, first=66), sample(snapshot, 2, seed=4)
    assert (few - many[66:68]).abs().max() < spread / 1000
    assert (others - many[:2]).abs().mean() > spread / 10


def test_with_less_truncation_pictures_are_more_alike_and_with_none_the_same(network):
    state = state_of(network)
    for _ in range(2):
        train_step(state, config(network), CPU)
    snapshot = Snapshot(network, state.G_ema)
    spread = [float(sample(snapshot, 16, 0, t).std(0).mean()) for t in (1.0, 0.5, 0.0)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < spread[0] / 1000
