"""How long the first pictures take, how long the next ones, and the memory: core, then the app.

The app is started as a user starts it and asked over HTTP, so its figures include what Gradio adds:
enlarging, encoding and storing sixteen PNG files, and its queue. A browser then fetches them side
by side; this client would fetch them one by one, so it is told not to.

python -m benchmarks.generate_speed [--model dcgan-kaokore-64] [--runs 3] [--repeats 20]
"""

import argparse
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradio_client import Client

ROOT = Path(__file__).resolve().parents[1]
COUNT = 16
TARGET_COLD, TARGET_WARM = 8.0, 0.3  # seconds, on two cores

# The whole of what a new process does: import, load, draw, encode; then the same again, warm.
CHILD = """
import json, resource, sys, time
from gan_core.gan.latents import latents, render
from gan_core.gan.snapshot import load_snapshot
from gan_core.models import resolve
from gan_core.pictures import encode_png, to_uint8

model, count, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
snapshot = load_snapshot(resolve(model))

def draw(seed):
    z = latents(count, seed, snapshot.network.z_dim)
    return [encode_png(picture) for picture in to_uint8(render(snapshot.G, z))]

draw(0)
print("first", flush=True)
warm = []
for seed in range(repeats):
    started = time.perf_counter()
    draw(seed)
    warm.append(time.perf_counter() - started)
print(json.dumps(warm))
"""


def measure(model: str, repeats: int) -> tuple[float, list[float]]:
    """Start one new process. Returns seconds to its first pictures, and seconds of each repeat."""
    command = [sys.executable, "-c", CHILD, model, str(COUNT), str(repeats)]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        is_drawn = child.stdout.readline().strip() == "first"
        cold = time.perf_counter() - started
        rest = child.stdout.read()
    if not is_drawn or child.returncode != 0:
        sys.exit("The process that makes the pictures failed; its message is above.")
    return cold, json.loads(rest)


def measure_app(repeats: int) -> tuple[float, list[float], float]:
    """Start app.py. Returns seconds to its first pictures, of each repeat, and MB resident."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GAN_ATELIER_RUNS": folder}
        started = time.perf_counter()
        command = [sys.executable, "app.py"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as app:
            try:
                client = _connect(port, app)
                client.predict(count=COUNT, api_name="/generate")
                cold = time.perf_counter() - started
                warm = []
                for seed in range(repeats):
                    asked = time.perf_counter()
                    client.predict(count=COUNT, seed=seed, api_name="/generate")
                    warm.append(time.perf_counter() - asked)
                status = Path(f"/proc/{app.pid}/status").read_text(encoding="ascii")
                client.close()
            finally:
                app.terminate()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    return cold, warm, int(resident.group(1)) / 1024 if resident else float("nan")


def _connect(port: int, app: "subprocess.Popen[bytes]") -> Client:
    while app.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            address = f"http://127.0.0.1:{port}"
            return Client(address, verbose=False, analytics_enabled=False, download_files=False)
    sys.exit("The app ended before it answered; its message is above.")


def main() -> None:
    """Print medians over several processes, for sixteen pictures each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="dcgan-kaokore-64", help="bundled name or path")
    parser.add_argument("--runs", type=int, default=3, help="new processes")
    parser.add_argument("--repeats", type=int, default=20, help="warm repeats in each")
    given = parser.parse_args()
    results = [measure(given.model, given.repeats) for _ in range(given.runs)]
    cold = [seconds for seconds, _ in results]
    warm = [seconds for _, repeats in results for seconds in repeats]
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # KiB on Linux
    cold_app, warm_app, app_mb = measure_app(given.repeats)
    _say_seconds("core, from nothing", statistics.median(cold), TARGET_COLD)
    _say_seconds("core, warm", statistics.median(warm), TARGET_WARM)
    _say_seconds("app, from nothing", cold_app, TARGET_COLD)
    _say_seconds("app, warm, over HTTP", statistics.median(warm_app), TARGET_WARM)
    print(f"{'core, most memory':22} {peak_mb:7.0f} MB")
    print(f"{'app, memory':22} {app_mb:7.0f} MB")


def _say_seconds(what: str, seconds: float, target: float) -> None:
    verdict = "met" if seconds <= target else "missed"
    print(f"{what:22} {seconds:7.3f} s   target {target:g} {verdict}")


if __name__ == "__main__":
    main()
