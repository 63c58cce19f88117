"""Configurations: bounds, JSON, and what is derived from images and minutes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.config import (
    NetworkConfig,
    TrainConfig,
    config_from_dict,
    config_to_json,
    derive,
    network_of,
)
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.plan import describe


@pytest.mark.parametrize(
    ("field", "value"),
    [("minutes", 0), ("batch_size", 1), ("lr_G", 1.0), ("skip_D_below", -1), ("seed", -1)],
)
def test_a_value_out_of_bounds_is_refused_with_the_value_and_the_bounds(field, value):
    with pytest.raises(BadSetting, match=f"{field} is {value:g}.*between"):
        TrainConfig(**{field: value})


def test_an_unknown_loss_or_augmentation_is_refused_with_the_choices():
    with pytest.raises(BadSetting, match="non-saturating, hinge"):
        TrainConfig(loss="wasserstein")
    with pytest.raises(BadSetting, match="color, translation, cutout"):
        TrainConfig(augment=("rotation",))


@settings(deadline=None)  # a busy machine is not a failure
@given(n_images=st.integers(20, 5000), minutes=st.floats(0.05, 600))
def test_whatever_is_derived_is_within_bounds_and_survives_json(n_images, minutes):
    config = derive(n_images, minutes, NetworkConfig())
    assert config_from_dict(TrainConfig, json.loads(config_to_json(config))) == config


def test_cutout_is_for_small_sets_only():
    assert derive(100, 5).augment == ("color", "translation", "cutout")
    assert derive(5000, 5).augment == ("color", "translation")


def test_a_setting_made_by_hand_wins_over_what_is_derived():
    config = derive(100, 5, lr_G=1e-3, batch_size=16)
    assert (config.lr_G, config.batch_size) == (1e-3, 16)


def test_a_familys_recipe_comes_before_the_dcgans_and_what_is_set_by_hand_before_both():
    network = network_of("stylegan")
    config = derive(100, 5, network, lr_D=1e-4)
    assert (config.beta1, config.lr_D) == (FAMILIES["stylegan"].recipe["beta1"], 1e-4)
    assert derive(100, 5).beta1 == TrainConfig.beta1 != config.beta1


def test_a_familys_shape_comes_before_the_dcgans_and_what_is_asked_for_before_both():
    network = network_of("mlp", channels=3)
    assert (network.resolution, network.channels) == (FAMILIES["mlp"].shape["resolution"], 3)
    assert network_of("dcgan") == NetworkConfig()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "other"}, "kind is 'other'.*dcgan, "),
        ({"kind": "dcgan", "resolution": 48}, "resolution is 48.*dcgan it can be 8, 16.*or 256"),
        ({"kind": "dcgan", "scales": "all"}, "scales is all.*dcgan it can be one"),
        ({"kind": "pyramid", "d_norm": "spectral"}, "d_norm is spectral.*pyramid it can be batch"),
        ({"kind": "pyramid", "channels": 1}, "channels is 1.*pyramid it can be 3"),
    ],
)
def test_what_a_family_cannot_do_is_refused_with_what_it_can(asked, message):
    with pytest.raises(BadSetting, match=message):
        network_of(**asked)


def test_a_network_written_before_there_were_families_is_still_a_dcgan():
    was = {"kind": "dcgan", "resolution": 64, "z_dim": 100, "width_G": 32, "width_D": 32}
    network = config_from_dict(NetworkConfig, {**was, "d_norm": "batch"})
    assert network == NetworkConfig(width_G=32, width_D=32)


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_can_be_trained_as_its_recipe_says(kind):
    config = derive(100, 5, network_of(kind))
    assert config_from_dict(TrainConfig, json.loads(config_to_json(config))) == config
    assert kind in describe(config, 100) or kind == NetworkConfig.kind


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(BadWeights, match="'depth'"):
        config_from_dict(NetworkConfig, {"depth": 3})


def test_the_plan_says_how_long_on_how_many_pictures():
    plan = describe(derive(120, 5), 120)
    assert "5 minutes" in plan
    assert "120 pictures" in plan


@pytest.mark.parametrize(
    ("minutes", "said"), [(1.67338, "1.7 minutes"), (1.0, "1 minute "), (0.05, "0.05 minutes")]
)
def test_a_plan_tells_minutes_with_one_decimal_at_most(minutes, said):
    assert describe(derive(100, minutes), 100).startswith(said)


def test_the_plan_says_how_it_grows():
    plan = describe(derive(120, 5, network_of("pyramid"), grow_from=8, grow_kimg=20), 120)
    assert "growing from 8 px, 20 kimg a stage" in plan
