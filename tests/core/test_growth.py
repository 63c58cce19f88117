"""Progressive growing: the schedule, the fading, growing a trained network further."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.commands.start import start_from
from gan_core.compute import Compute
from gan_core.errors import BadSetting, BadWeights
from gan_core.events import Measured, Noticed, Preview, Progress
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, network_of
from gan_core.gan.growth import Stage, enlarge, like, reduce, stage_at
from gan_core.gan.latents import latents, render, sample
from gan_core.gan.metrics import Judge
from gan_core.gan.networks import build, grow, judge, make
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.state import new_state
from gan_core.gan.steps import train_step
from gan_core.gan.train import train
from gan_core.pictures import make_grid, to_uint8
from gan_core.weights import read_tensors

CPU = Compute("cpu", "float32", True, 1)
QUIET = Cadence(report=None, preview=None, checkpoint=None, measure=None)
Z = 8


def tiny(side: int = 32, scales: str = "one", width: int = 4) -> NetworkConfig:
    shape = {"resolution": side, "z_dim": Z, "width_G": width, "width_D": width}
    return network_of("pyramid", scales=scales, **shape)


def config(network: NetworkConfig | None = None, **changes) -> TrainConfig:
    quick = {"grow_from": 8, "grow_kimg": 0.032, "minutes": None, "kimg": 0.08, "batch_size": 8}
    shape = network if network is not None else tiny()
    return TrainConfig(network=shape, **{"cadence": QUIET, **quick, **changes})


def pictures(side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, side, side, 3), np.uint8)


def run(settings, folder, start=None, **options):
    data = Data(pictures(settings.network.resolution))
    return list(train(settings, data, folder, start, among=[CPU], **options))


# --- the schedule -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nimg", "stage"),
    [
        (0, Stage(8)),
        (4_999, Stage(8)),
        (5_000, Stage(16, 0.0)),
        (7_500, Stage(16, 0.5)),
        (10_000, Stage(16)),
        (14_999, Stage(16)),
        (15_000, Stage(32, 0.0)),
        (20_000, Stage(32)),
        (25_000, Stage(32)),
        (10**12, Stage(32)),
    ],
)
def test_a_side_fades_in_for_half_its_stage_and_is_whole_for_the_other(nimg, stage):
    assert stage_at(nimg, config(grow_kimg=10)) == stage


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_growing_never_goes_back(nimg, more):
    before, after = (stage_at(n, config(grow_kimg=50)) for n in (nimg, nimg + more))
    assert (before.side, before.fade) <= (after.side, after.fade)
    assert 0 <= before.fade <= 1


def test_a_network_that_is_not_to_grow_has_no_stage():
    assert stage_at(0, config(grow_from=0)) is None


@pytest.mark.parametrize(
    ("network", "first", "message"),
    [
        (NetworkConfig(), 8, "grow_from is 8, but the network dcgan cannot grow.*pyramid"),
        (tiny(32), 12, "grow_from is 12.*On the way to 32 px it can be 0, 8 or 16"),
        (tiny(32), 32, "grow_from is 32.*0, 8 or 16"),
        (tiny(32), 64, "grow_from is 64"),
    ],
)
def test_what_cannot_grow_so_is_refused_with_the_numbers(network, first, message):
    with pytest.raises(BadSetting, match=message):
        TrainConfig(network=network, grow_from=first)


def test_a_run_that_ends_before_it_is_grown_says_how_far_it_came(tmp_path):
    short = run(config(kimg=0.04), tmp_path / "short")
    (said,) = [event.text for event in short if isinstance(event, Noticed)]
    assert said.startswith("It ends at 16 of 32 px")
    assert "grown after 0.064" in said
    whole = run(config(kimg=0.064), tmp_path / "whole")
    assert not [event for event in whole if isinstance(event, Noticed)]


# --- the fading ---------------------------------------------------------------------------


@pytest.mark.parametrize("scales", ["one", "all"])
def test_a_side_that_begins_to_fade_in_changes_nothing_yet(scales):
    G, D = build(tiny(32, scales), seed=1)
    z, x = torch.randn(4, Z), torch.rand(4, 3, 32, 32) * 2 - 1
    grow(G, 8, 1.0), grow(D, 8, 1.0)
    made, logits = G(z), D(reduce(x, 8))
    grow(G, 16, 0.0), grow(D, 16, 0.0)
    assert torch.allclose(G(z), made, atol=1e-6)
    assert torch.allclose(judge(D, like(make(G, z), x, 0.0)), logits, atol=1e-5)


@pytest.mark.parametrize("scales", ["one", "all"])
def test_a_side_that_has_all_but_faded_in_is_all_but_whole(scales):
    G, D = build(tiny(32, scales), seed=1)
    z, x = torch.randn(4, Z), torch.rand(4, 3, 32, 32) * 2 - 1
    grow(G, 16, 0.999), grow(D, 16, 0.999)
    made, logits = G(z), judge(D, like(make(G, z), x, 0.999))
    grow(G, 16, 1.0), grow(D, 16, 1.0)
    assert 0 < (G(z) - made).abs().max() < 0.01
    assert 0 < (judge(D, like(make(G, z), x)) - logits).abs().max() < 0.1


def test_real_pictures_fade_in_as_the_made_ones_do():
    x = torch.rand(2, 3, 32, 32)
    made = [torch.zeros(2, 3, side, side) for side in (8, 16)]
    eight, sixteen = like(made, x, 0.25)
    assert torch.equal(eight, reduce(x, 8))
    assert torch.allclose(sixteen, 0.75 * enlarge(reduce(x, 8), 16) + 0.25 * reduce(x, 16))


def test_only_what_the_present_side_needs_is_computed():
    G, D = build(tiny(64))
    called: list[str] = []
    for network in (G, D):
        for name, module in network.named_modules():
            module.register_forward_hook(lambda *_, name=name: called.append(name))
        grow(network, 16, 0.5)
    judge(D, make(G, torch.randn(4, Z)))
    parts = [name.split(".") for name in called if "." in name]
    assert {part[1] for part in parts if part[0] not in ("opening", "closing")} == {"8", "16"}


@pytest.mark.parametrize(("side", "fade"), [(12, 1.0), (64, 1.0), (16, 1.5), (8, 0.5)])
def test_a_stage_that_a_network_cannot_have_is_refused(side, fade):
    G, _ = build(tiny(32))
    with pytest.raises(ValueError, match=str(side)):
        grow(G, side, fade)


# --- a run that grows ---------------------------------------------------------------------


def test_a_run_says_how_far_it_has_grown_and_its_preview_keeps_its_size(tmp_path):
    always = Cadence(report=0, preview=0, checkpoint=None, measure=None)
    events = run(config(cadence=always), tmp_path)
    told = [(event.side, event.fade) for event in events if isinstance(event, Progress)]
    assert told[0] == (8, 1.0)
    assert told == sorted(told)
    assert told[-1] == (32, 1.0)
    assert {event.image.shape for event in events if isinstance(event, Preview)} == {
        make_grid(pictures()[:16]).shape
    }


def test_a_snapshot_taken_in_mid_growth_makes_what_it_has_learned_enlarged(tmp_path):
    run(config(kimg=0.032), tmp_path)
    G = load_snapshot(tmp_path / "best").G
    assert (G.side, G.fade) == (16, 0.5)
    made = render(G, latents(4, 0, Z))
    assert torch.equal(made, enlarge(made[:, :, ::2, ::2], 32))


@pytest.mark.parametrize("scales", ["one", "all"])
def test_a_run_that_was_stopped_while_a_side_faded_in_ends_as_if_it_had_not_been(tmp_path, scales):
    settings = config(tiny(32, scales), r1_gamma=0.1, mirror=True)
    run(settings, tmp_path / "whole")
    asked = itertools.count()
    run(settings, tmp_path / "parts", should_stop=lambda: next(asked) >= 2)
    middle = find_checkpoint(tmp_path / "parts")
    assert stage_at(middle.nimg, settings).fade == 0.5
    run(middle.config, tmp_path / "parts", middle)
    whole, parts = (
        read_tensors(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts")
    )
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_run_keeps_nothing_of_a_smaller_side_than_it_has_grown_to(tmp_path):
    """What is measured of small pictures may be nearer than that of the first larger ones."""
    rising = itertools.count(1)

    class Judged(Judge):
        def measure(self, G, z_dim, seed=1):
            return replace(super().measure(G, z_dim, seed), kid=float(next(rising)))

    judge = Judged(pictures(), n_fake=4)
    settings = config(cadence=Cadence(measure=1e-6))
    events = list(train(settings, Data(pictures()), tmp_path, judge=judge, among=[CPU]))
    assert load_snapshot(tmp_path / "best").G.side == 32
    assert [event.is_best for event in events if isinstance(event, Measured)].count(True) > 1


def test_freezing_d_while_it_grows_is_refused():
    with pytest.raises(BadSetting, match="freeze_D is 1, and D grows from 8 px"):
        config(freeze_D=1)


def test_a_stage_that_the_network_does_not_have_is_refused_as_bad_weights(tmp_path):
    G, D = build(tiny())
    G.sides, G.side = (*G.sides, 99), 99
    save_snapshot(Snapshot(tiny(), G, D), tmp_path)
    with pytest.raises(BadWeights, match="a side of 99"):
        load_snapshot(tmp_path)


def test_layers_that_are_not_reached_yet_keep_their_first_weights_and_have_no_moments():
    settings = config()
    state, fresh = (new_state(settings, pictures(), CPU) for _ in range(2))
    for _ in range(2):
        train_step(state, settings, CPU)
    # At 8 px colours come from the opening by a head, and are read and judged at once.
    for network, before, optimiser, first in (
        (state.G, fresh.G, state.opt_G, ("opening.", "heads.8.")),
        (state.D, fresh.D, state.opt_D, ("readers.8.", "closing.")),
    ):
        for name, weights in network.named_parameters():
            is_later = not name.startswith(first)
            assert torch.equal(weights, before.get_parameter(name)) == is_later, name
            assert (weights in optimiser.state) != is_later, name


# --- on top of a trained one --------------------------------------------------------------


@pytest.fixture
def small() -> Snapshot:
    settings = config(tiny(16), grow_from=0)
    state = new_state(settings, pictures(16), CPU)
    for _ in range(2):
        train_step(state, settings, CPU)
    return Snapshot(settings.network, state.G_ema, state.D)


@pytest.mark.parametrize("scales", ["one", "all"])
def test_a_larger_network_begins_with_the_pictures_of_the_smaller_one(tmp_path, scales):
    settings = config(tiny(16, scales), grow_from=0)
    state = new_state(settings, pictures(16), CPU)
    train_step(state, settings, CPU)
    small = Snapshot(settings.network, state.G_ema, state.D)
    larger = config(tiny(64, scales), grow_from=16)
    grown = new_state(larger, pictures(64), CPU, small)
    z = latents(4, 0, Z)
    assert torch.allclose(render(grown.G_ema, z), enlarge(render(small.G, z), 64), atol=1e-6)
    for part, trained in ((grown.G, small.G), (grown.D, small.D)):
        new = part.state_dict()
        assert all(torch.equal(new[name], old) for name, old in trained.state_dict().items())
        assert len(new) > len(trained.state_dict())
    events = run(larger, tmp_path, Start(small, "small"))
    assert load_snapshot(tmp_path / "best").network == larger.network
    assert sample(load_snapshot(tmp_path / "best"), 1, 0).shape == (1, 3, 64, 64)
    assert np.array_equal(events[2].image, make_grid(to_uint8(render(grown.G_ema, fixed(larger)))))


def fixed(settings: TrainConfig) -> torch.Tensor:
    return latents(16, settings.seed, Z)


@pytest.mark.parametrize(
    ("network", "first", "error", "message"),
    [
        (tiny(32, width=8), 16, BadWeights, "width_G = 4.*width_G = 8"),
        (tiny(32, "all"), 16, BadWeights, "scales = one.*scales = all"),
        (tiny(8), 0, BadWeights, "resolution = 16.*resolution = 8"),
        (NetworkConfig(z_dim=Z), 0, BadWeights, "kind = pyramid.*kind = dcgan"),
        (tiny(64), 0, BadSetting, "begin at 64 px.*learned 16 px"),
        (tiny(64), 32, BadSetting, "begin at 32 px.*learned 16 px"),
    ],
)
def test_a_start_that_cannot_be_grown_so_is_refused_with_the_numbers(
    small, network, first, error, message
):
    settings = config(network, grow_from=first)
    with pytest.raises(error, match=message):
        new_state(settings, pictures(network.resolution), CPU, small)


def test_a_model_kept_in_mid_growth_is_begun_with_what_it_has_learned(tmp_path):
    G, D = build(tiny())
    for network in (G, D):
        grow(network, 32, 0.5)
    save_snapshot(Snapshot(tiny(), G, D), tmp_path)
    assert start_from(str(tmp_path))[1:] == (tiny(), {"grow_from": 16})
    assert start_from(str(tmp_path), resolution=64)[1:] == (tiny(64), {"grow_from": 16})
    for network in (G, D):
        grow(network, 32, 1.0)
    save_snapshot(Snapshot(tiny(), G, D), tmp_path)
    assert start_from(str(tmp_path))[1:] == (tiny(), {})


def test_a_start_that_is_half_grown_goes_on_where_it_is_and_not_beyond(small):
    for network in (small.G, small.D):
        grow(network, 16, 0.5)
    whole = config(small.network, grow_from=0)
    with pytest.raises(BadSetting, match="begin at 16 px.*learned 8 px"):
        new_state(whole, pictures(16), CPU, small)  # nothing would ever end its fading
    assert new_state(replace(whole, grow_from=8), pictures(16), CPU, small).G_ema.side == 8
    with pytest.raises(BadSetting, match="begin at 16 px.*learned 8 px"):
        new_state(config(tiny(32), grow_from=16), pictures(), CPU, small)
