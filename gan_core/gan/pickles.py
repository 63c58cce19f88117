"""The one door where a pickle is opened: PyTorch's restricted reader, which runs no code of it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gan_core.errors import BadWeights

_AGAIN = "Where you trust it, save it anew: torch.save(model.state_dict(), ...)."


def read_pickle(path: Path) -> Mapping[str, object]:
    """Read a file that `torch.save` wrote: tensors by name, or records of such; deeper is nothing.

    Raises: BadWeights when it asks for anything but plain data, or is damaged.
    """
    if not zipfile.is_zipfile(path):
        raise BadWeights(
            f"{path.name} ({path.stat().st_size} bytes) is not what torch.save has written since"
            " 2020.",
            "That is a zip with a file for each tensor.",
            "Read it with the program that wrote it, and save it with a newer PyTorch.",
        )
    try:
        # Mapped, not read: so a tensor cannot claim bytes that are not in the file, and nothing is
        # allocated for what is claimed.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a file made by anybody can bring about
        said = str(error).partition("\n")[0] or type(error).__name__
        raise BadWeights(
            f"{path.name} holds more than tensors, or is damaged: {said:.120}",
            "Nothing else is read from a pickle, for it could run as a program.",
            _AGAIN,
        ) from error
    if not isinstance(content, Mapping):
        raise BadWeights(
            f"{path.name} holds a {type(content).__name__}.",
            "It must hold tensors by name, as a state_dict does.",
            _AGAIN,
        )
    records = [each for each in content.values() if isinstance(each, Mapping)]
    for tensor in (each for record in (content, *records) for each in record.values()):
        if not isinstance(tensor, Tensor):
            continue
        held = tensor.untyped_storage().nbytes() if tensor.layout is torch.strided else 0
        if tensor.numel() * tensor.element_size() > held:  # a view that repeats its bytes
            raise BadWeights(
                f"{path.name} holds a tensor of {tensor.numel()} numbers in {held} bytes.",
                "Each number must have its own.",
                _AGAIN,
            )
    return content
