"""What the page keeps and shows of dropped pictures, without a page."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import BadDataset
from gan_core.gan.dataset_doctor import Findings, Odd
from gan_core.pictures import Choices, Sheet, compose, read_sheet, report_on
from ui import pictures_view as view
from ui.drafts import Drafts, find, see
from ui.pictures_view import Shown


@pytest.fixture
def sheet(picture_folder: Path) -> Sheet:
    """24 squares, a copy of number 4, a wide one, a text; in the order of their names."""
    (picture_folder / "picture_04_copy.png").write_bytes(
        (picture_folder / "picture_04.png").read_bytes()
    )
    wide = np.random.default_rng(9).integers(0, 256, (4, 12, 3), np.uint8)
    Image.fromarray(wide.repeat(16, axis=0).repeat(16, axis=1)).save(picture_folder / "wide.png")
    (picture_folder / "words<b>.txt").write_text("words")
    return read_sheet(picture_folder, 32)


COPY, WIDE, TEXT = 5, 25, 26  # places on the sheet


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Drafts(tmp_path / "drafts")


def shown(sheet: Sheet, choices: Choices | None = None, *odd: Odd) -> Shown:
    choices = choices or Choices()
    dataset = compose(sheet, choices)
    findings = Findings(len(dataset), 0.8, odd)
    return Shown(sheet, choices, report_on(sheet, choices), dataset.summary(), findings)


def test_what_is_decided_about_a_draft_is_kept_with_it(sheet: Sheet, drafts: Drafts) -> None:
    draft, other = drafts.add(sheet), drafts.add(sheet)
    drafts.decide(draft, lambda was: dataclasses.replace(was, used={COPY: True, 0: False}))
    drafts.decide(draft, lambda was: dataclasses.replace(was, positions={WIDE: 0.25}))
    assert drafts.choices(draft) == Choices("center", {WIDE: 0.25}, {COPY: True, 0: False})
    assert drafts.choices(other) == Choices()
    assert drafts.dataset(draft).places() == list(range(1, 26))
    assert drafts.dataset(other).places() == [*range(5), *range(6, 26)]


def test_a_draft_that_was_swept_away_asks_for_the_pictures_again(
    sheet: Sheet, drafts: Drafts
) -> None:
    draft = drafts.add(sheet)
    drafts.forget(draft)
    for use in (drafts.dataset, drafts.look_again):
        with pytest.raises(BadDataset, match="Drop them again"):
            use(draft)
    with pytest.raises(BadDataset, match="Drop them again"):
        drafts.decide(draft, lambda was: was)


def test_only_crops_that_were_moved_are_looked_at_again(sheet: Sheet, drafts: Drafts) -> None:
    draft = drafts.add(sheet)
    first = drafts.look_again(draft)
    drafts.decide(draft, lambda was: dataclasses.replace(was, positions={WIDE: 0.0}))
    marked = dataclasses.replace(first, features=first.features.copy())
    marked.features[:] = -1  # what is not looked at again keeps this
    again = see(sheet, drafts.choices(draft), marked)
    assert np.flatnonzero((again.features != -1).any(axis=1)).tolist() == [WIDE]
    assert np.array_equal(again.features[WIDE], drafts.look_again(draft).features[WIDE])
    assert not np.allclose(again.features[WIDE], first.features[WIDE], rtol=0.01)
    kept = drafts.look(draft)
    assert kept is not None
    assert kept.sides == first.sides


def test_odd_pictures_do_not_change_when_another_is_left_out(sheet: Sheet, drafts: Drafts) -> None:
    draft = drafts.add(sheet)
    look = drafts.look_again(draft)
    features = look.features.copy()
    features[20] *= 30  # row and place are the same up to the text
    look = dataclasses.replace(look, features=features)
    before = find(sheet, drafts.dataset(draft), look)
    assert before is not None
    assert before.odd[0].index == 20
    drafts.decide(draft, lambda was: Choices(used={0: False}))
    after = find(sheet, drafts.dataset(draft), look)
    assert after is not None
    assert after.odd == before.odd
    assert after.n_images == before.n_images - 1


def test_groups_come_first_then_odd_ones_and_nothing_moves_when_left_out(sheet: Sheet) -> None:
    odd = Odd(9, 1.5)
    order = view.order(shown(sheet, None, odd))
    assert order[:3] == [4, COPY, 9]
    assert TEXT not in order
    assert view.order(shown(sheet, Choices(used={9: False, 12: False}), odd)) == order


def test_captions_say_what_each_picture_is(sheet: Sheet) -> None:
    now = shown(sheet, Choices(used={1: False}), Odd(9, 1.5))
    captions = [caption for _, caption in view.gallery(now, [4, COPY, 9, 1, 0])]
    assert captions == [
        "kept of 2 alike\npicture_04.png",
        "same as picture_04.png\npicture_04_copy.png",
        "odd\npicture_08.png",
        "left out\npicture_01.png",
        "used\npicture_00.png",
    ]


def test_what_is_left_out_is_shown_pale(sheet: Sheet) -> None:
    (kept, _), (copy, _) = view.gallery(shown(sheet), [4, COPY])
    assert copy.mean() > 180
    assert copy.std() < kept.std() / 2


def test_the_table_has_every_file_by_number_with_a_picture_where_there_is_one(
    sheet: Sheet,
) -> None:
    rows = view.rows(shown(sheet))
    assert [row[0] for row in rows[:2]] == [COPY + 1, TEXT + 1]
    assert sorted(int(row[0]) for row in rows) == list(range(1, 28))
    pictured = {int(row[0]) for row in rows if str(row[1]).startswith("<img src=")}
    assert pictured == set(range(1, 28)) - {TEXT + 1}


def test_a_large_table_stays_light(sheet: Sheet) -> None:
    entries = sheet.entries[:24] * 84  # 2,016 files
    many = shown(dataclasses.replace(sheet, entries=entries))
    assert len(json.dumps(view.rows(many))) < 1_200_000  # bytes


def test_names_of_files_are_shown_and_not_obeyed(sheet: Sheet) -> None:
    entries = (*sheet.entries[:-1], dataclasses.replace(sheet.entries[0], name="<script>.png"))
    now = shown(dataclasses.replace(sheet, entries=entries), None, Odd(TEXT, 2.0))
    assert "&lt;script&gt;.png (2.0 times" in view.summary_html(now)
    assert "<script>" not in view.summary_html(now) + view.title(now, TEXT)


def test_the_chosen_picture_is_whole_with_its_square_in_colour(sheet: Sheet) -> None:
    left = view.framed(shown(sheet, Choices(positions={WIDE: 0.0})), WIDE)
    strip = sheet.entries[WIDE].strip
    assert left is not None
    assert strip is not None
    assert left.shape == (96, 288, 3)
    assert np.array_equal(left[::3, :96:3], strip[:, :32])
    assert np.ptp(left[:, 96:].astype(int), axis=2).max() == 0  # grey
    assert view.framed(shown(sheet), TEXT) is None


def test_a_square_picture_says_why_its_crop_cannot_be_moved(sheet: Sheet) -> None:
    now = shown(sheet)
    places = view.order(now)
    movable = [place for place in places if view.can_move(now, [place])]
    square = next(place for place in places if place not in movable)
    assert "no crop to move" in view.title(now, square)
    assert all("no crop to move" not in view.title(now, place) for place in movable)
