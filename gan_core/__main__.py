"""The command line. Exit code 0, or 2 with a message when the user can mend what is wrong."""

import signal
import sys

import typer
from rich.console import Console

from gan_core.commands.check import check
from gan_core.commands.deploy import deploy
from gan_core.commands.features import export_stylenet_run, train_stylenet
from gan_core.commands.generate import generate
from gan_core.commands.jobs import app as jobs
from gan_core.commands.measure import measure
from gan_core.commands.pack import pack, timelapse
from gan_core.commands.publish import publish
from gan_core.commands.stylize import stylize
from gan_core.commands.train import pretrain, train
from gan_core.errors import AtelierError, BadRun
from gan_core.gan.follow import follow
from gan_core.gan.team import Launched, joined

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
for command in (
    generate,
    stylize,
    check,
    train,
    pretrain,
    measure,
    pack,
    timelapse,
    publish,
    deploy,
):
    app.command()(command)
app.add_typer(jobs, name="jobs")
app.command("train-stylenet")(train_stylenet)
app.command("export-stylenet")(export_stylenet_run)


def main(words: list[str] | None = None) -> None:
    """Run the command line (sys.argv by default) and exit; 2 for a user's mistake.

    Of several processes launched together, one does so, and the others train with it if it trains.
    """
    try:
        with joined() as team:
            if isinstance(team, Launched) and not team.leads:
                _follow(team)
            else:
                app(args=words)
    except AtelierError as error:
        # On one line, which the page takes from a run's log as it is.
        Console(stderr=True).print(
            f"{error}", style="bold", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(2)


def _follow(team: Launched) -> None:
    """Train as the leader says. It decides what signals mean, which reach all, and has the word."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        follow(team)
    except BadRun:  # somebody is gone, and the leader says so, if it is not the leader
        sys.exit(1)


if __name__ == "__main__":
    main()
