"""train, pretrain: from pictures to a model."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gan_core import events
from gan_core.commands.options import (
    EVERYTHING,
    HELD_OUT_HELP,
    HELP,
    MODEL_HELP,
    given,
    read_pictures,
    require,
    split,
    stop_signal,
)
from gan_core.commands.start import (
    Channels,
    GrowFrom,
    GrowKimg,
    Network,
    Resolution,
    Scales,
    refuse_other_network,
    start_from,
)
from gan_core.errors import BadRun, BadSetting
from gan_core.files import require_room
from gan_core.gan import pace
from gan_core.gan.checkpoint import Checkpoint, find_checkpoint, has_checkpoint
from gan_core.gan.config import AUGMENTATIONS, Cadence, TrainConfig, change, derive, family_of
from gan_core.gan.run import (
    DATASET_FILE,
    EVENTS_FILE,
    HELD_OUT_FILE,
    is_stop_requested,
    record,
    take_adjustment,
)
from gan_core.gan.start import SCRATCH, Data, Start
from gan_core.gan.team import present
from gan_core.gan.train import train as train_events
from gan_core.hub.resolve import DEFAULT_MODEL
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
Anyway = Annotated[bool, typer.Option("--anyway", help="Also if nothing can come of it in time")]
SkipD = Annotated[float | None, typer.Option("--skip-d-below", help=HELP["skip_D_below"])]
Augment = Annotated[
    str | None, typer.Option(help=f"Comma-separated, of {', '.join(AUGMENTATIONS)}; or none")
]
Mirror = Annotated[bool | None, typer.Option(help="Also learn from mirrored pictures")]
Kimg = Annotated[float | None, typer.Option(help=HELP["kimg"])]

_HELD_OUT = 20  # every so many
_START = f"scratch. Without: {DEFAULT_MODEL}, or scratch if a network is asked for"


def train(
    out: Annotated[Path, typer.Option(help="Folder for the run")],
    source: Annotated[Path | None, typer.Argument(help="Folder or zip of pictures")] = None,
    minutes: Annotated[float | None, typer.Option(help=HELP["minutes"] + "; 5 if new")] = None,
    start: Annotated[str | None, typer.Option(help=f"{MODEL_HELP}; or {_START}")] = None,
    seed: Annotated[int | None, typer.Option(help=HELP["seed"])] = None,
    network: Network = None,
    resolution: Resolution = None,
    channels: Channels = None,
    scales: Scales = None,
    grow_from: GrowFrom = None,
    grow_kimg: GrowKimg = None,
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
    anyway: Anyway = False,
) -> None:
    """Retrain a GAN on your own pictures. With --resume, --minutes counts from the run's start."""
    asked = given(kind=network, resolution=resolution, channels=channels, scales=scales)
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
        grow_from=grow_from,
        grow_kimg=grow_kimg,
    )
    if resume:
        checkpoint = find_checkpoint(out)
        if source is not None or seed is not None or start is not None:
            raise BadSetting(
                "New pictures, a new seed or a new start were given with --resume.",
                "A resumed run goes on with its own.",
                "Leave them out, or start a new run in another folder.",
            )
        refuse_other_network(checkpoint, asked, overrides)
        config = change(checkpoint.config, **overrides)
        _refuse_used_up(checkpoint, config)
        require_room(out)
        _run(config, _own_data(out), out, checkpoint)
        return
    _refuse_existing_run(out)
    if source is None:
        raise BadSetting(
            "There are no pictures to learn from.",
            "A new run needs a folder or zip of pictures.",
            "Name it: python -m gan_core train FOLDER --out RUN, or add --resume.",
        )
    require_room(out)
    start = start or (SCRATCH if asked else DEFAULT_MODEL)
    begin, shape, growth = start_from(start, **asked)
    time = overrides.pop("minutes", TrainConfig.minutes)
    ends = _ends(minutes, kimg)
    overrides = {"seed": seed or 0, **growth, **overrides}
    # Refused now, not when thousands of pictures are read.
    asked_for = replace(derive(1, time, shape, **overrides), **ends)
    present().part(asked_for.batch_size)
    overrides = {**_fit(asked_for, start, anyway), **overrides}
    dataset = read_pictures(source, shape.resolution)
    console.print(dataset.summary(), highlight=False)
    config = replace(derive(len(dataset), time, shape, **overrides), **ends)
    _keep_dataset(dataset, source, out)
    _run(config, Data(dataset.images), out, begin)


def pretrain(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar with thousands of pictures")],
    out: Annotated[Path, typer.Option(help="Folder for the run; continued if it holds one")],
    minutes: Annotated[float | None, typer.Option(help=HELP["minutes"] + "; 120 if new")] = None,
    start: Annotated[
        str, typer.Option(help=f"A model to go on from, and its network: {MODEL_HELP}")
    ] = SCRATCH,
    seed: Annotated[int | None, typer.Option(help=HELP["seed"] + "; 0 if new")] = None,
    network: Network = None,
    resolution: Resolution = None,
    channels: Channels = None,
    scales: Scales = None,
    grow_from: GrowFrom = None,
    grow_kimg: GrowKimg = None,
    width_G: Annotated[int | None, typer.Option("--width-g", help=HELP["width_G"])] = None,
    width_D: Annotated[int | None, typer.Option("--width-d", help=HELP["width_D"])] = None,
    d_norm: Annotated[str | None, typer.Option(help=HELP["d_norm"] + ": batch or spectral")] = None,
    held_out: Annotated[
        int | None, typer.Option(help=f"{HELD_OUT_HELP}; {_HELD_OUT} if new")
    ] = None,
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
    anyway: Anyway = False,
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
        grow_from=grow_from,
        grow_kimg=grow_kimg,
    )
    every = held_out if held_out is not None else _HELD_OUT
    require("held_out", every, 2, 1000)
    require_room(out)
    begin: Start | Checkpoint = Start()
    asked = given(kind=network, resolution=resolution, channels=channels, scales=scales)
    asked |= given(width_G=width_G, width_D=width_D, d_norm=d_norm)
    if has_checkpoint(out):
        begin = find_checkpoint(out)
        refuse_other_network(begin, asked, overrides)
        config = change(begin.config, **overrides)
        _refuse_used_up(begin, config)
        data = _own_data(out)
        _refuse_other_split(begin, data, seed, held_out)
        console.print("It goes on with its own pictures and from where it was; no others are read.")
    else:
        _refuse_existing_run(out)
        begin, shape, growth = start_from(start, **asked)
        config = TrainConfig(
            **{
                "network": shape,
                "minutes": 120.0,
                "seed": seed or 0,
                "batch_size": 64,
                "ema_halflife_kimg": 10.0,  # Karras et al. 2020 (ADA), table of hyperparameters
                "cadence": Cadence(report=10, preview=60, checkpoint=120, measure=180),
                **family_of(shape).recipe,
                **growth,
                **_ends(minutes, kimg),
                **overrides,
            }
        )
        present().part(config.batch_size)
        config = replace(config, **{**_fit(config, start, anyway), **overrides})
        dataset = read_pictures(source, shape.resolution, EVERYTHING)
        console.print(dataset.summary(), highlight=False)
        seen, unseen = split(dataset, every)
        save_dataset(unseen, out / HELD_OUT_FILE)
        save_dataset(seen, out / DATASET_FILE)
        data = Data(seen.images, unseen.images)
    _run(config, data, out, begin)


def _run(config: TrainConfig, data: Data, folder: Path, start: Start | Checkpoint) -> None:
    """Train and show it; Ctrl-C and SIGTERM save and end the run in good order."""
    team = present()
    # A launcher sends on what the terminal has sent to all already, and ends who takes too long.
    with stop_signal(hurries=team.size == 1) as stopped:
        stream = train_events(
            config,
            data,
            folder,
            start,
            lambda: stopped() or is_stop_requested(folder),
            lambda: take_adjustment(folder),
            team=team,
        )
        failed = None
        with display_events() as show:
            for event in record(stream, folder, config):
                show(event)
                failed = event if isinstance(event, events.Failed) else failed
    if failed is not None:
        raise BadRun(failed.reason, "The run was to end by itself.", failed.advice)


def _own_data(out: Path) -> Data:
    """The pictures that a run keeps in its folder, and those it is measured against, if others."""
    if not (out / DATASET_FILE).is_file():
        raise BadRun(
            f"The pictures of this run are gone: {out / DATASET_FILE} is missing.",
            "A run goes on with the pictures it keeps in its folder.",
            "Put the file back, or start a new run from this one: --start RUN with your pictures.",
        )
    held_out = out / HELD_OUT_FILE
    reference = read_dataset(held_out).images if held_out.is_file() else None
    return Data(read_dataset(out / DATASET_FILE).images, reference)


def _refuse_other_split(
    checkpoint: Checkpoint, data: Data, seed: int | None, held_out: int | None
) -> None:
    """A run that goes on keeps its seed and what it is measured on. Raises: BadSetting."""
    has = 0 if data.reference is None else len(data.reference)
    whole = len(data.images) + has
    if held_out is not None and has != -(-whole // held_out):
        raise BadSetting(
            f"This run is measured on {has} of {whole} pictures, and every {held_out}th was asked"
            f" for, which makes {-(-whole // held_out)}.",
            "A run that goes on keeps the pictures it is measured on.",
            "Leave --held-out away, or start a new run in another folder.",
        )
    if seed is not None and seed != checkpoint.config.seed:
        raise BadSetting(
            f"This run's seed is {checkpoint.config.seed}, and {seed} was asked for.",
            "A run that goes on keeps its seed.",
            "Leave --seed away, or start a new run in another folder.",
        )


def _fit(config: TrainConfig, start: str, anyway: bool) -> dict[str, Any]:
    """How long a run grows, in its time on this machine. Raises: BadSetting if it is too short.

    From the default model a run is known to come to something.
    """
    if start == DEFAULT_MODEL or (anyway and not config.grow_from):
        return {}
    console.print("Timing a step of it on this machine.")
    return pace.fit(config, start == SCRATCH, anyway)


def _ends(minutes: float | None, kimg: float | None) -> dict[str, Any]:
    """Where only a number of pictures is given, a run takes as long as they take."""
    return {"minutes": None} if minutes is None and kimg is not None else {}


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
