"""check: what becomes of pictures, what they are like, and a training set made of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from gan_core.commands.options import HELP
from gan_core.errors import BadSetting
from gan_core.gan.dataset_doctor import examine
from gan_core.gan.networks.families import FAMILIES
from gan_core.pictures import (
    Choices,
    Dataset,
    Sheet,
    UnusableDataset,
    compose,
    load_dataset,
    make_grid,
    read_sheet,
    save_dataset,
    save_png,
)
from gan_core.pictures.crop import Crop
from gan_core.terminal import console, print_report


def check(
    source: Annotated[Path, typer.Argument(help="Folder or zip of pictures")],
    resolution: Annotated[int, typer.Option(help=HELP["resolution"])] = 64,
    crop: Annotated[str, typer.Option(help="Where squares are cut: center, or smart")] = "center",
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A file not to use; may be repeated")
    ] = None,
    use: Annotated[
        list[str] | None, typer.Option(help="A repetition to use all the same; may be repeated")
    ] = None,
    crops: Annotated[Path | None, typer.Option(help="Save the squares, as one PNG")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Save the set, to train on: a .safetensors file")
    ] = None,
) -> None:
    """Say which pictures would be used for training and why, what they are like, what to expect."""
    sizes = sorted({size for family in FAMILIES.values() for size in family.sizes})
    if resolution not in sizes:
        raise BadSetting(
            f"resolution is {resolution}.",
            f"The networks there are make {', '.join(map(str, sizes))} px.",
            "Choose one of these.",
        )
    if crop not in get_args(Crop):
        raise BadSetting(f"crop is {crop!r}.", "It is center or smart.", "Choose one of these.")
    if out is not None and out.suffix != ".safetensors":
        raise BadSetting(f"--out is {out}.", "A set is a .safetensors file.", "Name it so.")
    with console.status("Reading the pictures"):
        if source.suffix == ".safetensors":  # cut and chosen before
            dataset, alike = load_dataset(source, resolution), list[str]()
        else:
            sheet = read_sheet(source, resolution)
            used = {**_places(sheet, leave_out, False), **_places(sheet, use, True)}
            dataset, alike = _compose(sheet, Choices(cast(Crop, crop), used=used)), _alike(sheet)
    print_report(dataset.report)
    _say(dataset.summary(), *alike)
    with console.status("Comparing them"):
        found = examine(dataset.images)
    names = dataset.names()
    for odd in found.odd:
        _say(f"Little like the others: {names[odd.index]} ({odd.times:.1f} times as far as usual).")
    _say(found.expectation())
    if found.sides is not None:
        _say(f"--mirror? {found.sides.hint()}")
    _save(dataset, crops, out)


def _compose(sheet: Sheet, choices: Choices) -> Dataset:
    try:
        return compose(sheet, choices)
    except UnusableDataset as error:
        print_report(error.report)
        raise


def _places(sheet: Sheet, names: Iterable[str] | None, use: bool) -> dict[int, bool]:
    """Find files by name. Raises: BadSetting for one that is not there."""
    found: dict[int, bool] = {}
    for name in names or ():
        here = {place: use for place, entry in enumerate(sheet.entries) if entry.name == name}
        if not here:
            raise BadSetting(
                f"There is no file {name!r} in {sheet.name}.",
                f"It has {len(sheet.entries):,} files, named as in the report.",
                "Check the name, with its folder.",
            )
        found |= here
    return found


def _alike(sheet: Sheet) -> list[str]:
    """A sentence for every group of pictures that repeat one."""
    groups: dict[int, list[str]] = {}
    for entry in sheet.entries:
        if entry.twin is not None:
            groups.setdefault(entry.twin.of, []).append(entry.name)
    return [
        f"Alike: {', '.join((sheet.entries[first].name, *others))}."
        for first, others in groups.items()
    ]


def _save(dataset: Dataset, crops: Path | None, out: Path | None) -> None:
    if crops is not None:
        columns = max(1, round(len(dataset) ** 0.5))
        save_png(crops, make_grid(dataset.images, columns))
        _say(f"Saved {crops}.")
    if out is not None:
        save_dataset(dataset, out)
        _say(f"Saved {out}. Train on it: python -m gan_core train {out} --out RUN")


def _say(*sentences: str) -> None:
    for sentence in sentences:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
