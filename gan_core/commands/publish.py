"""publish: a run's model to the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from gan_core.commands.pack import KIND_HELP, PAIRS_HELP, Run, look_for_copies, say
from gan_core.errors import BadRun
from gan_core.gan.memorisation import Memorisation
from gan_core.hub.account import require_writer
from gan_core.publish import publish as publish_run
from gan_core.publish import release_of


def publish(
    run: Run,
    repo: Annotated[str, typer.Option(help="Where to: owner/name on the Hugging Face Hub")],
    license: Annotated[
        str | None,
        typer.Option(help="The Hub's name for it; what a bundled model began keeps that one's"),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Only its owner sees it")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Put it in the place of what was published there")
    ] = False,
    kind: Annotated[str, typer.Option(help=KIND_HELP)] = "",
    pairs: Annotated[Path | None, typer.Option(help=PAIRS_HELP)] = None,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Also if it may repeat its training pictures"),
    ] = False,
) -> None:
    """Check a run's model for copies of its pictures, then publish it on the Hugging Face Hub."""
    release = release_of(run, repo, license)
    require_writer(repo)
    found = look_for_copies(run, pairs)
    if not anyway:
        _refuse_copies(found)
    say("Making films and model card, then publishing")  # where the client shows bars of its own
    sent = publish_run(run, release, kind, private=private, update=update)
    say(f"{'Published' if sent.is_new else 'Updated'}: {sent.url}")
    say(f"As it is now: python -m gan_core generate --model {repo}@{sent.commit} --out pictures")


def _refuse_copies(found: Memorisation | None) -> None:
    """Raise BadRun for a model that may repeat its pictures; None: nobody can know."""
    if found is None:
        raise BadRun(
            "Nothing was published: whether its pictures are copies cannot be known.",
            "What is published can be kept by everybody who sees it.",
            "Add --anyway if the pictures it learned from may be seen.",
        )
    if found.is_warning:
        raise BadRun(
            f"Nothing was published: {found.share:.0%} of its pictures may be copies.",
            "What is published can be kept by everybody who sees it.",
            "Look at --pairs PNG; add --anyway if those pictures may be seen.",
        )
