"""train-stylenet, export-stylenet: the network that style transfer sees with."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gan_core import events
from gan_core.commands.options import Seed, stop_signal
from gan_core.errors import BadRun
from gan_core.features.export import export_stylenet
from gan_core.features.photographs import load_photographs
from gan_core.features.training import (
    CHECKPOINT_FILE,
    StyleNetConfig,
    load_classifier,
    train_classifier,
)
from gan_core.files import require_room
from gan_core.terminal import console, display_events

_EVENTS_FILE = "events.jsonl"


def train_stylenet(
    source: Annotated[Path, typer.Argument(help="Labelled photographs, .npz")],
    validation: Annotated[Path, typer.Argument(help="Others of the same classes, .npz")],
    out: Annotated[Path, typer.Option(help="Folder for the run; continued if it holds one")],
    minutes: Annotated[float, typer.Option(help="The whole run's time")] = StyleNetConfig.minutes,
    start: Annotated[Path | None, typer.Option(help="A run to go on from, as a new one")] = None,
    epsilon: Annotated[
        float, typer.Option(help="Learn from adversarial pictures within this L2 distance")
    ] = StyleNetConfig.epsilon,
    lr: Annotated[float, typer.Option(help="Learning rate at its highest")] = StyleNetConfig.lr,
    seed: Seed = 0,
) -> None:
    """Train the feature network that style transfer sees with. Interrupted, it can go on."""
    require_room(out)
    config = StyleNetConfig(minutes=minutes, lr=lr, epsilon=epsilon, seed=seed)
    with console.status("Reading the photographs"):
        seen, unseen = load_photographs(source), load_photographs(validation)
    if start is not None and (out / CHECKPOINT_FILE).exists():
        raise BadRun(
            f"{out} already holds a run, and --start was given.",
            "A run goes on from its own checkpoint.",
            "Leave --start out, or choose another folder.",
        )
    begin = load_classifier(start)[0] if start is not None else None
    out.mkdir(parents=True, exist_ok=True)
    with (
        stop_signal() as stopped,
        display_events() as show,
        (out / _EVENTS_FILE).open("a", encoding="utf-8") as log,
    ):
        for event in train_classifier(config, seen, unseen, out, begin, stopped):
            print(json.dumps(events.to_json(event)), file=log, flush=True)
            show(event)


def export_stylenet_run(
    run: Annotated[Path, typer.Argument(help="Folder of a run of train-stylenet")],
    out: Annotated[Path, typer.Option(help="Folder for features.safetensors and config.json")],
) -> None:
    """Make the trained network ready for use: folded, rescaled, in half precision."""
    net, about = load_classifier(run)
    path = export_stylenet(net, out, about)
    console.print(f"{path}, {path.stat().st_size / 1e6:.1f} MB", highlight=False)
