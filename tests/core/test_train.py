"""The training loop: the two phases, the moving average, events, stopping, resuming."""

import copy
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gan_core.compute import Compute
from gan_core.errors import BadSetting, BadWeights
from gan_core.events import (
    Adjusted,
    Failed,
    Finished,
    Measured,
    Noticed,
    Preview,
    Probed,
    Progress,
    Saved,
    Started,
)
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, change, derive
from gan_core.gan.latents import latents, render
from gan_core.gan.losses import steepness
from gan_core.gan.metrics import Judge, Quality, shortfall
from gan_core.gan.networks import blocks
from gan_core.gan.snapshot import Snapshot, load_snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.state import new_state, state_to_tensors
from gan_core.gan.steps import Tally, step_D, step_G, train_step
from gan_core.gan.train import train
from gan_core.pictures import make_grid, to_uint8
from gan_core.weights import read_tensors

CPU = Compute("cpu", "float32", True, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
QUIET = Cadence(report=None, preview=None, checkpoint=None, measure=None)


def config(**changes) -> TrainConfig:
    settings = {"network": TINY, "minutes": None, "kimg": 0.064, "batch_size": 8, "cadence": QUIET}
    return TrainConfig(**{**settings, **changes})


def pictures(n: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3), np.uint8)


def run(config, folder, images=None, start=None, **options):
    images = pictures() if images is None else images
    return list(train(config, Data(images), folder, start, among=[CPU], **options))


def real_and_fake(state, n=8):
    return [CPU.place(state.batches.next(n))], [state.G(torch.randn(n, 8))]


# --- the two phases -----------------------------------------------------------------------


def test_the_d_step_changes_every_parameter_of_d_and_none_of_g():
    state = new_state(config(), pictures(), CPU)
    G, D = copy.deepcopy(state.G), copy.deepcopy(state.D)
    x_real, x_fake = real_and_fake(state)
    step_D(state, config(), CPU, x_real, [x_fake[0].detach()])
    assert all(torch.equal(a, b) for a, b in paired(G, state.G))
    assert all(not torch.equal(a, b) for a, b in paired(D, state.D))


def test_the_g_step_gives_every_parameter_of_g_a_gradient_and_leaves_d_bit_identical():
    state = new_state(config(), pictures(), CPU)
    D = copy.deepcopy(state.D)
    step_G(state, config(), CPU, real_and_fake(state)[1], torch.zeros(8))
    assert all(torch.equal(a, b) for a, b in paired(D, state.D))
    for parameter in state.G.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in state.D.parameters())  # held, so cheaper


def paired(first, second):
    return zip(first.parameters(), second.parameters(), strict=True)


@pytest.mark.parametrize("loss", ["non-saturating", "hinge"])
@pytest.mark.parametrize("d_norm", ["batch", "spectral"])
def test_d_alone_learns_to_tell_bright_from_dark(d_norm, loss):
    network = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8, d_norm=d_norm)
    settings = config(network=network, augment=(), lr_D=2e-3, loss=loss)
    state = new_state(settings, pictures(), CPU)
    bright, dark = torch.rand(8, 3, 16, 16) * 0.5 + 0.5, torch.rand(8, 3, 16, 16) * 0.5 - 1
    for _ in range(40):
        step_D(state, settings, CPU, [bright], [dark])
    state.D.eval()
    assert state.D(bright).min() > state.D(dark).max()


def test_g_alone_learns_to_fool_a_held_d():
    settings = config(augment=(), lr_G=2e-3)
    state = new_state(settings, pictures(), CPU)
    z = torch.randn(8, 8)
    losses = [
        float(step_G(state, settings, CPU, [state.G(z)], torch.zeros(8))[0]) for _ in range(40)
    ]
    assert losses[-1] < losses[0] / 2


def test_d_is_left_alone_while_its_loss_is_below_the_threshold():
    settings = config(skip_D_below=2.0, lr_D=1e-6)  # fresh networks are near 1.39, so always
    state = new_state(settings, pictures(), CPU)
    D = copy.deepcopy(state.D)
    x_real, x_fake = real_and_fake(state)
    _, figures = step_D(state, settings, CPU, x_real, [x_fake[0].detach()])
    assert float(figures[Tally.NAMES.index("skipped_D")]) == 1.0
    assert all(torch.equal(a, b) for a, b in paired(D, state.D))


def test_the_r1_penalty_keeps_d_from_being_steep_at_real_pictures():
    slopes = []
    for gamma in (0.0, 100.0):
        settings = config(augment=(), lr_D=2e-3, r1_gamma=gamma)
        state = new_state(settings, pictures(), CPU)
        x_real, x_fake = torch.rand(8, 3, 16, 16), torch.rand(8, 3, 16, 16) - 1
        for _ in range(40):
            step_D(state, settings, CPU, [x_real], [x_fake])
            state.nimg += settings.batch_size
        x_real.requires_grad_(True)
        slopes.append(steepness(state.D(x_real), x_real).item())
    assert slopes[1] < slopes[0] / 2


def test_the_r1_penalty_is_lazy_but_the_first_step_has_it():
    settings, plain = config(r1_gamma=100.0), config()
    changed = []
    for nimg in (0, settings.batch_size):
        ends = []
        for each in (settings, plain):
            state = new_state(each, pictures(), CPU)
            state.nimg = nimg
            x_real, x_fake = real_and_fake(state)
            step_D(state, each, CPU, x_real, [torch.zeros_like(x_fake[0])])
            ends.append(state.D)
        changed.append(not all(torch.equal(a, b) for a, b in paired(*ends)))
    assert changed == [True, False]


@pytest.mark.parametrize("frozen", [1, 2])
def test_frozen_lower_blocks_of_d_stay_bit_identical_while_the_rest_learns(frozen):
    settings = config(freeze_D=frozen)
    state = new_state(settings, pictures(), CPU)
    D = copy.deepcopy(state.D)
    for _ in range(2):
        train_step(state, settings, CPU)
    before, after = blocks(D), blocks(state.D)
    assert len(before) == 3  # 16 px: two halvings and the last layer
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        assert all(torch.equal(a, b) == (index < frozen) for a, b in zip(old, new, strict=True))


def test_with_batch_norms_alone_no_filter_of_g_changes():
    settings = config(train_G="batch-norm")
    state = new_state(settings, pictures(), CPU)
    G = copy.deepcopy(state.G)
    train_step(state, settings, CPU)
    for name, before in G.named_parameters():
        is_filter = before.dim() > 1
        assert torch.equal(before, dict(state.G.named_parameters())[name]) == is_filter


def test_settings_changed_under_way_are_reported_and_taken_and_nonsense_is_refused(tmp_path):
    asked = iter([{}, {"lr_G": 1e-3, "freeze_D": 1}, {}, {"lr_D": 7.0}])
    seen = run(config(kimg=0.08), tmp_path, adjust=lambda: next(asked, {}))
    (adjusted,) = [event for event in seen if isinstance(event, Adjusted)]
    assert adjusted.kimg == 0.008
    assert adjusted.before == {"lr_G": 2e-4, "freeze_D": 0}
    assert adjusted.after == {"lr_G": 1e-3, "freeze_D": 1}
    (refused,) = [event for event in seen if isinstance(event, Noticed)]
    assert "lr_D is 7" in refused.text
    assert isinstance(seen[-1], Finished)
    kept = find_checkpoint(tmp_path).config
    assert (kept.lr_G, kept.lr_D, kept.freeze_D) == (1e-3, 2e-4, 1)


def test_a_setting_changed_under_way_is_in_a_checkpoint_one_step_later(tmp_path):
    """However the run ends then: nothing but the step's own checkpoint is saved here."""
    asked = iter([{}, {"lr_G": 1e-3}])
    stream = train(
        config(), Data(pictures()), tmp_path, adjust=lambda: next(asked, {}), among=[CPU]
    )
    for event in stream:
        if isinstance(event, Saved) and event.what == "checkpoint":
            break
    stream.close()
    assert event.kimg == 0.016
    assert find_checkpoint(tmp_path).config.lr_G == 1e-3


def test_skipped_steps_are_visible_in_the_events(tmp_path):
    seen = [e for e in run(config(skip_D_below=2.0), tmp_path) if isinstance(e, Progress)]
    assert seen[-1].skipped_D > 0
    plan = run(config(skip_D_below=2.0), tmp_path)[0].plan
    assert "skipped while its loss is below 2" in plan


def test_a_folder_of_one_colour_is_learned(tmp_path):
    orange = np.full((24, 16, 16, 3), (255, 128, 0), np.uint8)
    settings = config(kimg=4.0, lr_G=2e-3, lr_D=1e-3, augment=(), ema_halflife_kimg=0.2)
    run(settings, tmp_path, orange)
    made = render(load_snapshot(tmp_path / "best").G, latents(16, 0, 8)).mean(dim=(0, 2, 3))
    fresh = render(new_state(settings, orange, CPU).G_ema, latents(16, 0, 8)).mean(dim=(0, 2, 3))
    wanted = torch.tensor([1.0, 0.0, -1.0])
    assert (made - wanted).abs().max() < 0.35 < (fresh - wanted).abs().max()


# --- the moving average -------------------------------------------------------------------


def test_the_average_is_half_way_after_one_halflife_and_its_buffers_follow():
    settings = config(ema_halflife_kimg=0.064, ema_rampup=1.0)
    state = new_state(settings, pictures(), CPU)
    for tensor in state.G_ema.state_dict().values():
        tensor.zero_()
    for tensor in state.G.state_dict().values():
        tensor.fill_(1)
    state.nimg = 10_000  # past the ramp
    for _ in range(8):  # 8 steps of 8 pictures = one half-life
        state.update_ema(settings, 8)
    for name, tensor in state.G_ema.state_dict().items():
        expected = 1.0 if name.endswith("num_batches_tracked") else 0.5
        assert torch.allclose(tensor.float(), torch.tensor(expected)), name


def test_early_on_the_average_spans_no_more_than_its_share_of_what_was_seen():
    settings = config(ema_halflife_kimg=1000.0, ema_rampup=0.05)
    state = new_state(settings, pictures(), CPU)
    state.G_ema.main[0].weight.zero_()
    state.G.main[0].weight.data.fill_(1)
    state.nimg = 160  # 5 % of it is one batch of 8
    state.update_ema(settings, 8)
    assert torch.allclose(state.G_ema.main[0].weight, torch.tensor(0.5))


# --- events -------------------------------------------------------------------------------


def test_a_run_starts_with_started_and_ends_with_exactly_one_ending(tmp_path):
    events = run(config(cadence=Cadence(0, 0, 0, 0)), tmp_path)
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Started, Probed, Preview]
    assert kinds[-1] is Finished
    assert sum(kind in (Finished, Failed) for kind in kinds) == 1
    assert {Progress, Measured, Saved} <= set(kinds)


def test_kimg_never_falls_and_ends_at_the_limit(tmp_path):
    events = run(config(cadence=Cadence(0, 0, 0, 0)), tmp_path)
    kimg = [event.kimg for event in events if not isinstance(event, Probed)]
    assert kimg == sorted(kimg)
    assert events[-1].kimg == pytest.approx(0.064)
    assert not events[-1].stopped


class Work:
    """A clock by which a step takes a fifth of a second, and looking at a picture `per_picture`."""

    def __init__(self, per_picture: float) -> None:
        self.now, self.per_picture, self.measuring = 0.0, per_picture, 0.0
        self.judge = Judge(pictures(), self.look, "colours", n_fake=64)
        self.now = self.measuring = 0.0

    def __call__(self) -> float:
        return self.now

    def look(self, x: torch.Tensor) -> torch.Tensor:
        self.now += len(x) * self.per_picture
        self.measuring += len(x) * self.per_picture
        return x.float().mean((2, 3))

    def step(self) -> bool:
        self.now += 0.2
        return False

    def run(self, minutes: float, folder, start=None) -> float:
        """Train, and return the seconds that the run says it took."""
        cadence = Cadence(report=None, preview=None, checkpoint=20.0, measure=5.0)
        settings = config(minutes=minutes, kimg=None, cadence=cadence)
        parts = {"clock": self, "judge": self.judge, "should_stop": self.step}
        ended = run(settings, folder, start=start, **parts)[-1]
        assert isinstance(ended, Finished)
        assert not ended.stopped
        return ended.seconds


@pytest.mark.parametrize("per_picture", [0.0, 0.02, 0.1])
def test_a_run_ends_within_a_twentieth_of_its_time_however_dear_measuring_is(tmp_path, per_picture):
    work = Work(per_picture)
    assert work.run(1.0, tmp_path) == pytest.approx(60, rel=0.05)
    assert work.now == pytest.approx(60, rel=0.05)


def test_a_run_that_goes_on_twice_ends_within_a_twentieth_of_its_time_too(tmp_path):
    work = Work(0.05)
    for minutes in (0.5, 1.0, 1.5):
        start = find_checkpoint(tmp_path) if minutes > 0.5 else None
        assert work.run(minutes, tmp_path, start) == pytest.approx(60 * minutes, rel=0.05)
        assert work.now == pytest.approx(60 * minutes, rel=0.05)


def test_measuring_takes_a_tenth_of_the_time_or_once_what_the_end_needs(tmp_path):
    cheap, dear = Work(0.01), Work(0.2)
    cheap.run(2.0, tmp_path / "cheap")
    assert 6 < cheap.measuring <= 12.5
    dear.run(2.0, tmp_path / "dear")
    assert dear.measuring == (16 + 64) * 0.2  # what was foretold by, and the last


def test_a_run_whose_last_measuring_was_quick_has_finished_and_was_not_stopped(tmp_path):
    """By a clock that is read a second apart, and a tenth of one near the end."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0 if now < 50 else 0.1
        return now

    cadence = Cadence(report=None, preview=None, checkpoint=20.0, measure=None)
    seen = run(config(minutes=1.0, kimg=None, cadence=cadence), tmp_path, clock=clock)
    assert isinstance(seen[-1], Finished)
    assert not seen[-1].stopped
    assert seen[-1].seconds < 60


def test_previews_are_grids_of_the_same_latents_as_uint8(tmp_path):
    previews = [e for e in run(config(cadence=Cadence(0, 0)), tmp_path) if isinstance(e, Preview)]
    assert len(previews) > 2
    assert previews[0].image.dtype == np.uint8
    assert previews[0].image.shape == previews[-1].image.shape
    assert not np.array_equal(previews[0].image, previews[-1].image)
    fixed_z = latents(16, config().seed, 8)
    fresh = new_state(config(), pictures(), CPU).G_ema
    assert np.array_equal(previews[0].image, make_grid(to_uint8(render(fresh, fixed_z))))


def test_stop_ends_after_the_step_under_way_and_keeps_the_result(tmp_path):
    asked = itertools.count()
    events = run(config(kimg=1000), tmp_path, should_stop=lambda: next(asked) >= 2)
    assert isinstance(events[-1], Finished)
    assert events[-1].stopped
    assert events[-1].kimg == pytest.approx(3 * 8 / 1000)
    assert load_snapshot(tmp_path / "best").network == TINY
    assert find_checkpoint(tmp_path).nimg == 24


def test_closing_the_iterator_in_mid_run_does_not_raise(tmp_path):
    settings = config(cadence=Cadence(0, 0, 0, None))
    stream = train(settings, Data(pictures()), tmp_path, among=[CPU])
    next(event for event in stream if isinstance(event, Saved))
    stream.close()
    assert find_checkpoint(tmp_path).nimg == 8


def test_the_best_snapshot_is_that_of_the_lowest_kid_in_the_second_half(tmp_path):
    events = run(config(kimg=0.2, cadence=Cadence(None, None, None, 0)), tmp_path)
    measured = [event for event in events if isinstance(event, Measured)]
    best = [event for event in measured if event.is_best][-1]
    assert best.kimg >= 0.1
    late = [event for event in measured if event.kimg >= 0.1]
    assert shortfall(best) == min(map(shortfall, late))
    training = load_snapshot(tmp_path / "best").training
    assert training["kid"] == pytest.approx(best.kid)
    assert training["kimg"] == pytest.approx(best.kimg, abs=1e-3)
    assert events[-1].best_kid == best.kid


def test_a_start_that_was_nearer_than_what_came_of_it_is_forgotten_as_the_run_goes_on(tmp_path):
    settings = config(kimg=0.2, cadence=Cadence(None, None, None, 0))
    like_the_start = new_state(settings, pictures(), CPU)
    images = to_uint8(render(like_the_start.G_ema.eval(), latents(24, 5, 8)))
    events = run(settings, tmp_path, images)  # so the very first is the nearest of all
    measured = [event for event in events if isinstance(event, Measured)]
    assert min(measured, key=lambda event: event.kid).kimg < 0.1
    assert load_snapshot(tmp_path / "best").training["kimg"] >= 0.1


class Scripted:
    """A judge that says what it is told to, one figure a measurement."""

    n_fake = 16

    def __init__(self, *kids: float) -> None:
        self.kids = list(kids)

    def judge(self, made):
        raise AssertionError("a run without minutes foretells nothing")

    def measure(self, G, z_dim):
        kid = self.kids.pop(0)
        return Quality(kid, kid, kid, 0.5, 0.0, 1.0, 1.0, 24, 16, "scripted")


@pytest.mark.parametrize(
    ("kids", "kept"),
    [
        ([1, 0.5, 0.6, 0.7, 0.8, 0.9], 0.6),  # of eight each; the second half begins at the third
        ([0.1, 0.2, 0.9, 0.3, 0.4, 0.5], 0.3),
        ([9, 5, 3, 2, 2.1, 2.2], 2),
    ],
)
def test_a_worse_model_never_takes_the_place_of_the_best_of_the_second_half(tmp_path, kids, kept):
    settings = config(kimg=0.048, cadence=Cadence(None, None, None, 0))
    events = run(settings, tmp_path, judge=Scripted(*kids), clock=lambda: 0.0)
    assert len([event for event in events if isinstance(event, Measured)]) == len(kids)
    assert load_snapshot(tmp_path / "best").training["kid"] == kept


def test_a_part_of_a_run_learns_something_however_little_time_is_left(tmp_path):
    run(config(kimg=None, minutes=0.05), tmp_path, should_stop=lambda: True)
    before = find_checkpoint(tmp_path)
    used_up = replace(before, seconds=0.05 * 60)
    run(config(kimg=None, minutes=0.05), tmp_path, start=used_up)
    assert find_checkpoint(tmp_path).nimg == before.nimg + 8


def test_more_time_does_not_forget_the_best_of_the_time_before(tmp_path):
    quick = Cadence(None, None, None, 0)
    run(config(kimg=0.032, cadence=quick), tmp_path, judge=Scripted(4, 3, 2, 1), clock=lambda: 0.0)
    longer = config(kimg=0.096, cadence=quick)
    judge, start = Scripted(5, 6, 7, 8, 9, 1.5, 1.4, 1.3), find_checkpoint(tmp_path)
    run(longer, tmp_path, start=start, judge=judge, clock=lambda: 0.0)
    assert load_snapshot(tmp_path / "best").training["kid"] == 1


def test_a_run_that_is_given_more_time_shows_and_measures_itself_less_often(tmp_path):
    short = derive(100, 0.2, TINY)
    longer = change(short, minutes=240)
    assert longer.cadence == derive(100, 240, TINY).cadence
    assert longer.cadence.preview > short.cadence.preview
    by_hand = replace(short, cadence=QUIET)
    assert change(by_hand, minutes=240).cadence == QUIET


def test_a_run_that_diverges_ends_as_failed_with_advice_and_saves_no_broken_weights(tmp_path):
    settings = config(kimg=100, lr_G=1e-1, lr_D=1e-1, cadence=Cadence(0, None, 0, None))
    state = new_state(settings, pictures(), CPU)
    with torch.no_grad():
        state.G.main[0].weight.fill_(math.inf)
    from_infinity = Start(Snapshot(TINY, state.G, state.D), "infinity")
    events = run(settings, tmp_path, start=from_infinity)
    assert isinstance(events[-1], Failed)
    assert "learning rate" in events[-1].advice
    assert not (tmp_path / "best").exists()
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    """The losses of a step are from before its update, so they cannot tell."""
    settings = config(cadence=Cadence(None, None, 0, None))
    stream = train(settings, Data(pictures()), tmp_path, among=[CPU], should_stop=lambda: False)
    next(event for event in stream if isinstance(event, Saved))
    good = (tmp_path / "checkpoint.safetensors").read_bytes()
    run_state = stream.gi_frame.f_locals["run"].state
    with torch.no_grad():
        run_state.G_ema.main[0].weight.fill_(math.nan)
    assert isinstance(list(stream)[-1], Failed)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == good


@pytest.mark.parametrize("measure", [None, 0])  # the first measurement saves a snapshot
def test_a_failed_run_says_whether_it_has_a_snapshot_to_go_back_to(tmp_path, measure):
    settings = config(cadence=Cadence(None, None, 0, measure))
    stream = train(settings, Data(pictures()), tmp_path, among=[CPU])
    next(event for event in stream if event == Saved(0.008, "checkpoint"))
    with torch.no_grad():
        stream.gi_frame.f_locals["run"].state.G.main[0].weight.fill_(math.nan)
    failed = list(stream)[-1]
    assert isinstance(failed, Failed)
    assert failed.has_snapshot == (measure is not None) == (tmp_path / "best").exists()


# --- resuming -----------------------------------------------------------------------------


@pytest.mark.parametrize("d_norm", ["batch", "spectral"])
def test_a_resumed_run_equals_the_uninterrupted_one_tensor_for_tensor(tmp_path, d_norm):
    network = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8, d_norm=d_norm)
    settings = config(network=network, kimg=0.16, mirror=True)
    run(settings, tmp_path / "whole")
    asked = itertools.count()
    run(settings, tmp_path / "parts", should_stop=lambda: next(asked) >= 6)
    middle = find_checkpoint(tmp_path / "parts")
    assert 0 < middle.nimg < 160
    run(middle.config, tmp_path / "parts", start=middle)
    whole, parts = (tensors_of(tmp_path / name) for name in ("whole", "parts"))
    assert set(whole) == set(parts)
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name


def tensors_of(folder):
    return read_tensors(folder / "checkpoint.safetensors")


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        run(config(seed=seed), tmp_path / name)
    a, b, c = (tensors_of(tmp_path / name)["G.main.0.weight"] for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_resumed_run_counts_on_from_its_time_and_images(tmp_path):
    run(config(), tmp_path)
    checkpoint = find_checkpoint(tmp_path)
    events = run(config(kimg=0.128), tmp_path, start=checkpoint)
    assert events[0].kimg == pytest.approx(0.064)
    assert events[0].seconds == checkpoint.seconds > 0
    assert events[-1].kimg == pytest.approx(0.128)


# --- starting -----------------------------------------------------------------------------


def test_a_run_from_a_snapshot_begins_with_its_pictures(tmp_path):
    run(config(), tmp_path / "first")
    snapshot = load_snapshot(tmp_path / "first" / "best")
    events = run(config(seed=5), tmp_path / "second", start=Start(snapshot, "first"))
    state = new_state(config(seed=5), pictures(), CPU, snapshot)
    assert events[0].start == "first"
    begun_with = make_grid(to_uint8(render(snapshot.G, latents(16, 5, 8))))
    assert np.array_equal(events[2].image, begun_with)
    for name, tensor in snapshot.G.state_dict().items():
        assert torch.equal(state.G.state_dict()[name], tensor), name
    for name, tensor in snapshot.D.state_dict().items():
        assert torch.equal(state.D.state_dict()[name], tensor), name


def test_a_snapshot_of_another_network_is_refused_with_both_sizes(tmp_path):
    run(config(), tmp_path)
    other = NetworkConfig(resolution=32, z_dim=8, width_G=8, width_D=8)
    with pytest.raises(BadWeights, match=r"resolution = 16.*resolution = 32"):
        load_snapshot(tmp_path / "best", expect=other)


def test_a_start_that_does_not_fit_the_configuration_is_refused_before_anything_is_done(tmp_path):
    run(config(), tmp_path / "first")
    start = Start(load_snapshot(tmp_path / "first" / "best"), "first")
    wider = config(network=NetworkConfig(resolution=16, z_dim=8, width_G=16, width_D=8))
    with pytest.raises(BadWeights, match=r"width_G = 8.*width_G = 16"):
        run(wider, tmp_path / "second", start=start)
    assert not (tmp_path / "second").exists()


def test_figures_are_measured_in_full_precision_whatever_training_computes_in(tmp_path):
    settings = config(cadence=Cadence(None, None, None, 0), kimg=0.016)
    bf16 = Compute("cpu", "bfloat16", True, 1)
    events = list(train(settings, Data(pictures()), tmp_path, among=[bf16]))
    measured = [event.kid for event in events if isinstance(event, Measured)]
    assert measured
    assert all(kid != float(torch.tensor(kid).bfloat16()) for kid in measured)


def test_a_run_without_an_end_is_refused():
    with pytest.raises(BadSetting, match="no end"):
        TrainConfig(minutes=None, kimg=None)


def test_a_checkpoint_holds_networks_average_moments_generator_and_data_order():
    state = new_state(config(), pictures(), CPU)
    train_step(state, config(), CPU)
    names = {name.split(".")[0] for name in state_to_tensors(state)}
    assert names == {"G", "D", "G_ema", "opt_G", "opt_D", "rng", "waiting", "mean_logits"}
