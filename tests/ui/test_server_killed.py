"""The server is killed, alone or with the run that trains: a new one goes on with run and line."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_runs import end_workers, noise, tiny_model, tiny_settings, wait_until, without_worker

from gan_core.events import Progress
from ui.jobs import Runs
from ui.worker import is_alive

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import signal, sys
from pathlib import Path
from ui.jobs import Runs
from ui.worker import is_alive
Runs(Path(sys.argv[1]))
signal.pause()
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "runs"
    yield root
    end_workers(root)


@contextmanager
def serving(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server without a page, with its own keeper of the line; killed at the end."""
    with subprocess.Popen([sys.executable, "-c", SERVER, str(root)], cwd=ROOT) as server:
        yield server
        server.kill()


@pytest.fixture
def server(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with serving(root) as server:
        yield server


def has_learned(runs: Runs, run_id: str) -> bool:
    return any(isinstance(event, Progress) for event in runs.look(run_id).events)


def test_a_new_server_shows_the_run_that_trains_on_and_then_begins_the_next(
    tmp_path: Path, root: Path, server: "subprocess.Popen[bytes]"
) -> None:
    settings, asked = tiny_settings(tiny_model(tmp_path / "model")), without_worker(root)
    first, second = (asked.create(noise(), settings) for _ in range(2))
    wait_until(lambda: has_learned(asked, first))
    server.kill()
    server.wait()

    runs = Runs(root)
    assert runs.look(first).state == "running"
    seen = len(runs.look(first).events)
    wait_until(lambda: len(runs.look(first).events) > seen)
    assert (runs.look(second).state, runs.look(second).ahead) == ("queued", 1)
    runs.stop(first)
    wait_until(lambda: runs.look(second).state == "starting")
    assert runs.look(first).state == "stopped"
    assert runs.look(first).has_model
    runs.delete(second)
    runs.close()


def test_a_run_cut_off_together_with_its_server_begins_again_by_itself_but_not_for_ever(
    tmp_path: Path, root: Path
) -> None:
    settings, asked = tiny_settings(tiny_model(tmp_path / "model")), without_worker(root)
    run_id = asked.create(noise(), settings)
    for _ in range(2):
        with serving(root):
            wait_until(lambda: is_alive(asked.folder(run_id)))
            wait_until(lambda: asked.look(run_id).state == "running")
        end_workers(root)
        assert asked.look(run_id).state == "interrupted"
        assert not asked.look(run_id).can_resume  # nothing was saved yet

    other = asked.create(noise(), settings)
    runs = Runs(root)
    wait_until(lambda: runs.look(other).state == "starting")
    assert runs.look(run_id).state == "interrupted"
    runs.delete(other)
    runs.close()
