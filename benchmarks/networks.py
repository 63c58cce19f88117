"""Networks against each other on the same pictures: how near each comes in equal time.

    python -m benchmarks.networks PICTURES --out RUNS --minutes 60 \
        "dcgan,128,width=32" "pyramid,128,grow_from=8,grow_kimg=80" "pyramid,128,scales=all"
    python -m benchmarks.networks --report RUNS/*

A contender is a kind of network, a size, and what else is to be set: `width`, fields of the network
and of the run. Each is trained from scratch on one thread, and its minutes are the processor's own,
so that a busy machine is fair to all. Every 20th picture is held out and measured against. A run
has a folder of its own, which `pretrain` can go on with, and which is not touched if it is there.
"""

import argparse
import re
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.fewshot_contenders import JUDGE_SEED
from benchmarks.trials import FAST, N_FAKE, settings_of
from gan_core.commands.options import EVERYTHING, split
from gan_core.events import Failed, Measured, Started
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, network_of
from gan_core.gan.metrics import Judge
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.run import (
    BEST_FOLDER,
    DATASET_FILE,
    EVENTS_FILE,
    HELD_OUT_FILE,
    is_stop_requested,
    read_events,
    record,
)
from gan_core.gan.snapshot import load_snapshot
from gan_core.gan.start import Data
from gan_core.gan.train import train
from gan_core.pictures import load_dataset, read_dataset, save_dataset

EVERY = 20
# What the bundled models were trained with, and every contender is.
SHARED: dict[str, Any] = {
    "batch_size": 32,
    "augment": ("color", "translation"),
    "mirror": True,
    "ema_halflife_kimg": 10.0,
    "cadence": Cadence(report=10, preview=60, checkpoint=120, measure=120),
}


def configure(contender: str, minutes: float) -> TrainConfig:
    """The settings of "KIND,SIZE,field=value,..."."""
    kind, size, *rest = contender.split(",")
    named = settings_of(",".join(rest))
    if "width" in named:
        named["width_G"] = named["width_D"] = named.pop("width")
    of_network = {name: named.pop(name) for name in list(named) if hasattr(NetworkConfig(), name)}
    network = network_of(kind, resolution=int(size), **of_network)
    return TrainConfig(
        **{"network": network, "minutes": minutes, **SHARED, **FAMILIES[kind].recipe, **named}
    )


def run(contender: str, pictures: Path, out: Path, minutes: float) -> None:
    """Train one contender in its folder, unless it is there."""
    folder = out / re.sub(r"[^\w.]+", "-", contender)
    if (folder / EVENTS_FILE).exists():
        print(f"{folder} is there already")
        return
    config = configure(contender, minutes)
    seen, unseen = split(load_dataset(pictures, config.network.resolution, EVERYTHING), EVERY)
    folder.mkdir(parents=True, exist_ok=True)
    save_dataset(unseen, folder / HELD_OUT_FILE)
    save_dataset(seen, folder / DATASET_FILE)
    stream = train(
        config, Data(seen.images, unseen.images), folder, among=[FAST], clock=time.process_time,
        should_stop=lambda: is_stop_requested(folder),
    )  # fmt: skip
    for event in record(stream, folder, config):
        if isinstance(event, Measured):
            text = f"{event.seconds / 60:.1f} min, {event.kimg:.0f} kimg: {event.kid * 1000:.0f}"
            print(f"{contender}: {text}", flush=True)
        elif isinstance(event, Failed):
            raise SystemExit(f"{contender}: {event.reason}")


def report(folders: list[Path], at: list[float]) -> str:
    """A Markdown table: KID x 1000 on the way, and of what each run kept by latents not used yet.

    at: minutes. On the way it is the lowest up to then, as a run keeps its best.
    """
    head = "".join(f" {minute:g} min |" for minute in at)
    lines = [f"| run | images/s |{head} kept: KID | covered |", "|---|---|" + "---|" * len(at)]
    lines[1] += "---|---|"
    for folder in folders:
        events = read_events(folder)
        found = [event for event in events if isinstance(event, Measured)]
        cells = ""
        for minute in at:
            upto = [each.kid for each in found if each.seconds <= minute * 60]
            is_over = minute > found[-1].seconds / 60 + 1
            cells += " |" if is_over or not upto else f" {min(upto) * 1000:,.0f} |"
        best = load_snapshot(folder / BEST_FOLDER)
        started = next(event for event in events if isinstance(event, Started))
        judge = Judge(read_dataset(folder / HELD_OUT_FILE).images, n_fake=N_FAKE)
        kept = judge.measure(best.G, best.network.z_dim, JUDGE_SEED)
        low, high = kept.kid_low * 1000, kept.kid_high * 1000
        speed = (found[-1].kimg - started.kimg) * 1000 / found[-1].seconds
        interval = f"{kept.kid * 1000:,.0f} [{low:,.0f}..{high:,.0f}]"
        lines.append(f"| {folder.name} | {speed:.0f} |{cells} {interval} | {kept.coverage:.0%} |")
    return "\n".join(lines)


def main() -> None:
    """Run the contenders one after the other, or print the table of those that were run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", type=Path, nargs="?", help="folder, zip or tar")
    parser.add_argument("contenders", nargs="*", help='"KIND,SIZE,field=value,..."')
    parser.add_argument("--minutes", type=float, default=60.0, help="of one processor")
    parser.add_argument("--out", type=Path, default=Path("runs/networks"))
    parser.add_argument("--report", type=Path, nargs="+", help="only print what these folders hold")
    parser.add_argument("--at", default="5,10,20,30,60", help="minutes to report, with commas")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.report:
        print(report(given.report, [float(minute) for minute in given.at.split(",")]))
    elif not given.pictures or not given.contenders:
        parser.error("name the pictures and the contenders, or folders after --report")
    for contender in given.contenders if not given.report else ():
        run(contender, given.pictures, given.out, given.minutes)


if __name__ == "__main__":
    main()
