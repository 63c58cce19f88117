"""How long the first pictures take in a new process, how long the next ones, and the memory.

python -m benchmarks.generate_speed [--model dcgan-kaokore-64] [--runs 3] [--repeats 20]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COUNT = 16

# The whole of what a new process does: import, load, draw, encode; then the same again, warm.
CHILD = """
import json, resource, sys, time
from gan_core.gan.latents import latents, render
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import resolve
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


def main() -> None:
    """Print medians over several processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="dcgan-kaokore-64", help="bundled name or path")
    parser.add_argument("--runs", type=int, default=3, help="new processes")
    parser.add_argument("--repeats", type=int, default=20, help="warm repeats in each")
    given = parser.parse_args()
    results = [measure(given.model, given.repeats) for _ in range(given.runs)]
    cold = [seconds for seconds, _ in results]
    warm = [seconds for _, repeats in results for seconds in repeats]
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000  # KiB on Linux
    print(
        f"{COUNT} pictures, from nothing: {statistics.median(cold):.2f} s (median of {len(cold)})"
    )
    print(f"{COUNT} pictures, warm:         {statistics.median(warm) * 1000:.0f} ms")
    print(f"most memory resident:       {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
