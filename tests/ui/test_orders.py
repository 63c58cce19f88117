"""Every button of a run's page: what is asked of the run's folder, and what the page shows then."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from tiny_runs import alive, noise, pretend, tiny_model, tiny_settings, without_worker

from gan_core.errors import BadRun, BadSetting
from gan_core.events import Diagnosed, Event, Finished, Preview, Progress, Started
from gan_core.gan.run import (
    BEST_FOLDER,
    DATASET_FILE,
    is_stop_requested,
    take_adjustment,
    waiting_adjustment,
)
from gan_core.gan.snapshot import G_FILE
from gan_core.models import resolve
from gan_core.pictures import read_dataset, save_png
from ui.generate import GenerateTab
from ui.look import Mark
from ui.mine import Mine, Store
from ui.models import Models
from ui.orders import Orders
from ui.request import read_settings, write_settings
from ui.run_folder import paused_by
from ui.settings_form import FIELDS, settings_now
from ui.verdict import remedy
from ui.watch import Watch

LEARNING: tuple[Event, ...] = (
    Started("5 minutes on 24 pictures.", 24, 16, 8, 0, "tiny", 5.0, None),
    Progress(0.8, 60.0, 240.0, 13.0, 0.9, 1.8, 0.7, 0.3, 0.4, 0.0),
)
ADVICE = Diagnosed(0.8, "D is winning", "D's loss is 0.02.", "Lower lr_D.", {"lr_D": 1e-4})
STOPPED = Finished(0.8, 60.0, True, None)


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(without_worker(tmp_path / "runs"))


@pytest.fixture
def mine(orders: Orders, tmp_path: Path) -> Mine:
    """A browser that watches a run that was just asked for."""
    settings = tiny_settings(tiny_model(tmp_path / "model"))
    return Mine().with_run(orders.runs.create(noise(), settings))


def folder_of(orders: Orders, mine: Mine) -> Path:
    return orders.runs.folder(mine.run)


def form(orders: Orders, mine: Mine, **changed: Any) -> list[Any]:
    """The values of the form of settings, as the browser sends them."""
    now = settings_now(folder_of(orders, mine), orders.look(mine).run)
    return [changed.get(name, getattr(now, name)) for name in FIELDS]


def test_pause_lets_a_training_run_save_and_make_room_and_going_on_gives_it_the_rest(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, LEARNING)
    with alive(folder):
        orders.pause(mine)
        assert orders.look(mine).run.state == "pausing"
    assert (is_stop_requested(folder), paused_by(folder)) == (True, "user")
    pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="user")
    assert orders.look(mine).run.state == "paused"
    orders.go_on(mine)
    asked = read_settings(folder)
    assert asked is not None
    assert (orders.look(mine).run.state, asked.until) == ("queued", 5.0)


def test_what_the_doctor_advises_is_asked_of_the_run_once(orders: Orders, mine: Mine) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, ADVICE])
    with alive(folder):
        assert remedy(orders.look(mine)) == {"lr_D": 1e-4}
        orders.do_as_advised(mine)
        assert waiting_adjustment(folder) == {"lr_D": 1e-4}
        assert remedy(orders.look(mine)) == {}


def test_the_doctors_button_goes_when_it_was_pressed_though_the_run_has_not_answered(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, ADVICE])
    with alive(folder):
        seen = Mark.of(orders.look(mine).run)
        values = watch.then_show(orders.do_as_advised)(mine.to_browser(), seen)
    shown = dict(zip(watch.outputs, values, strict=True))
    assert shown[watch.verdict.do]["visible"] is False


def test_autopilot_is_asked_of_the_run_and_takes_the_button_away(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, ADVICE])
    with alive(folder):
        orders.set_autopilot(mine, True)
        assert remedy(orders.look(mine)) == {}
        assert take_adjustment(folder) == {"autopilot": True}
        orders.set_autopilot(mine, False)
        assert take_adjustment(folder) == {"autopilot": False}


def test_minutes_are_added_to_a_training_run_up_to_a_most_in_one_go_but_again_when_it_has_ended(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, LEARNING)
    with alive(folder):
        orders.more(mine, 200)
        assert waiting_adjustment(folder) == {"minutes": 205.0}
        with pytest.raises(BadSetting, match="245 minutes in one go. It may be at most 240"):
            orders.more(mine, 40)
        orders.more(mine, 35)
        assert take_adjustment(folder) == {"minutes": 240.0}
    end = Finished(72.0, 240 * 60.0, False, None)
    pretend(orders.runs, mine.run, [*LEARNING, end])
    orders.more(mine, 120)
    again = replace(LEARNING[0], kimg=72.0, seconds=240 * 60.0)
    folder = pretend(orders.runs, mine.run, [*LEARNING, end, again], minutes=360.0)
    with alive(folder):
        orders.more(mine, 120)
        assert take_adjustment(folder) == {"minutes": 480.0}
        with pytest.raises(BadSetting, match="in one go"):
            orders.more(mine, 121)


def test_what_is_asked_of_a_training_run_is_confirmed(
    orders: Orders, mine: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", said.append)
    with alive(pretend(orders.runs, mine.run, LEARNING)):
        orders.apply(mine, *form(orders, mine, lecam=0.3))
        orders.more(mine, 2)
        orders.apply(mine, *form(orders, mine))
    assert ["lecam 0.3" in said[0], "7 minutes in all" in said[1], "None" in said[2]] == [True] * 3


def test_settings_are_applied_to_a_run_that_trains_and_only_those_that_were_changed(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, LEARNING)
    with alive(folder):
        orders.apply(mine, *form(orders, mine, lecam=0.3, augment=["color"]))
        assert waiting_adjustment(folder) == {"lecam": 0.3, "augment": ["color"]}


def test_an_ended_run_goes_on_with_other_settings(orders: Orders, mine: Mine) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    orders.apply(mine, *form(orders, mine, freeze_D=2))
    asked = read_settings(folder)
    assert asked is not None
    assert (asked.changed, asked.until) == ({"freeze_D": 2}, 6.0)  # a minute it had, five more
    assert "--freeze-d" in asked.command()


def test_a_new_run_of_the_same_pictures_has_the_forms_settings_and_is_watched(
    orders: Orders, mine: Mine
) -> None:
    pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    anew = orders.begin_anew(mine, *form(orders, mine, lr_G=1e-3))
    asked = read_settings(folder_of(orders, anew))
    assert asked is not None
    assert asked.options == {"lr_G": 1e-3}
    assert anew.runs == (mine.run, anew.run)
    assert orders.look(mine).run.state == "stopped"


def test_a_new_run_from_a_model_grows_from_what_that_has_learned(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    tiny_model(folder / BEST_FOLDER)
    settings = read_settings(folder)
    assert settings is not None
    grown = {"grow_from": 8, "grow_kimg": 2.0}
    write_settings(folder, replace(settings, options=grown, network={"kind": "pyramid"}))
    asked = read_settings(folder_of(orders, orders.begin_from_model(mine)))
    assert asked is not None
    assert (asked.options, asked.network) == ({"grow_kimg": 2.0}, {"kind": "pyramid"})
    again = read_settings(folder_of(orders, orders.begin_anew(mine, *form(orders, mine))))
    assert again is not None and again.options == grown


def test_a_new_run_from_a_model_has_the_same_pictures_and_outlives_the_run_it_came_from(
    orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    with pytest.raises(BadRun, match="has kept no model"):
        orders.begin_from_model(mine)
    tiny_model(folder / BEST_FOLDER)
    kept, pictures = (
        (folder / BEST_FOLDER / G_FILE).read_bytes(),
        read_dataset(folder / DATASET_FILE),
    )
    anew = orders.begin_from_model(mine)
    third = orders.begin_anew(anew)
    orders.runs.delete(mine.run)
    orders.runs.delete(anew.run)
    asked = read_settings(folder_of(orders, third))
    assert asked is not None
    assert (asked.minutes, asked.start_name) == (5.0, "24 pictures, 5 min")
    assert (resolve(asked.start) / G_FILE).read_bytes() == kept
    found = read_dataset(folder_of(orders, third) / DATASET_FILE)
    assert np.array_equal(found.images, pictures.images)


@pytest.fixture
def watch(orders: Orders, tmp_path: Path) -> Watch:
    tiny_model(tmp_path / "bundled" / "tiny")
    models = Models(tmp_path / "bundled", orders.runs)
    with gr.Blocks(analytics_enabled=False):
        return Watch(models, GenerateTab(models), Store())


def with_previews(orders: Orders, mine: Mine) -> Sequence[Event]:
    """Events with three previews of growing brightness, and their files."""
    events = [*LEARNING]
    for level in (0, 100, 200):
        file = f"samples/{level:09d}.png"
        save_png(folder_of(orders, mine) / file, np.full((34, 34, 3), level, np.uint8))
        events.append(Preview(level / 1000, file=file))
    return events


def test_a_button_shows_at_once_what_came_of_it(watch: Watch, orders: Orders, mine: Mine) -> None:
    folder = pretend(orders.runs, mine.run, LEARNING)
    with alive(folder):
        values = watch.then_show(orders.pause)(mine.to_browser(), None)
    shown = dict(zip(watch.outputs, values, strict=True))
    assert "Pausing" in shown[watch.status]
    assert shown[watch.controls.pause]["visible"] is False


def test_an_ended_run_is_looked_at_rarely_until_it_goes_on_elsewhere_and_without_one_nothing_is(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    def clock(values: list[Any]) -> tuple[bool, float]:
        timer = dict(zip(watch.outputs, values, strict=True))[watch.store.timer]
        return timer.active, timer.value

    pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    assert clock(watch.show(mine)) == (True, 15.0)
    seen = Mark.of(orders.look(mine).run)
    orders.more(mine, 5)  # on another device
    assert clock(watch.poll(mine.to_browser(), seen)) == (True, 1.0)
    assert clock(watch.show(orders.leave(mine)))[0] is False


def test_the_slider_shows_the_moment_that_is_chosen_and_never_one_that_is_not_there(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    pretend(orders.runs, mine.run, with_previews(orders, mine))
    for moment, level in ((1, 0), (2, 100), (3, 200), (99, 200), (-5, 0)):
        frame, said = watch.wall.show_moment(mine.to_browser(), moment)
        assert brightest(frame) == level
        assert f"After {level} pictures" in said


def test_two_who_watch_are_sent_one_file_which_nobody_writes_over(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    pretend(orders.runs, mine.run, with_previews(orders, mine))
    first, _ = watch.wall.show_moment(mine.to_browser(), 2)
    with Path(first).open("rb") as being_sent:
        again, _ = watch.wall.show_moment(mine.to_browser(), 2)
        assert again == first
        assert os.path.samestat(os.fstat(being_sent.fileno()), Path(again).stat())
        now = dict(zip(watch.outputs, watch.show(mine), strict=True))[watch.wall.now]
        assert brightest(now) == 200


def brightest(file: str) -> int:
    with Image.open(file) as picture:
        return int(np.array(picture).max())


def test_the_slider_follows_the_newest_preview_until_it_is_moved(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    events = with_previews(orders, mine)

    def slider(moment: float) -> dict[str, Any]:
        pretend(orders.runs, mine.run, events[:-1])
        seen = Mark.of(orders.look(mine).run)
        pretend(orders.runs, mine.run, events)
        values = watch.poll(mine.to_browser(), seen, moment)
        return dict(zip(watch.outputs, values, strict=True))[watch.wall.moment]

    assert (slider(2)["maximum"], slider(2)["value"]) == (3, 3)
    assert slider(1)["maximum"] == 3
    assert "value" not in slider(1)


def test_comparing_shows_eight_pairs_each_with_how_near_they_lie(
    watch: Watch, orders: Orders, mine: Mine
) -> None:
    folder = pretend(orders.runs, mine.run, [*LEARNING, STOPPED], ended_by="stop")
    tiny_model(folder / BEST_FOLDER)
    said, pairs = watch.result.show_pairs(mine.to_browser())
    assert "24 it learned from" in said
    assert pairs.count("<img") == 8
    assert len(re.findall(r"<figcaption>[^<]*yours[^<]*</figcaption>", pairs)) == 8


def test_a_page_is_sent_the_reason_when_a_waiting_run_gets_one(orders: Orders, mine: Mine) -> None:
    run = orders.look(mine).run
    seen = Mark.of(run)
    (folder_of(orders, mine) / "trouble").write_text("There is no room.")
    assert Mark.of(orders.look(mine).run) != seen
