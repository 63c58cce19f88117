"""The judge against its definitions, and what it must be able to tell apart."""

import numpy as np
import pytest
import torch

from gan_core.errors import BadDataset
from gan_core.gan.metrics import Judge, Quality, _kernel, _kid, shortfall


def pictures(n, low=0, high=256, seed=0):
    return np.random.default_rng(seed).integers(low, high, (n, 16, 16, 3), np.uint8)


def blobs(n, colour, seed=0):
    """A square of one colour at a random place on grey."""
    rng = np.random.default_rng(seed)
    images = np.full((n, 16, 16, 3), 128, np.uint8)
    for image in images:
        row, column = rng.integers(0, 8, 2)
        image[row : row + 8, column : column + 8] = colour
    return images


def corner(x):
    """Four numbers of a picture."""
    return x[:, 0, :2, :2].flatten(1).float() / 255


def drawn(points):
    """Pictures whose `corner` is, to 1 / 255, the given numbers [N, 4] in [0, 1]."""
    images = np.zeros((len(points), 4, 4, 3), np.uint8)
    images[:, :2, :2, 0] = (np.asarray(points) * 255).round().reshape(-1, 2, 2)
    return images


def cloud(n, seed, middle=0.5):
    return drawn(np.random.default_rng(seed).normal(middle, 0.12, (n, 4)).clip(0, 1))


# --- kernel inception distance ------------------------------------------------------------


def test_kid_is_the_unbiased_estimate_written_as_a_double_loop():
    real, fake = pictures(12), pictures(15, high=128, seed=1)
    judge = Judge(real, corner)
    x, y = (judge._normalise(judge._raw(a)).double().numpy() for a in (real, fake))
    assert judge.judge(fake).kid == pytest.approx(mmd(x, y), rel=1e-5)


def mmd(x, y):
    def kernel(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    def within(z):
        n = len(z)
        pairs = [kernel(z[i], z[j]) for i in range(n) for j in range(n) if i != j]
        return sum(pairs) / (n * (n - 1))

    return within(x) + within(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_the_interval_is_that_of_a_jackknife_that_judges_anew_without_each_block():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (23, 3)), rng.normal(0.5, 1, (31, 3))
    _, margin = _kid(*kernels(x, y))
    without = [
        mmd(x[np.arange(23) % 10 != block], y[np.arange(31) % 10 != block]) for block in range(10)
    ]
    error = np.sqrt(0.9 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert margin == pytest.approx(1.833 * error)  # Student's t for 90 %, 9 degrees of freedom


def kernels(x, y):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    return _kernel(x, x), _kernel(y, y), _kernel(x, y)


@pytest.mark.parametrize(
    ("apart", "n_real", "n_fake"), [(0.0, 60, 60), (0.4, 60, 60), (1, 40, 100)]
)
def test_the_interval_holds_the_truth_about_nine_times_in_ten(apart, n_real, n_fake):
    rng = np.random.default_rng(0)

    def draw(n, m):
        return _kid(*kernels(rng.normal(0, 1, (n, 2)), rng.normal(apart, 1, (m, 2))))

    truth = np.mean([draw(1000, 1000)[0] for _ in range(5)]) if apart else 0
    found = np.array([draw(n_real, n_fake) for _ in range(100)])
    held = np.abs(found[:, 0] - truth) <= found[:, 1]
    assert 0.75 <= held.mean() <= 0.99
    assert found[:, 0].mean() == pytest.approx(truth, abs=4 * found[:, 0].std() / 10)  # unbiased


def test_pictures_of_the_same_kind_score_near_zero_and_others_far_above():
    judge = Judge(blobs(80, (200, 30, 30)))
    same = judge.judge(blobs(80, (200, 30, 30), seed=1))
    other = judge.judge(blobs(80, (30, 30, 200), seed=1))
    assert same.kid_low <= 0.05
    assert other.kid_low > 20 * abs(same.kid)


def test_a_figure_stays_readable_where_real_pictures_hardly_vary_in_places():
    icons = blobs(60, (200, 30, 30))
    icons[:, :2], icons[:, -2:] = 255, 255  # the same white margin in all
    assert Judge(icons).judge(pictures(60)).kid < 16  # the kernel's own range


def test_features_that_never_vary_among_the_real_pictures_decide_nothing():
    real, fake = cloud(40, 0), cloud(40, 1)
    real[:, 0, 0], fake[:, 0, 0] = 77, 78  # the first feature: 1 / 255 away, and never elsewhere
    for each in (
        Judge(real, corner).judge(fake),
        Judge(drawn(np.full((40, 4), 0.5)), corner).judge(fake),
    ):
        figures = [each.kid, each.kid_low, each.kid_high, each.nearest, each.diversity]
        assert np.isfinite(figures).all()
        assert np.abs(figures).max() <= 16  # the kernel's own range


def test_two_pictures_give_numbers_and_an_endless_interval():
    for real in (np.zeros((2, 16, 16, 3), np.uint8), pictures(2)):
        found = Judge(real, corner).judge(pictures(2, seed=1))
        figures = [found.kid, found.coverage, found.memorised, found.nearest, found.diversity]
        assert np.isfinite(figures).all()
        assert (found.kid_low, found.kid_high) == (-np.inf, np.inf)


def test_one_real_picture_is_refused_with_the_number():
    with pytest.raises(BadDataset, match="There are 1 pictures"):
        Judge(pictures(1))


# --- coverage, diversity, copies ----------------------------------------------------------


def test_a_generator_that_makes_one_picture_covers_little_and_has_no_diversity():
    real = blobs(80, (200, 30, 30))
    judge = Judge(real)
    varied = judge.judge(blobs(80, (200, 30, 30), seed=1))
    collapsed = judge.judge(np.repeat(blobs(1, (200, 30, 30), seed=9), 80, axis=0))
    assert collapsed.diversity == pytest.approx(0, abs=1e-3)
    assert collapsed.coverage < varied.coverage / 2
    assert collapsed.kid > 10 * abs(varied.kid)
    assert varied.diversity == pytest.approx(1, abs=0.1)


def test_coverage_is_the_share_of_real_pictures_with_a_made_one_among_their_five_nearest():
    real, fake = cloud(30, 0), cloud(9, 1)
    judge = Judge(real, corner)
    x, y = (judge._normalise(judge._raw(a)).numpy() for a in (real, fake))
    far = np.linalg.norm(x[:, None] - x[None], axis=2)
    radius = np.sort(far, axis=1)[:, 5]
    covered = np.linalg.norm(x[:, None] - y[None], axis=2).min(1) <= radius + 1e-4
    assert judge.judge(fake).coverage == pytest.approx(covered.mean())


def test_diversity_and_nearest_are_ratios_of_distances_measured_by_hand():
    real, fake = cloud(20, 0), cloud(9, 1, middle=0.6)
    judge = Judge(real, corner)
    x, y = (judge._normalise(judge._raw(a)).numpy() for a in (real, fake))

    def far(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def mean_of_pairs(a):
        return far(a, a)[np.triu_indices(len(a), 1)].mean()

    found = judge.judge(fake)
    assert found.diversity == pytest.approx(mean_of_pairs(y) / mean_of_pairs(x), rel=1e-4)
    alone = np.sort(far(x, x), axis=1)[:, 1]
    # The lower of two middle ones, as torch takes it.
    medians = [np.sort(each)[(len(each) - 1) // 2] for each in (far(y, x).min(1), alone)]
    assert found.nearest == pytest.approx(medians[0] / medians[1], rel=1e-3)


def test_a_generator_that_repeats_what_it_was_shown_has_memorised_it_all():
    real = pictures(60)
    judge = Judge(real)
    darker = (real * 0.9).round().astype(np.uint8)
    copied = judge.judge(darker[:, :, ::-1].copy())
    assert (copied.memorised, judge.judge(pictures(60, seed=5)).memorised) == (1, 0)
    some = judge.judge(np.concatenate([real[:30], pictures(90, seed=5)]))
    assert some.memorised == pytest.approx(0.25)


def test_the_nearest_real_picture_of_a_copy_is_its_original_and_it_ranks_first():
    real = pictures(40)
    found = Judge(real, corner).neighbours(real[[7, 3]])
    assert [each.index for each in found] == [7, 3]
    assert all(each.is_copy and each.rank == 0 for each in found)
    stranger = Judge(real, corner).neighbours(pictures(1, seed=8))[0]
    assert not stranger.is_copy
    assert stranger.rank > 0.1


def test_a_neighbour_is_named_by_its_place_among_all_real_pictures():
    real = pictures(2501)  # four of five are looked at
    found = Judge(real, corner, most=21).neighbours(real[[2500, 5]])
    assert [each.index for each in found] == [2500, 5]


def test_copies_are_looked_for_among_all_real_pictures_not_only_those_whose_features_count():
    real = pictures(60)
    judge = Judge(real, corner, most=20)
    assert judge.judge(real[:40]).memorised == 1
    assert [each.index for each in judge.neighbours(real[:40])] == list(range(40))


def test_a_copying_generator_is_never_preferred_to_an_equal_one_that_does_not():
    found = Quality(0.2, 0.1, 0.3, 0.8, 0.0, 1.0, 0.9, 100, 256, "features")
    copying = Quality(-0.2, -0.3, -0.1, 1.0, 1.0, 0.0, 1.0, 100, 256, "features")
    assert shortfall(found) < shortfall(copying)


# --- fairness -----------------------------------------------------------------------------


def test_judging_twice_gives_the_same_and_leaves_the_global_generator_alone():
    judge = Judge(pictures(40))
    before = torch.get_rng_state()
    first, again = (judge.judge(pictures(40, seed=2)) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())


def test_of_too_many_real_pictures_some_from_all_over_are_taken():
    by_brightness = np.concatenate([pictures(20, high=99), pictures(20, low=156, seed=1)])
    judge = Judge(by_brightness, corner, most=20)
    alike = judge.judge(by_brightness[1::2])
    assert alike.n_real == 20
    assert abs(alike.kid) < judge.judge(by_brightness[:20]).kid / 4


def test_a_figure_carries_its_counts_and_features():
    found = Judge(pictures(30)).judge(pictures(50))
    assert (found.n_real, found.n_fake) == (30, 50)
    assert found.extractor == "StyleNet, relu3_1, relu4_1, relu5_1"


def test_features_are_centred_on_the_real_pictures_and_of_one_length():
    judge = Judge(pictures(64))
    features = judge._normalise(judge._raw(pictures(64)))
    assert features.mean(0).abs().max() < 0.2
    assert torch.allclose(features.square().mean(1), torch.ones(64), atol=1e-4)
