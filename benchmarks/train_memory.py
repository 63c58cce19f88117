"""How much memory a retraining run takes, from beginning to end: it must not grow.

The run is the command line in a process of its own, on drawn pictures. Linux only (/proc).

python -m benchmarks.train_memory [--minutes 60] [--pictures 500]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gan_core.gan.run import EVENTS_FILE
from gan_core.pictures.dataset import Dataset, save_dataset
from gan_core.pictures.drawing import dead_leaves

ROOT = Path(__file__).resolve().parents[1]
TARGET_MB = 1500.0
EVERY = 5.0  # seconds


def resident_mb(pid: int | str = "self", peak: bool = False) -> float:
    """What a process holds in memory, of its own and shared, in MB: now, or at its peak so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:" if peak else "VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def follow(minutes: float, pictures: int, folder: Path) -> list[float]:
    """Train for so long; the memory at even distances, from the first report on."""
    images = np.stack([dead_leaves(64, seed) for seed in range(pictures)])
    save_dataset(Dataset("dead leaves", images, ()), folder / "drawn.safetensors")
    run = folder / "run"
    words = [str(folder / "drawn.safetensors"), "--minutes", str(minutes), "--out", str(run)]
    command = [sys.executable, "-m", "gan_core", "train", *words]
    seen: list[float] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as worker:
        while worker.poll() is None:
            time.sleep(EVERY)
            if (run / EVENTS_FILE).exists() and worker.poll() is None:
                seen.append(resident_mb(worker.pid))
    return [mb for mb in seen if mb > 0]


def main() -> None:
    """Print the median of each tenth of the run, and the peak."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pictures", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = follow(given.minutes, given.pictures, Path(folder))
    tenths = [statistics.median(part) for part in np.array_split(seen, 10) if len(part)]
    print("MB, median of each tenth:", ", ".join(f"{mb:.0f}" for mb in tenths))
    verdict = "met" if max(seen) <= TARGET_MB else "missed"
    growth = tenths[-1] - tenths[1]
    print(f"peak {max(seen):.0f} MB, target {TARGET_MB:.0f} {verdict}")
    print(f"from the second tenth to the last: {growth:+.0f} MB")


if __name__ == "__main__":
    main()
