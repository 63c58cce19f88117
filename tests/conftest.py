"""What all tests share: one thread, and a folder of small pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

torch.set_num_threads(1)


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
