"""The command line: generate, train, check, pretrain, measure; it prints the events.

Exit code 0, or 2 with a message when the user can mend what is wrong.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from gan_core import events
from gan_core.errors import AtelierError, BadRun, BadSetting
from gan_core.files import require_room
from gan_core.gan.checkpoint import CHECKPOINT_FILE, Checkpoint, find_checkpoint
from gan_core.gan.config import (
    AUGMENTATIONS,
    LAST_SEED,
    Cadence,
    NetworkConfig,
    TrainConfig,
    derive,
)
from gan_core.gan.config import check as check_config
from gan_core.gan.latents import latents, render
from gan_core.gan.metrics import KidMeter
from gan_core.gan.run import DATASET_FILE, EVENTS_FILE, is_stop_requested, record
from gan_core.gan.snapshot import Snapshot, load_snapshot, require_same
from gan_core.gan.train import SCRATCH, Data, Start
from gan_core.gan.train import train as train_events
from gan_core.hub.resolve import DEFAULT_MODEL, bundled_models, resolve
from gan_core.pictures import (
    Dataset,
    Limits,
    enlarge,
    load_dataset,
    make_grid,
    read_dataset,
    save_dataset,
    save_png,
    to_uint8,
)
from gan_core.terminal import console, display_events, print_report, show_progress

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

_HELP = {
    entry.name: entry.metadata["help"]
    for kind in (TrainConfig, NetworkConfig)
    for entry in fields(kind)
    if "help" in entry.metadata
}
# Nothing given means: derived for a new run, kept as it was for a resumed one.
LrG = Annotated[float | None, typer.Option("--lr-g", help=_HELP["lr_G"])]
LrD = Annotated[float | None, typer.Option("--lr-d", help=_HELP["lr_D"])]
BatchSize = Annotated[int | None, typer.Option(help=_HELP["batch_size"])]
LossName = Annotated[str | None, typer.Option(help=_HELP["loss"] + ": non-saturating or hinge")]
R1Gamma = Annotated[float | None, typer.Option("--r1-gamma", help=_HELP["r1_gamma"])]
SkipD = Annotated[float | None, typer.Option("--skip-d-below", help=_HELP["skip_D_below"])]
Augment = Annotated[
    str | None, typer.Option(help=f"Comma-separated, of {', '.join(AUGMENTATIONS)}; or none")
]
Mirror = Annotated[bool | None, typer.Option(help="Also learn from mirrored pictures")]
Kimg = Annotated[float | None, typer.Option(help=_HELP["kimg"])]
HeldOut = Annotated[int, typer.Option(help="Every n-th picture is for measuring, not learning")]
Seed = Annotated[int, typer.Option(help="Seed; the same seed gives the same pictures")]


_HELD_OUT_FILE = "held_out.safetensors"
_FEWEST_HELD_OUT = 6
# A large set was chosen with care: look-alikes in it are its own affair.
_EVERYTHING = Limits(max_images=200_000, max_files=200_000, drop_near_duplicates=False)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder for 0000.png, 0001.png, ...")],
    model: Annotated[str, typer.Option(help="Bundled name, run folder or path")] = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(help="How many pictures, 1 to 10000")] = 16,
    seed: Seed = 0,
    truncation: Annotated[float, typer.Option(help="0 to 1: less = more typical")] = 1.0,
    grid: Annotated[
        Path | None, typer.Option(help="Also write all as one PNG, enlarged without blur")
    ] = None,
) -> None:
    """Make pictures with a trained model."""
    _require("count", count, 1, 10_000)
    _require("truncation", truncation, 0, 1)
    _require("seed", seed, 0, LAST_SEED)
    if grid is not None and grid.suffix != ".png":
        raise BadSetting(
            f"The grid's name is {grid.name}.", "It is written as PNG.", "Let it end in .png."
        )
    snapshot = load_snapshot(resolve(model))
    z = latents(count, seed, snapshot.network.z_dim, truncation)
    parts = [
        to_uint8(render(snapshot.G, part)) for part in show_progress(z.split(64), "Generating")
    ]
    pictures = np.concatenate(parts)
    for index, picture in enumerate(show_progress(list(pictures), "Writing")):
        told = {"model": model, "seed": seed, "index": index, "truncation": truncation}
        save_png(out / f"{index:04d}.png", picture, {k: str(v) for k, v in told.items()})
    if grid is not None:
        save_png(grid, enlarge(make_grid(pictures), 2))
    console.print(f"{count} pictures in {out}", highlight=False)


@app.command()
def check(
    source: Annotated[Path, typer.Argument(help="Folder or zip of pictures")],
    resolution: Annotated[int, typer.Option(help=_HELP["resolution"])] = 64,
) -> None:
    """Say which pictures would be used for training, which were mended or left out, and why."""
    check_config(NetworkConfig(resolution=resolution))
    try:
        dataset = _read(source, resolution)
    except AtelierError as error:
        print_report(getattr(error, "report", ()))
        raise
    print_report(dataset.report)
    console.print(dataset.summary(), highlight=False)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the run")],
    source: Annotated[Path | None, typer.Argument(help="Folder or zip of pictures")] = None,
    minutes: Annotated[float | None, typer.Option(help=_HELP["minutes"] + "; 5 if new")] = None,
    start: Annotated[
        str, typer.Option(help="Bundled name, run folder, path; or scratch")
    ] = DEFAULT_MODEL,
    seed: Annotated[int | None, typer.Option(help=_HELP["seed"])] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out")] = False,
    kimg: Kimg = None,
    batch_size: BatchSize = None,
    lr_G: LrG = None,
    lr_D: LrD = None,
    loss: LossName = None,
    skip_D_below: SkipD = None,
    r1_gamma: R1Gamma = None,
    augment: Augment = None,
    mirror: Mirror = None,
) -> None:
    """Retrain a GAN on your own pictures. With --resume, --minutes counts from the run's start."""
    overrides = _given(
        minutes=minutes,
        kimg=kimg,
        batch_size=batch_size,
        lr_G=lr_G,
        lr_D=lr_D,
        loss=loss,
        skip_D_below=skip_D_below,
        r1_gamma=r1_gamma,
        augment=_names(augment),
        mirror=mirror,
    )
    if resume:
        checkpoint = find_checkpoint(out)
        if source is not None or seed is not None:
            raise BadSetting(
                "New pictures or a new seed were given with --resume.",
                "A resumed run goes on with its own.",
                "Leave them out, or start a new run in another folder.",
            )
        config = replace(checkpoint.config, **overrides)
        _refuse_used_up(checkpoint, config)
        require_room(out)
        dataset = read_dataset(out / DATASET_FILE)
        _run(config, Data(dataset.images), out, checkpoint)
        return
    _refuse_existing_run(out)
    if source is None:
        raise BadSetting(
            "There are no pictures to learn from.",
            "A new run needs a folder or zip of pictures.",
            "Name it: python -m gan_core train FOLDER --out RUN, or add --resume.",
        )
    require_room(out)
    begin, network = _start_from(start)
    dataset = _read(source, network.resolution)
    console.print(dataset.summary(), highlight=False)
    time = overrides.pop("minutes", TrainConfig.minutes)
    config = derive(len(dataset), time, network, seed=seed or 0, **overrides)
    _keep_dataset(dataset, source, out)
    _run(config, Data(dataset.images), out, begin)


@app.command()
def pretrain(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar with thousands of pictures")],
    out: Annotated[Path, typer.Option(help="Folder for the run; continued if it holds one")],
    minutes: Annotated[float | None, typer.Option(help=_HELP["minutes"] + "; 120 if new")] = None,
    start: Annotated[
        str, typer.Option(help="A model to go on from; its network is kept")
    ] = SCRATCH,
    seed: Seed = 0,
    resolution: Annotated[int | None, typer.Option(help=_HELP["resolution"])] = None,
    width_G: Annotated[int | None, typer.Option("--width-g", help=_HELP["width_G"])] = None,
    width_D: Annotated[int | None, typer.Option("--width-d", help=_HELP["width_D"])] = None,
    d_norm: Annotated[
        str | None, typer.Option(help=_HELP["d_norm"] + ": batch or spectral")
    ] = None,
    held_out: HeldOut = 20,
    kimg: Kimg = None,
    batch_size: BatchSize = None,
    lr_G: LrG = None,
    lr_D: LrD = None,
    loss: LossName = None,
    skip_D_below: SkipD = None,
    r1_gamma: R1Gamma = None,
    augment: Augment = None,
    mirror: Mirror = None,
) -> None:
    """Train a model from scratch for hours, measured on pictures it never sees.

    If --out holds a run, it goes on with its own pictures, split, network and seed.
    """
    overrides = _given(
        minutes=minutes,
        kimg=kimg,
        batch_size=batch_size,
        lr_G=lr_G,
        lr_D=lr_D,
        loss=loss,
        skip_D_below=skip_D_below,
        r1_gamma=r1_gamma,
        augment=_names(augment),
        mirror=mirror,
    )
    _require("held_out", held_out, 2, 1000)
    require_room(out)
    begin: Start | Checkpoint = Start()
    if (out / CHECKPOINT_FILE).exists():
        begin = find_checkpoint(out)
        config = replace(begin.config, **overrides)
        _refuse_used_up(begin, config)
        seen, unseen = read_dataset(out / DATASET_FILE), read_dataset(out / _HELD_OUT_FILE)
    else:
        _refuse_existing_run(out)
        asked = _given(resolution=resolution, width_G=width_G, width_D=width_D, d_norm=d_norm)
        begin, network = _start_from(start, **asked)
        config = TrainConfig(
            **{
                "network": network,
                "minutes": 120.0,
                "seed": seed,
                "batch_size": 64,
                "ema_halflife_kimg": 10.0,  # Karras et al. 2020 (ADA), table of hyperparameters
                "cadence": Cadence(report=10, preview=60, checkpoint=120, measure=180),
                **overrides,
            }
        )
        dataset = _read(source, network.resolution, _EVERYTHING)
        console.print(dataset.summary(), highlight=False)
        seen, unseen = _split(dataset, held_out)
        save_dataset(unseen, out / _HELD_OUT_FILE)
        save_dataset(seen, out / DATASET_FILE)
    _run(config, Data(seen.images, unseen.images), out, begin)


@app.command()
def measure(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar of real pictures")],
    model: Annotated[str, typer.Option(help="Bundled name, run folder or path")] = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(help="How many pictures to make, 2 to 10000")] = 1000,
    held_out: HeldOut = 1,
) -> None:
    """Measure a model's pictures against real ones: the kernel inception distance (KID)."""
    _require("count", count, 2, 10_000)
    _require("held_out", held_out, 1, 1000)
    snapshot = load_snapshot(resolve(model))
    dataset = _read(source, snapshot.network.resolution, _EVERYTHING)
    meter = KidMeter(dataset.images[::held_out], n_fake=count)
    kid = meter.measure(snapshot.G, snapshot.network.z_dim)
    console.print(
        f"KID x 1000 = {kid.mean * 1000:.2f} +- {kid.std * 1000:.2f} ({kid.n_fake} made,"
        f" {kid.n_real} real; extractor: {kid.extractor})",
        highlight=False,
        soft_wrap=True,
    )
    if held_out > 1:
        rest, _ = _split(dataset, held_out)
        floor = meter.measure_pictures(rest.images[:count])
        console.print(
            f"Other real pictures instead: {floor.mean * 1000:.2f} +- {floor.std * 1000:.2f}"
            f" ({floor.n_fake} against {floor.n_real})",
            highlight=False,
            soft_wrap=True,
        )


def _run(config: TrainConfig, data: Data, folder: Path, start: Start | Checkpoint) -> None:
    """Train and show it; Ctrl-C and SIGTERM save and end the run in good order."""
    with _stop_signal() as stopped:
        stream = train_events(
            config, data, folder, start, lambda: stopped() or is_stop_requested(folder)
        )
        failed = None
        with display_events() as show:
            for event in record(stream, folder, config):
                show(event)
                failed = event if isinstance(event, events.Failed) else failed
    if failed is not None:
        raise BadRun(failed.reason, "The run was to end by itself.", failed.advice)


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        if received:  # asked twice: do not insist on good order
            sys.exit(130)
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(source: Path, resolution: int, limits: Limits | None = None) -> Dataset:
    with console.status("Reading the pictures"):
        return load_dataset(source, resolution, limits)


def _start_from(name: str, **asked: Any) -> tuple[Start, NetworkConfig]:
    """Load what a run begins from: a model, or nothing for "scratch"; and the run's network.

    asked: fields of the network that the user set; a model must have them already.
    """
    if name == SCRATCH:
        return Start(), NetworkConfig(**asked)
    snapshot = load_snapshot(resolve(name))
    require_same(snapshot.network, replace(snapshot.network, **asked))
    return Start(snapshot, _name_start(name, snapshot)), snapshot.network


def _name_start(start: str, snapshot: Snapshot) -> str:
    """For the record, which is packed and published: a path of this machine does not belong in."""
    if start in bundled_models():
        return start
    return f"an own model of {snapshot.training.get('kimg', 0):g} kimg"


def _keep_dataset(dataset: Dataset, source: Path, out: Path) -> None:
    if source.resolve() != (out / DATASET_FILE).resolve():
        save_dataset(dataset, out / DATASET_FILE)


def _split(dataset: Dataset, every: int) -> tuple[Dataset, Dataset]:
    """Part a dataset in what is learned from and what is only measured against."""
    is_held_out = np.arange(len(dataset)) % every == 0
    if is_held_out.sum() < _FEWEST_HELD_OUT:
        raise BadSetting(
            f"Every {every}th of {len(dataset)} pictures makes {is_held_out.sum()} to measure on.",
            f"At least {_FEWEST_HELD_OUT} are needed.",
            "Give a smaller --held-out, or more pictures.",
        )
    images = dataset.images
    return replace(dataset, images=images[~is_held_out]), replace(
        dataset, images=images[is_held_out]
    )


def _refuse_used_up(checkpoint: Checkpoint, config: TrainConfig) -> None:
    done = checkpoint.seconds / 60
    if config.minutes is not None and done >= config.minutes:
        raise BadSetting(
            f"This run has already had {done:.1f} of {config.minutes:g} minutes.",
            "--minutes counts from the run's start.",
            f"Give more, for instance --minutes {done + 5:.0f}.",
        )


def _refuse_existing_run(out: Path) -> None:
    if (out / EVENTS_FILE).exists():
        raise BadRun(
            f"{out} already holds a run.",
            "A new run needs a folder of its own.",
            "Choose another folder, or add --resume to continue that run.",
        )


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name for name in text.split(",") if name and name != "none")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadSetting(
            f"{name} is {value:.10g}.",
            f"It must lie between {low:.10g} and {high:.10g}.",
            "Choose a value in between.",
        )


def main(words: list[str] | None = None) -> None:
    """Run the command line (sys.argv by default) and exit; 2 for a user's mistake."""
    try:
        app(args=words)
    except AtelierError as error:
        # On one line, which the page takes from a run's log as it is.
        Console(stderr=True).print(
            f"{error}", style="bold", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
