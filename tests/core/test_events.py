"""Events survive JSON, and a log of another version is refused."""

import json

import numpy as np
import pytest

from gan_core.events import (
    Failed,
    Finished,
    Measured,
    Preview,
    Probed,
    Progress,
    Saved,
    Started,
    from_json,
    to_json,
)

EVENTS = [
    Started("plan", 20, 64, 32, 0, "scratch", 5.0, None),
    Probed("cpu", "bfloat16", True, 2, 230.0, {"float32, contiguous": 107.0}),
    Progress(1.0, 2.0, 3.0, 200.0, 1.3, 0.7, 0.6, 0.4, 0.2, 0.0),
    Measured(1.0, 2.0, -0.001, -0.01, 0.01, 0.9, 0.0, 1.1, 0.8, 20, 256, "features", True),
    Saved(1.0, "best"),
    Finished(1.0, 2.0, False, None),
    Failed(1.0, "why", "what to do", False),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_json_equal(event):
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_a_preview_goes_to_json_without_its_pixels():
    preview = Preview(1.0, np.zeros((4, 4, 3), np.uint8), "samples/1.png")
    assert from_json(to_json(preview)) == Preview(1.0, None, "samples/1.png")


@pytest.mark.parametrize("record", [{"event": "Exploded"}, {"event": "Saved", "size": 3}, {}])
def test_an_unknown_event_is_refused(record):
    with pytest.raises(ValueError, match="event"):
        from_json(record)
