"""measure: how close a model is to real pictures."""

from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.options import EVERYTHING, HeldOut, read_pictures, require, split
from gan_core.events import say_kid
from gan_core.gan.metrics import Judge, Quality
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import DEFAULT_MODEL, resolve
from gan_core.terminal import console


def measure(
    source: Annotated[Path, typer.Argument(help="Folder, zip or tar of real pictures")],
    model: Annotated[str, typer.Option(help="Bundled name, run folder or path")] = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(help="How many pictures to make, 2 to 10000")] = 1000,
    held_out: HeldOut = 1,
) -> None:
    """Measure a model's pictures against real ones: the kernel inception distance (KID)."""
    require("count", count, 2, 10_000)
    require("held_out", held_out, 1, 1000)
    snapshot = load_snapshot(resolve(model))
    dataset = read_pictures(source, snapshot.network.resolution, EVERYTHING)
    judge = Judge(dataset.images[::held_out], n_fake=count)
    _say("", judge.measure(snapshot.G, snapshot.network.z_dim))
    if held_out > 1:
        rest, _ = split(dataset, held_out)
        _say("Other real pictures instead: ", judge.judge(rest.images[:count]))


def _say(lead: str, found: Quality) -> None:
    console.print(
        f"{lead}KID x 1000 = {say_kid(found)}, coverage {found.coverage:.0%}, diversity"
        f" {found.diversity:.2f}, memorised {found.memorised:.0%}"
        f" ({found.n_fake} made, {found.n_real} real; {found.extractor})",
        highlight=False,
        soft_wrap=True,
    )
