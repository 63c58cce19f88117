"""measure: how close a model is to real pictures."""

from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.options import EVERYTHING, HeldOut, read_pictures, require, split
from gan_core.gan.metrics import KidMeter
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
    meter = KidMeter(dataset.images[::held_out], n_fake=count)
    kid = meter.measure(snapshot.G, snapshot.network.z_dim)
    console.print(
        f"KID x 1000 = {kid.mean * 1000:.2f} +- {kid.std * 1000:.2f} ({kid.n_fake} made,"
        f" {kid.n_real} real; extractor: {kid.extractor})",
        highlight=False,
        soft_wrap=True,
    )
    if held_out > 1:
        rest, _ = split(dataset, held_out)
        floor = meter.measure_pictures(rest.images[:count])
        console.print(
            f"Other real pictures instead: {floor.mean * 1000:.2f} +- {floor.std * 1000:.2f}"
            f" ({floor.n_fake} against {floor.n_real})",
            highlight=False,
            soft_wrap=True,
        )
