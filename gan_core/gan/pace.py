"""The honest clock: how many pictures a run can be shown in its time here, and whether that is
enough to see anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import torch

from gan_core.compute import Compute, candidates, choose
from gan_core.errors import BadSetting
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.networks import build
from gan_core.gan.plan import TRAINING_SHARE
from gan_core.gan.state import new_state
from gan_core.gan.steps import train_step

# Thousands of pictures below which a run is refused. From scratch 20 left 120 sunflowers ten times
# as far from the real ones as a start from the bundled model did (docs/experiments.md, "Retraining:
# over seeds"): with half of that there is nothing to see. A trained start has its features already;
# after 1, which is 60 steps, its colours have begun to move. What is grown on top of it begins from
# scratch.
FEWEST_FROM_SCRATCH, FEWEST_FROM_MODEL = 10.0, 1.0

_SECONDS = 1.0  # for the steps that count
_MOST_STEPS = 8
_FEW, _MORE = 4, 4  # pictures in the first steps, which may be slow ones; and times as many
_MOST_WEIGHTS = 8e6  # of G and D; a DCGAN of 256 px has 93 million, and takes seconds to make
_PROBED = NetworkConfig(resolution=32, width_G=32, width_D=32)
# What a picture costs while a network grows, in that of one at the full size: as its side, but no
# less than this (128 px: 0.17 at 8, 0.25 at 16, 0.34 at 32, 0.53 at 64).
_LEAST_COST = 1 / 6
_REMEMBERED = 300.0  # seconds; a machine that was busy then may be free now
_one_at_a_time = Lock()  # two timings at once would each see half of the machine


def images_per_second(config: TrainConfig) -> float:
    """How quickly this machine trains such a network in such batches, by timing a step or two.

    Measured once in some minutes for each network and batch. A network that grows is timed at its
    full size: while it is small, it is quicker.
    """
    with _one_at_a_time:
        # The penalties fall on one step of eight, and are not in the figure.
        asked = TrainConfig(config.network, batch_size=config.batch_size)
        return _timed(asked, int(time.monotonic() / _REMEMBERED))


def forget() -> None:
    """Let the next figures be measured anew: the machine may have been busy."""
    _timed.cache_clear()


def kimg_within(minutes: float, speed: float) -> float:
    """Thousands of pictures that a run of so many minutes is shown, at so many a second."""
    return minutes * 60 * TRAINING_SHARE * speed / 1000


def grow_kimg(kimg: float, first: int, resolution: int, by_time: bool = True) -> float:
    """Thousands of pictures in a stage, so that after half of a run all is grown.

    kimg: what the run is shown; if by_time, what it would be shown in its time at its full size.
    """
    sides = [first * 2**i for i in range(round(math.log2(resolution / first)) + 1)]
    costs = [max(side / resolution, _LEAST_COST) if by_time else 1.0 for side in sides]
    stages = sum(costs) - (costs[0] + costs[-1]) / 2  # half of the first, the fade of the last
    return max(0.1, float(f"{kimg / 2 / stages:.2g}"))


def fit(config: TrainConfig, is_from_scratch: bool, anyway: bool = False) -> dict[str, Any]:
    """Refuse a run that comes to nothing in its time here, and say what of growing follows from it.

    Returns `grow_kimg` for a run that grows, else nothing. Takes a few seconds, to time steps; none
    if the run ends by `kimg`: whoever gives a number of pictures knows what they want.
    anyway: refuse nothing, as where it is not this machine that will train.

    Raises: BadSetting, with the figures.
    """
    sides = (config.grow_from, config.network.resolution)
    if config.kimg is not None:
        return {"grow_kimg": grow_kimg(config.kimg, *sides, by_time=False)} if sides[0] else {}
    speed = images_per_second(config)
    if not anyway:
        require_enough(config, speed, is_from_scratch)
    kimg = kimg_within(config.minutes or 0, speed)
    return {"grow_kimg": grow_kimg(kimg, *sides)} if sides[0] else {}


def require_enough(config: TrainConfig, speed: float, is_from_scratch: bool) -> None:
    """Refuse a run that cannot give a result in its time. Raises: BadSetting, with the figures."""
    if config.minutes is None:
        return
    kimg, network = kimg_within(config.minutes, speed), config.network
    is_new = is_from_scratch or config.grow_from > 0
    fewest = FEWEST_FROM_SCRATCH if is_new else FEWEST_FROM_MODEL
    if kimg >= fewest:
        return
    minutes = math.ceil(config.minutes * fewest / max(kimg, 1e-9))
    begun = "From a trained model"
    if is_new:
        begun = "From scratch" if is_from_scratch else "To grow a trained model"
    raise BadSetting(
        f"In {config.minutes:g} minutes this machine shows about {round_down(kimg)} pictures of"
        f" {network.resolution} px to the network {network.kind}.",
        f"{begun}, at least {fewest * 1000:,.0f} are needed before there is anything to see.",
        f"Choose a smaller size, another network, or at least {minutes:,} minutes.",
    )


def round_down(kimg: float) -> str:
    """A number of pictures with two digits that mean something: "310", "12,000"."""
    return f"{float(f'{kimg * 1000:.2g}'):,.0f}"


@lru_cache(maxsize=64)
def _timed(config: TrainConfig, _when: int) -> float:
    compute = _quickest()
    config, times = _narrowed(config)
    shown = min(_FEW, config.batch_size)
    seconds = _seconds_of_a_step(replace(config, batch_size=shown), compute, _SECONDS / 3)
    while shown < config.batch_size and _MORE * seconds < _SECONDS:
        shown = min(_MORE * shown, config.batch_size)
        larger = replace(config, batch_size=shown)
        seconds = _seconds_of_a_step(larger, compute, _SECONDS / 3)
    return shown / (seconds * times)


def _narrowed(config: TrainConfig) -> tuple[TrainConfig, float]:
    """A network that is made within a second, and how many times as much work the asked one is.

    Half the width is a quarter of the weights, and of the multiplications.
    """
    times = 1.0
    while _weights(config.network) > _MOST_WEIGHTS and min(_widths(config.network)) > 8:
        width_G, width_D = _widths(config.network)
        narrow = replace(config.network, width_G=width_G // 2, width_D=width_D // 2)
        config, times = replace(config, network=narrow), times * 4
    return config, times


def _widths(network: NetworkConfig) -> tuple[int, int]:
    return network.width_G, network.width_D


def _weights(network: NetworkConfig) -> int:
    with torch.device("meta"):  # nothing is computed, nor kept
        return sum(weights.numel() for net in build(network) for weights in net.parameters())


def _seconds_of_a_step(config: TrainConfig, compute: Compute, seconds: float) -> float:
    """The quickest step of some, after one to warm up: other work can only slow them down."""
    side = config.network.resolution
    images = np.random.default_rng(0).integers(0, 256, (config.batch_size, side, side, 3), np.uint8)
    torch.set_num_threads(compute.threads)
    state = new_state(config, images, compute)
    train_step(state, config, compute)
    took: list[float] = []
    while sum(took) < seconds and len(took) < _MOST_STEPS:
        began = time.perf_counter()
        train_step(state, config, compute).sum().item()  # a GPU is waited for
        took.append(max(1e-9, time.perf_counter() - began))
    return min(took)


@lru_cache(maxsize=1)
def _quickest() -> Compute:
    """The way of computing that suits this machine, by steps of a small network."""
    options = candidates()
    if len(options) == 1:
        return options[0]
    config = TrainConfig(_PROBED, batch_size=8)
    images = np.zeros((8, _PROBED.resolution, _PROBED.resolution, 3), np.uint8)

    def make_step(compute: Compute) -> Callable[[], None]:
        state = new_state(config, images, compute)

        def step() -> None:
            train_step(state, config, compute)

        return step

    chosen, _ = choose(make_step, config.batch_size, options, seconds=0.3)
    return chosen
