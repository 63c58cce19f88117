"""generate: pictures from a trained model."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gan_core.commands.options import MODEL_HELP, Seed, get_model, require
from gan_core.errors import BadSetting
from gan_core.gan.latents import sample
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.pictures import enlarge, make_grid, save_png, to_uint8
from gan_core.settings import LAST_SEED
from gan_core.terminal import console, show_progress

_PART = 64  # pictures between two reports of how far it is


def generate(
    out: Annotated[Path, typer.Option(help="Folder for 0000.png, 0001.png, ...")],
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(help="How many pictures, 1 to 10000")] = 16,
    seed: Seed = 0,
    truncation: Annotated[float, typer.Option(help="0 to 1: less = more typical")] = 1.0,
    grid: Annotated[
        Path | None, typer.Option(help="Also write all as one PNG, enlarged without blur")
    ] = None,
) -> None:
    """Make pictures with a trained model."""
    require("count", count, 1, 10_000)
    require("truncation", truncation, 0, 1)
    require("seed", seed, 0, LAST_SEED)
    if grid is not None and grid.suffix != ".png":
        raise BadSetting(
            f"The grid's name is {grid.name}.", "It is written as PNG.", "Let it end in .png."
        )
    found = get_model(model)
    snapshot = load_snapshot(found.folder)
    parts = [
        to_uint8(sample(snapshot, min(_PART, count - first), seed, truncation, first))
        for first in show_progress(range(0, count, _PART), "Generating")
    ]
    pictures = np.concatenate(parts)
    name = found.name or model
    for index, picture in enumerate(show_progress(list(pictures), "Writing")):
        told = {"model": name, "seed": seed, "index": index, "truncation": truncation}
        save_png(out / f"{index:04d}.png", picture, {k: str(v) for k, v in told.items()})
    if grid is not None:
        save_png(grid, enlarge(make_grid(pictures), 2))
    console.print(f"{count} pictures in {out}", highlight=False)
