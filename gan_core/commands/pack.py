"""pack, timelapse: what goes out of a run."""

from pathlib import Path
from typing import Annotated

import typer

from gan_core.errors import BadDataset, BadSetting
from gan_core.gan.memorisation import Memorisation, memorisation
from gan_core.gan.package import pack as pack_run
from gan_core.gan.run import read_events
from gan_core.gan.timelapse import save_timelapse
from gan_core.pictures import enlarge, save_png
from gan_core.terminal import console

Run = Annotated[Path, typer.Argument(help="Folder of a run")]
KIND_HELP = "What its training pictures show, for the model card"
PAIRS_HELP = "Also write a PNG of made above training pictures, for your eyes only"
_ENLARGED = 2


def pack(
    run: Run,
    out: Annotated[Path, typer.Option(help="The zip to write")],
    kind: Annotated[str, typer.Option(help=KIND_HELP)] = "",
    pairs: Annotated[Path | None, typer.Option(help=PAIRS_HELP)] = None,
) -> None:
    """Check a run's model for copies of its pictures, then pack it with films and model card."""
    _require_suffix(out, ".zip")
    look_for_copies(run, pairs)
    with console.status("Packing"):
        pack_run(run, out, kind)
    say(f"{out.stat().st_size / 1e6:.1f} MB in {out}")


def look_for_copies(run: Path, pairs: Path | None) -> Memorisation | None:
    """Say whether a run's model repeats its pictures, and write `pairs`; None if nobody can know.

    Raises: BadRun without a model or a log, BadSetting for a name of `pairs` that is no PNG's.
    """
    if pairs is not None:
        _require_suffix(pairs, ".png")
    read_events(run)  # raises for what is no run
    try:
        with console.status("Looking for copies"):
            found = memorisation(run)
    except BadDataset as error:
        say(f"Not checked for copies: {error.what}", style="yellow")
        return None
    say(found.sentence, style="bold yellow" if found.is_warning else "")
    if pairs is not None:
        save_png(pairs, enlarge(found.pairs, _ENLARGED))
    return found


def timelapse(
    run: Run, out: Annotated[Path, typer.Option(help="The film to write: .mp4 or .gif")]
) -> None:
    """Make a film of a run's previews: the same latents, from the first step to the last."""
    with console.status("Filming"):
        save_timelapse(run, out)
    say(f"{out.stat().st_size / 1e6:.1f} MB in {out}")


def _require_suffix(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix:
        raise BadSetting(
            f"The name is {path.name}.",
            f"It is written as {suffix[1:].upper()}.",
            f"Let it end in {suffix}.",
        )


def say(text: str, style: str = "") -> None:
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
