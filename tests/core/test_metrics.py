"""The judge against its definitions, and what it must be able to tell apart."""

import numpy as np
import pytest
import torch

from gan_core.gan.metrics import Judge, Quality, shortfall


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


def test_the_interval_holds_zero_for_pictures_of_one_kind_about_nine_times_in_ten():
    held = 0
    for seed in range(60):
        found = Judge(cloud(40, seed), corner).judge(cloud(40, seed + 1000))
        held += found.kid_low <= 0 <= found.kid_high
    assert 46 <= held <= 60


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


def test_two_pictures_that_are_all_alike_give_numbers():
    found = Judge(np.zeros((2, 16, 16, 3), np.uint8), corner).judge(pictures(2))
    assert np.isfinite([found.kid, found.coverage, found.memorised]).all()


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


def test_copies_are_found_also_when_they_are_changed_a_little_and_others_are_not():
    real, others = blobs(60, (200, 30, 30)), pictures(60)
    judge = Judge(np.concatenate([real[::2], others[::2]]))
    brighter = (others[::2].astype(int) + 4).clip(0, 255).astype(np.uint8)
    assert judge.judge(others[::2]).memorised == 1
    assert judge.judge(brighter).memorised > 0.9
    assert judge.judge(pictures(60, seed=5)).memorised < 0.1


def test_the_nearest_real_picture_of_a_copy_is_its_original_and_it_ranks_first():
    real = pictures(40)
    found = Judge(real).neighbours(real[[7, 3]])
    assert [each.index for each in found] == [7, 3]
    assert all(each.is_copy and each.rank == 0 for each in found)
    stranger = Judge(real).neighbours(pictures(1, seed=8))[0]
    assert not stranger.is_copy
    assert stranger.rank > 0.1


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
