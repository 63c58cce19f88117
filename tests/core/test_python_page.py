"""docs/python.md is a program: it is run here from its first line to its last, with less time."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core import generate, load, read_picture, sample, to_uint8
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, save_snapshot

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
LESS = {"minutes=5": "minutes=0.05", "size=512, seconds=30": "size=64, seconds=1"}


def program() -> str:
    """The page's code, each line where it stands there, so that an error names the right one."""
    blocks = re.split(r"^```(?:python)?$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    code = "".join(it if n % 2 else "\n" * it.count("\n") for n, it in enumerate(blocks))
    for much, less in LESS.items():
        assert much in code
        code = code.replace(much, less)
    return code


def test_the_page_does_what_it_says(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    picture_folder.rename(tmp_path / "my_pictures")
    for name, color in (("painting.png", "red"), ("photo.png", "blue")):
        Image.new("RGB", (80, 64), color).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(program(), str(PAGE), "exec"), names)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 16
    assert names["mine"].shape == (16, 64, 64, 3)
    assert max(read_picture(tmp_path / "pastiche.png").shape) == 64
    assert "There is no model 'no-such-model'." in capsys.readouterr().out


def test_generated_pictures_are_those_of_the_seed_however_many_are_made(tmp_path: Path) -> None:
    network = NetworkConfig(resolution=16, z_dim=8, width_G=4, width_D=4)
    save_snapshot(Snapshot(network, *build(network)), tmp_path)
    model = load(str(tmp_path))
    assert model.network == network
    few, many = generate(model, 2, seed=3, truncation=0.5), generate(model, 5, 3, 0.5)
    assert (few.dtype, few.shape) == (np.uint8, (2, 16, 16, 3))
    assert np.array_equal(few, many[:2])
    assert np.array_equal(many, to_uint8(sample(model, 5, 3, 0.5)))
