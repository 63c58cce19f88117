"""The server is killed while a run trains: a new one shows the run, and goes on with the line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_runs import end_workers, noise, tiny_model, tiny_settings, wait_until, without_worker

from gan_core.events import Progress
from ui.jobs import Runs

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import signal, sys
from pathlib import Path
from ui.jobs import Runs
Runs(Path(sys.argv[1]))
signal.pause()
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "runs"
    yield root
    end_workers(root)


@pytest.fixture
def server(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server without a page, with its own keeper of the line."""
    with subprocess.Popen([sys.executable, "-c", SERVER, str(root)], cwd=ROOT) as server:
        yield server
        server.kill()


def test_a_new_server_shows_the_run_that_trains_on_and_then_begins_the_next(
    tmp_path: Path, root: Path, server: "subprocess.Popen[bytes]"
) -> None:
    settings, asked = tiny_settings(tiny_model(tmp_path / "model")), without_worker(root)
    first, second = (asked.create(noise(), settings) for _ in range(2))
    wait_until(lambda: any(isinstance(event, Progress) for event in asked.look(first).events))
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
