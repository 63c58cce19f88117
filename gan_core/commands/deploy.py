"""deploy: the page as a Space on the Hugging Face Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.pack import say
from gan_core.hub.account import require_name, require_writer
from gan_core.hub.prices import rate_of
from gan_core.hub.space import deploy as deploy_files
from gan_core.hub.space import is_free, needs, space_files


def deploy(
    space: Annotated[str, typer.Option(help="Where to: owner/name on the Hugging Face Hub")],
    hardware: Annotated[
        str | None,
        typer.Option(help="The Hub's name for it; by default cpu-basic, or what the Space has"),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Only its owner sees it")] = False,
    oauth: Annotated[
        bool,
        typer.Option(help="Let visitors sign in, to publish models in their own names"),
    ] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also on hardware that costs something by the hour")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be uploaded, with sizes")
    ] = False,
) -> None:
    """Put the page and its weights on the Hugging Face Hub, as a Gradio Space; or update it.

    On hardware that costs something, only with --yes; without, it says how much.
    """
    require_name(space)
    files = space_files(oauth=oauth)
    if dry_run:
        _list(files)
    say(needs(hardware))
    if dry_run:
        say(f"Nothing was uploaded to {space}.")
        return
    require_writer(space)
    if hardware is not None and not is_free(hardware) and not _may_cost(hardware, yes):
        say(f"Nothing was uploaded to {space}. Add --yes for that, and to pay for it.")
        return
    sent = deploy_files(space, files, hardware, private=private)
    say(f"{'Made' if sent.is_new else 'Updated'}: {sent.url}. It builds for some minutes.")


def _may_cost(hardware: str, yes: bool) -> bool:
    """Say what hardware costs; whether that is agreed to."""
    rate = rate_of(hardware, "Spaces")
    say(f"{hardware} ({rate.says}) costs {rate.usd_an_hour:.2f} US dollars an hour.")
    return yes or rate.usd_an_hour == 0


def _list(files: Mapping[str, bytes | Path]) -> None:
    sizes = {
        name: len(file) if isinstance(file, bytes) else file.stat().st_size
        for name, file in files.items()
    }
    for name, size in sizes.items():
        say(f"{size:>12,}  {name}")
    say(f"{sum(sizes.values()):>12,}  bytes in {len(sizes)} files")
