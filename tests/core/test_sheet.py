"""Pictures read once, and a training set made of them as often as somebody changes their mind."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import BadDataset
from gan_core.pictures import (
    Choices,
    Limits,
    Sheet,
    UnusableDataset,
    compose,
    load_dataset,
    load_sheet,
    read_sheet,
    save_sheet,
)

SIZE = 32
FEW = Limits(min_images=1)


def picture(seed: int, width: int = 96, height: int = 64, quality: int | None = None) -> bytes:
    """Make a picture that looks like no other; as JPEG when a quality is given."""
    blocks = np.random.default_rng(seed).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    if quality is None:
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """0 first.png, 1 its copy, 2 it as JPEG, 3 another, 4 one that is square, 5 no picture."""
    files = {
        "0.png": picture(0),
        "1.png": picture(0),
        "2.jpg": picture(0, quality=70),
        "3.png": picture(3),
        "4.png": picture(4, 64),
        "5.txt": b"words",
    }
    (tmp_path / "in").mkdir()
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


@pytest.fixture
def sheet(folder: Path) -> Sheet:
    return read_sheet(folder, SIZE)


def verdicts(sheet: Sheet, **chosen: dict[int, bool]) -> list[str]:
    return [line.verdict for line in compose(sheet, Choices(**chosen), 1).report]


def test_repetitions_of_repetitions_belong_to_the_first_of_their_kind(sheet: Sheet) -> None:
    twins = [entry.twin for entry in sheet.entries]
    assert [(twin.of, twin.exact) if twin else None for twin in twins] == [
        None, (0, True), (0, False), None, None, None,
    ]  # fmt: skip


def test_any_picture_can_be_left_out_and_any_repetition_used_after_all(sheet: Sheet) -> None:
    out, kept = "left out", "kept"
    assert verdicts(sheet) == [kept, out, out, kept, kept, out]
    assert verdicts(sheet, used={3: False}) == [kept, out, out, out, kept, out]
    dataset = compose(sheet, Choices(used={0: False, 2: True}), 1)
    assert dataset.places() == [2, 3, 4]
    assert dataset.names() == ["2.jpg", "3.png", "4.png"]
    assert dataset.report[0].reason == "by hand"
    assert dataset.report[2].reason == "almost the same as another (0.png), used all the same"


def test_what_is_no_picture_is_not_used_whatever_was_decided(sheet: Sheet) -> None:
    assert compose(sheet, Choices(used={5: True}), 1).report[5].reason == "not a picture (text)"


def test_a_moved_crop_shows_another_part_and_the_others_stay(sheet: Sheet) -> None:
    middle = compose(sheet, needed=1)
    left, right = (compose(sheet, Choices(positions={3: place}), 1) for place in (0.0, 1.0))
    strip = sheet.entries[3].strip
    assert strip is not None
    assert np.array_equal(left.images[1], strip[:, :SIZE])
    assert np.array_equal(right.images[1], strip[:, -SIZE:])
    assert np.array_equal(left.images[[0, 2]], middle.images[[0, 2]])


def test_a_crop_moved_by_hand_is_not_moved_by_the_smart_one(tmp_path: Path) -> None:
    pixels = np.full((64, 160, 3), 90, np.uint8)
    pixels[8:56, 100:150] = np.random.default_rng(0).integers(0, 255, (48, 50, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    sheet = read_sheet([tmp_path / "a.png"], SIZE)
    center, smart = (load_dataset([tmp_path / "a.png"], SIZE, FEW, crop=c) for c in CROPS)
    assert smart.images.std() > center.images.std() + 10
    by_hand = compose(sheet, Choices("smart", {0: 0.5}), 1)
    assert np.array_equal(by_hand.images, center.images)


CROPS = ("center", "smart")


def test_a_sheet_on_disk_makes_the_same_sets_as_the_files(folder: Path, tmp_path: Path) -> None:
    save_sheet(read_sheet(folder, SIZE), tmp_path / "s.safetensors")
    again = load_sheet(tmp_path / "s.safetensors")
    for crop in CROPS:
        direct = load_dataset(folder, SIZE, FEW, crop=crop)
        composed = compose(again, Choices(crop), 1)
        assert (composed.name, composed.report) == (direct.name, direct.report)
        assert np.array_equal(composed.images, direct.images)


@pytest.mark.parametrize("harm", ["missing", "cut", "foreign"])
def test_a_sheet_that_is_gone_or_damaged_asks_for_the_pictures_again(
    sheet: Sheet, tmp_path: Path, harm: str
) -> None:
    path = tmp_path / "s.safetensors"
    save_sheet(sheet, path)
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-9] if harm == "cut" else data.replace(b"-sheet-", b"-other-"))
    with pytest.raises(BadDataset, match="no longer here.*Drop them again"):
        load_sheet(path)


def test_leaving_out_too_many_is_refused_with_the_reasons(sheet: Sheet) -> None:
    with pytest.raises(UnusableDataset, match=r"Only 3 of 6 .* same picture as another \(1\)"):
        compose(sheet)


def test_pictures_that_are_not_drawn_take_no_room(tmp_path: Path) -> None:
    for seed in range(12):
        (tmp_path / f"{seed:02}.png").write_bytes(picture(seed))
    sheet = read_sheet(tmp_path, SIZE, Limits(max_images=5))
    assert sum(entry.strip is not None for entry in sheet.entries) == 5
    undrawn = next(place for place, e in enumerate(sheet.entries) if e.strip is None)
    line = compose(sheet, Choices(used={undrawn: True}), 1).report[undrawn]
    assert line.reason == "not drawn (a random 5 of 12 pictures are used)"


def test_a_part_of_a_set_numbers_its_pictures(sheet: Sheet) -> None:
    whole = compose(sheet, needed=1)
    part: NDArray[np.uint8] = whole.images[1:]
    assert type(whole)(whole.name, part, whole.report).names() == ["picture 1", "picture 2"]


def test_a_picture_of_one_colour_is_left_out_with_the_reason(tmp_path: Path) -> None:
    for name, side in (("white", (64, 64)), ("strip", (4000, 20))):
        Image.new("RGB", side, "white").save(tmp_path / f"{name}.png")
    (tmp_path / "other.png").write_bytes(picture(1))
    report = compose(read_sheet(tmp_path, SIZE), needed=1).report
    told = {line.name: (line.verdict, line.reason) for line in report}
    assert told["white.png"] == told["strip.png"] == ("left out", "one colour all over")
    assert told["other.png"][0] == "kept"
