"""Network, size and start, chosen on the page: what fits, what follows, what it comes to."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.errors import BadSetting
from gan_core.gan import pace
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, save_snapshot
from gan_core.gan.start import SCRATCH
from ui.choice import (
    Choice,
    begins_at,
    config_of,
    estimate,
    explain,
    first_sides,
    settle,
    sizes_of,
    usual,
)
from ui.jobs import Runs
from ui.models import Models
from ui.network_form import choice_of
from ui.terms import growing_within, settings_from

BUNDLED = {
    "dcgan-kaokore-64": NetworkConfig(width_G=4, width_D=4),
    "pyramid-32": NetworkConfig("pyramid", 32, width_G=4, width_D=4),
    "pyramid-64-all": NetworkConfig("pyramid", 64, width_G=4, width_D=4, scales="all"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    place = tmp_path_factory.mktemp("models")
    for name, network in BUNDLED.items():
        save_snapshot(Snapshot(network, *build(network)), place / "bundled" / name)
    runs = Runs(place / "runs")
    yield Models(place / "bundled", runs)
    runs.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 100 pictures a second."""
    monkeypatch.setattr(pace, "images_per_second", lambda _config: 100.0)


def scratch(kind: str = "pyramid", resolution: int = 128, grow_from: int = 0) -> Choice:
    return Choice(kind, resolution, "one", SCRATCH, grow_from)


def test_the_page_begins_with_the_bundled_model_and_has_nothing_to_say_of_it(
    models: Models,
) -> None:
    choice = usual(models)
    assert choice == Choice("dcgan", 64, "one", "dcgan-kaokore-64")
    assert explain(models, choice) == ""
    settings = settings_from(models, 100, 5, choice, 0, {})
    assert (settings.network, "px" in settings.label) == ({}, False)


def test_another_network_or_size_begins_from_scratch_and_the_page_says_so(models: Models) -> None:
    for kind in ("stylegan", "mlp"):
        choice, said = settle(models, replace(usual(models), kind=kind), "kind")
        assert (choice.start, choice.kind) == (SCRATCH, kind)
        told = explain(models, choice, said)
        assert "cannot be the start" in told and "begins from scratch" in told
        assert "3,532" in told  # what is to be expected then


def test_who_chooses_but_a_size_gets_the_bundled_model_for_it_whatever_was_before(
    tmp_path: Path,
) -> None:
    """Of that size, or grown to it."""
    bundled = {"dcgan-kaokore-64": NetworkConfig(width_G=4, width_D=4)}
    bundled["pyramid-128"] = NetworkConfig("pyramid", 128, width_G=4, width_D=4)
    for name, network in bundled.items():
        save_snapshot(Snapshot(network, *build(network)), tmp_path / name)
    with closing(Runs(tmp_path / "runs")) as runs:
        models = Models(tmp_path, runs)
        first = usual(models)
        there = {
            64: first,
            128: Choice("pyramid", 128, "one", "pyramid-128"),
            256: Choice("pyramid", 256, "one", "pyramid-128"),
        }
        for before, after in itertools.permutations(there, 2):
            asked = replace(there[before], resolution=after)
            assert settle(models, asked, "resolution")[0] == there[after], (before, after)
        # A network that was chosen by hand stays.
        by_hand, _ = settle(models, replace(first, kind="stylegan"), "kind")
        assert settle(models, replace(by_hand, resolution=128), "resolution")[0].kind == "stylegan"


def test_a_bundled_model_of_the_chosen_network_and_size_becomes_the_start(models: Models) -> None:
    asked = Choice("pyramid", 64, "all", "dcgan-kaokore-64")
    assert settle(models, asked, "scales")[0].start == "pyramid-64-all"
    assert settle(models, scratch("dcgan", 64), "resolution")[0] == usual(models)
    # Who chose scratch by hand keeps it.
    assert settle(models, scratch("dcgan", 64), "start")[0] == scratch("dcgan", 64)


def test_a_start_brings_its_network_and_size_with_it(models: Models) -> None:
    asked = Choice("dcgan", 256, "one", "pyramid-64-all")
    choice, _ = settle(models, asked, "start")
    assert choice == Choice("pyramid", 64, "all", "pyramid-64-all")
    small, _ = settle(models, Choice("dcgan", 64, "one", "pyramid-32"), "start")
    assert small.resolution == 32 and sizes_of(small, models) == [32, 64, 128, 256]


def test_a_size_that_the_network_cannot_do_is_moved_and_the_page_says_which_can(
    models: Models,
) -> None:
    asked = Choice("stylegan", 256, "one", SCRATCH)
    choice, said = settle(models, asked, "kind")
    assert (choice.resolution, sizes_of(choice, models)) == (128, [64, 128])
    told = explain(models, choice, said)
    assert "16, 32, 64 or 128 px" in told and "dcgan or pyramid" in told
    assert settle(models, scratch("notebook", 64), "kind")[0].resolution == 28


def test_a_trained_pyramid_is_grown_to_a_larger_size_and_no_other_network_is(
    models: Models,
) -> None:
    choice = Choice("pyramid", 128, "one", "pyramid-32")
    assert settle(models, choice, "resolution") == (choice, "")
    assert begins_at(models, choice) == 32
    assert "of 32 px, and grows it to 128 px" in explain(models, choice)
    assert settings_from(models, 100, 5, choice, 0, {}).network == {"resolution": 128}
    with pytest.raises(BadSetting, match=r"dcgan \(one scale\), 64 px.*start from scratch"):
        settings_from(models, 100, 5, Choice("dcgan", 128, "one", "dcgan-kaokore-64"), 0, {})


def test_growing_is_offered_from_scratch_only_and_below_the_size(models: Models) -> None:
    assert first_sides(scratch()) == [0, 8, 16, 32, 64]
    assert first_sides(scratch("dcgan")) == []
    assert first_sides(Choice("pyramid", 128, "one", "pyramid-32")) == []
    assert settle(models, scratch(resolution=64, grow_from=64), "resolution")[0].grow_from == 0


def test_the_trainer_is_asked_for_what_was_chosen(models: Models) -> None:
    command = settings_from(models, 100, 5, scratch(grow_from=8), 0, {"grow_from": 8}).command()
    assert command[:2] == ["--start", "scratch"]
    network = ["--network", "pyramid", "--resolution", "128"]
    assert command[6:] == ["--anyway", *network, "--grow-from", "8"]
    in_colour = settings_from(models, 100, 5, scratch("notebook", 28), 0, {})
    assert in_colour.network == {"kind": "notebook", "channels": 3}


def test_what_is_derived_is_that_of_the_network(models: Models) -> None:
    config = config_of(models, scratch("stylegan", 64), 100, 5.0)
    assert (config.lr_G, config.batch_size) == (5e-3, 16)
    untouched = {"lr_G": 5e-3, "lr_D": 8e-3, "batch_size": 16}
    assert settings_from(models, 100, 5, scratch("stylegan", 64), 0, untouched).options == {}


@pytest.mark.usefixtures("quick")
def test_the_clock_says_how_many_pictures_and_how_growing_shares_them(models: Models) -> None:
    told = estimate(config_of(models, scratch(grow_from=8), 100, 5.0), True)
    assert "pyramid, 128 px, on this machine: about 26,000 pictures" in told
    assert "in 5 minutes (100 a second)" in told  # 100 x 300 s x 0.85
    assert "From 8 to 128 px, each size gets about 8,500" in told  # 12,750 / 1.5


@pytest.mark.usefixtures("quick")
def test_what_comes_to_nothing_in_its_time_is_refused_with_the_figures(models: Models) -> None:
    config = config_of(models, scratch(), 100, 1.0)
    with pytest.raises(BadSetting, match=r"about 5,100 pictures of 128 px.*10,000.*2 minutes"):
        growing_within(models, scratch(), config)
    assert "warning" in estimate(config, True)
    grown = Choice("pyramid", 128, "one", "pyramid-32")
    with pytest.raises(BadSetting, match="To grow a trained model"):
        growing_within(models, grown, config_of(models, grown, 100, 1.0))
    assert growing_within(models, grown, config_of(models, grown, 100, 5.0)) == {"grow_kimg": 11.0}


def test_what_the_page_begins_with_is_never_timed_nor_refused(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "images_per_second", lambda _config: 1 / 0)
    assert growing_within(models, usual(models), TrainConfig(minutes=0.05)) == {}


def test_what_a_browser_leaves_empty_is_the_usual(models: Models) -> None:
    assert choice_of(64, None, None, None, SCRATCH) == scratch("dcgan", 64)
