"""What all tests share: one thread each, the order and the parts they run in, small pictures."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from xdist.scheduler import LoadFileScheduling

# Also for what the program decides by itself, here and in the processes that it starts. Threads
# that share their core with others wait for each other by spinning, and tiny networks do little
# else: with two threads on two busy cores, some tests took twenty times as long.
os.environ["CPU_CORES"] = "1"
torch.set_num_threads(1)

LONGEST_FIRST = ("browser", "tests/ui/test_jobs.py")  # of the parts, so that none is waited for


def part(nodeid: str) -> str:
    """What one process runs from end to end: a file, or all that shares a server and a browser."""
    file = nodeid.split("::")[0]
    return "browser" if "/test_browser" in file else file


class Parts(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return part(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Parts:
    return Parts(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: part(item.nodeid) not in LONGEST_FIRST)


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """24 small PNGs, no two alike: each a patchwork of 16 random colours."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(24):
        patches = rng.integers(0, 256, (4, 4, 3), np.uint8)
        pixels = patches.repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(pixels).save(folder / f"picture_{index:02d}.png")
    return folder
