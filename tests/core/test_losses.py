"""Adversarial losses against their definitions."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_core.gan.losses import lecam, loss_D, loss_G, mean_score, steepness

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-2.0, 0.3, 1.0])


def test_the_non_saturating_losses_are_cross_entropy_with_targets_one_and_zero():
    expected = bce(REAL, torch.ones(3)) + bce(FAKE, torch.zeros(3))
    assert loss_D("non-saturating", REAL, FAKE) == pytest.approx(float(expected))
    assert loss_G("non-saturating", FAKE, REAL) == pytest.approx(float(bce(FAKE, torch.ones(3))))


def test_the_hinge_loss_is_zero_beyond_the_margin_and_two_at_chance():
    assert loss_D("hinge", torch.tensor([1.5]), torch.tensor([-1.5])) == 0
    assert loss_D("hinge", torch.zeros(1), torch.zeros(1)) == 2
    assert loss_G("hinge", torch.tensor([3.0]), REAL) == -3


def test_chance_level_of_the_non_saturating_loss_is_two_log_two():
    zero = torch.zeros(4)
    assert loss_D("non-saturating", zero, zero) == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("kind", ["non-saturating", "hinge", "relativistic"])
def test_losses_push_real_up_and_fake_down_and_for_g_fake_up(kind):
    real, fake = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    loss_D(kind, real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    loss_G(kind, fake, real).backward()
    assert (fake.grad < 0).all()


def test_the_relativistic_loss_asks_only_that_real_score_above_fake_and_is_log_two_at_chance():
    assert loss_D("relativistic", REAL, REAL) == pytest.approx(math.log(2))
    assert loss_D("relativistic", REAL + 7, FAKE + 7) == loss_D("relativistic", REAL, FAKE)
    pairs = [math.log(1 + math.exp(f - r)) for r, f in zip(REAL, FAKE, strict=True)]
    assert loss_D("relativistic", REAL, FAKE) == pytest.approx(sum(pairs) / 3)
    swapped = loss_D("relativistic", FAKE, REAL)
    assert loss_G("relativistic", FAKE, REAL) == pytest.approx(float(swapped))


def test_lecam_draws_logits_back_only_beyond_the_other_sides_average():
    mean_real, mean_fake = torch.tensor(2.0), torch.tensor(-2.0)
    assert lecam(torch.tensor([-3.0]), torch.tensor([3.0]), mean_real, mean_fake) == 0
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 2.0])
    assert lecam(real, fake, mean_real, mean_fake) == pytest.approx(9 / 2 + 4 / 2)


def test_r1_is_the_mean_squared_slope_of_d_at_each_picture():
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    logits = (x * torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)).sum(dim=(1, 2, 3))
    assert steepness(logits, x) == pytest.approx((48 * 1 + 48 * 9) / 2)  # slopes 1 and 3


def test_r1_can_be_learned_from_which_takes_gradients_of_gradients():
    slope = torch.tensor(2.0, requires_grad=True)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    steepness((x * slope).sum(dim=(1, 2, 3)), x).backward()
    assert slope.grad == pytest.approx(2 * 2.0 * 48)


def test_a_score_is_a_probability():
    assert mean_score(torch.tensor([0.0, 100.0])) == pytest.approx(0.75)
