"""jobs submit: a training on a machine of the Hub's, paid by the minute."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.options import read_pictures, require
from gan_core.commands.pack import KIND_HELP, say
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.start import SCRATCH
from gan_core.hub.account import require_writer
from gan_core.hub.jobs import SET_UP_MINUTES, Order, hand_in, rate_of
from gan_core.hub.jobs import submit as submit_order
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.hub.space import space_files
from gan_core.pictures import save_dataset
from gan_core.publish import release_for
from gan_core.settings import bounds_of, default_of

app = typer.Typer(help="Train on a machine of the Hugging Face Hub, for money.")


@app.command()
def submit(
    source: Annotated[Path, typer.Argument(help="Folder or zip of pictures, or a saved set")],
    repo: Annotated[str, typer.Option(help="Where the model goes: owner/name on the Hub")],
    flavor: Annotated[str, typer.Option(help="The machine, as t4-small: `hf jobs hardware`")],
    minutes: Annotated[float, typer.Option(help="How long it trains")] = 15.0,
    scratch: Annotated[
        bool, typer.Option("--scratch", help=f"Begin from nothing, not from {DEFAULT_MODEL}")
    ] = False,
    license: Annotated[str | None, typer.Option(help="As for publish")] = None,
    kind: Annotated[str, typer.Option(help=KIND_HELP)] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Upload, start, and pay for it")] = False,
) -> None:
    """Say what a training on the Hub costs; with --yes, upload the pictures, and start it.

    The model comes back as a private repository, which `generate --model` takes by its name.
    """
    require("minutes", minutes, *bounds_of(TrainConfig, "minutes"))
    start = SCRATCH if scratch else DEFAULT_MODEL
    release = release_for(repo, start, license)
    order = Order(repo, start, minutes, release.licence, " ".join(kind.split()))
    require_writer(repo)
    rate = rate_of(flavor)
    dataset = read_pictures(source, default_of(NetworkConfig, "resolution"))
    say(f"{flavor} ({rate.says}) costs {rate.usd_a_minute:.4f} US dollars a minute.")
    say(
        f"{len(dataset)} pictures would go to {order.dataset}, private. {minutes:g} minutes, and at"
        f" most {SET_UP_MINUTES} around them, cost at most {rate.most(minutes):.2f} US dollars."
    )
    if not yes:
        say("Nothing was uploaded, nothing started. Add --yes for that.")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.safetensors"
        save_dataset(dataset, file)
        sent = hand_in(order, file.read_bytes(), space_files())
    page = submit_order(order, rate, sent.commit)
    say(f"Started: {page}. Its end: `hf jobs cancel {page.rpartition('/')[2]}`, or by itself.")
    say(f"Then: python -m gan_core generate --model {repo} --out pictures")
    say(f"The pictures stay in {sent.url} until you delete them there, under Settings.")
