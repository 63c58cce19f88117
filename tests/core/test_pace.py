"""The clock before a run: how many pictures in how many minutes, and whether that is enough."""

from dataclasses import replace

import pytest

from gan_core.errors import BadSetting
from gan_core.gan import pace
from gan_core.gan.config import TrainConfig, network_of
from gan_core.gan.growth import Stage, stage_at
from gan_core.gan.networks.families import FAMILIES

TINY = network_of("dcgan", resolution=16, z_dim=8, width_G=4, width_D=4)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_SECONDS", 0.02)


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_network_is_timed_without_being_trained(kind: str) -> None:
    shape = {"width_G": 4, "width_D": 4}
    network = network_of(kind, resolution=min(FAMILIES[kind].sizes), **shape)
    assert pace.images_per_second(TrainConfig(network, batch_size=4)) > 0


def test_a_choice_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = pace.images_per_second(TrainConfig(TINY, batch_size=8, seed=1))
    monkeypatch.setattr(pace, "_seconds_of_a_step", lambda *_: 1 / 0)
    assert pace.images_per_second(TrainConfig(TINY, batch_size=8, seed=2, minutes=9)) == first


def test_a_network_too_large_to_be_made_for_it_is_timed_narrower_and_reckoned_up() -> None:
    config = TrainConfig(network_of("dcgan", resolution=128, width_G=64, width_D=64))
    narrow, times = pace._narrowed(config)
    assert (narrow.network.width_G, times) == (32, 4.0)
    assert pace._narrowed(TrainConfig(TINY))[1] == 1.0


def test_a_run_is_refused_with_how_long_it_would_have_to_be() -> None:
    config = TrainConfig(network_of("pyramid", resolution=256), minutes=2)
    # 3 a second x 120 s x 0.85 = 306 pictures; 10,000 take 65.4 minutes.
    with pytest.raises(BadSetting, match=r"about 310 pictures.*256 px.*10,000.*66 minutes"):
        pace.require_enough(config, 3.0, is_from_scratch=True)
    with pytest.raises(BadSetting, match=r"1,000 are needed.*7 minutes"):
        pace.require_enough(config, 3.0, is_from_scratch=False)
    pace.require_enough(config, 10.0, is_from_scratch=False)
    grown = replace(config, grow_from=128)  # the new layers have learned nothing
    with pytest.raises(BadSetting, match=r"To grow a trained model.*10,000"):
        pace.require_enough(grown, 10.0, is_from_scratch=False)


def test_growing_is_over_after_half_of_the_run() -> None:
    network = network_of("pyramid", resolution=64, width_G=4, width_D=4)
    by_pictures = pace.grow_kimg(30.0, 8, 64, by_time=False)
    config = TrainConfig(network, grow_from=8, grow_kimg=by_pictures)
    assert stage_at(int(15_000 * 1.01), config) == Stage(64)
    before = stage_at(int(15_000 * 0.9), config)
    assert before is not None and before.fade < 1


def test_growing_is_over_after_half_of_the_time_where_small_pictures_are_quick() -> None:
    each = pace.grow_kimg(30.0, 8, 64)
    # 8, 16, 32 and 64 px: half a stage, one, one, and half a stage, each at its cost.
    spent = each * (0.5 / 6 + 1 / 4 + 1 / 2 + 0.5)
    assert spent == pytest.approx(30.0 / 2, rel=0.05)


def test_who_trains_anyway_still_grows_within_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "images_per_second", lambda _: 100.0)
    config = TrainConfig(network_of("pyramid", resolution=128), minutes=0.1, grow_from=8)
    with pytest.raises(BadSetting, match="about 510 pictures"):
        pace.fit(config, is_from_scratch=True)
    assert pace.fit(config, is_from_scratch=True, anyway=True)["grow_kimg"] < 0.2
