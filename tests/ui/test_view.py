"""What the page shows of a run, without a page: events in, component values out."""

import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gan_core.errors import BadSetting
from gan_core.events import (
    Adjusted,
    Diagnosed,
    Event,
    Failed,
    Finished,
    Measured,
    Preview,
    Probed,
    Progress,
    Saved,
    Started,
)
from gan_core.gan.config import TrainConfig, config_to_json
from ui import view
from ui.charts import KIDS, LOSSES, SCORES, Lines, makes_a_line, table
from ui.history import row_html
from ui.look import Look, Mark
from ui.mine import Mine
from ui.request import Settings, adjusted
from ui.result import say_memorised
from ui.run_folder import RunState, State
from ui.run_log import details, log
from ui.settings_form import FIELDS, changes_in
from ui.verdict import remedy

SETTINGS = Settings(5.0, 0, "dcgan-kaokore-64", "dcgan-kaokore-64", "24 pictures, 5 min")
STARTED = Started("5 minutes on 24 pictures.", 24, 64, 32, 0, "dcgan-kaokore-64", 5.0, None)
PROBED = Probed("cpu", "bfloat16", True, 2, 250.0, {"float32, contiguous": 123.4})


def progress(kimg: float = 12.3, seconds: float = 110.0, left: float = 190.0) -> Progress:
    return Progress(kimg, seconds, left, 212.4, 0.9, 1.8, 0.7, 0.3, 0.4, 0.0)


def measured(kid: float, is_best: bool = True) -> Measured:
    return Measured(
        1.0, 10.0, kid, kid - 0.01, kid + 0.02, 0.5, 0.0, 1.0, 0.9, 24, 256, "StyleNet", is_best
    )


def run(state: State, *events: Event, ahead: int = 0, reason: str = "") -> RunState:
    return RunState("x" * 22, state, SETTINGS, ahead, events, True, reason)


def test_the_status_line_tells_progress_speed_and_time_left() -> None:
    sentence = view.sentence_of(run("running", STARTED, progress()))
    assert sentence == "12.3 thousand pictures shown · 212 a second · 3 min 10 s left"


@pytest.mark.parametrize(
    ("side", "fade", "text"),
    [(16, 0.4, "16 px, fading in 40% · 12.3"), (16, 1.0, "16 px · 12.3"), (0, 1.0, ">12.3")],
)
def test_a_run_that_grows_says_how_far_it_has_come(side: int, fade: float, text: str) -> None:
    grown = replace(progress(), side=side, fade=fade)
    assert text in view.status_html(run("running", STARTED, grown))
    assert "16 px" not in view.status_html(run("stopped", STARTED, grown))


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


def test_the_plan_is_told_under_the_status_while_a_run_trains() -> None:
    assert "Plan: 5 minutes on 24 pictures." in view.status_html(run("running", STARTED))
    assert "Plan" not in view.status_html(run("stopped", STARTED))


@pytest.mark.parametrize("state", ["stopped", "paused"])
def test_a_run_ended_before_it_learned_anything_more_keeps_what_it_had(state: State) -> None:
    ended = run(state, STARTED, progress(), STARTED)
    assert "anything was learnt" in view.sentence_of(ended)
    sentence = view.sentence_of(replace(ended, can_resume=True))
    assert "anything more. What it had saved before is kept" in sentence


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


def test_a_long_run_is_plotted_with_at_most_300_points() -> None:
    losses = table([progress(kimg=float(index)) for index in range(5000)], LOSSES)
    assert losses is not None
    assert len(losses) <= 300
    assert (losses["kimg"].min(), losses["kimg"].max()) == (0, 4999)


@pytest.mark.parametrize(
    ("lines", "values"),
    [(LOSSES, {"G": 1.8, "D": 0.9}), (SCORES, {"real": 0.7, "made": 0.3})],
)
def test_both_lines_of_a_plot_are_named(lines: Lines, values: dict[str, float]) -> None:
    plotted = table([progress()], lines)
    assert plotted is not None
    assert dict(zip(plotted["line"], plotted["value"], strict=True)) == values


def test_the_distance_is_plotted_times_a_thousand_between_its_bounds() -> None:
    plotted = table([measured(0.2)], KIDS)
    assert plotted is not None
    values = dict(zip(plotted["line"], plotted["value"], strict=True))
    assert values == pytest.approx({"KID": 200, "low": 190, "high": 220})


def test_nothing_is_plotted_before_the_first_figures() -> None:
    assert table([], LOSSES) is None


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
    assert "after 6.4 thousand pictures" in view.status_html(run("stopped", *events))
    assert "Kept" not in view.status_html(run("running", *events))


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_waits_for_nobody_is_starting_until_it_learns(state: State) -> None:
    assert '<h3 aria-live="polite">Starting' in view.status_html(run(state, STARTED))


def test_one_thread_is_told_in_the_singular() -> None:
    assert "1 thread;" in details(run("running", replace(PROBED, threads=1)))


def test_a_run_that_saved_nothing_is_offered_again() -> None:
    bare = replace(run("stopped"), has_model=False, can_restart=True)
    assert view.go_on_label(bare) == "Start again with the same pictures"


@pytest.mark.parametrize(
    ("state", "label"),
    [("paused", "Continue, 3 min 10 s left"), ("interrupted", "Continue, 3 min 10 s left"),
     ("finished", ""), ("stopped", "")],
)  # fmt: skip
def test_only_a_run_that_was_cut_short_has_time_left(state: State, label: str) -> None:
    ended = run(state, STARTED, progress(), Saved(12.3, "checkpoint"))
    assert view.go_on_label(replace(ended, can_resume=True)) == label


def test_the_time_left_is_counted_from_what_was_saved() -> None:
    def offered(state: State, *events: Event) -> str:
        return view.go_on_label(replace(run(state, STARTED, *events), can_resume=True))

    early, late, saved = progress(), progress(seconds=290, left=10), Saved(12.3, "checkpoint")
    assert offered("paused", early, saved, Finished(20.0, 280.0, True, None)).endswith("20 s left")
    assert offered("interrupted", early, saved, late).endswith("3 min 10 s left")
    more = Adjusted(12.0, {"minutes": 5.0}, {"minutes": 6.0}, "user")
    assert offered("interrupted", early, saved, more).endswith("4 min 10 s left")


def test_few_pictures_are_told_in_full_and_hardly_any_training_as_such() -> None:
    one, many = (Finished(kimg, 120.0, False, None) for kimg in (0.016, 12.34))
    few = run("finished", STARTED, progress(kimg=0.016), replace(measured(0.3), kimg=0.016), one)
    assert "16 pictures were shown" in view.sentence_of(few)
    assert "too few to learn from" in view.sentence_of(few)
    assert "the best of the second half" not in view.status_html(few)
    assert "12.3 thousand pictures were shown in 2 min 0 s. The best" in view.sentence_of(
        run("finished", STARTED, many)
    )


@pytest.mark.parametrize("state", ["failed", "interrupted", "stopped", "paused"])
def test_a_continued_part_that_reported_nothing_does_not_boast_of_the_part_before(
    state: State,
) -> None:
    old = Finished(20.0, 100.0, True, None)
    reason = "dataset.safetensors is not here." * (state == "failed")
    again = replace(run(state, STARTED, progress(), old, reason=reason), has_begun=False)
    sentence = view.sentence_of(again)
    assert "100" not in sentence and "1 min 40 s" not in sentence
    if state == "failed":
        assert sentence.startswith(reason)


def test_minutes_that_were_added_are_told_beside_the_plan() -> None:
    added = Adjusted(1.0, {"minutes": 5.0}, {"minutes": 7.25}, "user")
    assert "7.2 minutes in all" in view.plan(run("running", STARTED, added))
    assert "in all" not in view.plan(run("running", STARTED, added, STARTED))


def test_what_is_paused_while_it_loads_is_not_said_to_have_learnt() -> None:
    assert "learnt nothing" in view.sentence_of(run("pausing", STARTED))
    assert "Saving" in view.sentence_of(run("pausing", STARTED, progress()))


def test_a_plot_waits_until_there_are_two_places_to_draw_a_line_between() -> None:
    one = progress()
    assert not makes_a_line([]) and not makes_a_line([one, one])
    assert makes_a_line([one, progress(kimg=13.0)])


def test_the_log_names_what_was_changed_and_by_whom() -> None:
    change = Adjusted(12.0, {"lr_D": 2e-4}, {"lr_D": 1e-4}, "autopilot")
    assert log([change]) == ["After 12.0 thousand pictures: lr_D 2e-4 → 1e-4, by autopilot."]


def test_what_was_changed_before_a_run_was_continued_is_part_of_its_settings_already() -> None:
    change = Adjusted(1.0, {"lr_G": 2e-4}, {"lr_G": 1e-4}, "user")
    assert adjusted([STARTED, change]) == {"lr_G": 1e-4}
    assert adjusted([STARTED, change, STARTED]) == {}


def test_the_button_turns_what_is_advised_until_it_is_done_or_done_by_itself(
    tmp_path: Path,
) -> None:
    advice = Diagnosed(3.0, "D is winning", "D's loss is 0.02.", "Lower lr_D.", {"lr_D": 1e-4})

    def offered(state: State, *since: Event, **settings: Any) -> dict[str, Any]:
        (tmp_path / "config.json").write_text(config_to_json(TrainConfig(**settings)))
        seen = run(state, STARTED, advice, *since)
        return remedy(Look(seen, tmp_path, Mark.of(seen)))

    assert offered("running") == {"lr_D": 1e-4}
    assert offered("running", Adjusted(4.0, {"lr_D": 2e-4}, {"lr_D": 1e-4}, "user")) == {}
    assert offered("running", autopilot=True) == {}
    assert offered("finished") == {}


def test_a_model_that_copies_much_comes_with_a_warning() -> None:
    few, many = (replace(measured(0.2), memorised=share) for share in (0.02, 0.4))
    assert "warning" not in say_memorised(run("finished", few))
    assert "40%" in say_memorised(run("finished", many))
    assert "warning" in say_memorised(run("finished", many))


def test_a_row_of_the_history_says_how_the_run_stands(tmp_path: Path) -> None:
    row = row_html(tmp_path, run("queued", measured(0.2), ahead=2))
    assert "24 pictures, 5 min" in row
    assert "Waiting in line · 2 before it · KID × 1000: 200" in row


def test_a_row_of_the_history_says_what_its_pictures_show_and_how_long_ago_it_ended(
    tmp_path: Path,
) -> None:
    asked = replace(SETTINGS, kind="tulips", asked=time.time() - 7300)
    ended = replace(run("stopped"), settings=asked)
    (tmp_path / "events.jsonl").touch()
    an_hour_ago = time.time() - 3605
    os.utime(tmp_path / "events.jsonl", (an_hour_ago, an_hour_ago))
    row = row_html(tmp_path, ended)
    assert "tulips · 24 pictures, 5 min" in row
    assert "1 h 0 min ago" in row
    assert "2 h 1 min ago" in row_html(tmp_path, replace(ended, state="running"))


def test_a_form_gives_only_what_was_changed() -> None:
    now = TrainConfig()
    values = [getattr(now, name) for name in FIELDS]
    assert changes_in(now, values) == {}
    values[FIELDS.index("lr_G")] = 1e-3
    values[FIELDS.index("augment")] = ["color"]
    values[FIELDS.index("freeze_D")] = 2.0  # JavaScript has no other numbers
    assert changes_in(now, values) == {"lr_G": 1e-3, "augment": ("color",), "freeze_D": 2}


@pytest.mark.parametrize(("name", "value"), [("lr_G", 5.0), ("freeze_D", 1.5), ("lecam", None)])
def test_a_form_refuses_what_is_out_of_bounds(name: str, value: float | None) -> None:
    now = TrainConfig()
    values = [value if field == name else getattr(now, field) for field in FIELDS]
    with pytest.raises(BadSetting):
        changes_in(now, values)


def test_a_browser_remembers_a_run_once_and_any_nonsense_as_nothing() -> None:
    mine = Mine.from_browser({"run": "a", "runs": ["a", "b"]}).with_run("a")
    assert (mine.run, mine.runs) == ("a", ("a", "b"))
    assert Mine.from_browser("nonsense") == Mine.from_browser({"runs": 3}) == Mine()


def test_the_probe_is_told() -> None:
    assert "bfloat16" in details(run("running", STARTED, PROBED))


def test_thinning_keeps_both_ends() -> None:
    assert view.thin(range(100), 3)[0] == 0
    assert view.thin(range(100), 3)[-1] == 99


def test_a_run_without_an_end_of_its_own_still_has_a_bar() -> None:
    assert view.share_done(run("running", progress(seconds=5, left=math.inf))) == 0
