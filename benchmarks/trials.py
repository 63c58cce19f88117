"""What decides a retraining: settings against settings on the same pictures, over several seeds.

    python -m benchmarks.trials FOLDER "" "batch_size=32,lr_D=2e-4" "augment_p=adaptive" \
        --kimg 40 --seeds 0,1 --out trials.jsonl
    python -m benchmarks.trials --report trials.jsonl ...

A variant is a list of `TrainConfig` fields with their values; "" is what the program derives. Every
run shows D the same number of pictures, on one thread. What a run keeps is judged by other latents
than those it was chosen by. Two things that are no settings of the program can be tried as well:
`augment_p=adaptive`, ADA's rule, and `start=scratch`.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.fewshot_contenders import JUDGE_SEED
from gan_core.compute import Compute
from gan_core.events import Event, Failed, Measured, Progress
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, derive
from gan_core.gan.metrics import Judge
from gan_core.gan.run import BEST_FOLDER
from gan_core.gan.snapshot import Snapshot, load_snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.train import train
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.models import resolve
from gan_core.pictures import Dataset, load_dataset

FAST = Compute("cpu", "bfloat16", True, 1)
N_FAKE = 512
ADAPTIVE = "adaptive"
# Karras et al. 2020 (ADA), section 3.2: D's mean sign on real pictures is held at 0.6 by moving p,
# from 0 to 1 in 500 kimg there; a run here has tens of them in all.
ADA_TARGET, ADA_KIMG = 0.6, 10.0


@dataclass(frozen=True)
class Trial:
    """One run. curve: KID at every measurement, [(kimg, KID)]; the rest is of what it kept."""

    pictures: str
    n_images: int
    variant: str
    seed: int
    curve: list[tuple[float, float]]
    kimg: float  # of what was kept
    kid: float
    coverage: float
    memorised: float
    diversity: float
    images_per_second: float


class Adaptive:
    """ADA's rule: augment more of the pictures while D is too sure of the real ones."""

    def __init__(self) -> None:
        self.p = self.kimg = 0.0
        self.changes: dict[str, float] = {}

    def hear(self, event: Event) -> None:
        if isinstance(event, Progress):
            step = (event.kimg - self.kimg) / ADA_KIMG
            self.p = min(1.0, max(0.0, self.p + (step if event.d_sign > ADA_TARGET else -step)))
            self.kimg, self.changes = event.kimg, {"augment_p": self.p}

    def adjust(self) -> Mapping[str, Any]:
        changes, self.changes = self.changes, {}
        return changes


def settings_of(variant: str) -> dict[str, Any]:
    """Read "batch_size=32,augment=color+translation" as values of fields."""
    found: dict[str, Any] = {}
    for part in filter(None, variant.split(",")):
        name, _, text = part.partition("=")
        if name == "augment":
            found[name] = tuple(filter(None, text.split("+")))
        else:
            try:
                found[name] = json.loads(text)
            except json.JSONDecodeError:
                found[name] = text
    return found


def configure(variant: str, n_images: int, network: NetworkConfig, kimg: float) -> TrainConfig:
    """The settings of a variant: those derived, but for what it names, for so many kimg."""
    named = settings_of(variant)
    named.pop("start", None)
    if named.get("augment_p") == ADAPTIVE:
        named["augment_p"] = 0.0
    if "width" in named:
        width = named.pop("width")
        network = replace(network, width_G=width, width_D=width)
    cadence = Cadence(preview=None, checkpoint=None, measure=15.0)
    config = derive(n_images, 5.0, network, **{"cadence": cadence, **named})
    return replace(config, minutes=None, kimg=kimg)


def run(variant: str, seed: int, dataset: Dataset, base: Snapshot, kimg: float) -> Trial:
    """Train one variant to its end and judge what it keeps."""
    config = replace(configure(variant, len(dataset), base.network, kimg), seed=seed)
    named = settings_of(variant)
    is_scratch = named.get("start") == "scratch" or config.network != base.network
    start = Start() if is_scratch else Start(base, DEFAULT_MODEL)
    rule = Adaptive() if named.get("augment_p") == ADAPTIVE else None
    adjust: Callable[[], Mapping[str, Any]] = rule.adjust if rule else dict
    curve, speeds = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = Data(dataset.images)
        for event in train(config, data, folder, start, adjust=adjust, among=[FAST]):
            if rule:
                rule.hear(event)
            if isinstance(event, Measured):
                curve.append((event.kimg, event.kid))
            elif isinstance(event, Progress):
                speeds.append(event.images_per_second)
            elif isinstance(event, Failed):
                raise SystemExit(f"{variant!r}, seed {seed}: {event.reason}")
        kept = load_snapshot(folder / BEST_FOLDER)
    found = Judge(dataset.images, n_fake=N_FAKE).measure(kept.G, config.network.z_dim, JUDGE_SEED)
    return Trial(
        dataset.name, len(dataset), variant, seed, curve, kept.training["kimg"], found.kid,
        found.coverage, found.memorised, found.diversity, statistics.median(speeds),
    )  # fmt: skip


def read(paths: list[Path]) -> list[Trial]:
    """Read the lines that were written."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [Trial(**json.loads(line)) for line in lines]


def report(trials: list[Trial]) -> str:
    """A Markdown table for each set: KID x 1000 of every seed, and the means."""
    lines: list[str] = []
    sets = sorted({(each.pictures, each.n_images) for each in trials})
    for pictures, n in sets:
        here = [t for t in trials if (t.pictures, t.n_images) == (pictures, n)]
        lines += [f"## {pictures}, {n} pictures", ""]
        lines += [
            "| changed | KID kept, by seed | mean | at 1/4, 1/2, 3/4, end | covered | copies |"
        ]
        lines += ["|---|---|---|---|---|---|"]
        for variant in dict.fromkeys(each.variant for each in here):
            of_it = [each for each in here if each.variant == variant]
            kids = ", ".join(f"{each.kid * 1000:.0f}" for each in of_it)
            way = " ".join(f"{kid * 1000:.0f}" for kid in _on_the_way(of_it))
            covered = statistics.mean(each.coverage for each in of_it)
            copied = statistics.mean(each.memorised for each in of_it)
            mean = statistics.mean(each.kid for each in of_it) * 1000
            lines.append(
                f"| {variant or 'nothing'} | {kids} | {mean:.0f} | {way} | {covered:.0%}"
                f" | {copied:.0%} |"
            )
        lines.append("")
    return "\n".join(lines)


def _on_the_way(trials: list[Trial]) -> list[float]:
    """Mean KID over the seeds at each quarter, by the measurement nearest to it."""
    found = []
    for quarter in (0.25, 0.5, 0.75, 1.0):
        near = [
            min((abs(kimg - quarter * each.curve[-1][0]), kid) for kimg, kid in each.curve)
            for each in trials
        ]
        found.append(statistics.mean(kid for _, kid in near))
    return found


def main() -> None:
    """Run every variant with every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", help="folder, zip or saved dataset")
    parser.add_argument("variants", nargs="*", default=[""], help='"field=value,field=value"')
    parser.add_argument("--kimg", type=float, default=40.0)
    parser.add_argument("--seeds", default="0", help="with commas")
    parser.add_argument("--out", type=Path, help="file of lines; every run is added at its end")
    parser.add_argument("--report", type=Path, nargs="+", help="only print what these files hold")
    given = parser.parse_args()
    if given.report:
        print(report(read(given.report)))
        return
    if not given.folder:
        parser.error("name the pictures, or files after --report")
    torch.set_num_threads(1)
    base = load_snapshot(resolve(DEFAULT_MODEL))
    dataset = load_dataset(given.folder, base.network.resolution)
    trials = []
    seeds = [int(seed) for seed in given.seeds.split(",")]
    for seed, variant in itertools.product(seeds, given.variants):
        trials.append(run(variant, seed, dataset, base, given.kimg))
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trials[-1])) + "\n")
        print(f"{variant or 'nothing'}, seed {seed}: KID x 1000 {trials[-1].kid * 1000:.0f}")
    print(f"\n{report(trials)}")


if __name__ == "__main__":
    main()
