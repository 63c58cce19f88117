"""What every network costs at every size: pictures a second, cost a pixel, memory.

Each row is a process of its own, for its peak memory, and trains with the settings of a run: the
network's own recipe, whose penalties fall on one step of eight and are in the figure. Then the
pyramid of 128 px and a plain DCGAN of 128 px take turns in one process, so that a neighbour's load
falls on both alike; the ratio is taken turn by turn.

    python -m benchmarks.resolution [--batch 16] [--rounds 2] [--only KIND ...] [--cpu-time]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.train_memory import resident_mb
from gan_core.compute import Compute, available_threads
from gan_core.gan.config import NetworkConfig, TrainConfig, derive, network_of
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.state import new_state
from gan_core.gan.steps import train_step

PERIOD = 8  # steps, over which every penalty falls due once
COMPARED = (64, 256)  # px
MOST_COST = 1.5  # of a pixel at the larger, in that of one at the smaller
N_IMAGES = 64
DUEL = ("pyramid", "dcgan")
TURNS = 7

Clock = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """memory: MB resident at the peak, of which `empty` before the networks were made."""

    kind: str
    resolution: int
    scales: str
    weights_G: int
    weights_D: int
    images_per_second: float
    memory: float
    empty: float

    @property
    def pixels_per_second(self) -> float:
        """Pixels of the full size."""
        return self.images_per_second * self.resolution**2


def make_step(network: NetworkConfig, batch: int) -> tuple[Callable[[], object], int, int]:
    """One step as a run makes it, and the numbers of weights of G and D."""
    config: TrainConfig = derive(N_IMAGES, 5.0, network, batch_size=batch)
    side = network.resolution
    images = np.random.default_rng(0).integers(0, 256, (N_IMAGES, side, side, 3), np.uint8)
    threads = available_threads()
    compute = Compute("cpu", "bfloat16", channels_last=True, threads=threads)
    torch.set_num_threads(threads)
    state = new_state(config, images, compute)
    of_G, of_D = (sum(w.numel() for w in net.parameters()) for net in (state.G, state.D))
    return lambda: train_step(state, config, compute), of_G, of_D


def seconds_of(step: Callable[[], object], clock: Clock) -> float:
    """Of one step, over a period of penalties."""
    began = clock()
    for _ in range(PERIOD):
        step()
    return (clock() - began) / PERIOD


def measure(network: NetworkConfig, batch: int, rounds: int, clock: Clock) -> Row:
    """Time a network in this process, which should have done nothing else."""
    empty = resident_mb()
    step, of_G, of_D = make_step(network, batch)
    seconds_of(step, clock)  # kernels are chosen and memory is taken at first
    times = [seconds_of(step, clock) for _ in range(rounds)]
    return Row(
        network.kind, network.resolution, network.scales, of_G, of_D,
        batch / statistics.median(times), resident_mb(peak=True), empty,
    )  # fmt: skip


def contenders(only: list[str] | None) -> list[dict[str, Any]]:
    """Every network at every size from 28 px on, and the pyramid in both its ways."""
    return [
        {"kind": kind, "resolution": side, "scales": scales}
        for kind, family in FAMILIES.items()
        for side in family.sizes
        for scales in family.allowed()["scales"]
        if side >= 28 and (not only or kind in only)
    ]


def in_a_process(asked: dict[str, Any], given: argparse.Namespace) -> Row:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.resolution", "--one", json.dumps(asked)]
    command += ["--batch", str(given.batch), "--rounds", str(given.rounds)]
    command += ["--cpu-time"] if given.cpu_time else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Row(**json.loads(done.stdout))


def table(rows: list[Row]) -> str:
    """Markdown. Cost of a pixel: in that of the same network at 64 px, or at its largest."""
    lines = [
        "| network | px | weights of G, D | images/s | cost a pixel | MB above an empty process |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        alike = [each for each in rows if (each.kind, each.scales) == (row.kind, row.scales)]
        base = next((each for each in alike if each.resolution == COMPARED[0]), alike[-1])
        cost = base.pixels_per_second / row.pixels_per_second
        name = row.kind + (", all scales" if row.scales == "all" else "")
        lines.append(
            f"| {name} | {row.resolution} | {row.weights_G / 1e6:.2f}, {row.weights_D / 1e6:.2f}"
            f" million | {row.images_per_second:.0f} | {cost:.2f} | {row.memory - row.empty:.0f} |"
        )
    return "\n".join(lines)


def duel(batch: int, clock: Clock) -> str:
    """The pyramid of 128 px against the DCGAN of 128 px, turn by turn."""
    steps = {kind: make_step(network_of(kind, resolution=128), batch)[0] for kind in DUEL}
    for step in steps.values():
        seconds_of(step, clock)
    turns = [{kind: seconds_of(step, clock) for kind, step in steps.items()} for _ in range(TURNS)]
    speeds = {kind: batch / statistics.median(turn[kind] for turn in turns) for kind in DUEL}
    ratios = sorted(turn["dcgan"] / turn["pyramid"] for turn in turns)
    return (
        f"128 px in turns: pyramid {speeds['pyramid']:.0f} images/s, DCGAN {speeds['dcgan']:.0f};"
        f" ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})."
    )


def main() -> None:
    """Measure every row and print the table, the cost of a pixel and the duel."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--batch", type=int, default=16, help="what a retraining derives")
    parser.add_argument("--rounds", type=int, default=2, help=f"of {PERIOD} steps")
    parser.add_argument("--only", nargs="+", choices=tuple(FAMILIES))
    parser.add_argument("--cpu-time", action="store_true", help="where other work runs")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    clock: Clock = time.process_time if given.cpu_time else time.perf_counter
    if given.one:
        row = measure(network_of(**given.one), given.batch, given.rounds, clock)
        print(json.dumps(asdict(row)))
        return
    rows = [in_a_process(asked, given) for asked in contenders(given.only)]
    print(f"Batches of {given.batch}, {available_threads()} threads, bfloat16.\n\n{table(rows)}\n")
    for kind, scales in sorted({(row.kind, row.scales) for row in rows}):
        at = {row.resolution: row.pixels_per_second for row in rows
              if (row.kind, row.scales) == (kind, scales)}  # fmt: skip
        if set(COMPARED) <= set(at):
            cost = at[COMPARED[0]] / at[COMPARED[1]]
            verdict = "met" if cost <= MOST_COST else "missed"
            print(
                f"{kind}, {scales} scale(s): a pixel of 256 px costs {cost:.2f} times one of 64 px"
                f" (at most {MOST_COST}: {verdict})."
            )
    print(duel(given.batch, clock))


if __name__ == "__main__":
    main()
