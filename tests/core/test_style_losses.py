"""Losses of style transfer against their definitions, by hand where that is possible."""

import pytest
import torch

from gan_core.style.losses import content_loss, gram_matrix, style_loss, tv_loss

FORMS = ["relative", "lesson"]
TV_FORMS = ["squared", "absolute", "power"]


def features(channels: int = 5, height: int = 6, width: int = 7, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, height, width, generator=rng)


def left_half(height: int = 6, width: int = 7) -> torch.Tensor:
    where = torch.zeros(1, 1, height, width)
    where[..., : width // 2] = 1
    return where


def test_a_gram_matrix_does_not_tell_where_anything_is():
    h = features()
    order = torch.randperm(42, generator=torch.Generator().manual_seed(1))
    shuffled = h.flatten(2)[..., order].view_as(h)
    assert not torch.equal(h, shuffled)
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(h))


def test_a_gram_matrix_is_the_mean_product_of_two_features_by_hand():
    h = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # two channels, two places
    torch.testing.assert_close(gram_matrix(h), torch.tensor([[2.5, 0.5], [0.5, 5.0]]))


@pytest.mark.parametrize("where", [None, left_half()])
def test_a_gram_matrix_is_symmetric_and_positive_semi_definite(where):
    gram = gram_matrix(features(channels=12, seed=3) * 3, where)
    torch.testing.assert_close(gram, gram.T)
    assert torch.linalg.eigvalsh(gram.double()).min() > -1e-6


def test_a_mask_of_ones_is_no_mask():
    h = features()
    masked = gram_matrix(h, torch.ones(1, 1, 6, 7))
    torch.testing.assert_close(masked, gram_matrix(h))


def test_a_region_that_a_mask_hides_does_not_count():
    h = features()
    rest = gram_matrix(h[..., :3])
    torch.testing.assert_close(gram_matrix(h, left_half()), rest)
    elsewhere = h.clone()
    elsewhere[..., 3:] = 100
    torch.testing.assert_close(gram_matrix(elsewhere, left_half()), rest)


def test_a_place_that_counts_half_counts_half_as_much_as_a_whole_one():
    h = torch.tensor([[[[1.0, 3.0]]]])
    gram = gram_matrix(h, torch.tensor([[[[0.5, 1.0]]]]))
    assert gram.item() == pytest.approx((0.5 * 1 + 1 * 9) / 1.5)


def test_a_mask_that_hides_everything_leaves_a_finite_gram_matrix():
    assert (gram_matrix(features(), torch.zeros(1, 1, 6, 7)) == 0).all()


def test_gram_matrices_of_half_precision_features_are_summed_in_single_precision():
    h = features(channels=3, height=64, width=64).bfloat16()
    gram = gram_matrix(h)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, gram_matrix(h.float()))


@pytest.mark.parametrize("form", FORMS)
def test_the_content_loss_is_zero_at_the_content_and_only_there(form):
    assert content_loss(features(), features(), form) == 0
    assert content_loss(features(seed=1), features(), form) > 0


def test_the_relative_content_loss_does_not_depend_on_the_scale_of_features():
    h, target = features(seed=1), features()
    torch.testing.assert_close(content_loss(7 * h, 7 * target), content_loss(h, target))
    assert content_loss(7 * h, target) > 2 * content_loss(h, target)


def test_the_content_losses_by_hand():
    h = torch.tensor([[[[1.0, 2.0]], [[0.0, 1.0]]]])  # two channels
    target = torch.tensor([[[[1.0, 4.0]], [[2.0, 2.0]]]])
    assert content_loss(h, target, "relative") == pytest.approx((4 + 4 + 1) / (1 + 16 + 4 + 4))
    assert content_loss(h, target, "lesson") == pytest.approx((4 + 4 + 1) / 2 * 512 / 2)


def test_the_lessons_content_loss_is_as_large_for_few_channels_as_for_many():
    one = content_loss(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), "lesson")
    many = content_loss(torch.zeros(1, 512, 4, 4), torch.ones(1, 512, 4, 4), "lesson")
    assert one == many == 512 * 16 / 2


def test_content_of_nothing_but_zeros_gives_a_finite_loss():
    assert torch.isfinite(content_loss(features(), torch.zeros(1, 5, 6, 7)))


def grams(seed: int, scale: float = 1.0) -> dict[str, torch.Tensor]:
    return {
        "relu1_1": gram_matrix(scale * features(4, seed=seed)),
        "relu2_1": gram_matrix(scale * features(9, seed=seed + 10)),
    }


@pytest.mark.parametrize("form", FORMS)
def test_the_style_loss_is_zero_at_the_style_and_only_there(form):
    assert style_loss(grams(0), grams(0), form) == 0
    assert style_loss(grams(1), grams(0), form) > 0


def test_the_relative_style_loss_does_not_depend_on_the_scale_of_features():
    plain = style_loss(grams(1), grams(0))
    torch.testing.assert_close(style_loss(grams(1, 5), grams(0, 5)), plain)
    lesson = style_loss(grams(1), grams(0), "lesson")
    torch.testing.assert_close(style_loss(grams(1, 5), grams(0, 5), "lesson"), lesson * 5**4)


def test_in_the_relative_style_loss_layers_of_any_scale_count_alike():
    target, loud = grams(0), grams(0)
    loud["relu2_1"] = loud["relu2_1"] * 1000
    nothing = {layer: torch.zeros_like(gram) for layer, gram in target.items()}
    assert style_loss(nothing, target) == pytest.approx(1)
    assert style_loss(nothing, loud) == pytest.approx(1)


def test_the_style_losses_by_hand():
    found = {"a": torch.tensor([[1.0, 0.0], [0.0, 2.0]]), "b": torch.tensor([[3.0]])}
    target = {"a": torch.tensor([[1.0, 1.0], [1.0, 1.0]]), "b": torch.tensor([[1.0]])}
    assert style_loss(found, target) == pytest.approx((3 / 4 + 4 / 1) / 2)
    assert style_loss(found, target, "lesson") == pytest.approx((3 / 4 + 4) / 2)
    twice = {"a": target["a"] * 2, "b": target["b"]}
    assert style_loss(found, twice) == pytest.approx(((1 + 4 + 4 + 0) / 16 + 4) / 2)


@pytest.mark.parametrize("form", TV_FORMS)
def test_a_constant_picture_has_no_variation(form):
    assert tv_loss(torch.full((1, 3, 8, 9), 0.4), form) == pytest.approx(0, abs=1e-6)


def test_a_checkerboard_has_a_squared_variation_of_two():
    board = (torch.arange(8).view(1, -1) + torch.arange(6).view(-1, 1)) % 2
    assert tv_loss(board.float().expand(1, 3, 6, 8), "squared") == 2


def test_the_total_variations_by_hand():
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.0]]]])  # dx: 1, -0.5; dy: 0.5, -1
    assert tv_loss(x, "absolute") == pytest.approx(3.0)
    assert tv_loss(x, "squared") == pytest.approx((1 + 0.25) / 2 + (0.25 + 1) / 2)
    assert tv_loss(x, "power") == pytest.approx((1.25 * 255**2) ** 1.25, rel=1e-5)


@pytest.mark.parametrize("form", TV_FORMS)
def test_the_slope_of_total_variation_is_finite_where_the_picture_is_constant(form):
    x = torch.full((1, 3, 5, 5), 0.3, requires_grad=True)
    (slope,) = torch.autograd.grad(tv_loss(x, form), x)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_slopes_of_content_and_style_are_finite_where_features_are_constant(form, value):
    h = torch.full((1, 4, 5, 5), value, requires_grad=True)
    target = torch.zeros(1, 4, 5, 5)
    loss = content_loss(h, target, form) + style_loss(
        {"a": gram_matrix(h)}, {"a": gram_matrix(target)}, form
    )
    (slope,) = torch.autograd.grad(loss, h)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("form", TV_FORMS)
def test_going_against_the_slope_makes_a_picture_smoother(form):
    x = features(3).requires_grad_()
    (slope,) = torch.autograd.grad(tv_loss(x, form), x)
    assert tv_loss(x - 1e-3 * slope / slope.norm(), form) < tv_loss(x, form)


def test_a_layer_that_weighs_three_times_as_much_counts_three_times_as_much():
    targets = {"a": torch.eye(2), "b": torch.eye(2)}
    grams = {"a": torch.zeros(2, 2), "b": torch.eye(2)}  # a is wholly wrong, b is right
    assert style_loss(grams, targets, weights=(3.0, 1.0)).item() == pytest.approx(0.75)
    assert style_loss(grams, targets).item() == pytest.approx(0.5)
