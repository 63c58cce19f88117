"""The timed probe chooses what is fastest by the clock, and nothing by name."""

import pytest
import torch

from gan_core import compute
from gan_core.compute import Compute, available_threads, candidates, choose, has_gpu

SLOW, FAST = Compute("cpu", "float32"), Compute("cpu", "bfloat16", True)


class FakeClock:
    """Time that passes only while a step works."""

    def __init__(self, seconds, hiccups=()):
        self.now, self.seconds, self.steps = 0.0, seconds, dict.fromkeys(seconds, 0)
        self.hiccups = hiccups

    def __call__(self):
        return self.now

    def make_step(self, compute):
        def step():
            self.steps[compute] += 1
            is_slowed = (compute, self.steps[compute]) in self.hiccups
            self.now += self.seconds[compute] * (3 if is_slowed else 1)

        return step


@pytest.mark.parametrize(("bf16", "best"), [(0.1, FAST), (0.3, SLOW)])
def test_the_fastest_by_the_clock_is_chosen(bf16, best):
    clock = FakeClock({SLOW: 0.2, FAST: bf16})
    chosen, speeds = choose(clock.make_step, 32, [SLOW, FAST], clock=clock)
    assert chosen == best
    assert speeds[str(FAST)] == pytest.approx(32 / bf16, rel=0.01)


def test_a_hopeless_candidate_is_not_timed_further():
    clock = FakeClock({SLOW: 0.1, FAST: 9.0})
    choose(clock.make_step, 32, [SLOW, FAST], clock=clock)
    assert clock.steps[FAST] == 2  # the warm-up and one look


def test_processes_on_one_machine_share_its_threads(monkeypatch):
    monkeypatch.setenv("CPU_CORES", "8")
    assert {option.threads for option in candidates()} == {8}
    assert {option.threads for option in candidates(processes=3)} == {2}
    assert {option.threads for option in candidates(processes=9)} == {1}


def test_an_emulated_gpu_is_not_believed_until_it_was_lent(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(compute, "_is_lent", False)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert not has_gpu()
    assert {option.device for option in candidates()} == {"cpu"}
    compute.take_lent_gpu()
    assert {option.device for option in candidates()} == {"cuda"}
    monkeypatch.setattr(compute, "_is_lent", False)
    monkeypatch.setenv("SPACES_ZERO_GPU", "false")
    assert has_gpu()


def test_other_work_on_the_machine_does_not_change_the_choice():
    slowed = {(FAST, turn) for turn in (2, 4, 5)}  # most of its turns
    clock = FakeClock({SLOW: 0.2, FAST: 0.1}, slowed)
    assert choose(clock.make_step, 32, [SLOW, FAST], clock=clock)[0] == FAST


def test_the_speed_to_expect_is_that_of_a_usual_step_not_of_the_quickest():
    slowed = {(FAST, turn) for turn in range(3, 40)}
    clock = FakeClock({SLOW: 0.9, FAST: 0.1}, slowed)
    chosen, speeds = choose(clock.make_step, 30, [SLOW, FAST], clock=clock)
    assert chosen == FAST
    assert speeds[str(FAST)] == pytest.approx(30 / 0.3)


def test_slow_steps_do_not_make_the_probe_take_more_than_thrice_its_time():
    clock = FakeClock({SLOW: 1.0, FAST: 0.8})
    choose(clock.make_step, 32, [SLOW, FAST], seconds=2.0, clock=clock)
    assert clock.now <= 6.0


def test_candidates_start_with_the_safest():
    assert candidates()[0].dtype == "float32"
    assert len(set(candidates())) == len(candidates())


def test_a_containers_own_figure_for_its_cpus_is_believed(monkeypatch):
    monkeypatch.setenv("CPU_CORES", "3")
    assert available_threads() == 3
    monkeypatch.setenv("CPU_CORES", "many")
    assert available_threads() >= 1
