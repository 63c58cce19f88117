"""Whether the page stays quick while a run trains, and costs nothing while none does.

The program itself, as a user starts it, in a process and a folder of its own; the requests are
those of any client. Linux only (/proc).

python -m benchmarks.busy_page [--requests 50] [--idle 30]
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image

from benchmarks.space import answers
from gan_core.pictures.drawing import dead_leaves

ROOT = Path(__file__).resolve().parents[1]
TARGET_SECONDS = 2.0  # of the slowest twentieth of all requests, while a run trains
PATIENCE = 180.0  # seconds, for the page and for a run to begin


def main() -> None:
    """Print CPU time at rest, and how long pictures take at rest and while a run trains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds to watch it at rest")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (address, process):
        client = Client(address, verbose=False, analytics_enabled=False, download_files=folder)
        ask(client, 3)  # loads the model
        time.sleep(5)
        before = cpu_seconds(process.pid)
        time.sleep(given.idle)
        spent = cpu_seconds(process.pid) - before
        print(f"at rest: {spent:.2f} s of CPU time in {given.idle:g} s")
        tell("at rest", ask(client, given.requests))
        run_id = begin_training(client, Path(folder))
        p95 = tell("while a run trains", ask(client, given.requests))
        state = client.predict(run_id=run_id, api_name="/train_status")
        print(f"the run: {state['state']}, {state['message']}")
        client.predict(run_id=run_id, api_name="/stop")
        print(f"target {TARGET_SECONDS:g} s {'met' if p95 <= TARGET_SECONDS else 'missed'}")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Start the program with `folder` for its runs and files; end it, and what it trains."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GAN_ATELIER_RUNS": str(folder), "GRADIO_SERVER_PORT": str(port)}
    environment.pop("GRADIO_TEMP_DIR", None)
    command, address = [sys.executable, "app.py"], f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(address):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"The page did not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.5)
        yield address, process
    finally:
        process.terminate()
        process.wait()
        time.sleep(10)  # its worker saves, and then ends too


def ask(client: Client, count: int) -> list[float]:
    """Ask for sixteen pictures `count` times, one after the other; seconds of each request."""
    seconds = []
    for seed in range(count):
        began = time.perf_counter()
        client.predict(count=16, seed=seed, api_name="/generate")
        seconds.append(time.perf_counter() - began)
    return seconds


def begin_training(client: Client, folder: Path) -> str:
    """Train on sixty drawn pictures, and wait until the first figures are there."""
    files = []
    for seed in range(60):
        files.append(folder / f"{seed:02d}.png")
        Image.fromarray(dead_leaves(64, seed)).save(files[-1])
    uploads = [handle_file(str(path)) for path in files]
    run_id = str(client.predict(files=uploads, minutes=60, api_name="/train"))
    deadline = time.monotonic() + PATIENCE
    while "kimg" not in client.predict(run_id=run_id, api_name="/train_status"):
        if time.monotonic() > deadline:
            raise SystemExit("The run did not begin in time.")
        time.sleep(1)
    return run_id


def tell(when: str, seconds: list[float]) -> float:
    """Print the median and the slowest twentieth, which is returned."""
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(
        f"sixteen pictures {when}: median {statistics.median(seconds):.2f} s, 95 % in {p95:.2f} s"
    )
    return p95


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has taken so far, without that of other processes it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
