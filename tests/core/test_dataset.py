"""A folder, files or an archive become a training set, with one line of report per file."""

import io
import os
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gan_core.errors import BadDataset
from gan_core.pictures.archive import Limits
from gan_core.pictures.dataset import (
    Dataset,
    UnusableDataset,
    compose,
    load_dataset,
    read_dataset,
    save_dataset,
)
from gan_core.pictures.sheet import Entry, Sheet

SIZE = 32
FEW = Limits(min_images=1)


def picture(seed: int, side: int = SIZE, kind: str = "PNG", **options: object) -> bytes:
    """Make a picture that looks like no other: a few coarse blocks of random colour."""
    blocks = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder.mkdir(exist_ok=True)
    return folder


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def lines(dataset: Dataset) -> dict[str, tuple[str, str]]:
    return {line.name: (line.verdict, line.reason) for line in dataset.report}


def reason_left_out(source: Path, name: str, limits: Limits = FEW) -> str:
    """Load a source that also holds good pictures, and say why `name` is not among them."""
    verdict, reason = lines(load_dataset(source, SIZE, limits))[name]
    assert verdict == "left out"
    return reason


def test_every_file_has_one_line_in_order(tmp_path: Path) -> None:
    grey = io.BytesIO()
    Image.open(io.BytesIO(picture(3))).convert("L").save(grey, "PNG")
    files = {"a.png": picture(1), "b.txt": b"hello", "c.png": grey.getvalue(), "d.png": picture(4)}
    dataset = load_dataset(fill(tmp_path / "cats", files), SIZE, FEW)
    assert [(line.name, line.verdict) for line in dataset.report] == [
        ("a.png", "kept"),
        ("b.txt", "left out"),
        ("c.png", "mended"),
        ("d.png", "kept"),
    ]
    assert dataset.summary() == "3 of 4 files are used: 2 as they are, 1 mended; 1 left out."
    assert dataset.images.shape == (3, SIZE, SIZE, 3)
    assert dataset.name == "cats"


def test_nested_folders_and_unicode_names_are_read_and_junk_is_passed_over(tmp_path: Path) -> None:
    files = {
        "žluťoučký/猫 1.png": picture(1),
        "a/b/c/ok.png": picture(2),
        ".DS_Store": b"x",
        "__MACOSX/._ok.png": b"x",
        "a/Thumbs.db": b"x",
        ".hidden/secret.png": picture(3),
    }
    folder = fill(tmp_path / "in", files)
    archive = make_zip(tmp_path / "in.zip", dict(sorted(files.items())))
    for source in (folder, archive):
        assert set(lines(load_dataset(source, SIZE, FEW))) == {"žluťoučký/猫 1.png", "a/b/c/ok.png"}


def test_folder_zip_tar_and_list_give_the_same_pictures(tmp_path: Path) -> None:
    files = {f"{index}.png": picture(index) for index in range(5)}
    folder = fill(tmp_path / "in", files)
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        for name in files:
            archive.add(folder / name, name)
    zipped = make_zip(tmp_path / "in.zip", files)
    expected = load_dataset(folder, SIZE, FEW).images
    for source in (tmp_path / "in.tar", zipped, [zipped], [folder / name for name in files]):
        assert np.array_equal(load_dataset(source, SIZE, FEW).images, expected)


def test_the_same_picture_twice_is_used_once_and_the_first_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"a.png": picture(1), "b.png": picture(1), "c.png": picture(2)})
    assert reason_left_out(folder, "b.png") == "same picture as another (a.png)"


@pytest.mark.parametrize(
    "again",
    [picture(1, 128, "JPEG", quality=60), picture(1, 64, "PNG"), picture(1, 128, "WEBP")],
    ids=["saved as JPEG", "half size", "saved as WebP"],
)
def test_a_picture_saved_anew_is_a_near_duplicate(tmp_path: Path, again: bytes) -> None:
    files = {"a.png": picture(1, 128), "b.png": again, "c.png": picture(2)}
    folder = fill(tmp_path / "in", files)
    assert reason_left_out(folder, "b.png") == "almost the same as another (a.png)"
    both = load_dataset(folder, SIZE, Limits(min_images=1, drop_near_duplicates=False))
    assert len(both) == 3


def test_icons_of_one_outline_that_differ_in_a_detail_are_different(tmp_path: Path) -> None:
    files = {}
    for index in range(6):
        icon = Image.new("RGB", (128, 128), "white")
        draw = ImageDraw.Draw(icon)
        draw.ellipse((4, 4, 124, 124), fill="gold")
        draw.ellipse((32, 40, 48, 56), fill="black")
        eye = (80, 40, 96, 56) if index % 2 else (80, 46, 96, 50)
        draw.ellipse(eye, fill="black")
        draw.arc((36, 60 + index // 2 * 8, 92, 100), 0, 180, fill="black", width=8)
        buffer = io.BytesIO()
        icon.save(buffer, "PNG")
        files[f"{index}.png"] = buffer.getvalue()
    assert len(load_dataset(fill(tmp_path / "in", files), 64, FEW)) == 6


def test_small_pictures_are_enlarged_and_say_so(tmp_path: Path) -> None:
    dataset = load_dataset(fill(tmp_path / "in", {"a.png": picture(1, 20)}), SIZE, FEW)
    assert lines(dataset)["a.png"] == ("mended", "enlarged (20 to 32 px)")


def test_of_too_many_pictures_a_seeded_sample_is_kept(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {f"{index:02}.png": picture(index) for index in range(30)})
    limits = Limits(min_images=1, max_images=10)
    first, again, other = (load_dataset(folder, SIZE, limits, seed) for seed in (0, 0, 1))
    assert len(first) == len(other) == 10
    assert len(first.report) == 30
    assert first.report == again.report != other.report
    assert np.array_equal(first.images, again.images)
    reasons = {line.reason for line in first.report if line.verdict == "left out"}
    assert reasons == {"not drawn (a random 10 of 30 pictures are used)"}
    assert "20 of these because only a random 10 are used" in first.summary()
    kept = [int(line.name[:2]) for line in first.report if line.verdict == "kept"]
    everything = load_dataset(folder, SIZE, FEW).images
    assert np.array_equal(first.images, everything[kept])


def test_too_few_pictures_are_refused_with_counts_reasons_and_report(tmp_path: Path) -> None:
    files = {f"{index}.png": picture(index) for index in range(3)} | {"a.txt": b"a", "b.txt": b"b"}
    with pytest.raises(UnusableDataset) as caught:
        load_dataset(fill(tmp_path / "in", files), SIZE)
    message = str(caught.value)
    assert "Only 3 of 5 files in in can be used. Left out: not a picture (2)." in message
    assert "At least 20" in message
    assert len(caught.value.report) == 5
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.report) == (message, caught.value.report)


def test_too_few_that_are_all_usable_and_reasons_beyond_three_are_told_as_they_are() -> None:
    def told(*reasons: str) -> str:
        used = (Entry("good.png", strip=np.zeros((8, 8, 3), np.uint8)),) * 5
        left_out = tuple(Entry("a", reason) for reason in reasons)
        with pytest.raises(UnusableDataset) as caught:
            compose(Sheet("in", 8, used + left_out))
        return str(caught.value)

    assert told().startswith("There are only 5 files in in. At least 20")
    assert "Only 5 of 6 files" in told("w")
    assert "w (2), x (2), y (2), for other reasons (3)." in told(*"wwxxyyabc")


def test_a_dataset_that_is_gone_is_told_without_the_path_to_it(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="mine.safetensors cannot be read.*not there") as caught:
        read_dataset(tmp_path / "mine.safetensors")
    assert str(tmp_path) not in str(caught.value)


def no_files(folder: Path) -> Path:
    return fill(folder / "empty", {})


def no_pictures(folder: Path) -> Path:
    return fill(folder / "texts", {"a.txt": b"a", "b.txt": b"b"})


def broken_zip(folder: Path) -> Path:
    whole = make_zip(folder / "whole.zip", {"a.png": picture(1)}).read_bytes()
    return fill(folder, {"broken.zip": whole[: len(whole) // 2]}) / "broken.zip"


def broken_tar(folder: Path) -> Path:
    return fill(folder, {"broken.tar": bytes(range(256)) * 4}) / "broken.tar"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "does not exist"),
        (lambda folder: [], "There are no files in the selection"),
        (no_files, "There are no files in empty"),
        (no_pictures, "Of 2 files in texts, none can be used"),
        (broken_zip, "broken.zip cannot be opened as an archive"),
        (broken_tar, "broken.tar cannot be opened as an archive"),
    ],
)
def test_a_source_without_pictures_says_what_is_wrong_with_it(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(BadDataset, match=words):
        load_dataset(make(tmp_path), SIZE, FEW)


def test_one_missing_file_of_several_is_left_out(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"a.png": picture(1)})
    dataset = load_dataset([folder / "a.png", folder / "gone.png"], SIZE, FEW)
    assert lines(dataset)["gone.png"] == ("left out", "missing file")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"secret.png": picture(1)})
    folder = fill(tmp_path / "in", {"a.png": picture(2)})
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    assert reason_left_out(folder, "link.png") == "link out of the folder"
    assert set(lines(load_dataset(folder, SIZE, FEW))) == {"a.png", "link.png"}


@pytest.mark.skipif(os.name == "nt", reason="rights of files are other there")
def test_an_unreadable_file_is_left_out(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"a.png": picture(1), "b.png": picture(2)})
    (folder / "b.png").chmod(0)
    if os.access(folder / "b.png", os.R_OK):
        pytest.skip("this user may read everything")
    assert reason_left_out(folder, "b.png") == "unreadable file (Permission denied)"


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", "..\\evil.png"]
)
def test_a_member_with_an_unsafe_name_is_refused(tmp_path: Path, name: str) -> None:
    archive = make_zip(tmp_path / "a.zip", {"good.png": picture(1), name: picture(2)})
    assert reason_left_out(archive, name) == "unsafe name"


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"inner.zip": b"PK\x03\x04"}, "archive inside the archive"),
        ({"inner.png": b"PK\x03\x04" + bytes(40)}, "not a picture (an archive)"),
        ({"bomb.png": bytes(50_000_000)}, "suspiciously compressed (more than 200:1)"),
    ],
)
def test_archives_in_archives_and_bombs_are_refused(
    tmp_path: Path, member: dict[str, bytes], words: str
) -> None:
    archive = make_zip(tmp_path / "a.zip", {"good.png": picture(1), **member})
    assert reason_left_out(archive, next(iter(member))) == words


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.png": picture(1)})
    link = zipfile.ZipInfo("link.png")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert reason_left_out(path, "link.png") == "link inside the archive"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.png": picture(1), "locked.png": picture(2)})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag in the directory, last entry
    path.write_bytes(data)
    assert reason_left_out(path, "locked.png") == "encrypted"


def test_a_damaged_member_is_left_out_and_the_others_are_used(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.png": picture(1), "bad.png": picture(2)})
    data = bytearray(path.read_bytes())
    at = data.index(b"bad.png") + 60
    data[at : at + 8] = bytes(8)
    path.write_bytes(data)
    assert reason_left_out(path, "bad.png").startswith("damaged in the archive (")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    special = tarfile.TarInfo("link.png")
    special.type, special.linkname = kind, "/etc/passwd"
    good = tarfile.TarInfo("good.png")
    good.size = len(picture(1))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(good, io.BytesIO(picture(1)))
        archive.addfile(special)
    assert reason_left_out(tmp_path / "a.tar", "link.png") == "link inside the archive"


def test_limits_on_one_file_and_on_all_count_real_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")  # 2.4 MB
    files = {"a.png": picture(1), "b.png": buffer.getvalue(), "c.png": picture(3)}
    archive = make_zip(tmp_path / "a.zip", files)
    one = Limits(min_images=1, max_file_bytes=1_000_000)
    assert reason_left_out(archive, "b.png", one) == "file too large (more than 1 MB)"
    whole = Limits(min_images=1, max_total_bytes=2_000_000)
    reason = "over the total size (more than 2 MB in all)"
    assert reason_left_out(archive, "b.png", whole) == reason
    assert reason_left_out(archive, "c.png", whole) == reason


def test_too_many_files_are_refused_with_the_limit(tmp_path: Path) -> None:
    files = {f"{index}.txt": b"x" for index in range(6)}
    folder = fill(tmp_path / "in", files)
    for source in (folder, make_zip(tmp_path / "a.zip", files)):
        with pytest.raises(BadDataset, match="At most 5 are read"):
            load_dataset(source, SIZE, Limits(min_images=1, max_files=5))


def test_names_that_cannot_be_shown_are_made_showable(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a\nb\x1b[31m.png": picture(1)})
    assert set(lines(load_dataset(archive, SIZE, FEW))) == {"a?b?[31m.png"}


def test_a_saved_dataset_comes_back_whole(tmp_path: Path) -> None:
    files = {"žlutý.png": picture(1), "b.png": picture(2), "c.txt": b"x"}
    dataset = load_dataset(fill(tmp_path / "in", files), SIZE, FEW)
    save_dataset(dataset, tmp_path / "d.safetensors")
    again = load_dataset(tmp_path / "d.safetensors", SIZE)
    assert (again.name, again.report) == (dataset.name, dataset.report)
    assert np.array_equal(again.images, dataset.images)
    with pytest.raises(BadDataset, match="pictures of 32 px. Pictures of 64 px"):
        load_dataset(tmp_path / "d.safetensors", 64)


@pytest.mark.parametrize("harm", ["cut", "foreign", "missing"])
def test_a_damaged_or_foreign_dataset_file_is_refused(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "d.safetensors"
    save_dataset(load_dataset(fill(tmp_path / "in", {"a.png": picture(1)}), SIZE, FEW), path)
    data = path.read_bytes()
    if harm == "cut":
        path.write_bytes(data[:-100])
    elif harm == "foreign":
        path.write_bytes(data.replace(b"gan-atelier-dataset", b"gan-another-dataset"))
    else:
        path.unlink()
    with pytest.raises(BadDataset, match="d.safetensors cannot be read as a dataset"):
        read_dataset(path)
