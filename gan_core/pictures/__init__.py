"""Ground floor: bytes in, pixels out. Tensors appear only in `canvas`."""

from gan_core.pictures.archive import Limits
from gan_core.pictures.canvas import (
    encode_png,
    enlarge,
    make_grid,
    read_png_metadata,
    save_png,
    to_tensor,
    to_uint8,
)
from gan_core.pictures.dataset import (
    Dataset,
    FileReport,
    UnusableDataset,
    load_dataset,
    read_dataset,
    save_dataset,
)
from gan_core.pictures.decode import Picture, decode, fit_square

__all__ = [
    "Dataset",
    "FileReport",
    "Limits",
    "Picture",
    "UnusableDataset",
    "decode",
    "encode_png",
    "enlarge",
    "fit_square",
    "load_dataset",
    "make_grid",
    "read_dataset",
    "read_png_metadata",
    "save_dataset",
    "save_png",
    "to_tensor",
    "to_uint8",
]
