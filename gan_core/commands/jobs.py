"""jobs submit: a training on a machine of the Hub's, paid by the minute."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.options import read_pictures, require
from gan_core.commands.pack import KIND_HELP, say
from gan_core.errors import BadRun
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.start import SCRATCH
from gan_core.hub.account import require_writer
from gan_core.hub.following import Job, Stage, follow
from gan_core.hub.jobs import (
    SET_UP_MINUTES,
    Order,
    hand_in,
    most,
    rescue_folder,
    was_rescued,
)
from gan_core.hub.jobs import submit as submit_order
from gan_core.hub.prices import rate_of
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.hub.space import space_files
from gan_core.hub.upload import Sent
from gan_core.pictures import Dataset, save_dataset
from gan_core.publish import release_for, reserve, takes_a_place
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
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it, and do not follow it to its end")
    ] = False,
) -> None:
    """Say what a training on the Hub costs; with --yes, upload the pictures, start and follow it.

    The model comes back as a private repository, which `generate --model` takes by its name.
    """
    require("minutes", minutes, *bounds_of(TrainConfig, "minutes"))
    start = SCRATCH if scratch else DEFAULT_MODEL
    release = release_for(repo, start, license)
    order = Order(repo, start, minutes, release.licence, " ".join(kind.split()))
    require_writer(repo)
    is_update = takes_a_place(release)
    rate = rate_of(flavor, "jobs")
    dataset = read_pictures(source, default_of(NetworkConfig, "resolution"))
    say(f"{flavor} ({rate.says}) costs {rate.usd_a_minute:.4f} US dollars a minute.")
    say(
        f"{len(dataset)} pictures would go to {order.dataset}, private. {minutes:g} minutes, and at"
        f" most {SET_UP_MINUTES} around them, cost at most {most(rate, minutes):.2f} US dollars."
    )
    if is_update:
        say(f"The model takes the place of the one in {repo}, whose history stays.")
    if not yes:
        say("Nothing was uploaded, nothing started. Add --yes for that.")
        return
    reserve(release)  # before anything is paid for
    sent = _hand_in(order, dataset)
    job = submit_order(order, rate, sent.commit)
    say(f"Started: {job.url}. Its end: `hf jobs cancel {job.id}`, or by itself.")
    say(f"The pictures stay in {sent.url} until you delete them there, under Settings.")
    if detach:
        say(f"Then: {_to_use(order)}")
    else:
        _tell_end(order, sent, _follow(job))


def _hand_in(order: Order, dataset: Dataset) -> Sent:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.safetensors"
        save_dataset(dataset, file)
        return hand_in(order, file.read_bytes(), space_files())


def _follow(job: Job) -> Stage:
    """Say what a job says, until it ends. Ctrl-C leaves it running, and leaves."""
    said = follow(job)
    try:
        while True:
            say(next(said))
    except StopIteration as end:
        ended: Stage = end.value
        return ended
    except KeyboardInterrupt:
        say(f"The job goes on, and is paid for: {job.url}. Its end: `hf jobs cancel {job.id}`.")
        sys.exit(130)


def _tell_end(order: Order, sent: Sent, end: Stage) -> None:
    """Say where the model is. Raises: BadRun where none came back."""
    if end.is_well:
        say(f"The model is in {order.repo}, private. To use it: {_to_use(order)}")
        return
    if not was_rescued(order, sent.commit):
        raise BadRun(
            f"{end.sentence} No model came back.",
            "What it printed last, above, says why.",
            "Mend that, and submit it again.",
        )
    folder = rescue_folder(sent.commit)
    raise BadRun(
        f"{end.sentence} What it had trained is in {sent.url}, in the folder {folder}.",
        f"It should be in {order.repo}.",
        f"Fetch it: hf download {order.dataset} --repo-type dataset --include '{folder}/*'"
        f" --local-dir fetched; then publish fetched/{folder}.",
    )


def _to_use(order: Order) -> str:
    return f"python -m gan_core generate --model {order.repo} --out pictures"
