"""The comparison with others on few pictures: its arithmetic, and that every contender runs."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.fewshot_contenders import (
    JUDGE_SEED,
    Arena,
    Average,
    Stopwatch,
    contend,
    contend_plainly,
    run_ours,
)
from benchmarks.fewshot_report import (
    KEPT,
    Measurement,
    append,
    best,
    end,
    kid_at,
    marks,
    ratio,
    read,
    report,
)
from benchmarks.tutorial import TutorialLoop, epochs
from gan_core.compute import Compute
from gan_core.gan.config import NetworkConfig
from gan_core.gan.metrics import Judge, Quality
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot

CPU = Compute("cpu", "float32", False, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)


def measured(contender: str, minutes: float, kid: float, variant="eval mode", seed=0):
    quality = Quality(kid, kid - 0.01, kid + 0.01, 0.5, 0.0, 1.0, 0.9, 100, 512, "some features")
    at = minutes * 60
    return Measurement(contender, variant, seed, "birds", "float32", at, at + 1, 9.0, quality)


def pictures(n: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)


def arena(step: float = 1.0) -> Arena:
    """Twenty-four noisy pictures; colours are the features; a second passes with every look."""
    ticks = count()
    judge = Judge(pictures(), lambda x: x.float().mean((2, 3)), "colours", n_fake=16)
    return Arena(pictures(), judge, "noise", clock=lambda: next(ticks) * step)


def test_marks_are_close_in_the_first_five_minutes_and_end_with_the_end() -> None:
    assert marks(5) == [30.0 * n for n in range(1, 11)]
    assert marks(10) == [*marks(5), 450.0, 600.0]
    assert marks(0.1) == [6.0]
    assert len(marks(60)) == 10 + 22


def test_at_a_time_the_last_measurement_not_later_counts_and_its_nearest_variant() -> None:
    run = [
        measured("tutorial", 0.5, 3.0),
        measured("tutorial", 1.0, 2.0, "train mode"),
        measured("tutorial", 1.0, 1.0),
    ]
    assert kid_at(run, 29) is None
    assert kid_at(run, 30) == kid_at(run, 59.9) == 3.0
    assert kid_at(run, 60) == 1.0
    assert kid_at(run, 300) is None  # it had ended long before


def test_the_best_is_the_nearest_unless_a_snapshot_was_kept() -> None:
    run = [measured("ours", 1, 2.0), measured("ours", 2, 1.0), measured("ours", 3, 1.5)]
    assert best(run).quality.kid == 1.0
    assert end(run).quality.kid == 1.5
    run.append(measured("ours", 3, 1.7, KEPT))
    assert best(run).quality.kid == end(run).quality.kid == kid_at(run, 180) == 1.7


def test_a_ratio_is_of_means_and_spans_all_pairs_of_seeds() -> None:
    assert ratio([1.0, 3.0], [10.0, 20.0]) == pytest.approx((2 / 15, 1 / 20, 3 / 10))
    assert ratio([1.0], [0.0]) is None


def test_the_report_holds_ours_against_the_best_of_one_and_the_end_of_the_other() -> None:
    text = report(
        [
            measured("ours", 5, 0.05, "average"),
            measured("ours", 5, 0.25, KEPT),
            measured("tutorial", 30, 1.0),
            measured("tutorial", 60, 2.0),
            measured("diffaugment", 30, 0.4),
            measured("diffaugment", 60, 0.51),
        ]
    )
    lines = [line for line in text.splitlines() if "at most" in line]
    assert len(lines) == 2
    assert "best within 60 min | 1000.0 | 0.250 [0.250..0.250] | at most 0.2: missed" in lines[0]
    assert "after 60 min | 510.0 | 0.490 [0.490..0.490] | at most 0.5: met" in lines[1]


def test_a_run_that_has_not_finished_yields_no_ratio() -> None:
    text = report([measured("ours", 1, 0.05, "average"), measured("tutorial", 1, 1.0)])
    assert "at most" not in text


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    written = [measured("plain", 1, 0.5), measured("plain", 2, 0.25)]
    for each in written:
        append(tmp_path / "a.jsonl", each)
    assert read([tmp_path / "a.jsonl"]) == written


def test_a_paused_stopwatch_stands_still() -> None:
    now = 0.0
    watch = Stopwatch(lambda: now)
    now = 2.0
    with watch.pause():
        now = 7.0
    now = 8.0
    assert watch() == 3.0


def test_epochs_show_every_picture_once_and_keep_the_short_last_batch() -> None:
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1).repeat(3, axis=3)
    batches = epochs(images, 4, torch.Generator().manual_seed(0))
    first = [next(batches) for _ in range(3)]
    assert [len(each) for each in first] == [4, 4, 2]
    assert len(torch.cat(first)[:, 0].unique()) == 10


def test_a_step_of_the_tutorial_moves_both_networks() -> None:
    loop = TutorialLoop(*build(TINY), TINY.z_dim, CPU)
    before = [p.clone() for net in (loop.G, loop.D) for p in net.parameters()]
    loop.step(torch.rand(4, 3, 16, 16))
    after = [p for net in (loop.G, loop.D) for p in net.parameters()]
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_an_average_starts_at_the_generator_and_then_lags_behind_it() -> None:
    G, _ = build(TINY, 0)
    average = Average(G)
    with torch.no_grad():
        next(G.parameters()).add_(1.0)
    start = next(average.G.parameters()).clone()
    average.follow(G, nimg=320, batch_size=16)  # half-life: 5 % of 320, one batch
    assert torch.allclose(next(average.G.parameters()), start + 0.5)


@pytest.mark.parametrize(
    ("contender", "variants"),
    [
        ("tutorial", ["train mode", "eval mode"]),
        ("diffaugment", ["train mode", "eval mode", "average"]),
    ],
)
def test_a_peer_is_measured_at_every_mark_in_every_variant(contender: str, variants) -> None:
    found = list(contend(contender, arena(5.0), TINY, CPU, minutes=1))
    assert [[m.variant for m, _ in judged] for judged in found] == [variants, variants]
    assert [judged[0][0].at for judged in found] == [30.0, 60.0]
    assert all(m.kimg > 0 and m.quality.n_fake == 16 for judged in found for m, _ in judged)


def test_a_plain_run_goes_on_from_the_model(tmp_path: Path) -> None:
    G, D = build(TINY)
    before = [p.clone() for p in G.parameters()]
    (judged,) = contend_plainly(arena(), Snapshot(TINY, G, D), CPU, minutes=0.05)
    assert judged[0][0].contender == "plain"
    moved = [(a - b).abs().max() for a, b in zip(before, judged[0][1].parameters(), strict=True)]
    assert all(0 < change < 0.1 for change in moved)  # a few steps of Adam at 2e-4


def test_ours_is_measured_on_its_way_and_ends_with_what_the_run_kept() -> None:
    G, D = build(TINY)
    compare = arena(2.0)
    found = list(run_ours(compare, Snapshot(TINY, G, D), 1.5, [CPU]))
    variants = [m.variant for judged in found for m, _ in judged]
    assert variants[-1] == KEPT
    assert variants.count(KEPT) == 1
    assert variants.count("average") >= 2
    last, kept_G = found[-1][0]
    assert last.at == 90.0
    assert last.quality == compare.judge.measure(kept_G, TINY.z_dim, JUDGE_SEED)
