"""How much faster our training step is than the loop of the PyTorch DCGAN tutorial.

Same networks (64 px, width 64), same batch, one machine, one process. The loops take turns in
short blocks, so that a neighbour's load or a changing clock rate falls on all alike; the ratio is
taken block by block. The tutorial's loop gets its pictures ready-made, ours cuts its own batches; a
further row decodes and transforms files for every batch, as the tutorial does (two workers; under
--cpu-time in the process itself, or it would not be counted).

    python -m benchmarks.train_speed [--blocks 7] [--steps 8] [--cpu-time]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.tutorial import TutorialLoop, batches
from gan_core.compute import Compute, available_threads, choose
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.networks import build
from gan_core.gan.state import new_state
from gan_core.gan.steps import PHASES, train_step
from gan_core.pictures.drawing import dead_leaves

BATCH = 64
NETWORK = NetworkConfig(resolution=64, width_G=64, width_D=64, d_norm="batch")
DEFAULT = TrainConfig(network=NETWORK, batch_size=BATCH)
PLAIN = replace(DEFAULT, augment=(), ema_halflife_kimg=0.0)  # the average is then a mere copy
TARGET = 2.5  # of the tutorial's loop with its pictures ready-made
FILES, FILE_SIDE = 256, 178  # as wide as the faces of the tutorial

Step = Callable[[], object]
Clock = Callable[[], float]


def tutorial_loop() -> TutorialLoop:
    """Fresh networks of the same size, in the tutorial's precision and layout."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return TutorialLoop(*build(NETWORK), NETWORK.z_dim, Compute(device))


def tutorial_step(images: NDArray[np.uint8]) -> Step:
    """The tutorial's loop as its text describes it: float32, D's gradients also in G's phase."""
    loop = tutorial_loop()
    x = torch.from_numpy(images[:BATCH]).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    x_real = x.contiguous()  # [N, 3, 64, 64] in [-1, 1]
    return lambda: loop.step(x_real)


def our_step(config: TrainConfig, images: NDArray[np.uint8], compute: Compute) -> Step:
    """One `train_step` as a run makes it, with its state."""
    state = new_state(config, images, compute)
    return lambda: train_step(state, config, compute)


def choose_compute(images: NDArray[np.uint8]) -> Compute:
    """What the probe at a run's start would choose on this machine."""

    def make_step(compute: Compute) -> Callable[[], None]:
        step = our_step(DEFAULT, images, compute)

        def work() -> None:
            step()

        return work

    return choose(make_step, BATCH)[0]


def file_step(folder: Path, workers: int) -> Step:
    """The tutorial's loop with its own way to the pictures: files, decoded for every batch."""
    for seed in range(FILES):
        picture = Image.fromarray(dead_leaves(FILE_SIDE, seed))
        picture.save(folder / f"{seed:04}.jpg", quality=90)
    loop = tutorial_loop()
    data = batches(folder, NETWORK.resolution, BATCH, workers)
    return lambda: loop.step(next(data))


def images_per_second(step: Step, steps: int, clock: Clock) -> float:
    """Time `steps` steps, the device's queue included."""
    started = clock()
    for _ in range(steps):
        step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps * BATCH / (clock() - started)


def measure(blocks: int, steps: int, by_cpu: bool) -> dict[str, list[float]]:
    """Images/s of every loop in every block. Prints the phases of our step first."""
    images = np.random.default_rng(0).integers(0, 256, (512, 64, 64, 3), np.uint8)
    compute = choose_compute(images)
    print(f"Ours computes in {compute}; all loops on {compute.device}, {compute.threads} threads.")
    torch.set_num_threads(available_threads())
    clock = time.process_time if by_cpu else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            "tutorial": tutorial_step(images),
            "tutorial, decoding its files": file_step(Path(folder), 0 if by_cpu else 2),
            "ours": our_step(DEFAULT, images, compute),
            "ours, no augmentation, no average": our_step(PLAIN, images, compute),
        }
        for step in loops.values():
            images_per_second(step, 2, clock)  # kernels are chosen and memory is taken at first
        print_phases(loops["ours"], steps)
        speeds: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(blocks):
            for name, step in loops.items():
                speeds[name].append(images_per_second(step, steps, clock))
    return speeds


def print_phases(step: Step, steps: int) -> None:
    """Where the time of a step goes, by torch's profiler, which costs a little itself."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled, record_function("all"):
        for _ in range(steps):
            step()
    spent = {event.key: event.cpu_time_total / 1000 / steps for event in profiled.key_averages()}
    rest = spent["all"] - sum(spent[phase] for phase in PHASES)
    for phase, ms in [*((phase, spent[phase]) for phase in PHASES), ("the rest", rest)]:
        print(f"  {phase:16} {ms:7.1f} ms {ms / spent['all']:6.1%}")


def main() -> None:
    """Print images/s and ratios: median [lowest..highest] over the blocks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--blocks", type=int, default=7, help="turns of each loop")
    parser.add_argument("--steps", type=int, default=8, help="steps in a turn")
    parser.add_argument(
        "--cpu-time", action="store_true", help="of this process; for one thread on a busy machine"
    )
    given = parser.parse_args()
    speeds = measure(given.blocks, given.steps, given.cpu_time)
    for name, of_loop in speeds.items():
        ratios = [ours / theirs for ours, theirs in zip(of_loop, speeds["tutorial"], strict=True)]
        ratio = statistics.median(ratios)
        verdict = "" if name.startswith("tutorial") else "met" if ratio >= TARGET else "missed"
        print(
            f"{name:36} {statistics.median(of_loop):7.1f} images/s"
            f"   x {ratio:.2f} [{min(ratios):.2f}..{max(ratios):.2f}]"
            + f"   target {TARGET:.1f} {verdict}"
            * bool(verdict)
        )


if __name__ == "__main__":
    main()
