"""The run doctor recognises each state provoked by real training, and accuses no healthy run."""

import json
import math
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.compute import Compute
from gan_core.events import (
    Adjusted,
    Diagnosed,
    Failed,
    Finished,
    Measured,
    Progress,
    Started,
    from_json,
    to_json,
)
from gan_core.gan.config import (
    ADJUSTABLE,
    AUGMENTATIONS,
    Cadence,
    NetworkConfig,
    TrainConfig,
    derive,
)
from gan_core.gan.doctor import Doctor, last_diagnosis
from gan_core.gan.metrics import Judge
from gan_core.gan.networks import build
from gan_core.gan.remedies import remedy
from gan_core.gan.snapshot import Snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.train import train

CPU = Compute("cpu", "float32", True, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
NOT_ACCUSED = {"learning", "healthy", "settled"}
WEIGHTS = Path(__file__).resolve().parents[2] / "weights" / "dcgan-kaokore-64"


def blobs(n: int = 64) -> np.ndarray:
    """A soft spot of some colour, place and size on a dark ground: [n, 16, 16, 3]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:16, 0:16]
    pictures = []
    for _ in range(n):
        (cx, cy), radius = rng.uniform(5, 11, 2), rng.uniform(2.4, 4.8)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / radius**2)[..., None]
        color, ground = rng.uniform(0, 255, 3), rng.uniform(0, 80, 3)
        pictures.append(spot * color + (1 - spot) * ground)
    return np.stack(pictures).round().astype(np.uint8)


def sixteenths(x: torch.Tensor) -> torch.Tensor:
    """Features that cost nothing: the mean colours of a picture's sixteenths."""
    return torch.nn.functional.avg_pool2d(x.float() / 255, 4).flatten(1)


def tiny(kimg: float, **settings) -> TrainConfig:
    """Measured 20 times; a report every fourth step, by a clock that ticks when it is read."""
    cadence = Cadence(report=4, preview=None, checkpoint=None, measure=kimg * 1000 / 8 / 20)
    given = {"augment": (), "lr_G": 1e-3, "lr_D": 1e-3, "ema_halflife_kimg": 0.2, **settings}
    return TrainConfig(
        network=TINY, minutes=None, kimg=kimg, batch_size=8, cadence=cadence, **given
    )


def watch(config, folder, images, start=None, until=None):
    """Train, and return all events; those up to the state `until`, if there is one to wait for."""
    ticks = count()
    run = train(
        config,
        Data(images),
        folder,
        start,
        among=[CPU],
        clock=lambda: float(next(ticks)),
        judge=Judge(images, sixteenths, "sixteenths", n_fake=64),
    )
    events = []
    with closing(run):
        for event in run:
            events.append(event)
            if isinstance(event, Diagnosed) and event.state == until:
                break
    return events


def states(events) -> list[str]:
    return [event.state for event in events if isinstance(event, Diagnosed)]


# --- provoked by real training ------------------------------------------------------------

# Each for no longer than it takes: (settings, how many pictures).
PROVOKED = {
    "D is winning": (tiny(0.8, lr_D=5e-3, lr_G=1e-5), 64),
    "G is winning": (tiny(0.8, lr_D=1e-6, lr_G=2e-3, augment=("translation",)), 64),
    "mode collapse": (tiny(5.0, lr_G=3e-3, beta1=0.9), 64),
    "memorising": (tiny(2.5, lr_G=2e-3), 4),
    "diverged": (tiny(1.0, lr_G=0.1, lr_D=0.1, beta1=0.99, beta2=0.5), 64),
}


@pytest.mark.parametrize("state", PROVOKED)
def test_a_state_provoked_by_training_is_recognised_and_can_be_acted_on(state, tmp_path):
    config, n_images = PROVOKED[state]
    events = watch(config, tmp_path, blobs(n_images), until=state)
    assert state in states(events)
    assert states(events)[0] == "learning"
    found = next(e for e in events if isinstance(e, Diagnosed) and e.state == state)
    assert any(digit in found.evidence for digit in "0123456789")
    assert found.change
    assert set(found.change) <= set(ADJUSTABLE)
    assert replace(config, **found.change) != config  # within bounds, and not what it was


def test_losses_that_are_no_numbers_are_divergence(tmp_path):
    G, D = build(TINY, 0)
    with torch.no_grad():
        G.main[0].weight.fill_(math.inf)
    config = tiny(1.0)
    events = watch(config, tmp_path, blobs(), Start(Snapshot(TINY, G, D), "infinity"))
    assert isinstance(events[-1], Failed)
    assert events[-2].state == "diverged"
    assert events[-2].change == {"lr_G": config.lr_G / 4, "lr_D": config.lr_D / 4}


def test_an_easy_set_that_is_learned_is_accused_of_nothing(tmp_path):
    events = watch(tiny(3.0), tmp_path, blobs())
    measured = [event for event in events if isinstance(event, Measured)]
    assert measured[-1].kid < measured[0].kid / 2  # so it did learn
    assert set(states(events)) <= NOT_ACCUSED
    assert "healthy" in states(events)


def test_the_autopilot_does_what_it_says_and_ends_the_lead_of_g(tmp_path):
    events = watch(tiny(2.5, lr_D=1e-6, autopilot=True), tmp_path, blobs())
    (adjusted,) = [event for event in events if isinstance(event, Adjusted)]
    assert (adjusted.before, adjusted.after) == ({"lr_D": 1e-6}, {"lr_D": 1e-3})
    assert adjusted.by == "autopilot"
    assert states(events)[:3] == ["learning", "G is winning", "healthy"]
    assert set(states(events)[3:]) <= NOT_ACCUSED


@pytest.mark.parametrize("log", ["events-1.jsonl", "events-2.jsonl", "events.jsonl"])
def test_the_logs_of_the_bundled_model_are_accused_of_nothing(log):
    """Their measurements are of an older kind; what was reported every ten seconds is judged."""
    lines = (WEIGHTS / log).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    events = [from_json(r) for r in records if r["event"] in ("Started", "Progress")]
    doctor, said = None, []
    for event in events:
        if isinstance(event, Started):
            config = TrainConfig(minutes=event.minutes, cadence=Cadence(measure=None))
            doctor = doctor or Doctor(config, event.n_images)
        said += [found.state] if (found := doctor.hear(event, config)) else []
    assert said == ["learning", "healthy"]


# --- by hand: a run of 100 kimg, so that a sign must last for 10 ---------------------------

CONFIG = TrainConfig(minutes=None, kimg=100.0)
UNMEASURED = replace(CONFIG, cadence=Cadence(measure=None))


def progress(kimg: float, **figures) -> Progress:
    usual = {"loss_D": 0.6, "loss_G": 2.5, "score_real": 0.75, "score_fake": 0.2, "d_sign": 0.7}
    usual |= {"skipped_D": 0.0, "grad_D": 5.0, "grad_G": 5.0}
    return Progress(kimg, kimg, 0.0, 200.0, **{**usual, **figures})


WON = {"loss_D": 0.02, "score_real": 0.99, "score_fake": 0.01, "loss_G": 7.0}


def measured(kimg: float, kid: float, **figures) -> Measured:
    usual = {"coverage": 0.6, "memorised": 0.02, "nearest": 1.1, "diversity": 0.9}
    values = {**usual, **figures}
    ends = {"kid_low": kid * 0.9, "kid_high": kid * 1.1}
    return Measured(
        kimg, kimg, kid, **ends, **values, n_real=100, n_fake=256, extractor="", is_best=False
    )


def reports(first: float, last: float, **figures) -> list[Progress]:
    """One every kimg, from above `first` to `last`."""
    return [progress(first + 1 + i, **figures) for i in range(round(last - first))]


def told(events, config=UNMEASURED, doctor=None) -> list[Diagnosed]:
    doctor = doctor or Doctor(config, 100)
    return [said for event in events if (said := doctor.hear(event, config))]


def verdicts(events, config=UNMEASURED, doctor=None) -> list[tuple[float, str]]:
    return [(said.kimg, said.state) for said in told(events, config, doctor)]


def test_a_lead_is_not_spoken_of_at_the_beginning_nor_before_it_lasts():
    assert verdicts(reports(0, 19, **WON)) == [(1, "learning")]
    assert verdicts(reports(0, 25, **WON)) == [(1, "learning"), (20, "D is winning")]
    spell = [*reports(0, 40), *reports(40, 44, **WON), *reports(44, 60)]
    assert verdicts(spell) == [(1, "learning"), (20, "healthy")]


def test_a_single_odd_report_does_not_hide_a_lead():
    events = [*reports(0, 30, **WON), progress(31, loss_D=30.0), *reports(31, 50, **WON)]
    assert verdicts(events) == [(1, "learning"), (20, "D is winning")]


def test_a_figure_that_swings_around_the_threshold_gives_one_verdict():
    swinging = [progress(kimg, loss_D=0.09 if kimg // 12 % 2 else 0.12) for kimg in range(1, 100)]
    assert len([said for said in told(swinging) if said.state == "D is winning"]) == 1
    assert verdicts(swinging)[-1][1] == "D is winning"


def test_a_lead_that_is_over_is_taken_back():
    events = [*reports(0, 40, **WON), *reports(40, 70)]
    assert [state for _, state in verdicts(events)] == ["learning", "D is winning", "healthy"]


def test_a_d_that_is_left_alone_all_the_time_is_winning_too():
    config = replace(UNMEASURED, skip_D_below=0.4)
    found = told(reports(0, 30, loss_D=0.35, skipped_D=0.97), config)[-1]
    assert found.state == "D is winning"
    assert "97%" in found.evidence


def test_what_counts_as_a_small_loss_depends_on_the_loss():
    for loss, chance in (("non-saturating", 1.386), ("hinge", 2.0), ("relativistic", 0.693)):
        config = replace(UNMEASURED, loss=loss)
        below, above = (reports(0, 30, loss_D=part * chance) for part in (0.06, 0.2))
        assert told(below, config)[-1].state == "D is winning"
        assert told(above, config)[-1].state == "healthy"
    assert "scores" not in told(reports(0, 30, loss_D=0.01), config)[-1].evidence


def test_a_change_gets_time_and_then_the_next_remedy_is_named():
    config = replace(UNMEASURED, augment=())
    doctor = Doctor(config, 100)
    first = told(reports(0, 30, **WON), config, doctor)[-1]
    assert first.change == {"augment": AUGMENTATIONS, "augment_p": 1.0}
    changed = replace(config, **first.change)
    adjusted = Adjusted(30.0, {"augment": ()}, {"augment": AUGMENTATIONS}, "user")
    later = told([adjusted, *reports(30, 60, **WON)], changed, doctor)
    assert [(said.kimg, said.state) for said in later] == [(45, "D is winning")]
    assert later[0].change == {"skip_D_below": 0.25}


def test_without_a_change_the_same_is_not_said_again():
    assert verdicts(reports(0, 100, **WON)) == [(1, "learning"), (20, "D is winning")]


def test_more_time_is_no_remedy_and_gets_no_grace():
    doctor = Doctor(UNMEASURED, 100)
    told(reports(0, 30, **WON), doctor=doctor)
    longer = replace(UNMEASURED, kimg=120.0)
    later = [Adjusted(30.0, {}, {"kimg": 120.0}, "user"), *reports(30, 60, **WON)]
    assert told(later, longer, doctor) == []


def test_an_autopilot_that_is_switched_on_hears_what_stands():
    doctor = Doctor(UNMEASURED, 100)
    told(reports(0, 30, **WON), doctor=doctor)
    switched = [Adjusted(30.0, {}, {"autopilot": True}, "user"), *reports(30, 40, **WON)]
    assert verdicts(switched, doctor=doctor) == [(31, "D is winning")]


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_resumed_run_is_given_time_by_a_rebuilt_and_by_a_fresh_doctor(is_rebuilt):
    doctor = Doctor(UNMEASURED, 100)
    if is_rebuilt:
        old = reports(0, 50, **WON)
        said = told(old)
        for event in sorted([*old, *said], key=lambda event: event.kimg):
            doctor.hear(event, UNMEASURED)
    started = Started("", 100, 64, 32, 0, "", None, 100.0, 50.0, 50.0)
    events = [started, *reports(50, 80, **WON)]
    expected = [(65, "D is winning")]
    assert verdicts(events, doctor=doctor) == [(51, "learning")] * (not is_rebuilt) + expected


def test_what_a_crash_undid_is_forgotten():
    """A best that was measured after the checkpoint that the run went on from is no best."""
    before = [*reports(0, 40), measured(30, 0.9), measured(39, 0.1)]
    started = Started("", 100, 64, 32, 0, "", None, 100.0, 38.0, 38.0)
    after = [started, *reports(38, 48), measured(48, 0.8), measured(53, 0.8)]
    assert {said.state for said in told([*before, *after], CONFIG)} <= NOT_ACCUSED
    unbroken = [event for event in after if event is not started]
    assert told([*before, *unbroken], CONFIG)[-1].state == "diverged"


def run_of(*rows: dict, **figures) -> list:
    """A run measured every 5 kimg from 5 on, each row the figures of one measurement."""
    events = []
    for index, row in enumerate(rows):
        kimg = 5.0 * (index + 1)
        events += [*reports(kimg - 5, kimg, **figures), measured(kimg, **row)]
    return events


def test_two_measurements_must_agree_on_copies():
    good, copies = {"kid": 0.3}, {"kid": 0.3, "memorised": 0.8, "nearest": 0.3}
    once = told(run_of(*[good] * 8, copies, *[good] * 3), CONFIG)
    assert {said.state for said in once} <= NOT_ACCUSED
    twice = told(run_of(*[good] * 8, copies, copies), CONFIG)[-1]
    assert (twice.kimg, twice.state) == (50, "memorising")
    assert "80%" in twice.evidence
    assert twice.change == {}  # all there is against it is in use
    assert "Stop" in twice.advice


def test_a_crowd_around_one_picture_that_stands_alone_is_no_copying():
    """As on blobs learned from nothing: called copies, but no nearer than the real ones are."""
    crowd = {"kid": 0.3, "memorised": 0.4, "nearest": 0.95}
    assert {said.state for said in told(run_of(*[crowd] * 12), CONFIG)} <= NOT_ACCUSED


def test_a_start_that_turns_into_something_else_is_not_called_collapsed():
    """As on 104 icons: alike and far away for a third of the run, then nearer and varied."""
    kids = [3.3, 4.6, 4.8, 4.5, 3.6, 3.0, 2.5, 2.4, 2.2, 2.1]
    diversity = [0.65, 0.5, 0.48, 0.5, 0.58, 0.64, 0.69, 0.7, 0.72, 0.72]
    coverage = [0.06, 0.06, 0.07, 0.07, 0.12, 0.22, 0.32, 0.33, 0.39, 0.36]
    rows = zip(kids, diversity, coverage, strict=True)
    rows = [{"kid": k, "diversity": d, "coverage": c} for k, d, c in rows]
    assert {said.state for said in told(run_of(*rows), CONFIG)} <= NOT_ACCUSED


def test_pictures_that_become_alike_are_mode_collapse_until_two_measurements_are_better():
    varied = {"kid": 0.5}
    alike, better = {"kid": 2.0, "diversity": 0.4, "coverage": 0.1}, {"kid": 0.4}
    found = told(run_of(*[varied] * 8, alike, alike, better, alike, better, better, better), CONFIG)
    spoken = [(said.kimg, said.state) for said in found]
    assert spoken[2:] == [(50, "mode collapse"), (70, "healthy")]
    assert "0.40" in found[2].evidence
    assert found[2].change == {"lr_G": CONFIG.lr_G / 2}


def test_pictures_that_come_nearer_are_not_called_collapsed_for_being_alike():
    alike = {"diversity": 0.4, "coverage": 0.1}
    falling = [{"kid": 4.0 * 0.9**i, **alike} for i in range(1, 12)]
    assert {s.state for s in told(run_of({"kid": 4.0}, *falling), CONFIG)} <= NOT_ACCUSED


def test_a_run_that_was_never_varied_is_given_longer():
    """From nothing, G first makes one grey picture for all latents."""
    found = told(run_of(*[{"kid": 6.0, "diversity": 0.05, "coverage": 0.1}] * 16), CONFIG)
    assert [(s.kimg, s.state) for s in found[1:]] == [(20, "healthy"), (70, "mode collapse")]


def test_a_game_that_is_level_is_only_accused_where_nothing_comes_of_it():
    level = {"loss_D": 1.38, "score_real": 0.5, "score_fake": 0.49}
    stuck, covered = [{"kid": 2.0, "coverage": 0.2}] * 12, [{"kid": 0.2, "coverage": 0.9}] * 12
    falling = [{"kid": 4.0 * 0.9**i, "coverage": 0.3} for i in range(12)]
    assert "G is winning" in [said.state for said in told(run_of(*stuck, **level), CONFIG)]
    for rows in (covered, falling):
        assert {said.state for said in told(run_of(*rows, **level), CONFIG)} <= NOT_ACCUSED


def test_a_network_that_grows_is_not_accused_of_what_it_cannot_make_yet():
    """Level with a D that sees small pictures too, far from the large real ones, and alike."""
    level = {"loss_D": 1.38, "score_real": 0.5, "score_fake": 0.49}
    blurred = [{"kid": 6.0, "coverage": 0.02, "diversity": 0.3}] * 10
    growing, fading = {"side": 32, "fade": 1.0}, {"side": 64, "fade": 0.5}
    for stage, is_grown in ((growing, False), (fading, False), ({"side": 64}, True)):
        found = {said.state for said in told(run_of(*blurred, **level, **stage), CONFIG)}
        assert (found <= NOT_ACCUSED) != is_grown
    won = [said.state for said in told(run_of(*blurred, **WON, **growing), CONFIG)]
    assert won[-1] == "D is winning"


def test_a_kid_that_leaves_its_best_far_behind_is_divergence_but_one_bad_measurement_is_not():
    good, bad, better = {"kid": 0.3}, {"kid": 1.5}, {"kid": 1.2}
    for late in ([bad, good, bad], [bad, better]):  # in the second it is on its way back
        assert {s.state for s in told(run_of(*[good] * 8, *late), CONFIG)} <= NOT_ACCUSED
    found = told(run_of(*[good] * 8, bad, bad), CONFIG)[-1]
    assert found.state == "diverged"
    assert "1500" in found.evidence
    assert "300" in found.evidence


@pytest.mark.parametrize("name", ["loss_D", "loss_G", "grad_D", "grad_G"])
def test_figures_without_measure_or_number_are_divergence_at_once(name):
    assert verdicts([progress(1), progress(2, **{name: math.nan})])[-1] == (2, "diverged")
    assert verdicts(reports(0, 15, **{name: 1e5}))[-1] == (10, "diverged")


def test_a_log_from_before_gradients_were_reported_is_not_called_dead():
    assert verdicts(reports(0, 50, grad_G=0.0, grad_D=0.0))[-1][1] == "healthy"
    assert verdicts([*reports(0, 30), *reports(30, 50, grad_G=0.0)])[-1][1] == "diverged"


def test_a_kid_that_stays_level_in_the_second_half_is_settled_and_nothing_is_turned():
    level = told(run_of(*[{"kid": 0.5}] * 16), CONFIG)
    assert [(s.kimg, s.state) for s in level[1:]] == [(20, "healthy"), (70, "settled")]
    assert level[-1].change == {}
    falling = [{"kid": 0.5 * 0.95**i} for i in range(20)]
    assert told(run_of(*falling), CONFIG)[-1].state == "healthy"


# --- what is advised ----------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "relativistic"])
@pytest.mark.parametrize(
    "state", ["D is winning", "G is winning", "mode collapse", "memorising", "diverged"]
)
def test_following_the_advice_again_and_again_stays_in_bounds_and_ends_in_words(state, loss):
    config = TrainConfig(
        loss=loss, augment=("color",), augment_p=0.5, skip_D_below=0.2, freeze_D=3, lecam=0.1,
        r1_gamma=1.0,
    )  # fmt: skip
    for _ in range(40):
        advice, change = remedy(state, config, 100)
        assert "snapshot" not in advice, "of a run the best model is kept, and no earlier one"
        if not change:
            break
        assert set(change) <= set(ADJUSTABLE)
        changed = replace(config, **change)  # raises when out of bounds
        assert changed != config
        config = changed
    assert change == {}
    assert "top" in advice
    assert "new run" in advice


def test_a_d_that_is_quicker_than_g_is_slowed_before_it_is_left_alone():
    config = derive(100, 5.0)
    changes = []
    while change := remedy("D is winning", config, 100)[1]:
        changes.append(change)
        config = replace(config, **change)
    assert changes[:2] == [{"lr_D": 2e-4}, {"skip_D_below": 0.25}]
    assert all(set(change) == {"lr_D"} for change in changes[2:])


def test_with_thousands_of_pictures_cutout_is_not_advised():
    config = TrainConfig(augment=AUGMENTATIONS[:2])
    assert remedy("D is winning", config, 100)[1]["augment"] == AUGMENTATIONS
    assert "augment" not in remedy("D is winning", config, 5000)[1]


def test_a_d_that_leads_while_the_pictures_come_nearer_is_not_accused():
    leading = reports(0, 30, **WON)
    nearer = sorted([*leading, measured(10, 4.0), measured(19, 3.0)], key=lambda event: event.kimg)
    assert "D is winning" not in [state for _, state in verdicts(nearer)]
    farther = sorted([*leading, measured(10, 3.0), measured(19, 4.0)], key=lambda event: event.kimg)
    assert "D is winning" in [state for _, state in verdicts(farther)]


# --- for a page ---------------------------------------------------------------------------

FOUND = Diagnosed(30.0, "D is winning", "", "", {"augment": AUGMENTATIONS, "augment_p": 1.0})


def test_a_page_reads_the_last_verdict_from_a_log():
    learning = Diagnosed(1.0, "learning", "", "", {})
    assert last_diagnosis([]) is None
    assert last_diagnosis([learning, progress(30), FOUND, progress(31)]) == FOUND


def test_advice_that_was_followed_is_not_offered_again():
    log = [FOUND, Adjusted(31.0, {}, dict(FOUND.change), "user")]
    from_disk = [from_json(json.loads(json.dumps(to_json(event)))) for event in log]
    for events in (log, from_disk):
        standing = last_diagnosis(events)
        assert (standing.state, standing.change) == (FOUND.state, {})
        assert standing.advice.startswith("Done at 31.0 thousand pictures")
    other = Adjusted(31.0, {}, {"lr_D": 1e-4}, "user")
    assert last_diagnosis([FOUND, other]) == FOUND


def test_a_log_that_ended_without_numbers_has_diverged():
    failed = Failed(3.0, "The losses stopped being numbers after 3.0 thousand images.", "", False)
    assert last_diagnosis([FOUND, failed]).state == "diverged"
    full = Failed(3.0, "The disk is full.", "", False)
    assert last_diagnosis([FOUND, full, Finished(3.0, 1.0, False, None)]) == FOUND
