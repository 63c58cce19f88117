"""What Gradio keeps is deleted by age, whoever put it there and however long ago."""

import os
import time
from pathlib import Path

import pytest

from ui.cache import keep_files_in, sweep

HOUR = 3600.0


def put(path: Path, hours_old: float, data: bytes = b"picture") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    age(path, hours_old)
    return path


def age(path: Path, hours: float) -> None:
    os.utime(path, (time.time() - hours * HOUR,) * 2)


def test_old_uploads_and_the_empty_files_they_leave_are_deleted_and_new_ones_kept(tmp_path: Path):
    old, empty = put(tmp_path / "a" / "old.png", 2), put(tmp_path / "tmp123", 2, b"")
    new = put(tmp_path / "b" / "new.png", 0.5)
    sweep(tmp_path, HOUR)
    assert not old.exists()
    assert not empty.exists()
    assert new.exists()


def test_an_empty_folder_goes_when_it_is_old_and_the_root_stays(tmp_path: Path):
    root = tmp_path / "root"
    put(root / "a" / "old.png", 2)
    sweep(root, HOUR)
    assert (root / "a").exists()  # it changed just now, when its file went
    age(root / "a", 2)
    age(root, 2)
    sweep(root, HOUR)
    assert list(tmp_path.rglob("*")) == [root]


def test_the_folder_is_for_this_user_alone_unless_another_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "as it was before")  # so that it is put back
    del os.environ["GRADIO_TEMP_DIR"]
    ours = keep_files_in(tmp_path / "ours")
    assert ours.stat().st_mode & 0o077 == 0
    assert os.environ["GRADIO_TEMP_DIR"] == str(ours)
    assert keep_files_in(tmp_path / "other") == ours
