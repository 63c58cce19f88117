"""StyleNet for use: batch norm folded in, filters rescaled, in half precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from gan_core.features.classifier import STYLENET, Classifier
from gan_core.features.load import STYLENET_FILE, calibration_pictures
from gan_core.features.rescale import rescale
from gan_core.files import write_atomically

_FORMAT = "gan-atelier-features-1"


def stylenet_tensors(net: Classifier) -> dict[str, Tensor]:
    """What a trained classifier (in eval mode) sees with: `features.N.weight|bias`, float32."""
    folded = {key: tensor for key, tensor in net.folded().items() if key in STYLENET.shapes()}
    return rescale(STYLENET, folded, calibration_pictures())


def export_stylenet(net: Classifier, folder: Path, training: Mapping[str, Any]) -> Path:
    """Write FOLDER/features.safetensors and config.json; `training` says where it comes from.

    Raises: DiskFull.
    """
    config = {
        "widths": STYLENET.widths,
        "convs": STYLENET.convs,
        "pool": STYLENET.pool,
        "training": dict(training),
    }
    with write_atomically(folder / "config.json") as path:
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    halves = {key: tensor.half().contiguous() for key, tensor in stylenet_tensors(net).items()}
    with write_atomically(folder / STYLENET_FILE) as path:
        save_file(halves, path, {"format": _FORMAT, "config": json.dumps(config)})
    return folder / STYLENET_FILE
