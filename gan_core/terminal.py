"""How a run and a report look in a terminal: events and report lines as text. Decides nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    track,
)
from rich.table import Table
from rich.text import Text

from gan_core import events
from gan_core.pictures import FileReport

console = Console()
_T = TypeVar("_T")


@contextmanager
def display_events() -> Iterator[Callable[[events.Event], None]]:
    """A live bar on a terminal; plain lines elsewhere (a log file, a pipe)."""
    if not console.is_terminal:
        yield lambda event: _print_line(event)
        return
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(event: events.Event) -> None:
            if isinstance(event, events.Progress | events.Painted):
                whole = event.seconds + event.seconds_left
                share = event.seconds / whole if whole else 1.0
                bar.update(task, completed=share, description=_say(event))
            else:
                _print_line(event)

        yield show


def _print_line(event: events.Event) -> None:
    text = _say(event)
    if text:
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _say(event: events.Event) -> str:
    match event:
        case events.Started():
            resumed = f" Resumed at {event.kimg:.1f} kimg." if event.kimg else ""
            return f"{event.plan} Start: {event.start}.{resumed}"
        case events.Probed():
            tried = ", ".join(f"{name} {speed:.0f}" for name, speed in event.tried.items())
            return (
                f"Computing on {event.device} in {event.dtype}, {event.threads} threads."
                + f" Timed, images/s: {tried}." * bool(tried)
            )
        case events.Progress():
            return (
                f"{event.kimg:.1f} kimg, {event.images_per_second:.0f} images/s, loss D"
                f" {event.loss_D:.2f} G {event.loss_G:.2f}, score real {event.score_real:.2f} fake"
                f" {event.score_fake:.2f}, {event.seconds_left:.0f} s left"
                + f", D skipped {event.skipped_D:.0%}" * bool(event.skipped_D)
                + f", {event.side} px" * bool(event.side)
                + f" fading in {event.fade:.0%}" * (event.fade < 1)
            )
        case events.Measured():
            best = ", the best so far" if event.is_best else ""
            return (
                f"{event.kimg:.1f} kimg: KID x 1000 = {events.say_kid(event)}, coverage"
                f" {event.coverage:.0%}, memorised {event.memorised:.0%} ({event.n_fake} made,"
                f" {event.n_real} real){best}"
            )
        case events.Diagnosed():
            return f"{event.kimg:.1f} kimg: {event.state}. {event.evidence} {event.advice}"
        case events.Adjusted():
            turned = ", ".join(
                f"{name} {event.before[name]} -> {event.after[name]}" for name in event.after
            )
            return f"{event.kimg:.1f} kimg: {turned} ({event.by})."
        case events.Finished():
            how = "Stopped" if event.stopped else "Finished"
            return f"{how} at {event.kimg:.1f} kimg after {event.seconds / 60:.1f} minutes."
        case events.Failed():
            return f"Failed at {event.kimg:.1f} kimg."
        case events.Classified():
            return (
                f"{event.kimg:.0f} kimg, {event.seconds / 60:.0f} min: loss {event.loss:.3f},"
                f" {event.accuracy:.1%} named rightly, {event.images_per_second:.0f} images/s"
            )
        case events.Planned():
            return event.plan
        case events.Noticed():
            return event.text
        case events.Painted():
            return (
                f"{event.size} px, step {event.step}: style {event.style_matched:.0%} matched,"
                f" content {event.content_kept:.0%} kept, {event.seconds_left:.0f} s left"
            )
        case events.Pastiche():
            how = "Stopped" if event.stopped else "Painted"
            return f"{how} in {event.seconds:.1f} s, {sum(event.steps)} steps."
        case _:
            return ""


def show_progress(items: Sequence[_T], doing: str) -> Iterator[_T]:
    """Go through `items`, with a bar on a terminal as long as it takes."""
    yield from track(items, doing, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def show_download(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for as long as bytes come: called with those that have come, and all that will."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(doing, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def print_report(report: Iterable[FileReport]) -> None:
    table = Table("file", "verdict", "reason", box=None)
    order = ("kept", "mended", "left out")  # what needs attention stands last, by the prompt
    for line in sorted(report, key=lambda line: order.index(line.verdict)):
        table.add_row(Text(line.name), line.verdict, Text(line.reason))  # names are no markup
    if table.row_count:
        console.print(table)
