"""measure: how close a model is to real pictures."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gan_core.commands.options import (
    EVERYTHING,
    MODEL_HELP,
    HeldOut,
    get_model,
    read_pictures,
    require,
    split,
)
from gan_core.errors import BadSetting
from gan_core.events import say_kid
from gan_core.gan.copies import Images, Neighbour, worst_first
from gan_core.gan.latents import sample
from gan_core.gan.metrics import Judge, Quality
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.pictures import enlarge, make_grid, save_png, to_uint8
from gan_core.terminal import console

_PAIRS, _COLUMNS, _GAP = 16, 4, 8
_SEED = 1  # of the latents, as in `Judge.measure`


def measure(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar of real pictures")],
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(help="How many pictures to make, 2 to 10000")] = 1000,
    held_out: HeldOut = 1,
    copies: Annotated[
        Path | None,
        typer.Option(help="Also write a PNG of the made pictures most like a real one beside it"),
    ] = None,
) -> None:
    """Measure a model's pictures against real ones: how near (KID), how varied, how many copies."""
    require("count", count, 2, 10_000)
    require("held_out", held_out, 1, 1000)
    if copies is not None and copies.suffix.lower() != ".png":
        raise BadSetting(
            f"The file of copies is named {copies.name}.",
            "It is written as PNG.",
            "Let it end in .png.",
        )
    snapshot = load_snapshot(get_model(model).folder)
    dataset = read_pictures(source, snapshot.network.resolution, EVERYTHING)
    real = dataset.images[::held_out]
    judge = Judge(real)
    made = to_uint8(sample(snapshot, count, _SEED))
    _say("", judge.judge(made))
    if held_out > 1:
        rest, _ = split(dataset, held_out)
        _say("Other real pictures instead: ", judge.judge(rest.images[:count]))
    if copies is not None:
        found = judge.neighbours(made)
        save_png(copies, enlarge(_side_by_side(made, real, found), 2))
        console.print(
            f"{copies}: {min(_PAIRS, count)} made pictures, each with the real one most like it on"
            f" its right; {sum(each.is_copy for each in found)} of {count} are copies",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _say(lead: str, found: Quality) -> None:
    console.print(
        f"{lead}KID x 1000 = {say_kid(found)}, coverage {found.coverage:.0%}, diversity"
        f" {found.diversity:.2f}, memorised {found.memorised:.0%}"
        f" ({found.n_fake} made, {found.n_real} real; {found.extractor})",
        highlight=False,
        soft_wrap=True,
    )


def _side_by_side(made: Images, real: Images, found: list[Neighbour]) -> Images:
    """The worst pairs, the worst first: made on the left, real on the right."""
    worst = worst_first(found)[:_PAIRS]
    pairs = np.concatenate([made[worst], real[[found[i].index for i in worst]]], axis=2)
    return make_grid(pairs, _COLUMNS, _GAP)
