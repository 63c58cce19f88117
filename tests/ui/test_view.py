"""What the page shows of a run, without a page: events in, component values out."""

import math
from dataclasses import replace

import pytest

from gan_core.events import Event, Failed, Finished, Measured, Preview, Probed, Progress, Started
from ui import view
from ui.run_folder import RunState, Settings, State

SETTINGS = Settings(5.0, 0, "dcgan-kaokore-64", "dcgan-kaokore-64", "24 pictures, 5 min")
STARTED = Started("5 minutes on 24 pictures.", 24, 64, 32, 0, "dcgan-kaokore-64", 5.0, None)
PROBED = Probed("cpu", "bfloat16", True, 2, 250.0, {"float32, contiguous": 123.4})


def progress(kimg: float = 12.3, seconds: float = 110.0, left: float = 190.0) -> Progress:
    return Progress(kimg, seconds, left, 212.4, 0.9, 1.8, 0.7, 0.3, 0.4, 0.0)


def measured(kid: float, is_best: bool = True) -> Measured:
    return Measured(1.0, 10.0, kid, 0.001, 24, 256, "random convolutions", is_best)


def run(state: State, *events: Event, ahead: int = 0, reason: str = "") -> RunState:
    return RunState("x" * 22, state, SETTINGS, ahead, events, True, reason)


def test_the_status_line_tells_progress_speed_and_time_left() -> None:
    sentence = view.sentence_of(run("running", STARTED, progress()))
    assert sentence == "12.3 kimg · 212 images/s · 3 min 10 s left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (190, "3 min 10 s"), (3900, "1 h 5 min")],
)
def test_a_duration_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert view.duration(seconds) == text


def test_a_continued_run_starts_anew_until_it_learns_again() -> None:
    continued = run("running", STARTED, progress(left=0.0), STARTED, PROBED)
    assert 'data-state="running"' in view.status_html(continued)
    assert "Loading" in view.sentence_of(continued)


def test_an_ended_run_shows_the_pictures_of_the_model_that_was_kept() -> None:
    previews = [Preview(kimg, file=f"{kimg:g}.png") for kimg in (0, 0.9, 1.4, 2)]
    events = (STARTED, *previews, measured(0.1), Finished(2.0, 300.0, False, 0.1))
    assert view.previews(run("finished", *events)) == ("0.png", "0.9.png")
    assert view.previews(run("running", *events[:-1])) == ("0.png", "2.png")


def test_the_bar_stands_at_the_share_of_time_spent() -> None:
    assert view.share_done(run("running", progress(seconds=75, left=25))) == 0.75


def test_a_finished_run_fills_the_bar() -> None:
    ended = run("finished", progress(seconds=290, left=10), Finished(20.0, 300.0, False, None))
    assert view.share_done(ended) == 1.0


@pytest.mark.parametrize(("ahead", "word"), [(0, "Loading"), (1, "next"), (3, "3 runs")])
def test_a_waiting_run_knows_its_place(ahead: int, word: str) -> None:
    assert word in view.sentence_of(run("queued", ahead=ahead))


def test_a_failed_run_says_why_and_what_to_do() -> None:
    failed = run("failed", STARTED, Failed(3.0, "The losses exploded.", "Lower them.", True))
    assert "The losses exploded. Lower them." in view.sentence_of(failed)


def test_a_failure_before_the_first_event_is_still_explained() -> None:
    assert "There is no model." in view.sentence_of(run("failed", reason="There is no model."))


def test_what_a_stranger_wrote_is_escaped() -> None:
    assert "<img" not in view.status_html(run("failed", reason="<img src=x onerror=alert(1)>"))


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_only_a_run_under_way_can_be_stopped(state: State) -> None:
    assert view.show_run(run(state)).can_stop
    assert not view.show_run(run("finished")).can_stop


def test_a_long_run_is_plotted_with_at_most_300_points() -> None:
    events = [progress(kimg=float(index)) for index in range(5000)]
    losses = view.show_run(run("running", *events)).losses
    assert losses is not None
    assert len(losses) <= 300
    assert losses["kimg"].min() == 0
    assert losses["kimg"].max() == 4999


def test_losses_of_both_networks_are_plotted() -> None:
    losses = view.show_run(run("running", progress())).losses
    assert losses is not None
    assert dict(zip(losses["network"], losses["value"], strict=True)) == {"G": 1.8, "D": 0.9}


def test_scores_of_real_and_made_pictures_are_plotted() -> None:
    scores = view.show_run(run("running", progress())).scores
    assert scores is not None
    assert dict(zip(scores["pictures"], scores["value"], strict=True)) == {"real": 0.7, "made": 0.3}


def test_nothing_is_plotted_before_the_first_figures() -> None:
    assert view.show_run(run("starting", STARTED)).losses is None


def test_the_first_preview_is_before_and_the_newest_is_now() -> None:
    previews = [Preview(float(index), file=f"{index}.png") for index in range(3)]
    assert view.previews(run("running", *previews)) == ("0.png", "2.png")


def test_one_preview_alone_is_not_shown_twice() -> None:
    assert view.previews(run("running", Preview(0.0, file="0.png"))) == ("0.png", None)


def test_kid_is_told_times_a_thousand_from_its_start_to_now() -> None:
    text = view.kid_so_far([measured(21.5467), measured(0.380), measured(0.392, is_best=False)])
    assert "was 21,500, now 392; the best was 380" in text


def test_an_ended_run_says_when_its_model_was_taken() -> None:
    events = [replace(measured(0.3), kimg=6.4), replace(measured(0.4, is_best=False), kimg=9.0)]
    assert "at 6.4 thousand pictures" in view.status_html(run("stopped", *events))
    assert "Kept" not in view.status_html(run("running", *events))


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_waits_for_nobody_is_starting_until_it_learns(state: State) -> None:
    assert '<h3 aria-live="polite">Starting' in view.status_html(run(state, STARTED))


def test_one_thread_is_told_in_the_singular() -> None:
    assert "1 thread;" in view.details(run("running", replace(PROBED, threads=1)))


def test_a_run_that_saved_nothing_is_offered_again() -> None:
    bare = replace(run("stopped"), has_model=False, can_restart=True)
    assert view.show_run(bare).more_label == "Start again with the same pictures"


def test_the_probe_is_told() -> None:
    assert "bfloat16" in view.details(run("running", STARTED, PROBED))


def test_thinning_keeps_both_ends() -> None:
    assert view.thin(range(100), 3)[0] == 0
    assert view.thin(range(100), 3)[-1] == 99


def test_a_run_without_an_end_of_its_own_still_has_a_bar() -> None:
    assert view.share_done(run("running", progress(seconds=5, left=math.inf))) == 0
