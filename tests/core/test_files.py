"""A file is whole or it is not there; a full disk is explained."""

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from gan_core.errors import AtelierError, DiskFull
from gan_core.files import require_room, write_atomically


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), write_atomically(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_on_the_way_are_made(tmp_path):
    with write_atomically(tmp_path / "a" / "b") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a" / "b").read_text() == "new"


def test_a_full_disk_is_explained_with_the_free_space(tmp_path):
    with pytest.raises(DiskFull, match=r"\d+ MB are free"), write_atomically(tmp_path / "x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_really_full_device_is_explained(tmp_path):
    with (
        pytest.raises(DiskFull, match="no room"),
        write_atomically(tmp_path / "x"),
        Path("/dev/full").open("w") as file,
    ):
        file.write("x" * 100_000)


def test_a_file_where_a_folder_should_be_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFull, match="cannot be written"), write_atomically(tmp_path / "file/x"):
        raise AssertionError("it must not come this far")


def test_a_file_that_cannot_be_written_is_named_without_its_folder(tmp_path):
    for number in (errno.EACCES, errno.ENOSPC):
        folder = tmp_path / "a-key-of-a-run"
        with pytest.raises(DiskFull, match="weights") as told, write_atomically(folder / "weights"):
            raise OSError(number, os.strerror(number))
        assert "a-key" not in str(told.value)


def test_too_little_room_is_told_before_anything_starts(tmp_path):
    require_room(tmp_path / "not" / "there yet", megabytes=1e-6)
    with pytest.raises(DiskFull, match="MB are free"):
        require_room(tmp_path, megabytes=1e12)


def test_a_full_disk_behind_safetensors_is_explained(tmp_path):
    told = SafetensorError("I/O error: No space left on device (os error 28)")
    with pytest.raises(DiskFull, match="no room"), write_atomically(tmp_path / "x"):
        raise told


def test_an_error_of_another_kind_is_not_disguised(tmp_path):
    with pytest.raises(IsADirectoryError), write_atomically(tmp_path / "x"):
        raise IsADirectoryError


def test_an_error_says_what_was_expected_and_what_to_do():
    error = AtelierError("There are 3.", "At least 20 are needed.", "Add 17.")
    assert str(error) == "There are 3. At least 20 are needed. Add 17."
