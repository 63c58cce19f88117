"""train, pretrain: from pictures to a model."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gan_core import events
from gan_core.commands.options import (
    EVERYTHING,
    HELP,
    HeldOut,
    Seed,
    given,
    read_pictures,
    require,
    split,
    stop_signal,
)
from gan_core.errors import BadRun, BadSetting
from gan_core.files import require_room
from gan_core.gan.checkpoint import Checkpoint, find_checkpoint, has_checkpoint
from gan_core.gan.config import AUGMENTATIONS, Cadence, NetworkConfig, TrainConfig, change, derive
from gan_core.gan.run import (
    DATASET_FILE,
    EVENTS_FILE,
    is_stop_requested,
    record,
    take_adjustment,
)
from gan_core.gan.snapshot import Snapshot, load_snapshot, require_same
from gan_core.gan.train import SCRATCH, Data, Start
from gan_core.gan.train import train as train_events
from gan_core.hub.resolve import DEFAULT_MODEL, bundled_models, resolve
from gan_core.pictures import Dataset, read_dataset, save_dataset
from gan_core.terminal import console, display_events

# Nothing given means: derived for a new run, kept as it was for a resumed one.
LrG = Annotated[float | None, typer.Option("--lr-g", help=HELP["lr_G"])]
LrD = Annotated[float | None, typer.Option("--lr-d", help=HELP["lr_D"])]
BatchSize = Annotated[int | None, typer.Option(help=HELP["batch_size"])]
LossName = Annotated[
    str | None, typer.Option(help=HELP["loss"] + ": non-saturating, hinge or relativistic")
]
R1Gamma = Annotated[float | None, typer.Option("--r1-gamma", help=HELP["r1_gamma"])]
R2Gamma = Annotated[float | None, typer.Option("--r2-gamma", help=HELP["r2_gamma"])]
LeCam = Annotated[float | None, typer.Option("--lecam", help=HELP["lecam"])]
FreezeD = Annotated[int | None, typer.Option("--freeze-d", help=HELP["freeze_D"])]
TrainG = Annotated[str | None, typer.Option("--train-g", help=HELP["train_G"])]
AugmentP = Annotated[float | None, typer.Option(help=HELP["augment_p"])]
EmaHalflife = Annotated[float | None, typer.Option(help=HELP["ema_halflife_kimg"])]
Autopilot = Annotated[bool | None, typer.Option(help="Do at once what the run doctor advises")]
SkipD = Annotated[float | None, typer.Option("--skip-d-below", help=HELP["skip_D_below"])]
Augment = Annotated[
    str | None, typer.Option(help=f"Comma-separated, of {', '.join(AUGMENTATIONS)}; or none")
]
Mirror = Annotated[bool | None, typer.Option(help="Also learn from mirrored pictures")]
Kimg = Annotated[float | None, typer.Option(help=HELP["kimg"])]

_HELD_OUT_FILE = "held_out.safetensors"


def train(
    out: Annotated[Path, typer.Option(help="Folder for the run")],
    source: Annotated[Path | None, typer.Argument(help="Folder or zip of pictures")] = None,
    minutes: Annotated[float | None, typer.Option(help=HELP["minutes"] + "; 5 if new")] = None,
    start: Annotated[
        str, typer.Option(help="Bundled name, run folder, path; or scratch")
    ] = DEFAULT_MODEL,
    seed: Annotated[int | None, typer.Option(help=HELP["seed"])] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out")] = False,
    kimg: Kimg = None,
    batch_size: BatchSize = None,
    lr_G: LrG = None,
    lr_D: LrD = None,
    loss: LossName = None,
    skip_D_below: SkipD = None,
    r1_gamma: R1Gamma = None,
    r2_gamma: R2Gamma = None,
    lecam: LeCam = None,
    freeze_D: FreezeD = None,
    train_G: TrainG = None,
    augment: Augment = None,
    augment_p: AugmentP = None,
    mirror: Mirror = None,
    ema_halflife_kimg: EmaHalflife = None,
    autopilot: Autopilot = None,
) -> None:
    """Retrain a GAN on your own pictures. With --resume, --minutes counts from the run's start."""
    overrides = given(
        minutes=minutes,
        kimg=kimg,
        batch_size=batch_size,
        lr_G=lr_G,
        lr_D=lr_D,
        loss=loss,
        skip_D_below=skip_D_below,
        r1_gamma=r1_gamma,
        r2_gamma=r2_gamma,
        lecam=lecam,
        freeze_D=freeze_D,
        train_G=train_G,
        augment=_names(augment),
        augment_p=augment_p,
        mirror=mirror,
        ema_halflife_kimg=ema_halflife_kimg,
        autopilot=autopilot,
    )
    if resume:
        checkpoint = find_checkpoint(out)
        if source is not None or seed is not None:
            raise BadSetting(
                "New pictures or a new seed were given with --resume.",
                "A resumed run goes on with its own.",
                "Leave them out, or start a new run in another folder.",
            )
        config = change(checkpoint.config, **overrides)
        _refuse_used_up(checkpoint, config)
        require_room(out)
        dataset = _own_dataset(out)
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
    time = overrides.pop("minutes", TrainConfig.minutes)
    derive(1, time, network, **overrides)  # refused now, not when thousands of pictures are read
    dataset = read_pictures(source, network.resolution)
    console.print(dataset.summary(), highlight=False)
    config = derive(len(dataset), time, network, seed=seed or 0, **overrides)
    _keep_dataset(dataset, source, out)
    _run(config, Data(dataset.images), out, begin)


def pretrain(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar with thousands of pictures")],
    out: Annotated[Path, typer.Option(help="Folder for the run; continued if it holds one")],
    minutes: Annotated[float | None, typer.Option(help=HELP["minutes"] + "; 120 if new")] = None,
    start: Annotated[
        str, typer.Option(help="A model to go on from; its network is kept")
    ] = SCRATCH,
    seed: Seed = 0,
    resolution: Annotated[int | None, typer.Option(help=HELP["resolution"])] = None,
    width_G: Annotated[int | None, typer.Option("--width-g", help=HELP["width_G"])] = None,
    width_D: Annotated[int | None, typer.Option("--width-d", help=HELP["width_D"])] = None,
    d_norm: Annotated[str | None, typer.Option(help=HELP["d_norm"] + ": batch or spectral")] = None,
    held_out: HeldOut = 20,
    kimg: Kimg = None,
    batch_size: BatchSize = None,
    lr_G: LrG = None,
    lr_D: LrD = None,
    loss: LossName = None,
    skip_D_below: SkipD = None,
    r1_gamma: R1Gamma = None,
    r2_gamma: R2Gamma = None,
    lecam: LeCam = None,
    freeze_D: FreezeD = None,
    train_G: TrainG = None,
    augment: Augment = None,
    augment_p: AugmentP = None,
    mirror: Mirror = None,
    ema_halflife_kimg: EmaHalflife = None,
    autopilot: Autopilot = None,
) -> None:
    """Train a model from scratch for hours, measured on pictures it never sees.

    If --out holds a run, it goes on with its own pictures, split, network and seed.
    """
    overrides = given(
        minutes=minutes,
        kimg=kimg,
        batch_size=batch_size,
        lr_G=lr_G,
        lr_D=lr_D,
        loss=loss,
        skip_D_below=skip_D_below,
        r1_gamma=r1_gamma,
        r2_gamma=r2_gamma,
        lecam=lecam,
        freeze_D=freeze_D,
        train_G=train_G,
        augment=_names(augment),
        augment_p=augment_p,
        mirror=mirror,
        ema_halflife_kimg=ema_halflife_kimg,
        autopilot=autopilot,
    )
    require("held_out", held_out, 2, 1000)
    require_room(out)
    begin: Start | Checkpoint = Start()
    asked = given(resolution=resolution, width_G=width_G, width_D=width_D, d_norm=d_norm)
    if has_checkpoint(out):
        begin = find_checkpoint(out)
        _refuse_other_network(begin, asked)
        config = change(begin.config, **overrides)
        _refuse_used_up(begin, config)
        seen, unseen = read_dataset(out / DATASET_FILE), read_dataset(out / _HELD_OUT_FILE)
    else:
        _refuse_existing_run(out)
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
        dataset = read_pictures(source, network.resolution, EVERYTHING)
        console.print(dataset.summary(), highlight=False)
        seen, unseen = split(dataset, held_out)
        save_dataset(unseen, out / _HELD_OUT_FILE)
        save_dataset(seen, out / DATASET_FILE)
    _run(config, Data(seen.images, unseen.images), out, begin)


def _run(config: TrainConfig, data: Data, folder: Path, start: Start | Checkpoint) -> None:
    """Train and show it; Ctrl-C and SIGTERM save and end the run in good order."""
    with stop_signal() as stopped:
        stream = train_events(
            config,
            data,
            folder,
            start,
            lambda: stopped() or is_stop_requested(folder),
            lambda: take_adjustment(folder),
        )
        failed = None
        with display_events() as show:
            for event in record(stream, folder, config):
                show(event)
                failed = event if isinstance(event, events.Failed) else failed
    if failed is not None:
        raise BadRun(failed.reason, "The run was to end by itself.", failed.advice)


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


def _own_dataset(out: Path) -> Dataset:
    if not (out / DATASET_FILE).is_file():
        raise BadRun(
            f"The pictures of this run are gone: {out / DATASET_FILE} is missing.",
            "A run goes on with the pictures it keeps in its folder.",
            "Put the file back, or start a new run from this one: --start RUN with your pictures.",
        )
    return read_dataset(out / DATASET_FILE)


def _keep_dataset(dataset: Dataset, source: Path, out: Path) -> None:
    if source.resolve() != (out / DATASET_FILE).resolve():
        save_dataset(dataset, out / DATASET_FILE)


def _refuse_used_up(checkpoint: Checkpoint, config: TrainConfig) -> None:
    done = checkpoint.seconds / 60
    if config.minutes is not None and done >= config.minutes:
        raise BadSetting(
            f"This run has already had {done:.1f} of {config.minutes:g} minutes.",
            "--minutes counts from the run's start.",
            f"Give more, for instance --minutes {done + 5:.0f}.",
        )


def _refuse_other_network(checkpoint: Checkpoint, asked: dict[str, Any]) -> None:
    network = checkpoint.config.network
    other = [name for name, value in asked.items() if getattr(network, name) != value]
    if other:
        raise BadSetting(
            f"This run's network has {other[0]} = {getattr(network, other[0])}, and"
            f" {asked[other[0]]} was asked for.",
            "A run that goes on keeps its network.",
            "Leave the option out, or start a new run in another folder.",
        )


def _refuse_existing_run(out: Path) -> None:
    if has_checkpoint(out) or (out / EVENTS_FILE).exists():
        can_resume = has_checkpoint(out)
        raise BadRun(
            f"{out} already holds a run.",
            "A new run needs a folder of its own.",
            "Choose another folder, or add --resume to continue that run."
            if can_resume
            else "Choose another folder, or delete that run: it ended before its first checkpoint.",
        )


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name for name in text.split(",") if name and name != "none")
