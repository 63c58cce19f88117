"""Where runs live, by what the environment says."""

import os
import tempfile
from pathlib import Path

import pytest

from gan_core.errors import DiskFull
from ui.place import RUNS, runs_folder


def test_runs_live_in_the_users_own_folder_and_nobody_else_reads_them(tmp_path: Path) -> None:
    folder = runs_folder({"XDG_STATE_HOME": str(tmp_path)})
    assert folder == tmp_path / "gan-atelier"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_runs_live_where_somebody_wants_them(tmp_path: Path) -> None:
    chosen = {RUNS: str(tmp_path / "mine"), "XDG_STATE_HOME": str(tmp_path / "other")}
    assert runs_folder(chosen) == tmp_path / "mine"
    assert not (tmp_path / "other").exists()


def test_without_a_home_runs_live_beside_other_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = runs_folder({"XDG_STATE_HOME": str(tmp_path / "file")})
    assert folder == Path(tempfile.gettempdir()) / f"gan-atelier-{os.getuid()}"


def test_a_folder_that_was_named_and_cannot_be_made_is_not_silently_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFull, match="cannot be written"):
        runs_folder({RUNS: str(tmp_path / "file")})
