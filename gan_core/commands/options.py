"""What several commands share: options, reading pictures, Ctrl-C."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gan_core.errors import BadSetting
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.hub.borrowed import Borrowed
from gan_core.models import Model, find_model
from gan_core.pictures import Dataset, Limits, load_dataset
from gan_core.settings import help_of
from gan_core.terminal import console, show_download

HELP = help_of(TrainConfig, NetworkConfig)
MODEL_HELP = "Bundled name, run folder, path, or owner/repo on the Hugging Face Hub"
HELD_OUT_HELP = "Every n-th picture is for measuring, not learning"
HeldOut = Annotated[int, typer.Option(help=HELD_OUT_HELP)]
Seed = Annotated[int, typer.Option(help="Seed; the same seed gives the same pictures")]

_FEWEST_HELD_OUT = 6
# A large set was chosen with care: look-alikes in it are its own affair.
EVERYTHING = Limits(max_images=200_000, max_files=200_000, drop_near_duplicates=False)


@contextmanager
def stop_signal(hurries: bool = True) -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C and SIGTERM. hurries: asked twice, end at once."""
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        if received and hurries:  # do not insist on good order
            sys.exit(130)
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_pictures(source: Path, resolution: int, limits: Limits | None = None) -> Dataset:
    with console.status("Reading the pictures"):
        return load_dataset(source, resolution, limits)


def split(dataset: Dataset, every: int) -> tuple[Dataset, Dataset]:
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


def get_model(name: str, borrowed: Borrowed | None = None) -> Model:
    """Find a model; show how far it is if it has to be fetched, and say which of two it is.

    borrowed: as for `find_model`.
    """
    with show_download(f"Fetching {name}") as on_progress:
        found = find_model(name, on_progress, borrowed)
    if found.said:
        console.print(found.said, highlight=False, markup=False)
    return found


def given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadSetting(
            f"{name} is {value:.10g}.",
            f"It must lie between {low:.10g} and {high:.10g}.",
            "Choose a value in between.",
        )
