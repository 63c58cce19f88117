"""The benchmark of the networks: how a contender is read, and that a run is what it says."""

import pytest

from benchmarks.networks import SHARED, configure
from benchmarks.resolution import Row, table
from gan_core.errors import BadSetting


def test_a_contender_names_fields_of_the_network_and_of_the_run():
    config = configure("pyramid,128,width=48,scales=all,grow_from=8,lr_G=1e-3", 7.0)
    network = config.network
    assert (network.kind, network.resolution, network.scales) == ("pyramid", 128, "all")
    assert (network.width_G, network.width_D) == (48, 48)
    assert (config.grow_from, config.lr_G, config.minutes) == (8, 1e-3, 7.0)
    assert all(getattr(config, name) == value for name, value in SHARED.items())


def test_a_familys_recipe_counts_and_what_is_named_counts_more():
    assert configure("stylegan,64", 5.0).beta1 == 0.0
    assert configure("stylegan,64,beta1=0.5", 5.0).beta1 == 0.5


def test_a_contender_that_cannot_be_is_refused():
    with pytest.raises(BadSetting, match="resolution is 256"):
        configure("stylegan,256", 5.0)


def test_the_cost_of_a_pixel_is_that_in_pixels_of_64():
    rows = [
        Row("pyramid", side, "one", 10, 10, speed, 300.0, 200.0)
        for side, speed in ((64, 160.0), (128, 80.0), (256, 10.0))
    ]
    costs = [line.split("|")[5].strip() for line in table(rows).splitlines()[2:]]
    assert costs == ["1.00", "0.50", "1.00"]
