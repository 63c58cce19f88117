"""The fixed latents over time, read from the previews that a run left behind."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from gan_core.errors import BadRun, BadSetting
from gan_core.events import Event, Measured, Preview
from gan_core.gan.config import TrainConfig
from gan_core.gan.run import record
from gan_core.gan.timelapse import before_after, save_timelapse, timelapse_frames

SIDE = 38


def preview(kimg, side=SIDE):
    """A picture whose grey tells when it was made."""
    return Preview(kimg, np.full((side, side, 3), grey(kimg), np.uint8))


def grey(kimg):
    return round(kimg * 10) % 256


def measured(kimg, is_best=True):
    figures = dict.fromkeys(("kid", "kid_low", "kid_high", "coverage", "memorised"), 0.1)
    return Measured(
        kimg=kimg, seconds=kimg, **figures, nearest=1.0, diversity=1.0,
        n_real=24, n_fake=256, extractor="pixels", is_best=is_best,
    )  # fmt: skip


def write(folder, *events: Event):
    """A run's folder with these events, as the worker writes it."""
    folder.mkdir(exist_ok=True)
    list(record(events, folder, TrainConfig()))
    return folder


def greys(picture):
    """The grey levels of a picture from left to right, each named once."""
    row = picture[picture.shape[0] // 2, :, 0].tolist()
    return [level for level, before in zip(row, [None, *row], strict=False) if level != before]


def test_frames_come_in_the_order_of_training_with_their_kimg(tmp_path):
    kimgs = [0.0, 0.5, 9.0, 12.5]
    folder = write(tmp_path / "run", *(preview(kimg) for kimg in reversed(kimgs)))
    frames = timelapse_frames(folder)
    assert [frame.kimg for frame in frames] == kimgs
    assert [frame.image[0, 0, 0] for frame in frames] == [grey(kimg) for kimg in kimgs]


def test_of_many_previews_so_many_are_taken_evenly_first_and_last_among_them(tmp_path):
    folder = write(tmp_path / "run", *(preview(kimg / 10) for kimg in range(31)))
    assert [frame.kimg for frame in timelapse_frames(folder, 4)] == [0.0, 1.0, 2.0, 3.0]


def test_a_damaged_preview_a_half_written_one_and_strangers_are_passed_over(tmp_path):
    folder = write(tmp_path / "run", *(preview(kimg) for kimg in range(6)))
    samples = folder / "samples"
    cut = (samples / "000001000.png").read_bytes()
    (samples / "000001000.png").write_bytes(cut[: len(cut) // 2])
    (samples / "000002000.png").write_bytes(b"")
    (samples / "000003000.png").write_text("not a picture")
    (samples / ".000006000.png.0a1b.tmp").write_bytes(cut[:20])
    (samples / "mine.png").write_bytes(cut)
    assert [frame.kimg for frame in timelapse_frames(folder)] == [0, 4, 5]
    Image.new("RGB", (99, 99)).save(samples / "000004000.png")
    assert [frame.kimg for frame in timelapse_frames(folder)] == [0, 5]


def test_a_run_without_previews_has_no_frames_and_no_film(tmp_path):
    folder = write(tmp_path / "run")
    assert timelapse_frames(folder) == []
    assert timelapse_frames(tmp_path / "nowhere") == []
    told = {folder: "0 usable previews", tmp_path / "nowhere": "holds no run"}
    for without, words in told.items():
        with pytest.raises(BadRun, match=words):
            save_timelapse(without, tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


@pytest.mark.parametrize("count", [1, 7])
def test_a_saved_timelapse_shows_the_first_preview_first_and_the_last_last(tmp_path, count):
    folder = write(tmp_path / "run", *(preview(2.0 + kimg) for kimg in range(count)))
    film = save_timelapse(folder, tmp_path / "out" / "lapse.mp4")
    with av.open(io.BytesIO(film.read_bytes())) as opened:
        played = [frame.to_ndarray(format="rgb24").mean() for frame in opened.decode(video=0)]
    assert len(played) == count + 4
    assert played[0] == pytest.approx(grey(2.0), abs=3)
    assert played[-1] == pytest.approx(grey(2.0 + count - 1), abs=3)
    with Image.open(save_timelapse(folder, tmp_path / "lapse.gif")) as opened:
        assert opened.n_frames == count
        assert max(opened.size) <= 400


def test_a_timelapse_of_another_kind_is_refused(tmp_path):
    with pytest.raises(BadSetting, match=r"lapse\.webm"):
        save_timelapse(write(tmp_path / "run", preview(0)), tmp_path / "lapse.webm")


def test_before_and_after_are_the_start_and_the_preview_nearest_to_the_model_kept(tmp_path):
    previews = [preview(kimg) for kimg in (0, 4, 8, 12, 16, 20)]
    folder = write(
        tmp_path / "run", *previews, measured(5.0), measured(13.0), measured(20.0, False)
    )
    pair = before_after(folder)
    assert pair.shape == (SIDE, 2 * SIDE + 8, 3)
    assert greys(pair) == [grey(0), 255, grey(12)]
    (folder / "samples" / "000012000.png").write_bytes(b"damaged")
    assert greys(before_after(folder)) == [grey(0), 255, grey(16)]


def test_before_a_first_measurement_the_last_preview_is_after(tmp_path):
    folder = write(tmp_path / "run", preview(0), preview(4), preview(8))
    assert greys(before_after(folder)) == [grey(0), 255, grey(8)]


def test_a_model_kept_right_after_the_start_is_not_shown_as_the_start_itself(tmp_path):
    folder = write(tmp_path / "run", preview(0), preview(9), measured(0.5))
    assert greys(before_after(folder)) == [grey(0), 255, grey(9)]


@pytest.mark.parametrize(("events", "count"), [((), 0), ((preview(0),), 1)])
def test_fewer_than_two_previews_are_no_before_and_after(tmp_path, events, count):
    with pytest.raises(BadRun, match=f"{count} usable previews"):
        before_after(write(tmp_path / "run", *events))
