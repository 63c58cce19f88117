"""Files that Gradio serves are never written over while somebody is being sent them."""

from pathlib import Path

from ui.cache import save_to_cache


def test_a_file_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    first = Path(save_to_cache(b"the same picture", "00.png", str(tmp_path)))
    with first.open("rb") as being_sent:
        began = being_sent.read(3)
        assert Path(save_to_cache(b"the same picture", "00.png", str(tmp_path))) == first
        assert first.stat().st_ino == Path(being_sent.name).stat().st_ino
        assert began + being_sent.read() == b"the same picture"
    assert Path(save_to_cache(b"another", "00.png", str(tmp_path))) != first
    assert not list(tmp_path.rglob("*.tmp"))
