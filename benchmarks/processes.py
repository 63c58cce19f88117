"""How much more several processes get through than one, by images/s of each number of them.

Network and batch are the same for all, and the batch is split evenly. On CPUs they share the
threads too: what is gained is less waiting of threads for each other, what is lost is the time to
agree. The numbers take turns, in new processes, so that a neighbour's load falls on all alike.

    python -m benchmarks.processes [--sizes 1,2] [--batch 64] [--network dcgan] [--blocks 3]
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import time
from multiprocessing.queues import SimpleQueue

import numpy as np
import torch

from gan_core.compute import Compute, candidates
from gan_core.gan.config import TrainConfig, network_of
from gan_core.gan.state import new_state
from gan_core.gan.steps import train_step
from gan_core.gan.team import joined


def main() -> None:
    """Print a line for each number of processes: median [lowest..highest] over the blocks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default="1,2", help="numbers of processes")
    parser.add_argument("--batch", type=int, default=64, help="pictures, of all together")
    parser.add_argument("--network", default="dcgan", help="kind of network, at its usual size")
    parser.add_argument("--blocks", type=int, default=3, help="turns of each number")
    parser.add_argument("--steps", type=int, default=8, help="steps in a turn")
    given = parser.parse_args()
    config = TrainConfig(network_of(given.network), batch_size=given.batch)
    speeds: dict[int, list[float]] = {int(size): [] for size in given.sizes.split(",")}
    for _ in range(given.blocks):
        for size, found in speeds.items():
            found.append(measure(size, config, given.steps))
    for size, found in speeds.items():
        ratio = statistics.median(found) / statistics.median(speeds[min(speeds)])
        print(
            f"{size} x {given.batch // size} pictures, {candidates(size)[-1]}:"
            f" {statistics.median(found):7.1f} images/s [{min(found):.1f}..{max(found):.1f}]"
            f"   x {ratio:.2f}"
        )


def measure(size: int, config: TrainConfig, steps: int) -> float:
    """Images/s of so many fresh processes together."""
    fresh = multiprocessing.get_context("spawn")
    speeds = fresh.SimpleQueue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = (size, port, config, steps, speeds)
    started = [fresh.Process(target=work, args=(rank, *arguments)) for rank in range(size)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise SystemExit("A process has failed; what it said stands above.")
    return float(speeds.get())


def work(
    rank: int,
    size: int,
    port: int,
    config: TrainConfig,
    steps: int,
    speeds: "SimpleQueue[float]",
) -> None:
    """Train in one of the processes; the leader puts down what all of them came to."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    who = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    os.environ |= {name: str(value) for name, value in {**where, **who}.items()}
    side = config.network.resolution
    images = np.random.default_rng(0).integers(0, 256, (512, side, side, 3), np.uint8)
    with joined() as team:
        compute: Compute = candidates(size)[-1]
        torch.set_num_threads(compute.threads)
        state = new_state(config, images, compute, team=team)

        def go(times: int) -> None:
            for _ in range(times):
                train_step(state, config, compute).sum().item()  # a GPU is waited for

        go(2)  # kernels are chosen and memory is taken at first
        began = time.perf_counter()
        go(steps)
        if team.leads:
            speeds.put(steps * config.batch_size / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
