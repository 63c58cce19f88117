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
    Choices,
    Dataset,
    FileReport,
    UnusableDataset,
    compose,
    cut,
    load_dataset,
    read_dataset,
    report_on,
    save_dataset,
)
from gan_core.pictures.decode import Picture, decode, fit_square
from gan_core.pictures.sheet import Sheet, load_sheet, read_sheet, save_sheet

__all__ = [
    "Choices",
    "Dataset",
    "FileReport",
    "Limits",
    "Picture",
    "Sheet",
    "UnusableDataset",
    "compose",
    "cut",
    "decode",
    "encode_png",
    "enlarge",
    "fit_square",
    "load_dataset",
    "load_sheet",
    "make_grid",
    "read_dataset",
    "read_png_metadata",
    "read_sheet",
    "report_on",
    "save_dataset",
    "save_png",
    "save_sheet",
    "to_tensor",
    "to_uint8",
]
