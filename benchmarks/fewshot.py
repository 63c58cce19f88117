"""Ours in five minutes against what others reach in an hour, on the same few pictures.

    python -m benchmarks.fewshot FOLDER [--only ours,tutorial,diffaugment,plain] [--out FILE.jsonl]
    python -m benchmarks.fewshot --report FILE.jsonl ...

The contenders:

- ours: a run as the program makes it, from the bundled model; the snapshot that it keeps counts.
- tutorial: the PyTorch tutorial's DCGAN (width 64) from scratch. Of its generator as the tutorial
  shows it (train mode) and in eval mode, the better counts.
- diffaugment: the same with DiffAugment's color, translation and cutout; of train mode, eval mode
  and a moving average, the best counts.
- plain: the tutorial's loop and settings, started from our bundled G and D.

Time is each contender's own CPU time on one thread, so that neither the machine's other work nor
the number of its cores decides who wins, and contenders may run side by side. Ours counts all that
a run does: choosing its way of computing, measuring and saving too. The others are spared their
loading and measuring, and their best is chosen by the very figures that are reported; ours is
judged by other latents than those by which the run chose.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from benchmarks.fewshot_contenders import Arena, Judged, contend, contend_plainly, run_ours
from benchmarks.fewshot_report import KEPT, NAMES, Measurement, append, best, read, report
from gan_core.commands.options import split
from gan_core.compute import Compute, candidates
from gan_core.errors import AtelierError
from gan_core.events import say_kid
from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import latents, render
from gan_core.gan.metrics import Judge
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.models import resolve
from gan_core.pictures import load_dataset, make_grid, save_png, to_uint8

N_FAKE = 512
DRAWN_SEED, DRAWN = 3, 32
PLAIN, FAST = Compute("cpu", "float32", False, 1), Compute("cpu", "bfloat16", True, 1)
CANONICAL = NetworkConfig(resolution=64, z_dim=100, width_G=64, width_D=64)


def run(contender: str, arena: Arena, given: argparse.Namespace) -> Iterator[Judged]:
    """Whatever this contender yields, on the networks and in the time of the comparison."""
    torch.manual_seed(arena.seed)
    compute = FAST if given.peers_bf16 else PLAIN
    if contender in ("tutorial", "diffaugment"):
        return contend(contender, arena, CANONICAL, compute, given.peer_minutes)
    start = load_snapshot(resolve(DEFAULT_MODEL))
    if contender == "plain":
        return contend_plainly(arena, start, compute, given.minutes)
    among = [replace(each, threads=1) for each in candidates() if each.device == "cpu"]
    if not among:
        raise SystemExit("This compares on a CPU; hide the GPU (CUDA_VISIBLE_DEVICES= ).")
    return run_ours(arena, start, given.minutes, among)


def keep(judged: Iterator[Judged], out: Path | None, drawn: Path | None) -> list[Measurement]:
    """Write, print and draw what is measured as soon as it is there; return it all."""
    measured: list[Measurement] = []
    for each in judged:
        for measurement, _ in each:
            measured.append(measurement)
            if out:
                append(out, measurement)
            print(_say(measurement), flush=True)
        if drawn:
            nearest, G = min(each, key=lambda pair: pair[0].quality.kid)
            name = f"{nearest.contender}-{nearest.seed}"
            grid = make_grid(to_uint8(render(G, latents(DRAWN, DRAWN_SEED, _z_dim(G)))), 8)
            if nearest is best(measured):
                save_png(drawn / f"{name}-best.png", grid)
            if nearest.variant != KEPT:
                save_png(drawn / f"{name}-end.png", grid)
    return measured


def _z_dim(G: nn.Module) -> int:
    config = G.config
    assert isinstance(config, NetworkConfig)
    return config.z_dim


def _say(measured: Measurement) -> str:
    found = measured.quality
    return (
        f"{measured.contender:12} {measured.variant:10} {measured.seconds:7.1f} s"
        f" {measured.kimg:7.1f} kimg   KID x 1000 {say_kid(found):18} coverage"
        f" {found.coverage:4.0%} memorised {found.memorised:4.0%} diversity {found.diversity:.2f}"
    )


def arena_of(given: argparse.Namespace) -> Arena:
    """Read the pictures, part them, and seat the judge."""
    dataset = load_dataset(given.folder, CANONICAL.resolution)
    seen = unseen = dataset
    name = dataset.name
    if given.held_out:
        seen, unseen = split(dataset, given.held_out)
        name += f", every {given.held_out}th picture only measured against"
    judge = Judge(unseen.images, n_fake=N_FAKE)
    print(
        f"{len(seen)} pictures to learn from, {len(unseen)} to measure against. Each contender has"
        f" one of this machine's {os.cpu_count()} threads; times are CPU times.",
        flush=True,
    )
    return Arena(seen.images, judge, name, given.seed)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", help="folder, zip or saved dataset")
    parser.add_argument("--only", default=",".join(NAMES), help="contenders, with commas")
    parser.add_argument("--minutes", type=float, default=5, help="of ours and plain")
    parser.add_argument("--peer-minutes", type=float, default=60, help="of the other two")
    parser.add_argument("--peers-bf16", action="store_true", help="bfloat16 for the others too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", type=int, default=0, help="measure on every n-th picture")
    parser.add_argument("--out", type=Path, help="file of lines; what is measured is added at once")
    parser.add_argument("--pictures", type=Path, help="folder for grids of the same 32 latents")
    parser.add_argument("--report", type=Path, nargs="+", help="only print what these files hold")
    given = parser.parse_args()
    given.only = given.only.split(",")
    if unknown := set(given.only) - set(NAMES):
        parser.error(f"no contender is called {unknown.pop()!r}; there are {', '.join(NAMES)}")
    if not given.report and not given.folder:
        parser.error("name the pictures, or files after --report")
    if given.held_out == 1 or given.held_out < 0:
        parser.error("--held-out 1 would leave nothing to learn from; 0 holds nothing out")
    return given


def main() -> None:
    """Run the contenders one after the other and print the tables."""
    given = parse()
    if given.report:
        print(report(read(given.report)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # temporary folders are removed
    torch.set_num_threads(1)
    for folder in (given.pictures, given.out and given.out.parent):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    try:
        arena = arena_of(given)
        measured: list[Measurement] = []
        for contender in given.only:
            measured += keep(run(contender, arena, given), given.out, given.pictures)
        print(f"\n{report(measured)}")
    except AtelierError as error:
        raise SystemExit(f"{error.what} {error.expected} {error.advice}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
