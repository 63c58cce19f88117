"""Processes that train together: the same weights in all, those of one process, one fate."""

import hashlib
import math
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from launching import codes, launch, start_command
from safetensors.torch import load_file, save_file

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadSetting
from gan_core.events import Failed, Finished, Noticed, Progress, Saved, Started
from gan_core.gan.checkpoint import CHECKPOINT_FILE, find_checkpoint
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, network_of
from gan_core.gan.follow import follow
from gan_core.gan.networks.dcgan import Generator
from gan_core.gan.run import EVENTS_FILE, is_stop_requested, read_events, record, request_stop
from gan_core.gan.start import Data
from gan_core.gan.state import new_state, state_to_tensors
from gan_core.gan.steps import train_step
from gan_core.gan.team import ALONE, Team, joined, present
from gan_core.gan.train import train
from gan_core.gan.whole_batch import statistics
from gan_core.weights import read_tensors

CPU = Compute("cpu", "float32", True, 1)
QUIET = Cadence(report=None, preview=None, checkpoint=None, measure=None)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
NARROW = {"z_dim": 8, "width_G": 4, "width_D": 4}


def tiny(kind: str = "dcgan", **asked) -> NetworkConfig:
    return network_of(kind, **{"resolution": 16, **NARROW, **asked})


def config(network: NetworkConfig | None = None, **changes) -> TrainConfig:
    settings = {"minutes": None, "kimg": 0.064, "batch_size": 8, "cadence": QUIET}
    return TrainConfig(network=network or tiny(), **{**settings, **changes})


def pictures(settings: TrainConfig) -> np.ndarray:
    side = settings.network.resolution
    return np.random.default_rng(0).integers(0, 256, (24, side, side, 3), np.uint8)


def together(team: Team, settings: TrainConfig, folder: Path, **options) -> list:
    """Lead a run in `folder`, or go on with it, or follow the one that does."""
    if not team.leads:
        follow(team)
        return []
    start = find_checkpoint(folder) if (folder / CHECKPOINT_FILE).exists() else None
    options = {"among": [CPU], "team": team, **options}
    stream = train(settings, Data(pictures(settings)), folder, start, **options)
    return list(record(stream, folder, settings))


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / CHECKPOINT_FILE)


# --- the same in all ----------------------------------------------------------------------

DCGAN = {
    "everything": {"r1_gamma": 1.0, "r2_gamma": 1.0, "lecam": 0.3, "mirror": True},
    "sometimes skipped": {"skip_D_below": 1.38},
    "frozen": {"freeze_D": 1, "train_G": "batch-norm"},
    "part": {"augment_p": 0.5, "loss": "relativistic"},
}
VARIANTS = [config(**changes) for changes in DCGAN.values()] + [
    config(tiny(d_norm="spectral"), loss="hinge"),
    config(tiny("stylegan"), r1_gamma=1.0),
    config(tiny("pyramid", scales="all")),
    config(tiny("pyramid"), grow_from=8, grow_kimg=0.032),
    config(tiny("mlp", resolution=32)),
    config(tiny("notebook", resolution=28)),
]


def digest(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    """What every bit of a state comes to, as a number."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return torch.tensor([int.from_bytes(found.digest()[:7], "big")])


def are_alike(number: torch.Tensor) -> bool:
    everybody = [torch.empty_like(number) for _ in range(dist.get_world_size())]
    dist.all_gather(everybody, number)
    return all(torch.equal(number, each) for each in everybody)


def step_and_compare(team: Team, variants: list[TrainConfig], compute: Compute) -> None:
    for settings in variants:
        state = new_state(settings, pictures(settings), compute, team=team)
        before = digest(state_to_tensors(state))
        for _ in range(4):
            figures = train_step(state, settings, compute)
            assert are_alike(digest(state_to_tensors(state))), settings
            assert are_alike(digest({"figures": figures})), settings
            assert not are_alike(digest({"own": state.own_rng.get_state()})), settings
        assert not torch.equal(digest(state_to_tensors(state)), before)


@pytest.mark.parametrize(
    ("size", "variants", "compute"),
    [
        (2, VARIANTS, CPU),
        (2, VARIANTS[:1], replace(CPU, dtype="bfloat16")),
        (3, [replace(VARIANTS[0], batch_size=12)], CPU),
    ],
)
def test_state_and_figures_are_bit_equal_in_all_processes_after_every_step(size, variants, compute):
    """But what each draws for its own pictures is not."""
    assert launch(step_and_compare, variants, compute, size=size) == [0] * size


# --- what one process would have learned --------------------------------------------------

# Nothing that each process draws for itself, and no network that looks at its group of pictures.
WHOLE = {
    "plain": config(augment=()),
    "penalties": config(augment=(), r1_gamma=10.0, r2_gamma=10.0, lecam=3.0),
    "skipped": config(augment=(), skip_D_below=1.41),
    "relativistic": config(augment=(), loss="relativistic", r1_gamma=1.0),
    "mlp": config(tiny("mlp", resolution=32), augment=()),
    "notebook": config(tiny("notebook", resolution=28), augment=(), r1_gamma=10.0),
}
STEPS = 6


def end_of(settings: TrainConfig, team: Team = ALONE) -> dict[str, torch.Tensor]:
    state = new_state(settings, pictures(settings), CPU, team=team)
    skipped = [float(train_step(state, settings, CPU)[4]) for _ in range(STEPS)]
    return {**state_to_tensors(state), "skipped": torch.tensor(skipped)}


def keep_ends(team: Team, folder: Path) -> None:
    for name, settings in WHOLE.items():
        end = end_of(settings, team)
        if team.leads:
            save_file(end, folder / f"{name}.safetensors")


@pytest.fixture(scope="module")
def ends_of_two(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    assert launch(keep_ends, folder) == [0, 0]
    return folder


def moved(before: dict, after: dict, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """How far a network's weights, and its running statistics, went: as a vector each."""
    floats = [n for n in before if n.startswith(f"{part}.") and before[n].is_floating_point()]
    kinds = [n for n in floats if ".running_" not in n], [n for n in floats if ".running_" in n]
    nothing = torch.zeros(1)
    ways = (
        torch.cat([nothing, *((after[name] - before[name]).flatten() for name in names)])
        for names in kinds
    )
    return next(ways), next(ways)


@pytest.mark.parametrize("name", WHOLE)
def test_two_processes_with_half_a_batch_each_learn_what_one_learns_from_all_of_it(
    name, ends_of_two
):
    settings = WHOLE[name]
    begun = state_to_tensors(new_state(settings, pictures(settings), CPU))
    one, two = end_of(settings), load_file(ends_of_two / f"{name}.safetensors")
    half = end_of(replace(settings, batch_size=4))  # what half of it alone would teach
    for part in ("G", "D", "G_ema"):
        ends = (moved(begun, end, part) for end in (one, two, half))
        for way, same, other in zip(*ends, strict=True):
            assert (same - way).norm() <= (other - way).norm() / 100, part
    way, other = (moved(begun, end, "D")[0] for end in (one, half))
    assert (other - way).norm() > 0.1 * way.norm()
    assert torch.equal(one["rng"], two["rng"])
    assert torch.equal(one["waiting"], two["waiting"])
    assert torch.equal(one["skipped"], two["skipped"])
    assert one["skipped"].any() == (name == "skipped")


class Half(Team):
    """One of two that know of each other's numbers."""

    size = 2

    def __init__(self, rank: int, both: torch.Tensor) -> None:
        self.rank, self.both = rank, both

    def sum(self, x: torch.Tensor) -> torch.Tensor:
        return self.both


def test_mean_and_variance_of_the_whole_come_from_those_of_the_halves_also_far_from_zero():
    x = torch.randn(8, 3, 5, 5) + torch.tensor([0.0, 1000.0, -50.0]).view(1, 3, 1, 1)
    variances, means = zip(
        *(torch.var_mean(half, [0, 2, 3], correction=0) for half in (x[:4], x[4:])), strict=True
    )
    both = torch.stack([torch.stack(each) for each in zip(means, variances, strict=True)])
    mean, variance = statistics(x[:4], Half(0, both))
    assert torch.allclose(mean, x.mean([0, 2, 3]))
    assert torch.allclose(variance, x.var([0, 2, 3], correction=0), rtol=1e-3)


# --- one run ------------------------------------------------------------------------------


def test_a_run_of_two_is_one_run_and_one_that_goes_on_equals_the_uninterrupted(tmp_path):
    settings = config(r1_gamma=1.0, mirror=True, cadence=replace(QUIET, report=0.0, preview=0.0))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder, kimg in ((whole, 0.064), (parts, 0.024), (parts, 0.064)):
        assert launch(together, replace(settings, kimg=kimg), folder) == [0, 0]
    first, second = tensors_of(whole), tensors_of(parts)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    seen = read_events(whole)
    assert [type(seen[0]), type(seen[-1])] == [Started, Finished]
    kimg = [event.kimg for event in seen if isinstance(event, Progress)]
    assert kimg == [n / 1000 for n in range(8, 72, 8)]
    assert any("2 processes" in e.text for e in seen if isinstance(e, Noticed))
    assert {path.name for path in (whole / "samples").iterdir()} == {
        f"{n:09d}.png" for n in range(0, 72, 8)
    }


def test_a_run_goes_on_with_another_number_of_processes_and_learns_the_same(tmp_path):
    settings = config(augment=(), kimg=0.072)
    alone, changing = tmp_path / "alone", tmp_path / "changing"
    together(ALONE, settings, alone)
    together(ALONE, replace(settings, kimg=0.024), changing)
    assert launch(together, replace(settings, kimg=0.048), changing) == [0, 0]
    assert find_checkpoint(changing).nimg == 48
    together(ALONE, settings, changing)
    one, other = tensors_of(alone), tensors_of(changing)
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[n], other[n], rtol=1e-2, atol=1e-5) for n in one), "weights"
    assert torch.equal(one["rng"], other["rng"])
    assert torch.equal(one["waiting"], other["waiting"])


def ask_on_the_way(team: Team, folder: Path) -> None:
    """After three steps change settings, after six stop."""
    steps = iter(range(1000))
    asked = {3: {"lr_G": 1e-3, "freeze_D": 1}, 4: {"lr_D": 7.0}}
    options = {
        "adjust": lambda: asked.get(next(steps), {}),
        "should_stop": lambda: is_stop_requested(folder),
    }
    if not team.leads:
        state = follow(team)
        save_file(state_to_tensors(state), folder / "followed.safetensors")
        rates = [optimiser.param_groups[0]["lr"] for optimiser in (state.opt_G, state.opt_D)]
        assert rates == [1e-3, 2e-4]
        return
    stream = train(config(kimg=100), Data(IMAGES), folder, among=[CPU], team=team, **options)
    for event in record(stream, folder, config(kimg=100)):
        if isinstance(event, Saved):  # the changed settings: one step later
            request_stop(folder)
    assert isinstance(event, Finished)
    assert event.stopped


def test_settings_changed_on_the_way_and_a_request_to_stop_reach_both(tmp_path):
    assert launch(ask_on_the_way, tmp_path) == [0, 0]
    led, followed = tensors_of(tmp_path), load_file(tmp_path / "followed.safetensors")
    assert find_checkpoint(tmp_path).config.freeze_D == 1
    assert led.keys() == followed.keys()
    assert all(torch.equal(led[name], followed[name]) for name in led)


# --- one fate -----------------------------------------------------------------------------


THREES = config(batch_size=12, kimg=1000, cadence=replace(QUIET, checkpoint=0.0))


def fall(team: Team, folder: Path, rank: int, how: str) -> None:
    """Train without end, but for the process of this rank, which falls in the fourth step."""
    made = 0

    def trip(module: torch.nn.Module, _inputs: object) -> None:
        nonlocal made
        made += module.training and isinstance(module, Generator)
        if made == 4 and how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if made == 4:
            raise MemoryError("nothing is left")

    if team.rank == rank:
        torch.nn.modules.module.register_module_forward_pre_hook(trip)
    try:
        events = together(team, THREES, folder)
    except BadRun:
        sys.exit(3)
    assert isinstance(events[-1], Failed)
    sys.exit(2)


@pytest.mark.parametrize(
    ("rank", "how", "ends"),
    [
        (1, "raises", [2, 1]),
        (1, "killed", [2, -9]),
        (1, "raises", [2, 1, 3]),
        (0, "raises", [1, 3]),
        (0, "killed", [-9, 3]),
    ],
)
def test_when_one_falls_all_end_and_the_run_can_go_on(tmp_path, rank, how, ends):
    assert launch(fall, tmp_path, rank, how, size=len(ends)) == ends
    assert find_checkpoint(tmp_path).nimg == 36
    failures = [event for event in read_events(tmp_path) if isinstance(event, Failed)]
    assert len(failures) == rank  # the leader has the word, as long as it lives
    for failed in failures:
        assert f"One of the {len(ends)} processes" in failed.reason
        assert ("MemoryError: nothing is left" in failed.reason) == (how == "raises")


def diverge(team: Team, folder: Path) -> None:
    """Only one of them gets a picture of no numbers to see; all must notice."""
    settings = config(kimg=1000, cadence=replace(QUIET, report=0.0))
    if not team.leads:
        torch.nn.modules.module.register_module_forward_hook(
            lambda module, _inputs, made: made * math.nan if isinstance(module, Generator) else None
        )
    events = together(team, settings, folder)
    assert not team.leads or isinstance(events[-1], Failed)


def test_divergence_of_one_ends_all_in_good_order(tmp_path):
    assert launch(diverge, tmp_path) == [0, 0]
    assert "stopped being numbers" in read_events(tmp_path)[-1].reason


def test_a_batch_that_cannot_be_split_evenly_is_refused_with_the_numbers(tmp_path):
    three = Team()
    three.size = 3
    with pytest.raises(BadSetting, match=r"batch_size is 8, and 3 processes.*6 or 9"):
        next(train(config(), Data(IMAGES), tmp_path, among=[CPU], team=three))
    parts = []
    for three.rank in range(3):
        parts += range(12)[three.part(12)]
    assert parts == list(range(12))


def test_a_process_that_no_launcher_has_started_is_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # as a cluster's job may have it
    with joined() as team:
        assert team is present() is ALONE
    assert ALONE.part(7) == slice(0, 7)


# --- the command line ---------------------------------------------------------------------


def command(pictures: Path, out: Path, *options: object) -> list[object]:
    network = ("--start", "scratch", "--resolution", 16)
    return ["train", pictures, "--out", out, *network, *options]


def test_the_same_command_in_two_processes_makes_one_run_which_ends_by_signals_to_all(
    picture_folder, tmp_path
):
    """Ctrl-C reaches both processes and their launcher, which then sends it on."""
    log = tmp_path / "run" / EVENTS_FILE
    words = command(picture_folder, tmp_path / "run", "--kimg", 1000)
    started = start_command(*words, said=tmp_path / "said")
    while not (log.exists() and "Progress" in log.read_text()) and started[0].is_alive():
        time.sleep(0.05)
    for number in (signal.SIGINT, signal.SIGTERM):
        for process in started:
            os.kill(process.pid, number)
    assert codes(started) == [0, 0]
    seen = read_events(tmp_path / "run")
    assert [type(event) for event in seen].count(Started) == 1
    assert isinstance(seen[-1], Finished)
    assert seen[-1].stopped
    assert find_checkpoint(tmp_path / "run").nimg == round(seen[-1].kimg * 1000)


def test_a_command_refused_by_the_leader_ends_the_others_without_a_word(picture_folder, tmp_path):
    words = command(picture_folder, tmp_path / "run", "--batch-size", 15, "--kimg", 1)
    assert codes(start_command(*words, said=tmp_path / "said")) == [2, 0]
    said = (tmp_path / "said").read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith("batch_size is 15, and 2 processes")
    assert not (tmp_path / "run").exists()
