"""What serves the balance of the game reaches both players, and is reported as it is."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch

from gan_core.compute import Compute
from gan_core.events import Progress
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig
from gan_core.gan.losses import loss_D, loss_G
from gan_core.gan.start import Data
from gan_core.gan.state import new_state
from gan_core.gan.steps import Tally, train_step
from gan_core.gan.train import train

CPU = Compute("cpu", "float32", True, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
EVERY_STEP = Cadence(report=0, preview=None, checkpoint=None, measure=None)
REAL_FOR_D, FAKE_FOR_D, FAKE_FOR_G = range(3)  # the order in which D is asked
PLAYERS = [Tally.NAMES.index(name) for name in ("loss_D", "loss_G")]


def config(**changes) -> TrainConfig:
    settings = {"network": TINY, "minutes": None, "kimg": 0.064, "batch_size": 8}
    return TrainConfig(**{**settings, "cadence": EVERY_STEP, **changes})


def pictures(n: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)


def play(settings, images=None):
    """One step: its figures, and what D was shown and answered, [(x, logits)] by the order above.

    Not one value of a picture is exactly 0: real ones are odd multiples of 1 / 255, fake ones tanh.
    """
    state = new_state(settings, pictures() if images is None else images, CPU)
    asked = []

    def note(_, args, logits) -> None:
        logits.retain_grad()
        asked.append((args[0].detach(), logits))

    state.D.register_forward_hook(note)
    figures = train_step(state, settings, CPU)
    assert len(asked) == 3
    return figures, asked


def reports(settings, folder, **options):
    events = train(settings, Data(pictures()), folder, among=[CPU], **options)
    return [event for event in events if isinstance(event, Progress)]


# --- what D is shown ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "turn", [REAL_FOR_D, FAKE_FOR_D, FAKE_FOR_G], ids=["real for D", "fake for D", "fake for G"]
)
def test_every_picture_is_augmented_before_d_sees_it(turn):
    for policy, is_cut in [(("cutout",), True), ((), False)]:
        x, _ = play(config(augment=policy))[1][turn]
        assert x.shape == (8, 3, 16, 16)
        assert ((x == 0).flatten(1).any(dim=1) == is_cut).all(), policy


@pytest.mark.parametrize(("mirror", "sides"), [(True, {"left", "right"}), (False, {"left"})])
def test_with_mirror_d_sees_real_pictures_either_way_round(mirror, sides):
    bright_left = np.zeros((24, 16, 16, 3), np.uint8)
    bright_left[:, :, :8] = 255
    x, _ = play(config(mirror=mirror, augment=()), bright_left)[1][REAL_FOR_D]
    assert x.abs().min() == 1  # turned, and nothing else
    lean = (x[..., :8] - x[..., 8:]).mean(dim=(1, 2, 3))
    assert (lean.abs() == 2).all()
    assert {"left" if each > 0 else "right" for each in lean} == sides


# --- what G and D learn from --------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "other"), [("hinge", "non-saturating"), ("non-saturating", "hinge")]
)
def test_both_players_learn_from_the_loss_that_was_chosen(kind, other):
    figures, asked = play(config(loss=kind))
    answers = [logits for _, logits in asked]
    real, fake, again = copies = [logits.detach().requires_grad_() for logits in answers]
    chosen = torch.stack([loss_D(kind, real, fake), loss_G(kind, again, real)])
    wrong = torch.stack([loss_D(other, real, fake), loss_G(other, again, real)])
    assert torch.allclose(figures[PLAYERS], chosen)
    assert ((figures[PLAYERS] - wrong).abs() > 0.1).all()
    chosen.sum().backward()
    for logits, by_hand in zip(answers, copies, strict=True):
        assert torch.allclose(logits.grad, by_hand.grad)


@pytest.mark.parametrize(("lr_G", "lr_D"), [(1e-3, 1e-4), (1e-4, 1e-3)])
def test_each_player_steps_by_its_own_learning_rate(lr_G, lr_D):
    """Adam's first step moves a weight by its learning rate, whatever the gradient's size."""
    settings = config(lr_G=lr_G, lr_D=lr_D)
    state = new_state(settings, pictures(), CPU)
    G, D = copy.deepcopy(state.G), copy.deepcopy(state.D)
    train_step(state, settings, CPU)
    for before, after, lr in [(G, state.G, lr_G), (D, state.D, lr_D)]:
        step = (flat(after) - flat(before)).abs()
        assert step.max().item() == pytest.approx(lr, rel=0.02)
        assert step.median().item() == pytest.approx(lr, rel=0.02)


def flat(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


# --- what is reported of it ---------------------------------------------------------------


def test_a_winning_d_is_reported_with_real_scored_high_and_fake_low(tmp_path):
    settings = config(kimg=0.32, augment=(), lr_D=2e-3, lr_G=1e-6)  # G hardly moves
    last = reports(settings, tmp_path)[-1]
    assert last.score_real > 0.8
    assert last.score_fake < 0.2


@pytest.mark.parametrize(("minutes", "kimg"), [(None, 0.064), (0.5, None), (0.5, 0.064)])
def test_speed_and_time_left_are_those_of_the_clock(tmp_path, minutes, kimg):
    """A clock on which every step takes a second longer than the one before."""
    times = itertools.accumulate(itertools.count(1.0))
    read = []

    def clock() -> float:
        read.append(next(times))
        return read[-1]

    seen = reports(config(minutes=minutes, kimg=kimg), tmp_path, clock=clock)
    assert len(seen) > 4
    for before, now in itertools.pairwise(seen):
        assert now.seconds + read[0] in read
        speed = 8 / (now.seconds - before.seconds)
        assert now.images_per_second == pytest.approx(speed)
        by_clock = math.inf if minutes is None else minutes * 60 - now.seconds
        by_count = math.inf if kimg is None else (kimg - now.kimg) * 1000 / speed
        assert now.seconds_left == pytest.approx(max(0, min(by_clock, by_count)), abs=1e-6)
    assert seen[-1].seconds_left == 0
