"""How soon a Space of this page is usable after its process starts, and the memory it takes.

Every start is one of a new copy in an empty home, as on a Space, by turns answered and asked for
sixteen pictures. What is promised, of the medians, is that it answers within 8 s and holds 1 GB at
most; where it does not, the exit code is 1. It answers a little before it is of use: that is when
the pictures are there. CPU time stands beside the time on the clock: on a machine that does nothing
else they are nearly the same. Linux only (/proc).

python -m benchmarks.startup [--starts 3] [--idle 30]
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.busy_page import cpu_seconds
from benchmarks.space import lay_out, pictures, running

ANSWERS, MEMORY = "the page answers, s", "memory after that at rest, MB"
MOST = {ANSWERS: 8.0, MEMORY: 1000.0}  # what is promised


def main() -> None:
    """Print the medians, with the range, and whether they are within what is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds to wait before memory")
    given = parser.parse_args()
    starts = [start(given.idle) for _ in range(given.starts)]
    medians = {}
    for what in starts[0]:
        values = [each[what] for each in starts]
        medians[what] = statistics.median(values)
        print(f"{what:34} {medians[what]:7.1f} [{min(values):.1f}..{max(values):.1f}]")
    missed = too_much(medians)
    print("\n".join(missed) or "That is within what is promised.")
    sys.exit(1 if missed else 0)


def too_much(measured: Mapping[str, float]) -> list[str]:
    """What is more than promised, in words."""
    return [
        f"{what}: {measured[what]:.1f}, more than the {most:g} that are promised."
        for what, most in MOST.items()
        if measured[what] > most
    ]


def start(idle: float) -> dict[str, float]:
    """Start it once, and measure. idle: seconds until memory at rest is read."""
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        with running(Path(name)) as space:
            pid = space.process.pid
            measured = {
                ANSWERS: space.seconds,
                "  CPU time until then, s": cpu_seconds(pid),
            }
            began = time.monotonic()
            pictures(space, count=16)
            measured |= {
                "sixteen pictures are there, s": space.seconds + time.monotonic() - began,
                "  CPU time until these, s": cpu_seconds(pid),
            }
            time.sleep(idle)
            measured[MEMORY] = megabytes(pid)
            began = time.monotonic()
            space.stop()
            measured["it has stopped after, s"] = time.monotonic() - began
    return measured


def megabytes(pid: int) -> float:
    """Memory that a process holds, with the libraries it shares with others."""
    held = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert held is not None
    return int(held[1]) / 1000


if __name__ == "__main__":
    main()
